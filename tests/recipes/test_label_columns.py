"""Labels and kinds as the table has them."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from medgauge.cli.training import labels_name
from medgauge.comparing.plan import method_values
from medgauge.core.errors import InputError
from medgauge.fitting.stamp import make_recipe
from medgauge.recipes.label_columns import label_changes
from medgauge.study.table import joined_of, kind_notes

ROWS = [["1", "0.0", "2.5", "Mass|Edema"], ["0", "1.0", "0", "No Finding"], ["", "0", "1", "Mass"]]


@pytest.fixture
def table(tmp_path: Path) -> str:
    return write(tmp_path / "t.csv", ROWS)


def write(path: Path, rows: Sequence[Sequence[str]]) -> str:
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([["path", "Mass", "Edema", "age", "found"], *(["a.png", *row] for row in rows)])
    return str(path)


def changes(table: str, **data: Any) -> dict[str, Any]:
    return {
        place.removeprefix("data."): value for place, value in label_changes({"data": {"table": table, **data}}).items()
    }


def test_a_column_of_0_and_1_without_a_kind_is_a_finding(table: str) -> None:
    assert changes(table, label=["Mass", "age"]) == {"kind": {"Mass": "finding"}}
    assert changes(table, label=["Mass", "Edema"], kind={"Mass": "number"}) == {
        "kind": {"Mass": "number", "Edema": "finding"}
    }
    assert changes("bundled:hc18", label=["hc_mm"]) == {}
    assert changes(table, label=["age"]) == changes("no.csv", label=["Mass"]) == label_changes({"data": 3}) == {}


def test_findings_are_labels_of_that_kind(table: str) -> None:
    found = changes(table, label=["age"], findings=["Mass"])
    assert found == {"label": ["age", "Mass"], "kind": {"Mass": "finding"}, "findings": []}
    with pytest.raises(InputError, match="data.findings names 'Mass', and data.kind says that it is a grade"):
        changes(table, findings=["Mass"], kind={"Mass": "grade"})


def test_all_joined_names_are_labels_where_none_is_asked_for(table: str) -> None:
    every = {"label": ["Mass", "Edema"], "kind": {"Mass": "finding", "Edema": "finding"}}
    assert changes(table, findings_from="found") == every
    beside = changes(table, label=["age"], findings_from="found")
    assert beside == {"label": ["age", "Mass", "Edema"], "kind": every["kind"]}


def test_joined_names_that_are_asked_for_are_labels_alone(table: str) -> None:
    assert changes(table, label=["age", "Edema"], findings_from="found") == {"kind": {"Edema": "finding"}}
    assert changes(table, findings=["Edema"], findings_from="found") == {
        "label": ["Edema"], "kind": {"Edema": "finding"}, "findings": [],
    }  # fmt: skip
    with pytest.raises(InputError, match=re.escape("column 'found' has no finding 'Edma' (did you mean 'Edema'?).")):
        changes(table, findings=["Edma"], findings_from="found")
    with pytest.raises(InputError, match=re.escape("has no finding 'EDEMA' (did you mean 'Edema'?).")):
        changes(table, label=["EDEMA"], findings_from="found")


def test_a_column_of_words_is_one_of_classes(tmp_path: Path) -> None:
    table = write(
        tmp_path / "u.csv", [["AP", "no", "3", "Mass;Edema"], ["PA", "", "4", "Mass"], ["AP", "yes", "x", "Edema"]]
    )
    assert changes(table, label=["Mass", "Edema"]) == {"kind": {"Mass": "class", "Edema": "class"}}
    assert changes(table, label=["Mass"], kind={"Mass": "grade"}) == changes(table, label=["age"]) == {}
    said = "label found joins names (Mass;Edema): --findings-from 'found' --separator ';' splits them into findings, --kind 'found=class'"
    with pytest.raises(InputError, match=re.escape(said)):
        changes(table, label=["found"])
    assert changes(table, label=["found"], kind={"found": "class"}) == {}


def test_minus_one_beside_0_and_1_is_refused_with_both_ways_on(tmp_path: Path) -> None:
    table = write(tmp_path / "u.csv", [["1", "", "3", ""], ["-1", "", "4", ""], ["0", "", "5", ""]])
    said = "label Mass has -1 beside 0 and 1 (first on line 3): --missing -1 reads it as not known, --kind Mass=number as a number"
    with pytest.raises(InputError, match=re.escape(said)):
        changes(table, label=["Mass"])
    for missing in (-1, -1.0):
        assert changes(table, label=["Mass"], missing=missing) == {"kind": {"Mass": "finding"}}
    assert changes(table, label=["Mass"], kind={"Mass": "number"}) == {}


def test_recipes_and_comparisons_know_findings(table: str) -> None:
    recipe = make_recipe(None, {"table": table, "findings_from": "found", "label": ["age"]})
    assert recipe.data.kind == {"Mass": "finding", "Edema": "finding"}
    assert {entry["term"]["class_path"] for entry in recipe.objective.values()} >= {"BinaryCrossEntropyLoss"}
    joined = joined_of(recipe)
    assert joined is not None
    assert (joined.column, joined.separator, list(joined.names)) == ("found", "|", ["Mass", "Edema"])
    again = make_recipe({"data": {**recipe.data.__dict__}, "objective": dict(recipe.objective)})
    assert again.data == recipe.data
    wanted = {"data.table": table, "data.findings": ["Mass"]}
    for values in method_values(["finding", "default"], [], wanted).values():
        assert values["data"]["label"] == ["Mass"]


def test_as_what_labels_are_read_is_said_with_the_other_way(table: str) -> None:
    recipe = make_recipe(None, {"table": table, "label": ["Mass", "Edema"]})
    assert kind_notes(recipe) == ["read as: Mass, Edema findings (0 and 1 as numbers: --kind Mass=number)"]
    recipe = make_recipe(None, {"table": table, "findings": "Mass", "findings_from": "found"})
    assert kind_notes(recipe) == ["read as: Mass a finding"]


def test_names_of_labels_that_differ_in_spelling_alone_are_told() -> None:
    recipe = make_recipe(None, {"label": ["view", "age", "View"]})
    (note,) = kind_notes(recipe)
    assert note.startswith("names of labels differ in spelling alone ('view' = 'View'); see that each")


def test_one_column_is_not_two_things(table: str) -> None:
    with pytest.raises(InputError, match="as data.findings_from and as data.group"):
        make_recipe(None, {"table": table, "findings_from": "found", "group": "found"})
    with pytest.raises(InputError, match="data.separator"):
        make_recipe(None, {"table": table, "label": ["age"], "separator": ";"})


def test_a_run_is_called_after_its_labels() -> None:
    assert labels_name({"data.findings_from": "found"}) == "found"
    assert labels_name({}) == "run"
