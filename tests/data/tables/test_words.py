"""Words in covariates."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medgauge.core.errors import InputError
from medgauge.data.tables.problems import raise_problems
from medgauge.data.tables.table import Table, read_table
from medgauge.data.tables.words import absent_words, coded, coded_names, coding_words, found_words, model_covariates


def read(folder: Path, cells: Sequence[str], name: str = "sex", **settings: Any) -> tuple[Table, str]:
    """A table with one covariate, and what is told of it."""
    lines = [f"{row}.png,{row},p{row},{cell}" for row, cell in enumerate(cells)]
    (folder / "cases.csv").write_text("\n".join([f"path,mm,patient,{name}", *lines]) + "\n", encoding="utf-8")
    table, problems = read_table(
        folder / "cases.csv", image="path", label=["mm"], group="patient", covariates=[name], **settings
    )
    try:
        raise_problems(problems, table.path)
    except InputError as error:
        return table, str(error)
    return table, ""


def test_two_words_are_0_and_1_in_alphabetical_order(tmp_path: Path) -> None:
    table, told = read(tmp_path, ["M", " F ", "F", "M\u200b"])
    assert told == ""
    assert table.notes == (
        "blanks at the ends of 2 cells of the covariate sex are left out (the first: ' F ' on line 3)",
    )
    assert (table.covariate, table.words) == (["sex=M"], {"sex": ["F", "M"]})
    assert table.covariates.tolist() == [[1], [0], [0], [1]]


def test_more_words_are_a_column_each(tmp_path: Path) -> None:
    table, told = read(tmp_path, ["b", "a", "C", "a", "b", "C"], "site")
    assert told == ""
    assert (table.covariate, table.words) == (["site=a", "site=b", "site=C"], {"site": ["a", "b", "C"]})
    assert table.covariates.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize("words", [["M", "F"], ["F", "M", "X"], ["M", "F", "1"]])
def test_known_words_keep_their_order_whatever_the_cells_hold(tmp_path: Path, words: list[str]) -> None:
    cells = [words[0], words[1], words[0]]
    table, told = read(tmp_path, cells, words={"sex": words})
    assert told == ""
    wanted = [[words.index(cell)] for cell in cells] if len(words) == 2 else np.eye(3)[[0, 1, 0]].tolist()
    assert table.covariates.tolist() == wanted
    assert table.words == {"sex": words}


def test_numbers_stay_numbers_and_numbers_named_as_words_are_words(tmp_path: Path) -> None:
    assert read(tmp_path, ["1", "0", "1"])[0].covariates.tolist() == [[1], [0], [1]]
    assert read(tmp_path, ["none", "some", "none"], words={"sex": ["none", "some"]})[1] == ""  # a word for nothing
    assert read(tmp_path, ["3", "1", "3"], words={"sex": ["1", "3"]})[0].covariates.tolist() == [[1], [0], [1]]


@pytest.mark.parametrize("cell", ["", "NA", "nan", "n/a", "-", "?", " null "])
def test_a_missing_word_is_told_as_a_missing_number_is(tmp_path: Path, cell: str) -> None:
    table, told = read(tmp_path, ["M", "F", cell, "F"])
    written = f" (written {cell.strip()!r})" if cell else ""
    assert told == f"cases.csv: case 2.png: covariate sex on line 4 is missing{written}."
    assert table.covariates[[0, 1, 3]].tolist() == [[1], [0], [0]]
    assert np.isnan(table.covariates[2]).all()
    assert read(tmp_path, ["1", "0", cell, "0"])[1] == told


def test_none_may_be_an_answer(tmp_path: Path) -> None:
    for cells in (["M", "None", "F", "None", "M"], ["1", "None", "2", "None", "3"]):
        assert read(tmp_path, cells)[1] == (
            "cases.csv: covariate sex: 2 cells are missing, written 'None', the first on line 3; if that is an answer, write another "
            "word for it (no), else fill these cells or leave such cases out."
        )


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (
            [f"P{row:03d}" for row in range(24)],
            "holds 24 different words in 24 cases ('P000', 'P001', 'P002', …), and a covariate has at most 20, each in several "
            "cases; is it an id? Leave it out",
        ),
        ([f"P{row:03d}" for row in range(5)], "holds 5 different words in 5 cases"),
        ([f"w{row}x" for row in range(21)] * 3, "holds 21 different words in 63 cases"),
        (["M"] * 6, "is 'M' in all 6 cases, so nothing can be learned from it; leave it out"),
        (["M", "m", "F", "F", "M", "f"], "differ in spelling alone ('F' = 'f', 'M' = 'm'); write each in one way"),
        (["a b", "a  b", "c", "c", "a b", "c"], "differ in spelling alone ('a  b' = 'a b')"),
    ],
)  # fmt: skip
def test_words_that_are_no_categories_are_one_sentence(tmp_path: Path, cells: list[str], words: str) -> None:
    _, told = read(tmp_path, cells)
    assert words in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (
            ["61", "<5", "unknown", "7", "<5"],
            "covariate sex: it holds '<5' in 2 cases, 'unknown' in 1 case, the first on line 3, where numbers are read; write "
            "numbers, leave such cases out, or name all that it may hold as words (data.covariate_words: {sex: […]})",
        ),
        (["M", "2", "1", "M"], "holds 'M' in 2 cases, the first on line 2, where numbers are read"),
        (
            ["M", "F", "1", "M"],
            "covariate sex: it holds 1 number ('1' in 1 case, the first on line 4) among words ('F', 'M'); write a word there, or name "
            "all that it may hold as words (data.covariate_words: {sex: […]})",
        ),
        (["0.2 mm", "200 µm", "0.2 mm"], "'200 µm' in 1 case, the first on line 2, where numbers are read; write numbers alone, all in"),
        (["0.20 x 0.20", "0.25 x 0.20"], "where numbers are read; write one number in a cell, and others in columns of their own"),
        (["0.2\\0.2", "[0.2; 0.2]"], "where numbers are read; write one number in a cell"),
        (["0.5 mm", "0.7 mm", "0.5 mm"], "'0.7 mm' in 1 case, the first on line 2, where numbers are read; write numbers alone"),
        (["2020-01-19", "2020-01-20", "2020-01-19"], "where numbers are read; a date is no quantity: give a number, as the years from"),
        (["3T", "1.5T", "3T"], "where numbers are read; write numbers alone"),
        ([f"<{row}" for row in range(8)] + ["1"] * 4, "'<4' in 1 case and 3 more, the first on line 2"),
    ],
)  # fmt: skip
def test_numbers_and_words_in_one_column_are_one_sentence(tmp_path: Path, cells: list[str], words: str) -> None:
    _, told = read(tmp_path, cells)
    assert words in told
    assert "\n" not in told


def test_numbers_that_are_written_wrongly_are_no_words(tmp_path: Path) -> None:
    told = read(tmp_path, ['"1,5"', '"2,5"', '"1,5"', '"2,5"'])[1]
    assert told == (
        "cases.csv: covariate sex: has decimal commas (4 cells, the first on line 2 ('1,5')); give --decimal comma, or "
        "write decimals with a point."
    )


def test_unknown_words_are_told_with_the_known_ones(tmp_path: Path) -> None:
    table, told = read(tmp_path, ["M", "X", "f", "X", ""], words={"sex": ["F", "M"]})
    assert told.splitlines() == [
        "2 problems in cases.csv:",
        "  covariate sex: it holds 'X' in 2 cases, 'f' in 1 case, the first on line 3; the words of the training cases are F, M: "
        "write one of these, or leave such cases out",
        "  case 4.png: covariate sex on line 6 is missing",
    ]  # fmt: skip
    assert np.isnan(table.covariates[1:]).all()
    assert "did you mean F?" in read(tmp_path, ["M", "f"], words={"sex": ["F", "M"]})[1]


def test_covariates_that_must_be_numbers_take_no_words(tmp_path: Path) -> None:
    told = read(tmp_path, ["M", "F", "M"], numbers=["sex"])[1]
    assert told == (
        "cases.csv: covariate sex: it holds 'M' in 2 cases, 'F' in 1 case, the first on line 2, where numbers are read; write numbers."
    )


def test_words_and_numbers_stand_in_the_order_of_the_covariates(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "path,mm,sex,age,site\na,1,F,30,A\nb,2,M,40,B\nc,3,M,50,C\nd,3,M,50,C\ne,3,M,50,A\nf,3,M,50,B\n"
    )
    table, problems = read_table(
        tmp_path / "t.csv", image="path", label=["mm"], group=None, covariates=["site", "age", "sex"]
    )
    assert not problems
    assert table.covariate == ["site=A", "site=B", "site=C", "age", "sex=M"]
    assert table.covariates[:3].tolist() == [[1, 0, 0, 30, 0], [0, 1, 0, 40, 1], [0, 0, 1, 50, 1]]
    assert table.take([1]).words == table.words == {"site": ["A", "B", "C"], "sex": ["F", "M"]}
    assert model_covariates(["site", "age", "sex"], table.words) == table.covariate


def test_words_are_coded_by_themselves() -> None:
    assert coded(["b", "x"], ["a", "b"]).tolist()[0] == [1]
    assert coded([], ["a", "b", "c"]).shape == (0, 3)
    assert coded_names("s", ["a", "b"]) == ["s=b"]
    assert found_words(["b", "", "NA", "B", "a "], [0, 1, 2, 4]) == ["a", "b"]
    assert coding_words({"s": ["a", "b"]}) == ["covariate s is coded: a 0, b 1"]


def test_words_that_no_case_has_are_found() -> None:
    words = {"sex": ["F", "M"], "site": ["A", "B", "C"]}
    rows = np.array([[0, 7.0, 1, 0, 0], [0, 8.0, 0, 0, 1]])
    assert absent_words(["sex", "age", "site"], words, rows) == {"sex": ["M"], "site": ["B"]}
    assert absent_words(["sex", "age", "site"], words, np.array([[0, 7.0, 1, 1, 1], [1, 8, 0, 0, 0]])) == {}
    assert absent_words(["age"], {}, np.array([[1.0]])) == {}
