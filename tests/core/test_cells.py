"""Cells of CSV files: numbers, and texts that no spreadsheet takes for a formula."""

import csv
import io
import itertools
import math

import pytest

from medgauge.core.cells import bare, cell, csv_text, guarded


@pytest.mark.parametrize(
    ("value", "written"),
    [(2 / 3, "0.6666666667"), (12345678901.5, "12345678900.0"), (-0.5, "-0.5"), (math.inf, "inf"), (math.nan, "")],
)
def test_a_number_has_ten_digits_and_nothing_stands_for_a_missing_one(value: float, written: str) -> None:
    assert str(cell(value)) == written


@pytest.mark.parametrize("text", ["=1+1", "-5", "+x", "@x", "\tx", "\rx", "=", "-", "=cmd|' /C calc'!A0"])
def test_a_text_that_begins_like_a_formula_is_guarded(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "5", "'q", "'", "''", " x", "\nx", "é-", "'a=1"])
def test_any_other_text_stays(text: str) -> None:
    assert guarded(text) == text


def test_every_text_comes_back_and_none_that_is_written_is_a_formula() -> None:
    texts = ["".join(parts) for size in range(5) for parts in itertools.product("'=-q\t", repeat=size)]
    assert len(texts) == 781
    assert [bare(guarded(text)) for text in texts] == texts
    assert len({guarded(text) for text in texts}) == len(texts)
    assert not [text for text in texts if guarded(text).startswith(("=", "-", "\t"))]


def test_numbers_are_never_guarded_and_texts_are_where_they_are_a_users() -> None:
    text = csv_text(["=id", "x", "set"], [["-5", -3.2, "-1 0"], ["+a", None, ""], [-5, math.nan, "0"]], texts=["=id"])
    assert text == "'=id,x,set\n'-5,-3.2,-1 0\n'+a,,\n-5,,0\n"
    assert csv_text(["a", "b"], [["-1 0", -1]]) == "a,b\n'-1 0,-1\n"


def test_cells_with_line_ends_of_any_kind_stay_whole() -> None:
    rows = [["a\rb", "c\nd"], ["\r", "e\r\n"], ['"', ","]]
    text = csv_text(["x", "y"], rows)
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["x", "y"],
        ["a\rb", "c\nd"],
        ["'\r", "e\r\n"],
        ['"', ","],
    ]
    assert text.endswith('"""",","\n')
