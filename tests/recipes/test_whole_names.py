from pathlib import Path

import pytest

from medgauge.comparing.plan import method_values
from medgauge.fitting.stamp import make_recipe
from medgauge.recipes.whole_names import whole_names


@pytest.fixture
def table(tmp_path: Path) -> str:
    (tmp_path / "t.csv").write_text('path,patient,"HC, mm",age,"a,b",a,b,"site, old"\n')
    return str(tmp_path / "t.csv")


def test_names_that_were_cut_are_put_together(table: str) -> None:
    data = {"table": table, "label": ["age", "HC", " mm"], "covariates": ["a", "b"], "subgroups": ["site", " old"]}
    values = {"data": data, "augmentation": {"size_covariates": ["HC", " mm"]}}
    assert whole_names(values) == {
        "data.label": ["age", "HC, mm"],
        "data.subgroups": ["site, old"],
        "augmentation.size_covariates": ["HC, mm"],
    }


def test_without_a_table_names_stay(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"no")
    for name in (str(tmp_path / "no.csv"), str(tmp_path / "broken.parquet"), "bundled:hc18", None):
        assert whole_names({"data": {"table": name, "label": ["HC", " mm"]}}) == {}
    assert whole_names({"data": 5}) == whole_names({}) == whole_names({"data": {"table": 3, "label": "a"}}) == {}


def test_the_separator_is_that_of_the_other_columns(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path;HC, mm;patient\n")
    data = {"table": str(tmp_path / "t.csv"), "image": "path", "group": "patient", "label": ["HC", " mm"]}
    assert whole_names({"data": data}) == {"data.label": ["HC, mm"]}


def test_recipes_and_comparisons_have_whole_names(table: str) -> None:
    changes = {
        "data.table": table, "data.image": "path", "data.group": "patient", "data.label": ["HC", " mm"],
        "data.kind": {"HC, mm": "grade"},
    }  # fmt: skip
    recipe = make_recipe(None, changes=changes)
    assert (recipe.data.label, recipe.data.kind) == (["HC, mm"], {"HC, mm": "grade"})
    assert "OrdinalRegressionLoss" in str(recipe.objective)  # the recipe of grades
    for values in method_values(["default", "grade"], [], changes).values():
        assert values["data"]["label"] == ["HC, mm"]
