"""The table that a recipe names, and others with its columns."""

from pathlib import Path

import numpy as np
import pandas
import pytest

from medgauge.core.errors import InputError
from medgauge.study.table import (
    check_columns,
    columns_of,
    correct_sizes,
    decide_kinds,
    has_column,
    open_table,
    with_bundled_columns,
)
from tests.study.small import recipe_of, table_of


def test_what_is_missing_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        check_columns(recipe_of(data={"table": None, "image": None, "label": [], "group": None}))
    for words in ("a table", "the image column", "a label column", "the group column"):
        assert words in str(caught.value)
    with pytest.raises(InputError, match="give --group or --no-groups, not both"):
        check_columns(recipe_of(data={"no_groups": True}))
    check_columns(recipe_of())


def test_bundled_data_bring_their_own_columns() -> None:
    found = with_bundled_columns(recipe_of(data={"table": "bundled:hc18", "image": None})).data
    assert (found.image, found.id) == ("image", "id")
    assert with_bundled_columns(recipe_of()).data.id is None


def test_columns_of_a_kind_stand_side_by_side_numbers_first() -> None:
    data = decide_kinds(recipe_of(data={"label": ["b", "a", "d", "c"], "kind": {"b": "grade", "d": "grade"}})).data
    assert data.label == ["a", "c", "b", "d"]
    assert list(data.kind.items()) == [("a", "number"), ("c", "number"), ("b", "grade"), ("d", "grade")]


def test_number_columns_to_read() -> None:
    assert columns_of(recipe_of(data={"covariates": ["w"], "label_times": "s"})) == ["w", "s"]
    assert columns_of(recipe_of(data={"covariates": ["w", "s"], "label_times": "s"})) == ["w", "s"]


def test_another_table_needs_less(tmp_path: Path) -> None:
    own = pandas.DataFrame(
        {"path": ["a.png", "b.png"], "age": [3.5, 4], "patient": ["x", "y"], "sex": ["F", "M"], "s": [1, 2]}
    )
    own.to_csv(tmp_path / "own.csv", index=False)
    own[["path", "s"]].to_csv(tmp_path / "new.csv", index=False)
    recipe = recipe_of(data={"table": str(tmp_path / "own.csv"), "subgroups": ["sex"], "label_times": "s"})
    table, problems = open_table(recipe)
    assert problems == []
    assert (table.group, table.extra, table.label.flatten().tolist()) == (["x", "y"], {"sex": ["F", "M"]}, [3.5, 4.0])
    other, _ = open_table(recipe, path=tmp_path / "new.csv", need_label=False, need_group=False)
    assert other.extra == {}
    assert other.covariates.tolist() == [[1.0], [2.0]]
    assert np.isnan(other.label).all()
    assert has_column(tmp_path / "own.csv", "sex")
    assert not has_column(tmp_path / "new.csv", "sex")
    assert not has_column(tmp_path / "new.csv", None)


def test_sizes_of_pixels_shrink_as_images_grow() -> None:
    recipe = recipe_of(data={"covariates": ["w", "mm"]}, augmentation={"size_covariates": ["mm"]})
    table = table_of([1, 2], covariates=np.array([[5.0, 1.0], [6.0, 3.0]]), covariate=["w", "mm"])
    assert correct_sizes(table, np.array([2.0, 0.5]), recipe).covariates.tolist() == [[5.0, 0.5], [6.0, 6.0]]
    assert table.covariates.tolist() == [[5.0, 1.0], [6.0, 3.0]]
    assert correct_sizes(table, np.ones(2), recipe) is table
