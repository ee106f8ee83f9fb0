"""Columns of a run's tables: numbers, whole numbers and lists, or one sentence that names the cell."""

import math
import re
from pathlib import Path

import pytest

from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.runfolder.tables import (
    check_lists,
    list_form,
    need_columns,
    read_numbers,
    read_rows,
    read_wholes,
    value_column,
)

NAME = "predictions.csv"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def test_numbers_are_read_as_they_are_written(folder: RunFolder) -> None:
    cells = ["1", "-2.5", "1e-3", "", "nan", "inf", "-inf", ".5", "3."]
    found = read_numbers(folder, NAME, {"a": cells}, "a")
    assert found == pytest.approx([1, -2.5, 0.001, math.nan, math.nan, math.inf, -math.inf, 0.5, 3], nan_ok=True)


def test_values_of_a_finding_are_those_before_calibration() -> None:
    columns = {"value_mass": ["0.25"], "uncalibrated_mass": ["0.75"], "value_age": ["40"]}
    assert value_column(columns, "mass") == "uncalibrated_mass"
    assert value_column(columns, "age") == "value_age"


@pytest.mark.parametrize("text", ["x", " 1", "1_0", "0x1", "1,5", "[1]", "١", "NaN", "--1", "1e"])
def test_a_cell_that_is_no_number_is_named(folder: RunFolder, text: str) -> None:
    with pytest.raises(
        InputError, match=rf"predictions\.csv.*a in row 2 must be a number, got {re.escape(repr(text))}"
    ):
        read_numbers(folder, NAME, {"a": ["1", text]}, "a")


def test_a_number_beyond_any_is_refused(folder: RunFolder) -> None:
    with pytest.raises(InputError, match="a in row 1 must be a number below 1e300, got '1e999'"):
        read_numbers(folder, NAME, {"a": ["1e999"]}, "a")


def test_whole_numbers_are_different_and_below(folder: RunFolder) -> None:
    assert read_wholes(folder, NAME, {"row": ["3", "0", "2.0"]}, "row", below=4) == [3, 0, 2]
    for cells, said in (
        (["-1"], "row in row 1 must be a whole number >= 0, got '-1'"),
        (["1.5"], "row in row 1 must be a whole number"),
        ([""], "row in row 1 must be a whole number"),
        (["4"], "row must be below 4, got 4"),
        (["1", "1.0"], "row has a number twice"),
        (["9" * 30], "row in row 1 must be a whole number"),
    ):
        with pytest.raises(InputError, match=re.escape(said)):
            read_wholes(folder, NAME, {"row": cells}, "row", below=4)
    with pytest.raises(InputError, match="it has no column row"):
        read_wholes(folder, NAME, {"x": []}, "row")


def test_lists_are_of_what_their_column_says(folder: RunFolder) -> None:
    for column, good, bad in (
        ("neighbours", ["[1, 2]", "[]", ""], ["[-1]", "[1.5]", '["1"]', "3", "{}", "[1", "[" * 10_000, "[5]", "null"]),
        ("neighbour_ids", ['["a", ""]', ""], ["[1]", "[null]", "a"]),
        ("distances", ["[0.5, 1]"], ["[null]", "[NaN]", "[1e999]", '["x"]']),
        ("weights_age", ["[null, 0.5]"], ["[NaN]", "[[1]]", '{"a": 1}']),
        ("effects_age", ["[null, -0.5]"], ["[NaN]", "[[1]]", "7"]),
        ("neighbour_values_age", ["[1, null]"], ["x"]),
    ):
        leaf, below = list_form(column), 5 if column == "neighbours" else None
        assert leaf is not None
        check_lists(folder, NAME, column, good, leaf, below=below)
        for text in bad:
            with pytest.raises(InputError, match=rf"{column} in row 2 must be "):
                check_lists(folder, NAME, column, ["", text], leaf, below=below)
    assert list_form("value_age") is None


def test_a_missing_column_is_named(folder: RunFolder) -> None:
    need_columns(folder, NAME, {"a": [], "b": []}, ["a", "b"])
    with pytest.raises(InputError, match=r"predictions\.csv cannot be read \(it has no column c\)"):
        need_columns(folder, NAME, {"a": []}, ["a", "c", "d"])


def test_rows_have_the_columns_that_are_needed(folder: RunFolder) -> None:
    folder.write_table("splits.csv", ["id", "group"], [["a", "=1"], ["b", ""]])
    assert read_rows(folder, "splits.csv", ["group"]) == [{"id": "a", "group": "=1"}, {"id": "b", "group": ""}]
    with pytest.raises(InputError, match=r"splits\.csv cannot be read \(it has no column picture\)"):
        read_rows(folder, "splits.csv", ["id", "picture"])


def test_a_table_that_is_no_text_is_said_once(folder: RunFolder) -> None:
    (folder / NAME).write_bytes(b"id\n\xff\xfe\n")
    with pytest.raises(InputError) as found:
        read_rows(folder, NAME, ["id"])
    assert str(found.value).count("cannot be read") == 1
