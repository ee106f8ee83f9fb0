import bz2
import csv
import gzip
import io
import lzma
from pathlib import Path

import pytest

from medgauge.core.errors import InputError
from medgauge.data.tables.text import read_text, records

ROWS = [["path", "Größe, mm", "patient"], ["a.png", "1", "Müller"], ["b c.png", "2", 'q "x"\nzwei']]


def written(separator: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\r\n").writerows(ROWS)
    return text.getvalue()


def read(path: Path) -> tuple[list[list[str]], list[int], list[str]]:
    text = read_text(path, ["path", "Größe, mm"])
    found = list(records(text, path.name))
    return [text.header, *(row for _, row in found)], [line for line, _ in found], text.notes


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings_and_separators(tmp_path: Path, separator: str, encoding: str) -> None:
    (tmp_path / "t.csv").write_bytes(written(separator).encode(encoding))
    assert read(tmp_path / "t.csv") == (ROWS, [2, 3], [])


@pytest.mark.parametrize(
    ("first", "separator"),
    [
        ("sep=;\r\n", ";"),
        ('"sep=,"\n', ","),
        ("SEP=\t\n", "\t"),
        ("sep=\\t\n", "\t"),
        ("sep=^\r", "^"),
        ("sep=;;;\n", ";"),
    ],
)
def test_a_line_above_the_header_tells_the_separator(tmp_path: Path, first: str, separator: str) -> None:
    for mark in ("utf-8-sig", "utf-16"):
        (tmp_path / "t.csv").write_bytes((first + written(separator)).encode(mark))
        assert read(tmp_path / "t.csv") == (ROWS, [3, 4], [])


def test_a_separator_that_is_told_is_the_only_one(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("sep=;\npath,age\na,1\n")
    assert read_text(tmp_path / "t.csv", ["path", "age"]).header == ["path,age"]


def test_windows_1252_is_read_and_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(written(";").encode("cp1252"))
    rows, _, notes = read(tmp_path / "t.csv")
    assert rows == ROWS
    assert notes == [
        "t.csv is not UTF-8 and was read as Windows-1252 ('Größe' on line 1); if letters are wrong, save it as CSV in UTF-8"
    ]


@pytest.mark.parametrize("encoding", ["cp1251", "gbk", "shift-jis"])
def test_other_alphabets_without_unicode_are_refused(tmp_path: Path, encoding: str) -> None:
    name = {"cp1251": "Иванов", "gbk": "病人编号", "shift-jis": "患者番号"}[encoding]
    (tmp_path / "t.csv").write_bytes(f"path,age\n{name},1\n".encode(encoding))
    with pytest.raises(InputError, match=r"t\.csv is not UTF-8 text \(line 2\); save the table as CSV in UTF-8\."):
        read_text(tmp_path / "t.csv", [])


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("sep=,\na,b\n\n , \n1\n")
    text = read_text(tmp_path / "t.csv", ["a"])
    with pytest.raises(InputError, match="line 5 has 1 fields and the header has 2"):
        list(records(text, "t.csv"))


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (["Müller".encode(), "Groß".encode(), "Jäger".encode("cp1252")], 4),
        (["Müller".encode(), "Groß".encode("cp1252"), "Jäger".encode("cp1252")], 3),
        (["Groß".encode("cp1252"), "Müller".encode(), "Jäger".encode()], 2),
        (["Łódź".encode(), "Jäger".encode("cp1252")], 3),
    ],
)
def test_a_file_of_two_encodings_is_refused_with_the_line(tmp_path: Path, names: list[bytes], line: int) -> None:
    (tmp_path / "t.csv").write_bytes(b"path,age\n" + b"".join(name + b",1\n" for name in names))
    with pytest.raises(
        InputError,
        match=rf"mixes encodings: it is UTF-8 text, but not in line {line} \(byte 0x..\);|is not UTF-8 text \(line {line}\)",
    ):
        read_text(tmp_path / "t.csv", [])


@pytest.mark.parametrize("name", ["Müller", "Jäger", "Groß", "Zoé B"])
def test_mac_roman_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "t.csv").write_bytes(f"path,age\nA,1\n{name},2\n".encode("mac-roman"))
    with pytest.raises(InputError, match=r"is not UTF-8"):
        read_text(tmp_path / "t.csv", [])


@pytest.mark.parametrize("name", ["Müller", "Šárka", "Žižka", "Cœur", "D’Arc", "Müller–Schmidt", "5 €", "§ 3", "«Maß»"])
def test_windows_1252_stays(tmp_path: Path, name: str) -> None:
    (tmp_path / "t.csv").write_bytes(f"path,age\nJägerö,1\n{name},2\n".encode("cp1252"))
    text = read_text(tmp_path / "t.csv", [])
    assert name in text.body
    assert len(text.notes) == 1


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (gzip.compress(b"path,hc\na.png,1\n"), r"is a compressed file \(gzip\), not a CSV; unpack it"),
        (bz2.compress(b"path,hc\na.png,1\n"), r"is a compressed file \(bzip2\)"),
        (lzma.compress(b"path,hc\na.png,1\n"), r"is a compressed file \(xz\)"),
        (b"%PDF-1.7\n", "is a PDF, not a CSV"),
        (b"\x89HDF\r\n", "is an HDF5 file, not a CSV"),
        (b"<!DOCTYPE html>\n<table>", "is an HTML or XML page, not a CSV"),
        (b'\xef\xbb\xbf[{"path": "a.png"}]', "is JSON, not a CSV"),
    ],
    ids=["gzip", "bzip2", "xz", "pdf", "hdf5", "html", "json"],
)
def test_another_kind_of_file_is_named(tmp_path: Path, raw: bytes, words: str) -> None:
    (tmp_path / "t.csv").write_bytes(raw)
    with pytest.raises(InputError, match=f"t.csv {words}"):
        read_text(tmp_path / "t.csv", ["path"])
