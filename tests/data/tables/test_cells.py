from pathlib import Path

import numpy as np

from medgauge.data.tables.cells import index_problems, name_problems, number_columns
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
    found = index_problems(["0", " 7\u200b", "1.5", "-1", ""], list("abcde"), columns_of(x=[""] * 5))
    assert [problem.row for problem in found] == [2, 3, 4]


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
