"""Features of files joined to the cases of a study."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from medgauge.core.errors import InputError
from medgauge.data.tables.table import Table
from medgauge.recipes.schema import Recipe
from medgauge.study.feature_table import join_features, new_features, source_names, study_features
from tests.study.small import recipe_of, table_of

LABEL = [3.0, 1.0, 2.0, 5.0]


def write(folder: Path) -> tuple[Recipe, Table]:
    """A table of four cases with ids and images, and two files of features of them."""
    pandas.DataFrame({"case": ["a", "b", "c", "d"], "path": ["1.png", "2.png", "3.png", "4.png"]}).to_csv(
        folder / "cases.csv"
    )
    few = pandas.DataFrame(
        {"case": list("dcba"), "volume": [40.0, 30.0, 20.0, 10.0], "constant": 1.0, "patient": "p", "site": "A"}
    )
    few.to_csv(folder / "few.csv", index=False)
    pandas.DataFrame({"path": ["4.png", "3.png", "2.png", "1.png"], "deep": [4.0, 3.0, 2.0, 1.5]}).to_csv(
        folder / "deep.csv", index=False
    )
    sources = [str(folder / name) for name in ("few.csv", "deep.csv")]
    recipe = recipe_of(data={"id": "case", "holdout": "site=A"}, represent={"name": "table", "source": sources})
    table = table_of(LABEL, id=list("abcd"), path=folder / "cases.csv")
    return recipe, table


def test_files_are_joined_by_the_id_or_by_the_path_of_the_image(tmp_path: Path) -> None:
    recipe, table = write(tmp_path)
    joined = join_features(recipe, table)
    assert joined.problems == []
    rows = study_features(joined, table, [0, 1, 3])
    assert rows.columns == (("volume",), ("deep",))
    np.testing.assert_array_equal(rows.array, np.array([[10, 1.5], [20, 2], [40, 4]], dtype=np.float32))
    assert rows.notes == [
        "few.csv: patient (the group), site (what is held out) are no features and are left out",
        "1 feature of few.csv is the same in all cases and is left out (constant)",
    ]
    assert source_names(recipe) == "few.csv and deep.csv"


def test_the_digest_is_of_the_features_of_the_tables_cases_alone(tmp_path: Path) -> None:
    recipe, table = write(tmp_path)
    before = join_features(recipe, table).digest(table.digest)
    frame = pandas.read_csv(tmp_path / "few.csv")
    more: dict[str, Any] = {"case": "e", "volume": 7.0, "constant": 1.0, "patient": "q", "site": "A"}
    pandas.concat([pandas.DataFrame([more]), frame]).to_csv(tmp_path / "few.csv", index=False)
    assert join_features(recipe, table).digest(table.digest) == before
    frame.assign(volume=frame["volume"] + 1e-9).to_csv(tmp_path / "few.csv", index=False)
    assert join_features(recipe, table).digest(table.digest) != before


def test_problems_are_told_of_the_cases_of_the_table(tmp_path: Path) -> None:
    recipe, table = write(tmp_path)
    frame = pandas.read_csv(tmp_path / "few.csv")
    frame[frame["case"] != "a"].assign(volume=[np.nan, 30, 20]).to_csv(tmp_path / "few.csv", index=False)
    problems = join_features(recipe, table).problems
    assert [(one.row, one.where, one.what) for one in problems] == [
        (0, "a", "has no row in few.csv (column case: 'a')"),
        (3, "d", "its feature volume is no finite number"),
    ]


def test_new_cases_need_the_same_features_in_as_many_files(tmp_path: Path) -> None:
    recipe, table = write(tmp_path)
    wanted = [["volume"], ["deep"]]
    rows = new_features(recipe, table.take([2]), recipe.represent.sources, wanted)
    np.testing.assert_array_equal(rows.array, [[30.0, 3.0]])
    with pytest.raises(
        InputError, match="the run reads 2 files of features side by side, got 1; give as many, in its order"
    ):
        new_features(recipe, table, recipe.represent.sources[:1], wanted)
    with pytest.raises(InputError, match="cases.csv: case x: has no row in few.csv"):
        new_features(
            recipe, table_of([1.0], id=["x"], path=tmp_path / "cases.csv", line=[2]), recipe.represent.sources, wanted
        )
