import csv
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medgauge.core.errors import InputError
from medgauge.core.problem import Problem
from medgauge.data.images.image import ImageSource
from medgauge.data.tables.files import missing_files
from medgauge.data.tables.numbers import parse_numbers
from medgauge.data.tables.sources import image_source
from medgauge.data.tables.table import Table, read_table

HEADER = ["path", "hc_mm", "patient_id", "pixel_size_mm"]
ROWS = [["a.png", "12.5", "001", "0.1"], ["b.png", "", "001", "0.2"], ["c.png", "NA", "2", "0.3"]]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a CSV table, with the separator, line end and encoding asked for."""

    def write(
        rows: Sequence[Sequence[str]] = ROWS,
        header: Sequence[str] = HEADER,
        *,
        name: str = "cases.csv",
        separator: str = ",",
        end: str = "\n",
        encoding: str = "utf-8",
    ) -> Path:
        text = io.StringIO()
        csv.writer(text, delimiter=separator, lineterminator=end).writerows([header, *rows])
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.getvalue().encode(encoding))
        return path

    return write


def read(path: Path | str, **settings: Any) -> tuple[Table, list[Problem]]:
    usual: dict[str, Any] = {"image": "path", "label": ["hc_mm"], "group": "patient_id"}
    return read_table(path, **{**usual, **settings})


def clean(path: Path | str, **settings: Any) -> Table:
    table, problems = read(path, **settings)
    assert problems == []
    return table


def refused(path: Path | str, **settings: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(path, **settings)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


# what is read


def test_reads_text_as_text_and_numbers_as_float64(write: Callable[..., Path]) -> None:
    path = write()
    table = clean(path, covariates=["pixel_size_mm"])
    assert len(table) == 3
    assert table.group == ["001", "001", "2"]
    assert table.id == ["a.png", "b.png", "c.png"]
    assert table.image[0] == ImageSource(path.parent / "a.png", None, None)
    assert table.label.dtype == table.covariates.dtype == np.float64
    np.testing.assert_array_equal(table.label, [[12.5], [np.nan], [np.nan]])
    np.testing.assert_array_equal(table.covariates, [[0.1], [0.2], [0.3]])
    assert (table.target, table.covariate) == (["hc_mm"], ["pixel_size_mm"])
    assert (table.line, table.split, table.extra) == ([2, 3, 4], None, {})
    assert table.path == path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_every_usual_way_to_write_a_csv_gives_the_same_table(
    write: Callable[..., Path], separator: str, end: str, encoding: str
) -> None:
    usual = clean(write(name="usual.csv"), covariates=["pixel_size_mm"])
    other = clean(write(separator=separator, end=end, encoding=encoding), covariates=["pixel_size_mm"])
    assert other.digest == usual.digest
    assert other.line == usual.line
    np.testing.assert_array_equal(other.label, usual.label)


def test_separator_is_the_one_that_shows_the_columns(write: Callable[..., Path]) -> None:
    header = ["path", "hc, left, right, top, bottom", "patient_id"]
    path = write([["a.png", "1", "7"]], header, separator=";")
    path.write_text(path.read_text().replace('"', ""))
    assert clean(path, label=[header[1]]).label[0, 0] == 1


def test_unicode_spaces_quotes_and_odd_ids_stay_as_they_are(write: Callable[..., Path]) -> None:
    rows = [["Bilder/Schädel 1.png", "1", " Å 7", "<script>"], ['a "b", c.png', "2", "007", "日本 語"]]
    table = clean(write(rows, ["path", "hc_mm", "patient_id", "name"]), id="name")
    assert table.id == ["<script>", "日本 語"]
    assert table.group == ["Å 7", "007"]
    assert table.image[0].path.name == "Schädel 1.png"
    assert table.image[1].path.name == 'a "b", c.png'


def test_lines_are_counted_as_a_person_counts(write: Callable[..., Path]) -> None:
    path = write()
    path.write_text('path,hc_mm,patient_id,note\na.png,1,1,"two\nlines"\n\n,,,\nb.png,x,2,\n\n')
    table, problems = read(path)
    assert table.line == [2, 6]
    assert [str(problem) for problem in problems] == [
        "case b.png: label hc_mm on line 6 is not a number: 'x' (write a number; a label that is not known is an empty cell)"
    ]


def test_several_labels_split_extra_and_other_column_order(write: Callable[..., Path]) -> None:
    header = ["note", "age", "split", "patient_id", "hc_mm", "path"]
    table = clean(
        write([["x", "1", "train", "p", "2", "a.png"], ["y", "-1", "val", "q", "-1.0", "b.png"]], header),
        label=["hc_mm", "age"],
        split="split",
        extra=["note"],
        missing=-1,
    )
    np.testing.assert_array_equal(table.label, [[2, 1], [np.nan, np.nan]])
    assert table.split == ["train", "val"]
    assert table.extra == {"note": ["x", "y"]}


def test_missing_code_is_for_labels_only(write: Callable[..., Path]) -> None:
    table = clean(write([["a.png", "-1", "p", "-1"]]), covariates=["pixel_size_mm"], missing=-1)
    assert np.isnan(table.label[0, 0])
    assert table.covariates[0, 0] == -1


def test_without_group_each_case_is_its_own(write: Callable[..., Path]) -> None:
    table = clean(write(), group=None)
    assert table.group == table.id
    assert table.group is not table.id


def test_without_labels_for_prediction(write: Callable[..., Path]) -> None:
    path = write([["a.png", "p"]], ["path", "patient_id"])
    assert clean(path, label=(), need_label=False).label.shape == (1, 0)
    absent = clean(path, label=["hc_mm", "age"], need_label=False)
    np.testing.assert_array_equal(absent.label, [[np.nan, np.nan]])


def test_take_keeps_rows_together(write: Callable[..., Path]) -> None:
    table = clean(write(), covariates=["pixel_size_mm"], extra=["patient_id"], split="patient_id")
    taken = table.take(np.array([2, 0]))
    assert taken.id == ["c.png", "a.png"]
    assert taken.extra == {"patient_id": ["2", "001"]}
    assert taken.split == taken.group == ["2", "001"]
    assert taken.line == [4, 2]
    assert [source.path.name for source in taken.image] == ["c.png", "a.png"]
    np.testing.assert_array_equal(taken.label, [[np.nan], [12.5]])
    np.testing.assert_array_equal(taken.covariates, [[0.3], [0.1]])
    assert (len(taken), taken.digest) == (2, table.digest)


def test_digest_tells_a_changed_table_and_nothing_else(write: Callable[..., Path]) -> None:
    usual = clean(write()).digest
    assert len(usual) == 64
    assert clean(write(name="other/place.csv")).digest == usual
    assert clean(write([[*row[:3], "9"] for row in ROWS])).digest == usual  # a column that is not in use
    assert clean(write([ROWS[1], ROWS[0], ROWS[2]])).digest != usual
    for row, column, cell in [(0, 0, "d.png"), (0, 1, "12.6"), (1, 1, "12.5"), (2, 2, "001")]:
        changed = [list(cells) for cells in ROWS]
        changed[row][column] = cell
        assert clean(write(changed)).digest != usual


# Parquet


def test_parquet_gives_what_csv_gives(write: Callable[..., Path], tmp_path: Path) -> None:
    columns = {
        "path": ["a.png", "b.png", "c.png"],
        "hc_mm": pa.array([12.5, None, float("nan")], pa.float64()),
        "patient_id": pa.array(["001", "001", "2"]).dictionary_encode(),
        "pixel_size_mm": [0.1, 0.2, 0.3],
    }
    pq.write_table(pa.table(columns), tmp_path / "cases.parquet")
    table = clean(tmp_path / "cases.parquet", covariates=["pixel_size_mm"])
    assert table.digest == clean(write(), covariates=["pixel_size_mm"]).digest
    assert table.line == [1, 2, 3]


def test_parquet_integers_become_text_without_a_point(tmp_path: Path) -> None:
    columns = {
        "path": ["a", "b"],
        "hc_mm": pa.array([1, 0], pa.int8()),
        "patient_id": pa.array([12, 2**53 + 1], pa.int64()),
        "visit": pa.array([3.0, None], pa.float64()),  # as pandas writes whole numbers with a gap
        "male": [True, False],
    }
    pq.write_table(pa.table(columns), tmp_path / "cases.pq")
    table = clean(tmp_path / "cases.pq", label=["hc_mm", "male"], extra=["visit"])
    assert table.group == ["12", "9007199254740993"]
    assert table.extra["visit"] == ["3", ""]
    np.testing.assert_array_equal(table.label, [[1, 1], [0, 0]])


def test_parquet_problems_name_the_row(tmp_path: Path) -> None:
    columns = {"path": ["a", "b"], "hc_mm": [1.0, float("inf")], "patient_id": ["p", None]}
    pq.write_table(pa.table(columns), tmp_path / "cases.parquet")
    _, problems = read(tmp_path / "cases.parquet")
    assert [str(problem) for problem in problems] == [
        "case b: has no group on row 2",
        "case b: label hc_mm on row 2 is infinite: inf",
    ]


# where the pictures are


def test_paths_are_relative_to_the_table(write: Callable[..., Path], tmp_path: Path) -> None:
    names = ["images/a b/é.png", "../up.png", str(tmp_path / "far" / "absolute.png")]
    path = write([[name, str(i), str(i)] for i, name in enumerate(names)], HEADER[:3], name="tables/cases.csv")
    for name in names:
        file = path.parent / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    table = clean(path)
    assert missing_files(table) == []
    assert [source.path.resolve() for source in table.image] == [
        tmp_path / "tables/images/a b/é.png",
        tmp_path / "up.png",
        tmp_path / "far/absolute.png",
    ]


def test_a_relative_table_path_gives_absolute_pictures(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write()
    monkeypatch.chdir(path.parent)
    assert clean("cases.csv").image[0].path == path.parent / "a.png"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("volumes.npz#images[12]", ("volumes.npz", "images", 12)),
        ("deep er/Ä.NPZ#my key[0]", ("deep er/Ä.NPZ", "my key", 0)),
        ("one.npz#image", ("one.npz", "image", None)),
        ("stack.npy[3]", ("stack.npy", None, 3)),
        ("one.npy", ("one.npy", None, None)),
        ("scan#2[1].png", ("scan#2[1].png", None, None)),
        ("volumes.npz#images[-1]", ("volumes.npz#images[-1]", None, None)),
    ],
)
def test_references_into_array_files(text: str, expected: tuple[str, str | None, int | None]) -> None:
    file, key, index = expected
    assert image_source(text, Path("folder")) == ImageSource(Path("folder") / file, key, index)


def test_array_with_an_index_column_equals_references(write: Callable[..., Path]) -> None:
    by_index = write([["2", "1", "p"], [" 0 ", "2", "q"]], ["index", "hc_mm", "patient_id"], name="index.csv")
    by_text = write([["v.npz#images[2]", "1", "p"], ["v.npz#images[0]", "2", "q"]], HEADER[:3])
    one = clean(by_index, image=None, array="v.npz#images", index="index")
    other = clean(by_text)
    assert one.image == other.image
    assert one.image[0] == ImageSource(by_text.parent / "v.npz", "images", 2)
    assert one.id == other.id
    assert one.digest == other.digest
    plain = clean(by_index, image=None, array="v.npy", index="index")
    assert plain.image[0] == ImageSource(by_text.parent / "v.npy", None, 2)


def test_array_index_that_is_no_row_number(write: Callable[..., Path]) -> None:
    path = write([["x", "1", "p"], ["-1", "2", "q"], ["1.5", "2", "q"], ["3", "3", "r"]], ["index", *HEADER[1:3]])
    (path.parent / "v.npy").write_bytes(b"x")
    table, problems = read(path, image=None, array="v.npy", index="index")
    assert [(problem.kind, problem.row) for problem in problems] == [("file", 0), ("file", 1), ("file", 2)]
    assert str(problems[0]) == "case v.npy[x]: its array index on line 2 is no row number: 'x'"
    assert missing_files(table) == []


def test_missing_files_names_each_file_that_cannot_be_read(write: Callable[..., Path]) -> None:
    names = ["here.png", "gone.png", "folder", "empty.png", "back\\slash.png", " space.png", "", "v.npz#a[1]"]
    path = write([[name, str(i), str(i)] for i, name in enumerate(names)], HEADER[:3])
    folder = path.parent
    (folder / "here.png").write_bytes(b"x")
    (folder / "empty.png").touch()
    (folder / "folder").mkdir()
    table, problems = read(path)
    assert [str(problem) for problem in problems] == ["a case without id: names no image on line 8"]
    found = missing_files(table)
    assert [(problem.row, problem.where, problem.kind) for problem in found] == [
        (row, table.id[row], "file") for row in (1, 3, 4, 5, 7)
    ]
    what = [problem.what for problem in found]
    assert what[0] == f"its image {folder / 'gone.png'} is missing"
    assert what[1].endswith("is an empty file")
    assert what[2].endswith("is missing (write / in place of \\)")
    assert what[3] == f"its image {folder / 'space.png'} is missing"
    assert what[4] == f"its image {folder / 'v.npz'} is missing"


def test_one_missing_file_with_all_images_is_told_once(write: Callable[..., Path]) -> None:
    path = write([[f"gone.npz#images[{i}]", str(i), str(i)] for i in range(3)], HEADER[:3])
    (problem,) = missing_files(read(path)[0])
    assert str(problem).startswith(f"all 3 cases: the one file with all images {path.parent / 'gone.npz'} is missing")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_missing_files_names_a_file_without_permission(write: Callable[..., Path]) -> None:
    path = write([["a.png", "1", "p"]], HEADER[:3])
    (path.parent / "a.png").write_bytes(b"x")
    (path.parent / "a.png").chmod(0)
    assert "may not be read" in missing_files(clean(path))[0].what


# cells that are wrong


def test_every_wrong_cell_is_named_with_line_and_case(write: Callable[..., Path]) -> None:
    rows = [
        ["1", "a.png", "tall", "p", "0.1"],
        ["2", "b.png", "inf", "p", ""],
        ["2", "c.png", "1e999", "", "x"],
        ["", "d.png", "1_000", "q", "nan"],
        ["5", "", "7", "q", "-Infinity"],
    ]
    table, problems = read(write(rows, ["case", *HEADER]), id="case", covariates=["pixel_size_mm"])
    assert np.isnan(table.label[:4]).all()
    assert [str(problem) for problem in problems] == [
        "case 2: has no group on line 4",
        "case 2: has its id twice: on line 3 and 4",
        "a case without id: has no id on line 5",
        "case 5: names no image on line 6",
        "case 1: label hc_mm on line 2 is not a number: 'tall' (write a number; a label that is not known is an empty cell)",
        "case 2: label hc_mm on line 3 is infinite: inf",
        "case 2: label hc_mm on line 4 is infinite: 1e999",
        "a case without id: label hc_mm on line 5 is not a number: '1_000'",
        "case 2: covariate pixel_size_mm on line 3 is missing",
        "case 2: covariate pixel_size_mm on line 4 is not a number: 'x' (write a number; a label that is not known is an empty cell)",
        "a case without id: covariate pixel_size_mm on line 5 is missing (written 'nan')",
        "case 5: covariate pixel_size_mm on line 6 is infinite: -Infinity",
    ]
    kinds = ["group", "table", "table", "file", *["label"] * 4, *["table"] * 4]
    assert [problem.kind for problem in problems] == kinds
    assert [problem.row for problem in problems] == [2, 2, 3, 4, 0, 1, 2, 3, 1, 2, 3, 4]


def test_one_picture_twice_without_an_id_column_is_an_id_twice(write: Callable[..., Path]) -> None:
    _, problems = read(write([["a.png", "1", "p"], ["a.png", "2", "p"]], HEADER[:3]))
    assert [str(problem) for problem in problems] == ["case a.png: has its id twice: on line 2 and 3"]


def test_decimal_comma_in_a_semicolon_table(write: Callable[..., Path]) -> None:
    rows = [["a.png", "12,5", "p", "0,123"], ["b.png", "-1,25e2", "q", "3"], ["c.png", "7", "r", "1,000"]]
    table = clean(write(rows, separator=";"), covariates=["pixel_size_mm"])
    np.testing.assert_array_equal(table.label, [[12.5], [-125], [7]])
    np.testing.assert_array_equal(table.covariates, [[0.123], [3], [1]])


def test_numbers_are_read_to_the_last_bit() -> None:
    exact = np.random.default_rng(0).normal(size=1000) * 10.0 ** np.arange(-500, 500).clip(-300, 300)
    for gap in ([], [""]):  # the quick way and the slow one
        values, wrong, *_ = parse_numbers([*map(repr, exact.tolist()), *gap], decimal_comma=False)
        assert wrong == []
        np.testing.assert_array_equal(values[:1000], exact)


def test_long_cells_are_cut_in_messages() -> None:
    assert len(parse_numbers(["x" * 500], decimal_comma=False).wrong[0][1]) < 130


# tables that are refused


def test_a_missing_table_a_folder_and_a_spreadsheet(tmp_path: Path) -> None:
    assert "does not exist; check its path" in refused(tmp_path / "no.csv")
    assert "is a folder; give a table" in refused(tmp_path)
    (tmp_path / "cases.xlsx").write_bytes(b"PK")
    assert "cases.xlsx is a spreadsheet; save it as CSV (UTF-8) or Parquet" in refused(tmp_path / "cases.xlsx")


@pytest.mark.parametrize(
    "content", [b"", b"\xef\xbb\xbf", b"\n\n", b"path,hc_mm,patient_id\n", b"path,hc_mm,patient_id\n,,\n"]
)
def test_an_empty_table(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cases.csv").write_bytes(content)
    assert "the table cases.csv is empty" in refused(tmp_path / "cases.csv")


def test_an_empty_parquet_table(tmp_path: Path) -> None:
    columns = {name: pa.array([], pa.string()) for name in HEADER}
    pq.write_table(pa.table(columns), tmp_path / "cases.parquet")
    assert "the table cases.parquet is empty" in refused(tmp_path / "cases.parquet")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is not UTF-8 text (line 1)"),
        (b"path,hc_mm,patient_id\na,1,M\x81ller\n", "is not UTF-8 text (line 2); save the table as CSV in UTF-8"),
        ("path,hc_mm,patient_id\na,1,ü日本語\n".encode("gbk"), "is not UTF-8 text (line 2)"),
        ("path,hc_mm,patient_id\na,1,p\n".encode("utf-16")[:-1], "is not whole UTF-16 text; save the table as CSV"),
        (b"path,hc_mm,patient_id\na,1,\x00\n", "is not a table: it holds zero bytes"),
        (b"path,hc_mm,patient_id\na,1,\x1b\n", "is not a table: it holds zero bytes or control characters"),
        (b"PK\x03\x04 etc", "is a spreadsheet or a zip file, not a CSV; save it as CSV (UTF-8)"),
        (b"PAR1 etc", "is a Parquet file, not a CSV"),
        (b"ARROW1\0\0 etc", "is an Arrow (Feather) file, not a CSV; save it as CSV"),
        (b'{"path": "a", "hc_mm": 1}\n{"path": "b", "hc', "is JSON, not a CSV; save it as CSV (UTF-8)"),
        (b"path,hc_mm,patient_id\na,1,p\nb,2\n", "is not a table: line 3 has 2 fields and the header has 3"),
        (
            b'path,hc_mm,patient_id\na,1,p\n"b,2,q\nc,3,r\n',
            "line 3, column 'path': a quotation mark (\") is opened and never closed",
        ),
    ],
)
def test_what_is_not_a_table(tmp_path: Path, content: bytes, part: str) -> None:
    (tmp_path / "cases.csv").write_bytes(content)
    sentence = refused(tmp_path / "cases.csv")
    assert sentence.startswith(("cases.csv ", "cases.csv, "))
    assert part in sentence


def test_a_parquet_file_that_is_none(tmp_path: Path) -> None:
    for content in (b"", b"path,hc_mm\n", b"PAR1" + b"\0" * 100 + b"PAR1"):
        (tmp_path / "cases.parquet").write_bytes(content)
        assert "cases.parquet is not a Parquet table that can be read" in refused(tmp_path / "cases.parquet")


def test_columns_that_are_there_twice(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write([["a.png", "1", "p", "2"]], ["path", "hc_mm", "patient_id", "hc_mm"])
    assert "cases.csv has more than one column 'hc_mm'; rename or remove all but one" in refused(path)
    table = pa.Table.from_arrays([pa.array(["a"])] * 2, names=["path", "path"])
    pq.write_table(table, tmp_path / "cases.parquet")
    assert "more than one column 'path'" in refused(tmp_path / "cases.parquet")


def test_columns_without_a_name_do_no_harm(write: Callable[..., Path]) -> None:
    assert len(clean(write([["a.png", "1", "p", "", ""]], [*HEADER[:3], "", ""]))) == 1


def test_all_unknown_columns_are_named_with_the_nearest(write: Callable[..., Path]) -> None:
    sentence = refused(write(), label=["HC_MM", "hc_mm", "weight"], group="patientid", split="split")
    assert sentence == (
        "cases.csv has no column 'HC_MM' for the label (did you mean 'hc_mm'?) and no column 'weight' for the label "
        "and no column 'patientid' for the group (did you mean 'patient_id'?) and no column 'split' for the split; "
        "its columns are 'path', 'hc_mm', 'patient_id', 'pixel_size_mm'."
    )


def test_an_unknown_column_in_parquet_and_bundled_data(tmp_path: Path) -> None:
    pq.write_table(pa.table({"path": ["a"], "hc_mm": [1.0]}), tmp_path / "cases.parquet")
    assert "no column 'patient_id' for the group" in refused(tmp_path / "cases.parquet")
    assert "bundled:hc18 has no column 'hc' for the label (did you mean" in refused(
        "bundled:hc18", image=None, label=["hc"]
    )


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"image": None}, "give either an image column or an array file"),
        ({"array": "v.npy", "index": "hc_mm"}, "give either an image column or an array file"),
        ({"image": None, "array": "v.npy"}, "go together; give both or neither"),
        ({"index": "hc_mm"}, "go together; give both or neither"),
        ({"image": None, "array": "v.npz", "index": "hc_mm"}, "the array 'v.npz' must be volumes.npz#name"),
        ({"label": []}, "no label column is given; name at least one"),
        ({"label": ["hc_mm", "hc_mm"]}, "the label column 'hc_mm' is given twice"),
        ({"covariates": ["pixel_size_mm"] * 2}, "the covariate column 'pixel_size_mm' is given twice"),
        ({"covariates": ["hc_mm"]}, "'hc_mm' is given as label and as covariate, which gives the answer away"),
        ({"label": ["space"]}, "a label may not be called 'space'"),
    ],
)
def test_settings_that_contradict_one_another(write: Callable[..., Path], settings: dict[str, Any], part: str) -> None:
    assert part in refused(write(), **settings)


def test_the_table_is_not_changed(write: Callable[..., Path]) -> None:
    path = write()
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    read(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert os.listdir(path.parent) == ["cases.csv"]


# the real tables


def test_real_tables_are_read_without_a_problem(shared: Path) -> None:
    data = shared / "data"
    table = clean(data / "hc18/labels.csv", covariates=["pixel_size_mm"], split="split")
    assert (len(table), len(set(table.group)), missing_files(table)) == (797, 644, [])
    assert table.group[0] == "001"
    findings = ["Atelectasis", "Effusion", "Hernia"]
    table = clean(data / "nih_cxr1000/labels.csv", label=findings)
    assert table.label.sum(axis=0).tolist() == [76, 132, 8]
    table = clean(data / "hannover_cxr/labels.csv", label=["crp_mg_l", "ldh_high"], missing=-1)
    assert np.isnan(table.label[:, 1]).sum() > 0
    assert set(table.label[~np.isnan(table.label[:, 1]), 1]) == {0, 1}


def test_real_volumes_in_one_array_file(shared: Path) -> None:
    path = shared / "data/lidc_nodules/labels.csv"
    table = clean(path, image=None, array="volumes.npz#images", index="index", label=["malignancy_mean"])
    assert (~np.isnan(table.label)).sum() == 771
    assert table.image[787] == ImageSource(path.parent / "volumes.npz", "images", 787)
    assert missing_files(table) == []


def test_groups_that_a_spreadsheet_has_rounded_are_noted(tmp_path: Path) -> None:
    rows = [f"{k}.png,{k},12345678901234{k}000" for k in range(1, 4)]
    (tmp_path / "t.csv").write_text("\n".join(["path,hc_mm,patient_id", *rows]) + "\n", encoding="utf-8")
    (note,) = clean(tmp_path / "t.csv").notes
    assert note.startswith(
        "the numbers of more than 15 figures in patient_id all end in 0 from the 16th on (3, the first"
    )


@pytest.mark.skipif(os.name == "nt", reason="such paths are of this machine")
def test_missing_files_of_many_rows_are_one_sentence_with_the_way_on(write: Callable[..., Path]) -> None:
    for start, hint in (
        (
            "C:\\data\\",
            "(a path of another machine: copy the images to this one, and write paths relative to the table)",
        ),
        ("C:/data/", "(a path of another machine: copy the images to this one, and write paths relative to the table)"),
        ("file:///data/", "(write the path of a file alone, without file://)"),
        ("images\\", "(write / in place of \\)"),
        ("", "(there is A0.png beside it: write the name in capitals and small letters as the file's)"),
    ):
        path = write([[f"{start}a{row}.png", str(row), str(row)] for row in range(5)], HEADER[:3])
        (path.parent / "A0.png").write_bytes(b"x")
        found = missing_files(read(path)[0])
        assert len(found) == 5
        (told,) = {problem.together for problem in found}
        assert told.startswith(f"5 of 5 images are missing (cases {start}a0.png, ")
        assert told.endswith(f"and paths are relative to the table; the first: {found[0].what}")
        assert found[0].what.endswith(hint)
