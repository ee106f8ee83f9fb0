from pathlib import Path

import numpy as np

from medgauge.core.problem import of_finished
from medgauge.data.tables.cells import (
    divisor_problems,
    in_one_sentence,
    index_problems,
    name_problems,
    number_columns,
    without_name,
)
from medgauge.data.tables.columns import Columns


def columns_of(*, decimal_comma: bool = False, **text: list[str]) -> Columns:
    n = len(next(iter(text.values())))
    return Columns(text, list(range(2, n + 2)), "line", decimal_comma, Path("t.csv"), [])


def test_names_of_nothing_names_twice_and_shortened_groups() -> None:
    columns = columns_of(x=[""] * 5)
    pictures, ids = ["a.png", "NA", "c.png", "d.png", "e.png"], ["1", "2", "?", "4", "4"]
    groups = ["", "p", "q", "1.2E+12", "#REF!"]
    found = [str(problem) for problem in name_problems(pictures, ids, groups, columns, exact=False)]
    assert found == [
        "case 1: has no group on line 2",
        "case 2: names no image on line 3 (written 'NA')",
        "case ?: has no id on line 4 (written '?')",
        "case 4: has a group on line 5 that a spreadsheet has shortened (1.2E+12), so that different ones look alike; "
        "give the column as text, or say --groups-are-exact",
        "case 4: has no group on line 6 (written '#REF!')",
        "case 4: has its id twice: on line 5 and 6",
    ]
    exact = [str(problem) for problem in name_problems(pictures, ids, groups, columns, exact=True)]
    assert exact == [line for line in found if "shortened" not in line]


def test_rows_of_an_array() -> None:
    found = index_problems("row", ["0", " 7\u200b", "1.5", "-1", ""], list("abcde"), columns_of(x=[""] * 5))
    assert [problem.row for problem in found] == [2, 3, 4]
    assert {problem.together for problem in found} == {""}


def test_many_cells_that_are_no_rows_are_one_sentence() -> None:
    cells = [f"{row}.0" for row in range(60)]
    found = index_problems("ix", cells, cells, columns_of(x=cells))
    assert len(found) == 60
    assert {problem.together for problem in found} == {
        "array index ix: 60 cells are no row numbers ('0.0', '1.0', '2.0' and 57 more), the first on line 2; write whole numbers, "
        "from 0, without a point"
    }


def test_dates_and_spreads_have_a_hint_of_their_own() -> None:
    days = [f"2024-03-{day:02d}" for day in range(1, 10)]
    found = number_columns(columns_of(age=days), ["age"], days, "label", None, "auto").problems
    assert {one.together.partition("; ")[2] for one in found} == {
        "a date is no quantity: give a number, as the years from one date to another"
    }


def test_a_column_that_is_unclear_is_one_problem() -> None:
    columns = columns_of(mm=["1.234", "2.345", "987"], age=["1", "", "3"], decimal_comma=True)
    labels = number_columns(columns, ["mm"], list("abc"), "label", None, "auto")
    assert [str(problem) for problem in labels.problems] == [
        "label mm: on line 2 1.234 could be 1234 or 1.234, and no cell of the column tells; say which mark its decimals "
        "have, --decimal point or --decimal comma, or write no thousands marks"
    ]
    told = number_columns(columns, ["mm"], list("abc"), "label", 2345, "comma")
    np.testing.assert_array_equal(told.values, [[1234], [np.nan], [987]])
    assert told.problems == []
    numbers = number_columns(columns, ["mm", "age"], list("abc"), "covariate", None, "auto")
    assert [str(problem) for problem in numbers.problems][1:] == ["case b: covariate age on line 3 is missing"]


def test_decimal_commas_of_a_comma_file_are_one_sentence() -> None:
    columns = columns_of(mm=["1,5", "2,5", "3"], cm=["7", "0,2", "x"], both=["1.5", "2", "2,5"])
    found = number_columns(columns, ["mm", "cm", "both"], list("abc"), "label", None, "auto").problems
    told = list(dict.fromkeys(one.together or str(one) for one in in_one_sentence(found)))
    assert told == [
        "label mm has decimal commas (2 cells, the first on line 2 ('1,5')) and label cm has decimal commas (1 cell, the "
        "first on line 3 ('0,2')); give --decimal comma, or write decimals with a point",
        "case c: label cm on line 4 is not a number: 'x' (write a number; a label that is not known is an empty cell)",
        "label both: has decimals with a point, on line 2 ('1.5'), and with a comma, on line 4 ('2,5'); write all with "
        "the same mark",
    ]
    assert str(of_finished(found)[0]) == (
        "label mm: has decimal commas (2 cells, the first on line 2 ('1,5')); give --decimal comma, or write "
        "decimals with a point"
    )


def test_many_cells_that_are_no_numbers_are_one_sentence() -> None:
    columns = columns_of(mm=["1 mm", "2 mm", "3 mm", "4 mm", "5"])
    found = number_columns(columns, ["mm"], list("abcde"), "label", None, "auto").problems
    assert {one.together for one in found} == {
        "label mm: 4 cells are no finite numbers ('1 mm', '2 mm', '3 mm' and 1 more), the first on line 2; "
        "write numbers alone, all in one unit"
    }
    columns = columns_of(mm=["n.d.", "unknown", "x", "(null)", "5", "6"])
    found = number_columns(columns, ["mm"], list("abcdef"), "label", None, "auto").problems
    assert {one.together for one in found} == {
        "label mm: 4 cells are no finite numbers ('n.d.', 'unknown', 'x' and 1 more), the first on line 2; write a number; a "
        "label that is not known is an empty cell"
    }


def test_groups_that_a_spreadsheet_did_not_write_and_ids_that_are_there_twice_are_told_once() -> None:
    columns = columns_of(x=[""] * 6)
    ids, groups = list("abcdef"), ["########"] * 4 + ["1.23457E+11", "p"]
    found = name_problems(ids, ids, groups, columns, exact=False)
    assert {one.row for one in found} == {0, 1, 2, 3, 4}
    assert {one.together for one in found} == {
        "the same is wrong with 5 cases (cases a, b, c, d, e); the first has a group on line 2 that a spreadsheet has written as "
        "########, since its column was too narrow; widen it, and save the table again"
    }
    assert [one.row for one in name_problems(ids, ids, groups, columns, exact=True)] == [0, 1, 2, 3]
    twice = name_problems(ids, ["a"] * 5 + ["b"], None, columns, exact=False)
    assert {one.together for one in twice} == {
        "the same is wrong with 4 cases (cases a, a, a, a); the first has its id twice: on line 2 and 3"
    }
    assert [one.together for one in name_problems(ids, ["a", "a", "b", "b", "c", "d"], None, columns, exact=False)] == [
        "",
        "",
    ]


def test_a_row_without_name_is_told_by_its_line() -> None:
    columns = columns_of(x=[""] * 3)
    pictures, ids = ["a.png", "", ""], ["a", "", "total"]
    found = without_name(name_problems(pictures, ids, None, columns, exact=False), pictures, columns)
    assert [one.together or str(one) for one in found] == [
        "line 3 names no image, so that it is no case; remove it (a total, a remark?), or name its image",
        "case total: names no image on line 4",
    ]


def test_what_labels_are_divided_by_is_told_with_case_line_and_count() -> None:
    columns = columns_of(x=[""] * 3)
    assert divisor_problems("mm", np.array([1.0, 2.0, np.nan]), list("abc"), columns) == []
    found = divisor_problems("mm", np.array([1.0, 0.0, -2.0]), list("abc"), columns)
    assert {one.together for one in found} == {
        "covariate mm (--label-times), by which labels are divided, is not above 0 in 2 cases (the first on line 3, case "
        "b: 0); correct the table, or leave --label-times out"
    }
    assert [one.row for one in found] == [1, 2]
    assert of_finished(found)[0].together.endswith("correct the table")
