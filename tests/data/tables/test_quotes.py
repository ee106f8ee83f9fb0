"""Quotation marks that swallow lines of a table, and quoted texts of several lines that are none of that."""

from pathlib import Path

import pytest

from medgauge.core.errors import InputError
from medgauge.data.tables.columns import Wanted, read_columns
from medgauge.data.tables.quotes import RunOn

HEAD = "path,pid,y,note,sex"
WANTED = [Wanted("path", "image"), Wanted("pid", "group"), Wanted("y", "label")]
NOT_CLOSED = (
    'a quotation mark (") is not closed on its line, so that the cell runs on to line {}; remove the mark, or write the cell '
    "on one line."
)
NEVER = '{}: a quotation mark (") is opened and never closed, so that the rest of the file is one cell; remove the mark, or close it.'
GOES_ON = (
    'column \'note\': a cell goes on after its closing quotation mark ("); write marks within a cell twice (""), or remove the one that is '
    "too many."
)


def written(folder: Path, rows: dict[int, str], *, head: str = HEAD, separator: str = ",") -> Path:
    """Ten cases, some rows replaced; a case of row k stands on line k + 2."""
    lines = [head] + [rows.get(k, f"img/{k}.png,P{k},{50 + k}.5,note {k},{k % 2}") for k in range(10)]
    text = "\n".join(lines) + "\n"
    above = "sep=;\n" if separator == "sep" else ""
    mark = ";" if separator == "sep" else separator
    path = folder / "t.csv"
    path.write_text(above + text.replace(",", mark), encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t", "sep"])
@pytest.mark.parametrize(
    ("rows", "line", "words"),
    [
        ({3: 'img/3.png,P3,53.5,"note 3,1', 6: 'img/6.png,P6,56.5,note 6",1'}, 5, "column 'note': " + NOT_CLOSED.format(8)),
        ({3: 'img/3.png,P3,53.5,"note 3,1', 4: 'img/4.png,P4,54.5,note 4",1'}, 5, "column 'note': " + NOT_CLOSED.format(6)),
        ({3: 'img/3.png,"P3,53.5,note 3,1', 6: 'img/6.png,P6",56.5,note 6,1'}, 5, "column 'pid': " + NOT_CLOSED.format(8)),
        ({3: 'img/3.png,P3,53.5,"note 3,1'}, 5, NEVER.format("column 'note'")),
        ({9: 'img/9.png,P9,59.5,note 9,"1'}, 11, NEVER.format("column 'sex'")),
        ({3: 'img/3.png,P3,53.5,"5" probe",1'}, 5, GOES_ON),
    ],
)  # fmt: skip
def test_lines_that_a_stray_mark_swallows_are_told(
    tmp_path: Path, rows: dict[int, str], line: int, words: str, separator: str
) -> None:
    above = separator == "sep"
    if "runs on to line" in words and above:
        end = int(words.partition("runs on to line ")[2].partition(";")[0])
        words = words.replace(f"line {end};", f"line {end + 1};")
    with pytest.raises(InputError) as told:
        read_columns(written(tmp_path, rows, separator=separator), WANTED)
    assert str(told.value).startswith(f"t.csv, line {line + above}")
    assert str(told.value).endswith(words)


def test_a_mark_in_the_header_that_swallows_a_case_is_told(tmp_path: Path) -> None:
    table = written(tmp_path, {0: 'img/0.png,P0,50.5,note 0",0'}, head='path,pid,y,"note,sex')
    with pytest.raises(InputError, match=r"t\.csv, line 1, column 'note': a quotation mark .* runs on to line 2;"):
        read_columns(table, WANTED)


REPORT = '"no effusion, heart normal, a, b\nline two, and, more, a, b, c\nfirst, second, third, fourth, fifth\n"'


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        ({3: f"img/3.png,P3,53.5,{REPORT},1"}, REPORT.strip('"')),
        ({3: 'img/3.png,P3,53.5,5" probe,1'}, '5" probe'),
        ({3: 'img/3.png,P3,53.5,"said ""no"", then",1'}, 'said "no", then'),
        ({3: 'img/3.png,P3,53.5,"\n",1'}, "\n"),
    ],
)
def test_texts_of_several_lines_and_marks_within_cells_are_read(
    tmp_path: Path, rows: dict[int, str], note: str
) -> None:
    found = read_columns(written(tmp_path, rows), WANTED)
    assert found.text["pid"] == [f"P{k}" for k in range(10)]
    assert found.text["y"] == [f"{50 + k}.5" for k in range(10)]
    more = note.count("\n")
    assert found.line == [2, 3, 4, 5] + [line + more for line in range(6, 12)]
    if more < 1 or note.strip() == "":  # in a column that is asked for
        assert read_columns(written(tmp_path, rows), [*WANTED, Wanted("note", "subgroups")]).text["note"][3] == note
    else:
        with pytest.raises(InputError, match=r"line 5, column 'note': a quotation mark .* runs on to line 8"):
            read_columns(written(tmp_path, rows), [*WANTED, Wanted("note", "subgroups")])


def test_every_case_with_a_report_of_several_lines(tmp_path: Path) -> None:
    found = read_columns(written(tmp_path, {k: f"img/{k}.png,P{k},{50 + k}.5,{REPORT},1" for k in range(10)}), WANTED)
    assert found.text["pid"] == [f"P{k}" for k in range(10)]


def test_names_of_two_lines_are_read(tmp_path: Path) -> None:
    found = read_columns(written(tmp_path, {}, head='path,pid,y,"note\n(free text)",sex'), WANTED)
    assert found.line == list(range(3, 13))


def test_a_row_of_the_middle_alone_tells() -> None:
    body = 'a,b,c\n"x\n1,2,3\ny",5,6\n'
    over = RunOn(body, ",", 0, "t.csv", ["a", "b", "c"])
    over.learn([["7", "8", "9"]])
    with pytest.raises(InputError, match=r"t\.csv, line 2, column 'a'"):
        over.check(["x\n1,2,3\ny", "5", "6"], {1}, 2, 4)
    over = RunOn(body.replace("1,2,3", "1,2"), ",", 0, "t.csv", ["a", "b", "c"])
    over.learn([["7", "8", "9"]])
    over.check(["x\n1,2\ny", "5", "6"], {1}, 2, 4)


CELLS = [[f"img/{k:02d}.png", f"P{k}", f"{50 + k}.5", "MF"[k % 2], "fine"] for k in range(14)]
COLUMNS = ["path", "pid", "y", "sex", "remark"]


def dialect(folder: Path, cells: list[list[str]], separator: str, encoding: str, end: str) -> Path:
    lines = [separator.join(row) for row in cells]
    (folder / "d.csv").write_bytes((end.join(lines) + end).encode(encoding))
    return folder / "d.csv"


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize(
    ("separator", "encoding", "end"),
    [(",", "utf-8", "\n"), (";", "utf-8", "\r\n"), ("\t", "utf-16", "\r\n"), ("|", "utf-8-sig", "\r")],
)
def test_line_and_column_of_a_stray_mark_are_told_in_every_dialect(
    tmp_path: Path, place: int, separator: str, encoding: str, end: str
) -> None:
    for other in range(-1, 5):
        for form in ('"{}', '{}"'):
            cells = [COLUMNS, *(list(row) for row in CELLS)]
            cells[6][place] = '"' + cells[6][place]
            if other >= 0:
                cells[10][other] = form.format(cells[10][other])
            with pytest.raises(InputError, match=rf"^d\.csv, line 7, column '{COLUMNS[place]}': a ") as told:
                read_columns(dialect(tmp_path, cells, separator, encoding, end), WANTED)
            assert "line 11" in str(told.value) or "never closed" in str(told.value)
            assert "\n" not in str(told.value)


@pytest.mark.parametrize("closed", [0, 3])
@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_stray_mark_in_the_header_is_told_by_its_column(
    tmp_path: Path, place: int, separator: str, closed: int
) -> None:
    cells = [list(COLUMNS), *(list(row) for row in CELLS)]
    cells[0][place] = '"' + cells[0][place]
    if closed:
        cells[closed][4] += '"'
    with pytest.raises(InputError, match=rf"^d\.csv, line 1, column '{COLUMNS[place]}': a quotation mark") as told:
        read_columns(dialect(tmp_path, cells, separator, "utf-8", "\n"), WANTED)
    assert "\n" not in str(told.value)


def test_the_line_of_the_mark_is_told_beside_other_marks(tmp_path: Path) -> None:
    rows = {3: 'img/3.png,5" P3,53.5,"note 3,1', 5: 'img/5.png,"P5",55.5,"a ""b",1'}
    with pytest.raises(InputError, match=r"^t\.csv, line 5, column 'note': .* goes on after .* on line 7;"):
        read_columns(written(tmp_path, rows), WANTED)
    with pytest.raises(InputError, match=r"^t\.csv, line 5, column 'note': .* never closed"):
        read_columns(written(tmp_path, {3: rows[3]}), WANTED)


def test_a_closed_cell_that_is_too_long_is_not_called_open(tmp_path: Path) -> None:
    row = f'img/3.png,P3,53.5,"{"x" * 140_000}",1'
    with pytest.raises(InputError, match=r"line 5 has a cell of more than 131072 letters"):
        read_columns(written(tmp_path, {3: row}), WANTED)


def test_names_on_two_lines_beside_few_columns(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('path,"pid\n(text)",y\na.png,P1,1\nb.png,P2,2\n', encoding="utf-8")
    found = read_columns(tmp_path / "t.csv", [Wanted("path", "image"), Wanted("y", "label")])
    assert found.text["y"] == ["1", "2"]
    assert found.line == [3, 4]
