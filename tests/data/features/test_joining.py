"""Features joined to cases, and what must hold of them."""

from pathlib import Path

import numpy as np
import pytest

from medgauge.core.errors import InputError
from medgauge.data.features.joining import (
    content_digest,
    equal_rows,
    feature_rows,
    find_rows,
    finite_problems,
    refuse_labels,
    varying,
)
from medgauge.data.features.reading import FeatureBlock

VALUES = np.array([[1.0, 5.0], [2.0, 5.0], [4.0, 5.0]])


def block(values: np.ndarray = VALUES) -> FeatureBlock:
    columns = [f"x{place}" for place in range(values.shape[1])]
    return FeatureBlock(Path("f.csv"), "case", [f"c{row}" for row in range(len(values))], columns, values, [])


def test_each_case_finds_its_row_and_those_without_are_told_together() -> None:
    rows, problems = find_rows(block(), ["c2", "a", "c0", "b"], ["c2", "a", "c0", "b"])
    assert rows.tolist() == [2, -1, 0, -1]
    assert [one.row for one in problems] == [1, 3]
    assert problems[0].together.startswith(
        "2 of 4 cases have no row in f.csv (cases a, b); its column case has 'c0', 'c1', 'c2'"
    )
    rows, problems = find_rows(block(), ["c2", "a"], ["c2", "a"])
    assert str(problems[0]) == "case a: has no row in f.csv (column case: 'a')"


def test_features_that_are_no_finite_numbers_are_counted_by_column() -> None:
    values = np.array([[np.nan, 1.0, 1.0], [2.0, np.inf, 1.0], [np.nan, 3.0, 1e39]])
    problems = finite_problems(block(values), values, ["a", "b", "c"])
    assert [one.row for one in problems] == [0, 1, 2]
    assert problems[0].together.startswith(
        "3 features of f.csv are missing, not a number or infinite in 3 cases (x0 in 2, x1 in 1, x2 in 1; cases a, b, c); no feature"
    )
    assert finite_problems(block(), VALUES, ["a", "b", "c"]) == []


def test_constant_features_are_left_out_and_told() -> None:
    kept, notes = varying(block(), VALUES)
    assert kept == [0]
    assert notes == ["1 feature of f.csv is the same in all cases and is left out (x1)"]
    with pytest.raises(InputError, match="every feature of f.csv is the same in all 3 cases"):
        varying(block(), VALUES[:, [1, 1]])
    noise = VALUES.copy()
    noise[:, 1] = [0.49999999999999933, 0.5, 0.5000000000000014]  # elongation of cubes, by principal components
    assert varying(block(), noise) == (kept, notes)
    with pytest.raises(
        InputError, match="the feature x0 of f.csv is 1000000001 to 1000000003, which single precision hardly"
    ):
        varying(block(), 1e9 + np.array([[1.0], [2.0], [3.0]]))


def test_a_feature_that_is_a_label_is_refused_in_any_unit() -> None:
    random = np.random.default_rng(0)
    values, label = random.normal(size=(20, 2)), random.normal(size=(20, 1))
    refuse_labels(block(values), values, label, ["age"])
    label[3] = np.nan
    for feature in (label[:, 0], 3 - 12 * label[:, 0]):
        values[:, 1] = np.nan_to_num(feature, nan=0.5)
        with pytest.raises(InputError, match="the feature x1 of f.csv is the label age, which gives the answer away"):
            refuse_labels(block(values), values, label, ["age"])
    values[5, 1] += 0.01
    refuse_labels(block(values), values, label, ["age"])


def test_the_same_features_in_two_groups_are_told() -> None:
    values = np.array([[1.0, 2.0], [1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])
    assert equal_rows(values[:3], ["p", "p", "q"], ["a", "b", "c"]) == []
    [note] = equal_rows(values, ["p", "p", "q", "r"], ["a", "b", "c", "d"])
    assert note.startswith("2 cases of different groups have the same features (cases a, d): is one image there twice?")


def test_features_stand_in_the_place_of_images() -> None:
    rows = feature_rows(VALUES, [["x0"], ["x1"]], ["a note"])
    assert (rows.array.shape, rows.array.dtype, rows.scale) == ((3, 2), np.float32, 1.0)
    assert (rows.columns, rows.notes, rows.digests) == ((("x0",), ("x1",)), ["a note"], [""] * 3)
    changed = VALUES.copy()
    changed[0, 0] += 1e-12
    digests = {content_digest(table, [["a", "b"]], values) for table in ("1", "2") for values in (VALUES, changed)}
    assert len(digests) == 4


def test_rows_of_many_features_tell_a_case_and_rows_of_few_do_not() -> None:
    values = np.arange(24.0).reshape(3, 8)
    values[2] = values[0]
    one, two, three = feature_rows(values, [list("abcdefgh")], []).digests
    assert one == three != two
    assert feature_rows(values[:, :7], [list("abcdefg")], []).digests == [""] * 3
