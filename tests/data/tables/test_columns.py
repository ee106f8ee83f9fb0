import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medgauge.core.errors import InputError
from medgauge.data.tables.columns import Wanted, find_columns, read_columns


def test_names_are_found_without_blanks_at_their_ends() -> None:
    names = ["\ufeffpath", " mm ", "Gro\u0308ße", "HC, mm", ""]
    wanted = [Wanted(name, "label") for name in ("mm", "path", "Größe ", "HC, mm")]
    assert find_columns(names, wanted, "t.csv") == (
        {"mm": 1, "path": 0, "Größe ": 2, "HC, mm": 3},
        ["blanks at the ends of column names are left out: ' mm ', '\ufeffpath', 'Gro\u0308ße'"],
    )
    assert find_columns(["a", "b"], [Wanted("b", "label"), Wanted("c", "id", needed=False)], "t.csv") == ({"b": 1}, [])


def test_names_that_are_one_without_blanks_are_there_twice() -> None:
    with pytest.raises(InputError, match=r"t\.csv has more than one column 'mm'; rename or remove all but one\."):
        find_columns(["mm", "mm "], [Wanted("mm", "label")], "t.csv")


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pa.array([17.0, None, float("nan"), 0.5], pa.float64()), ["17", "", "nan", "0.5"]),
        (pa.array([1e16, 3.0], pa.float64()), ["1e+16", "3"]),
        (pa.array([12345678901234567], pa.int64()), ["12345678901234567"]),
        (pa.array([Decimal("17.00"), Decimal("1200"), Decimal("0.50"), None], pa.decimal128(8, 2)), ["17", "1200", "0.5", ""]),
        (pa.array([Decimal("123456789012345678901234567891"), Decimal("100")], pa.decimal128(30, 0)),
         ["123456789012345678901234567891", "100"]),
        (pa.array([True, False, None]), ["1", "0", ""]),
        (pa.array(["a", None, "b"]).dictionary_encode(), ["a", "", "b"]),
        (pa.array([datetime.date(2020, 1, 2), None]), ["2020-01-02", ""]),
        (pa.array([datetime.datetime(2020, 1, 2), None], pa.timestamp("ns")), ["2020-01-02 00:00:00", ""]),
        (pa.array(["Å 1".encode(), None], pa.binary()), ["Å 1", ""]),
    ],
)  # fmt: skip
def test_every_kind_of_parquet_column_as_text(tmp_path: Path, column: pa.Array, texts: list[str]) -> None:
    pq.write_table(pa.table({" x ": column}), tmp_path / "t.parquet")
    assert read_columns(tmp_path / "t.parquet", [Wanted("x", "label")]).text == {"x": texts}


@pytest.mark.parametrize(
    ("column", "first"),
    [
        (pa.array([1.0, 16777216.0, 16777217.0], pa.float32()), 16777216),  # both are 16777216 in it
        (pa.array([None, 9007199254740993.0], pa.float64()), 9007199254740992),
        (pa.array(np.array([3.0, 2049.0], dtype=np.float16)), 2048),
    ],
)
@pytest.mark.parametrize("role", ["group", "case id", "subgroups"])
def test_names_that_a_type_of_float_has_cut_are_refused(
    tmp_path: Path, column: pa.Array, first: int, role: str
) -> None:
    pq.write_table(pa.table({"x": column}), tmp_path / "t.parquet")
    words = rf"column 'x' of t\.parquet, the {role}, is of type \w+ and holds {first}: numbers from \d+ on lose their last digits"
    with pytest.raises(InputError, match=words):
        read_columns(tmp_path / "t.parquet", [Wanted("x", role)])
    assert len(read_columns(tmp_path / "t.parquet", [Wanted("x", "label")]).text["x"]) == len(column)


def test_names_that_a_float_tells_apart_are_read(tmp_path: Path) -> None:
    column = pa.array([16777215.0, 3.0, None], pa.float32())
    pq.write_table(pa.table({"x": column}), tmp_path / "t.parquet")
    assert read_columns(tmp_path / "t.parquet", [Wanted("x", "group")]).text == {"x": ["16777215", "3", ""]}


def test_true_and_false_are_said_to_be_numbers(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [True, False], "y": [1, 0]}), tmp_path / "t.parquet")
    found = read_columns(tmp_path / "t.parquet", [Wanted("x", "label"), Wanted("y", "covariate")])
    assert found.notes == ["column 'x' of t.parquet holds true and false, which are read as 1 and 0"]


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": pa.array([b"\xff1", b"\xfe1"])}), tmp_path / "t.parquet")  # two names, not one
    with pytest.raises(InputError, match=r"column 'x' of t\.parquet holds bytes that are no UTF-8 text"):
        read_columns(tmp_path / "t.parquet", [Wanted("x", "group")])


def test_a_line_break_in_the_name_of_a_column_is_a_blank(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text('path,"age\n(years)", mm\na.png,20,1\nb.png,30,2\n')
    found = read_columns(file, [Wanted("age (years)", "label"), Wanted("mm", "label")])
    assert found.text == {"age (years)": ["20", "30"], "mm": ["1", "2"]}
    assert found.line == [3, 4]
    assert found.notes == [
        "blanks at the ends of column names are left out: ' mm'",
        "line breaks in column names are read as blanks: 'age (years)'",
    ]
    file.write_text('path,"age\na.png,20\nb.png",30\nc.png,40\n')  # a mark that swallows rows
    with pytest.raises(InputError, match="line 1"):
        read_columns(file, [Wanted("age a.png,20 b.png", "label", needed=False)])


def test_texts_that_a_spreadsheet_writes_as_formulas_are_texts(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text('patient,age,note\n="007","=""20""",="a"\n="010",30,b\n11,40,=B1+B2\n')
    found = read_columns(file, [Wanted("patient", "group"), Wanted("age", "label")])
    assert found.text == {"patient": ["007", "010", "11"], "age": ["20", "30", "40"]}
    assert found.notes == [
        '2 cells of patient are written as a formula and read as its text (="007" is 007)',
        '1 cell of age is written as a formula and read as its text (="20" is 20)',
    ]
    assert read_columns(file, [Wanted("note", "group")]).text == {"note": ["a", "b", "=B1+B2"]}


@pytest.mark.parametrize("mark", ['"', ""])
@pytest.mark.parametrize("number", ["1 ", ""])
def test_blanks_between_cells_are_refused_in_one_sentence(tmp_path: Path, mark: str, number: str) -> None:
    rows = [["path", "age", "patient"], ["a.png", "20", "p1"]]
    first, second = (" ".join(f"{mark}{cell}{mark}" for cell in row) for row in rows)
    (tmp_path / "t.csv").write_text(f"{first}\n{number}{second}\n")
    with pytest.raises(
        InputError, match=r"t\.csv has blanks between its cells, as R's write\.table .* row\.names = FALSE\)\.$"
    ):
        read_columns(tmp_path / "t.csv", [Wanted("path", "image"), Wanted("age", "label")])


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_rows_with_a_name_that_the_header_lacks_are_refused(tmp_path: Path, separator: str) -> None:
    rows = [["path", "age"], ["1", "a.png", "20"], ["2", "b.png", "30"]]
    file = tmp_path / "t.csv"
    file.write_text("\n".join(map(separator.join, rows)))
    what = "line 2 has 3 fields and the header has 2"
    with pytest.raises(
        InputError, match=f"{what}, as in every line: name the first column, or write the table without row names"
    ):
        read_columns(file, [Wanted("age", "label")])
    file.write_text("\n".join(map(separator.join, [*rows, ["c.png", "40"]])))
    with pytest.raises(InputError, match=rf"{what}\.$"):
        read_columns(file, [Wanted("age", "label")])


def test_lines_above_the_header_and_a_header_that_comes_again_are_refused(tmp_path: Path) -> None:
    wanted = [Wanted("path", "image"), Wanted("age", "label")]
    rows = "path,age\na.png,20\nb.png,30\n"
    for above, line in (("# exported from PACS\n", 2), ("HC study,\n,\n", 3)):
        (tmp_path / "t.csv").write_text(above + rows)
        with pytest.raises(
            InputError, match=rf"line 1 of t\.csv does not look like the header, and line {line} does: remove"
        ):
            read_columns(tmp_path / "t.csv", wanted)
    (tmp_path / "t.csv").write_text(rows + rows)
    with pytest.raises(InputError, match=r"line 4 of t\.csv is the header again: tables stand one below the other"):
        read_columns(tmp_path / "t.csv", wanted)
    (tmp_path / "t.csv").write_text("image,age\na.png,20\n")
    with pytest.raises(InputError, match="has no column 'path'"):
        read_columns(tmp_path / "t.csv", wanted)


@pytest.mark.parametrize(
    ("last", "end", "said"),
    [
        ("20.1", "", True),
        ("20.", "", True),
        ("2", "", True),
        ("", "", True),
        ("20.1", "\n", False),
        ("20.12", "", False),
    ],
)
def test_a_last_number_that_may_be_cut_is_told(tmp_path: Path, last: str, end: str, said: bool) -> None:
    rows = "".join(f"{row}.png,{20 + row}.{row + 12}\n" for row in range(12))
    (tmp_path / "t.csv").write_text(f"path,age\n{rows}z.png,{last}{end}")
    notes = read_columns(tmp_path / "t.csv", [Wanted("path", "image")]).notes
    assert (
        notes
        == [
            f"t.csv ends without a line break, and its last cell ({last!r}) has fewer decimals than all others of its column: if the file "
            "is cut, copy it anew"
        ]
        * said
    )
