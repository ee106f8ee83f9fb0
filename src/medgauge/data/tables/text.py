"""The text of a table file: its encoding, its separator, its records."""

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from medgauge.core.errors import InputError
from medgauge.core.faults import os_words
from medgauge.data.tables.missing import tidy
from medgauge.data.tables.quotes import QUOTE, RunOn

LINES_ABOVE = 20
"""Lines below the first one in which the header is looked for where the first one is none."""
SEPARATORS = (",", ";", "\t", "|")
MARKS = {b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
OTHERS = {
    b"PK\x03\x04": "a spreadsheet or a zip file",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow (Feather) file",
    b"FEA1": "a Feather file",
    b"%PDF-": "a PDF",
    b"SQLite format 3": "a SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
}
PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"7z\xbc\xaf\x27\x1c": "7z",
}
MARKED_UP = re.compile(r"\s*(?:(<!doctype|<html|<table|<\?xml)|(\{\s*\"|\[\s*[\[{]))", re.IGNORECASE)
LEAST_WHOLE = 10
"""Rows of a table that tell how its last cell is written, at the least."""
_DECIMAL = re.compile(r"[+-]?\d*\.\d+")
_SEPARATOR_LINE = re.compile(r'"?sep=(\\t|[^"\r\n])"?[,;\t|]*(?:\r\n|\r|\n|$)', re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")
_UNICODE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_LATIN_IN_UNICODE = re.compile(
    rb"[\xc2\xc3][\x80-\xbf]"
)  # letters of Western Europe; in Windows-1252 no such pair is a word
_ABOVE_ASCII = re.compile(rb"[\x80-\xff]+")
_MAC_WORD = re.compile(
    r"\w*[A-Za-z][\u0160\u017d\u0178\u2021\u2020\u02c6\u2030\u2039][a-z]\w*|\w*[a-z][\u0160\u017d\u0178]\w*|\w*[a-z]\u00a7(?!\w)"
)
_FOREIGN = re.compile(r"[^\x00-\x7f]{3}|[\x80-\x9f]")


class Text(NamedTuple):
    """A table as text, cut into records.

    Args:
        header: the names of the columns as they stand there.
        separator: between the cells.
        body: the text from the header on.
        above: lines of the file above the header.
        notes: what is said of how it was read.
    """

    header: list[str]
    separator: str
    body: str
    above: int
    notes: list[str]


def read_text(file: Path, asked: Collection[str]) -> Text:
    """The text of a CSV file; the separator is told by a line ``sep=;`` above the header, else by the columns.

    - Raises: InputError if the file cannot be read, is no text or has no header.

    Args:
        file: comma, semicolon, tab or | between cells; UTF-8, UTF-16 or UTF-32, else Windows-1252 with a note.
        asked: names of columns that are looked for.
    """
    whole, notes = _decode(file)
    told = _SEPARATOR_LINE.match(whole)
    body = whole[told.end() :] if told else whole
    wanted = {tidy(name) for name in asked}
    separators = (told[1].replace("\\t", "\t"),) if told else SEPARATORS
    line = next(iter(io.StringIO(body, newline="")), "")
    line = line.replace(QUOTE, "") if line.count(QUOTE) % 2 else line  # a mark too many hides the separators behind it
    headers = {separator: next(csv.reader([line], delimiter=separator), []) for separator in separators}
    # the right separator is the one that shows most of the columns asked for, then the most columns
    separator = max(separators, key=lambda s: (len(wanted & set(map(tidy, headers[s]))), len(headers[s])))
    _check_separators(headers[separator], line, wanted, file.name)
    _check_first_line(headers[separator], body, wanted, file.name)
    if not any(headers[separator]):
        raise InputError(f"the table {file.name} is empty: its first line must name the columns.")
    above = 1 if told else 0
    return Text(_header(body, separator, above, headers[separator], file.name), separator, body, above, notes)


def records(text: Text, source: str, asked: Collection[int] = ()) -> Iterator[tuple[int, list[str]]]:
    """Every row below the header that is not empty, with its first line in the file.

    - Raises: InputError for a row with more or fewer cells than the header, and for quotation marks that swallow lines.

    Args:
        text: of the file.
        source: how it is called.
        asked: positions of columns whose cells stand on one line.
    """
    width, over = len(text.header), RunOn(text.body, text.separator, text.above, source, text.header)
    reader = csv.reader(io.StringIO(text.body, newline=""), delimiter=text.separator, strict=True)
    head = next(reader)
    rows, start = [(1, reader.line_num, head)], reader.line_num + 1
    try:
        for record in reader:
            if any(map(str.strip, record)):  # rows of nothing but separators are no cases
                rows.append((start, reader.line_num, record))
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(over.broken_off(error, start)) from error
    if any(last > first for first, last, _ in rows):
        over.learn(record for first, last, record in rows if last == first and len(record) == width)
    nameless = len(rows) > 1 and all(len(record) == width + 1 for _, _, record in rows[1:])
    for first, last, record in rows:
        if last > first and len(record) != width:
            raise InputError(over.words(first))
        if len(record) != width:
            told = "in every line: name the first column, or write the table without row names" if nameless else ""
            raise InputError(
                f"{source} is not a table: line {first + text.above} has {len(record)} fields and the header has {width}"
                f"{told and ', as '}{told}."
            )
        over.check(record, asked if first > 1 else (), first, last)  # names may have line breaks
        if first > 1 and width > 1 and record == head:
            raise InputError(
                f"line {first + text.above} of {source} is the header again: tables stand one below the other; remove the line, "
                "and cases that are there twice."
            )
    text.notes.extend(_cut_notes([record[-1] for _, _, record in rows[1:]], text, source))
    for first, _, record in rows[1:]:
        yield first + text.above, record


def _cut_notes(cells: Sequence[str], text: Text, source: str) -> list[str]:
    """A note where the file may have been cut within its last number: it ends without a line break, with fewer decimals.

    Args:
        cells: of the last column.
        text: of the file.
        source: how it is called.
    """
    decimals = [len(cell.strip().rpartition(".")[2]) if _DECIMAL.fullmatch(cell.strip()) else 0 for cell in cells]
    if text.body.endswith(("\n", "\r")) or len(cells) < LEAST_WHOLE or decimals[-1] >= min(decimals[:-1]):
        return []
    return [
        f"{source} ends without a line break, and its last cell ({cells[-1]!r}) has fewer decimals than all others of its column: if "
        "the file is cut, copy it anew"
    ]


def _check_separators(header: Sequence[str], line: str, wanted: Collection[str], source: str) -> None:
    """Raise InputError where there are blanks between names that are asked for, and no separator."""
    if (
        len(header) == 1
        and tidy(header[0]) not in wanted
        and any(name in wanted for name in line.replace(QUOTE, " ").split())
    ):
        raise InputError(
            f"{source} has blanks between its cells, as R's write.table writes them; write it with commas (write.csv with row.names "
            "= FALSE)."
        )


def _check_first_line(header: Sequence[str], body: str, wanted: set[str], source: str) -> None:
    """Raise InputError where no name that is asked for is in the first line, and a line close below has most of them."""
    if wanted & set(map(tidy, header)):
        return
    for number, line in enumerate(islice(io.StringIO(body), 1, LINES_ABOVE + 1), start=2):
        names = re.split("[,;|\t]", line.replace(QUOTE, ""))
        if len(wanted) > 1 and 2 * len(wanted & set(map(tidy, names))) > len(wanted):
            raise InputError(
                f"line 1 of {source} does not look like the header, and line {number} does: remove the lines above it (a title, a "
                "remark), so that the first line names the columns."
            )


def _header(body: str, separator: str, above: int, names: Sequence[str], source: str) -> list[str]:
    """The names of the columns, of which some may stand on several lines.

    - Raises: InputError where a quotation mark in them is not closed, or swallows rows.

    Args:
        body: the text from the header on.
        separator: between the cells.
        above: lines of the file above the header.
        names: those of the first line alone, its marks left out where they are not in pairs.
        source: how the file is called.
    """
    over = RunOn(body, separator, above, source, names)
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=separator, strict=True)
    try:
        header = next(reader)
    except csv.Error as error:
        raise InputError(over.broken_off(error, 1)) from error
    if reader.line_num > 1:
        over.check(header, (), 1, reader.line_num)
        try:
            row = next((record for record in reader if any(map(str.strip, record))), header)
        except csv.Error:
            row = []
        if len(row) != len(header):
            raise InputError(over.words(1))
    return header


def _decode(file: Path) -> tuple[str, list[str]]:
    """The text of a file, without its byte order mark, and what is said of its encoding."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise InputError(f"the table {file.name} cannot be read: {os_words(error)}.") from error
    for start, what in OTHERS.items():
        if raw.startswith(start):
            raise InputError(f"{file.name} is {what}, not a CSV; save it as CSV (UTF-8), or name it by what it is.")
    for start, what in PACKED.items():
        if raw.startswith(start):
            raise InputError(
                f"{file.name} is a compressed file ({what}), not a CSV; unpack it, and give the table in it."
            )
    encoding = next((name for mark, name in MARKS.items() if raw.startswith(mark)), None) or _unmarked(raw)
    try:
        text, notes = raw.decode(encoding), list[str]()
    except UnicodeDecodeError as error:
        if encoding != "utf-8-sig":
            raise InputError(
                f"{file.name} is not whole {encoding.upper()} text; save the table as CSV in UTF-8."
            ) from error
        text, notes = _decode_western(raw, error.start, file)
    if _CONTROL.search(text):
        raise InputError(
            f"{file.name} is not a table: it holds zero bytes or control characters; give a CSV (UTF-8) or a Parquet file."
        )
    text = text.removeprefix("\ufeff")
    if marked := MARKED_UP.match(text):
        what = "an HTML or XML page" if marked[1] else "JSON"
        raise InputError(f"{file.name} is {what}, not a CSV; save it as CSV (UTF-8).")
    return text, notes


def _unmarked(raw: bytes) -> str:
    """UTF-16 where every second byte of the beginning is zero, as it is of letters and figures; else UTF-8."""
    start = raw[:512]
    even, odd = start[::2].count(0), start[1::2].count(0)
    if len(start) >= 8 and len(raw) % 2 == 0 and max(even, odd) > 0.4 * len(start) and min(even, odd) == 0:
        return "utf-16-le" if odd else "utf-16-be"
    return "utf-8-sig"


def _decode_western(raw: bytes, start: int, file: Path) -> tuple[str, list[str]]:
    """Text of a Western spreadsheet without Unicode (Windows-1252), if it looks like such text."""
    line = raw.count(b"\n", 0, start) + 1
    text = raw.decode("cp1252", errors="surrogateescape")
    if b"\0" in raw or _FOREIGN.search(text) or any("\udc80" <= letter <= "\udcff" for letter in text):
        raise InputError(f"{file.name} is not UTF-8 text (line {line}); save the table as CSV in UTF-8.")
    if _LATIN_IN_UNICODE.search(raw) or 2 * len(_UNICODE.findall(raw)) > len(_ABOVE_ASCII.findall(raw)):
        raise InputError(
            f"{file.name} mixes encodings: it is UTF-8 text, but not in line {line} (byte 0x{raw[start]:02X}); write that line "
            "anew, or save the whole table as CSV in UTF-8."
        )
    if mac := _MAC_WORD.search(text):
        raise InputError(
            f"{file.name} is not UTF-8, and seems to be in Mac OS Roman ({mac[0]!r} in Windows-1252, line "
            f"{text.count(chr(10), 0, mac.start()) + 1}); save the table as CSV in UTF-8."
        )
    word = re.findall(r"[^\s,;|\"]*[^\x00-\x7f][^\s,;|\"]*", text)[0]
    return text, [
        f"{file.name} is not UTF-8 and was read as Windows-1252 ({word!r} on line {line}); if letters are wrong, "
        "save it as CSV in UTF-8"
    ]
