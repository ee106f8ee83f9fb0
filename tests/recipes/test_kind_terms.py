"""Terms of an objective beside several kinds of label, and number terms beside findings."""

from typing import Any

import pytest

from medgauge.fitting.stamp import make_recipe
from medgauge.recipes.build import build_objective, build_tasks
from medgauge.recipes.entries import read_entries
from medgauge.recipes.kind_terms import kind_term_notes, unnamed_words
from medgauge.recipes.read import load_values

BOTH = {"data.label": ["age", "Mass"], "data.kind": {"Mass": "finding"}}
FINDING = {"data.label": ["Mass"], "data.kind": {"Mass": "finding"}}


@pytest.mark.parametrize(
    ("recipe", "flags"),
    [
        (
            "asymmetric",
            "--objective.finding.task finding --objective.number '{task: number, term: {class_path: PointwiseLoss}}'",
        ),
        (
            "rm_l1",
            "--objective.isometry.task number --objective.error.task number "
            "--objective.finding '{task: finding, term: {class_path: BinaryCrossEntropyLoss}}'",
        ),
    ],
)
def test_what_is_to_be_written_for_a_recipe_of_one_kind_can_be_fitted(recipe: str, flags: str) -> None:
    words = unnamed_words(read_entries(load_values(recipe)["objective"]), ["number", "finding"])
    assert words.endswith(f"this run has number, finding: give {flags}")
    given: dict[str, Any] = {}
    for part in flags.replace("'", "").removeprefix("--").split(" --"):
        place, _, value = part.partition(" ")
        term = value.partition("class_path: ")[2].rstrip("}")
        given[place] = {"task": value[1:].partition(",")[0][6:], "term": {"class_path": term}} if term else value
    made = make_recipe(recipe, {}, {**BOTH, **given})
    assert kind_term_notes(made) == []
    assert set(build_objective(made, build_tasks(made)).parts) == set(made.objective)


def test_a_kind_that_no_term_is_of_is_told() -> None:
    (note,) = kind_term_notes(make_recipe("asymmetric", {}, {**BOTH, "objective.finding.task": "finding"}))
    assert note.startswith("no term of the objective is of the number age: what is learned does not see it")
    assert kind_term_notes(make_recipe(None, {}, BOTH)) == []


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ("l1", "PointwiseLoss l1"),
        ("pearson", "RobustPearsonLoss"),
        ("mse", ""),
        ("rnc", "PointwiseLoss l1"),
        ("focal", ""),
        ("finding", ""),
    ],
)
def test_a_finding_that_is_taken_for_a_number_is_told(recipe: str, told: str) -> None:
    notes = kind_term_notes(make_recipe(recipe, {}, FINDING))
    assert [note.partition(")")[0].partition("(")[2] for note in notes] == [told] * bool(told)
    assert kind_term_notes(make_recipe(recipe, {}, {"data.label": ["age"]})) == []
