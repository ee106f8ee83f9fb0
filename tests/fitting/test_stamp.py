"""Which run it is."""

from pathlib import Path

import pytest

from medgauge.core.errors import InputError
from medgauge.core.version import __version__
from medgauge.fitting.stamp import column_changes, given_settings, make_recipe, plain_value, run_stamp
from medgauge.planning.fit import chosen_budget
from medgauge.recipes.represent_settings import RepresentSettings
from tests.study.small import recipe_of, study_of, table_of


def test_columns_by_name_and_changes_by_place_lie_over_the_recipe() -> None:
    given = {"data": {"table": "a.csv", "image": "path", "label": ["age"], "group": "patient"}, "seed": 4}
    found = make_recipe(given, {"label": "bmi", "table": Path("b.csv")}, {"training.steps": 7, "seed": 5})
    assert (found.data.label, found.data.table, found.training.steps, found.seed) == (["bmi"], "b.csv", 7, 5)
    assert given["seed"] == 4


@pytest.mark.parametrize(("kind", "word"), [({}, "number"), ({"dr": "grade"}, "grade")])
def test_without_a_recipe_it_is_that_of_the_kinds(kind: dict[str, str], word: str) -> None:
    columns = {"table": "a.csv", "image": "path", "label": ["dr"], "group": "patient", "kind": kind}
    classes = str(make_recipe(None, columns).objective)
    assert ("OrdinalRegressionLoss" in classes) == (word == "grade")


def test_values_become_plain() -> None:
    assert column_changes({"label": "age", "split": "part", "subgroups": ("sex",)}) == {
        "data.label": ["age"], "data.split": "part", "data.subgroups": ["sex"],
    }  # fmt: skip
    assert [plain_value(one) for one in (Path("a"), (1, 2), 3.5, None)] == ["a", [1, 2], 3.5, None]


def test_the_stamp_differs_with_every_setting_and_with_the_table() -> None:
    def stamp(digest: str = "0", **changes: object) -> object:
        return run_stamp(study_of(table_of([1, 2], digest=digest), ["train", "val"], recipe_of(**changes)))

    one = stamp()
    assert isinstance(one, dict)
    assert one["made"] == {"medgauge": __version__, "seed": 0, "table_sha256": "0"}
    assert one == stamp()
    others = [stamp("1"), stamp(seed=1), stamp(data={"fraction": 0.5}), stamp(prediction={"level": 0.8})]
    assert all(one != other for other in others)


def test_named_columns_that_are_not_given_are_no_settings() -> None:
    found = given_settings({"fold": None}, {"seed": 5}, table=Path("b.csv"), image=None, label="bmi")
    assert found == {"data.table": "b.csv", "data.label": ["bmi"], "data.fold": None, "seed": 5}
    with pytest.raises(InputError, match="data.label is given twice"):
        given_settings({}, {"data.label": ["age"]}, label="bmi")


def test_a_representation_that_is_auto_says_nothing() -> None:
    assert given_settings({}, {"represent.name": "auto", "seed": 5}) == {"seed": 5}
    assert chosen_budget(None, None, given_settings({}, {"represent.name": "auto"})) is not None
    assert chosen_budget(None, None, given_settings({}, {"represent.name": "scratch"})) is None
    assert RepresentSettings(name="auto") == RepresentSettings(name="scratch")
    kept = make_recipe("frozen", {}, given_settings({}, {"represent.name": "auto"}))
    assert kept.represent.name == "frozen"
