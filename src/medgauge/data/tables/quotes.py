"""Rows of a CSV file that run over several lines: quoted texts, or lines that a stray quotation mark has swallowed."""

import csv
import io
import re
from collections.abc import Collection, Iterable, Sequence
from itertools import islice

from medgauge.core.errors import InputError

QUOTE = '"'
BREAK = re.compile(r"[\r\n]")
_NUMBER = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?")
LEARNT = 2000  # rows whose cells tell which columns hold numbers
MOST = 8  # quotation marks of a line of which each is tried as the stray one


class RunOn:
    """Tells of each row that stands on several lines whether it is one.

    Quoted cells may hold line breaks (a report). A quotation mark too many, or one that is not closed, swallows lines up
    to the next one in the same way: the cells fit, and cases are lost. So a cell with a line break is refused in a column
    that is asked for, and in others where the swallowed lines look like rows by themselves: as many cells, and numbers in
    the columns that have numbers.

    Args:
        body: the text, from the header on.
        separator: between the cells.
        above: lines of the file above the header.
        source: how the file is called.
    """

    def __init__(self, body: str, separator: str, above: int, source: str) -> None:
        self.separator, self.above, self.source = separator, above, source
        self.lines = list(io.StringIO(body, newline=""))
        self.numbers: list[set[bool]] = []

    def learn(self, records: Iterable[Sequence[str]]) -> None:
        """Take note of what the cells of rows that stand on one line are."""
        for record in islice(records, LEARNT):
            kinds = [{_is_number(cell)} if cell.strip() else set() for cell in record]
            self.numbers = (
                [one | other for one, other in zip(self.numbers, kinds, strict=True)] if self.numbers else kinds
            )

    def check(
        self, header: Sequence[str], record: Sequence[str], asked: Collection[int], first: int, last: int
    ) -> None:
        """Raise InputError where a row of the lines ``first`` to ``last`` of the body (from 1) is none.

        Args:
            header: names of the columns.
            record: the cells.
            asked: positions of columns that are asked for.
            first: its first line.
            last: its last line.
        """
        broken = [place for place, cell in enumerate(record) if BREAK.search(cell.strip())]
        if not broken:
            return
        place = next((place for place in broken if place in asked), None)
        if place is None and not self._swallows(len(header), first, last):
            return
        raise InputError(self.words(header[broken[0] if place is None else place], first, last))

    def words(self, column: str, first: int, last: int) -> str:
        """What is said of a cell that runs over lines."""
        begin, end, name = self._quoted(first), last + self.above, " ".join(column.split())
        return (
            f"{self.source}, line {begin}, column '{name[:40]}': a quotation mark (\") is not closed on its line, so that "
            f"the cell runs on to line {end}; remove the mark, or write the cell on one line."
        )

    def broken_off(self, error: csv.Error, first: int, last: int) -> str:
        """What is said where the reader gives up on a row of the lines ``first`` to ``last`` of the body."""
        begin, words = self._quoted(first), str(error)
        if "end of data" in words or "field limit" in words:
            return (
                f'{self.source}, line {begin}: a quotation mark (") is opened and never closed, so that the rest of the file '
                "is one cell; remove the mark, or close it."
            )
        if "expected after" in words:
            where = f"line {begin}" + (f" to {last + self.above}" if last + self.above > begin else "")
            return (
                f'{self.source}, {where}: a cell goes on after its closing quotation mark ("); write marks within a cell twice '
                '(""), or remove the one that is too many.'
            )
        return f"{self.source} is not a table: the row that begins on line {first + self.above}: {words}."

    def _quoted(self, first: int) -> int:
        """The line of the file, from line ``first`` of the body on, whose quotation marks are not in pairs."""
        odd = (number for number in range(first, len(self.lines) + 1) if self.lines[number - 1].count(QUOTE) % 2)
        return next(odd, first) + self.above

    def _swallows(self, width: int, first: int, last: int) -> bool:
        """Whether lines of a row look like rows: one in its middle, or two in all."""
        alike = [self._is_row(self.lines[number - 1], width) for number in range(first, last + 1)]
        if first == 1:  # names are not like cells
            return any(alike[1:])
        return sum(alike) >= 2 or (any(alike[1:-1]) and any({True} == kinds for kinds in self.numbers))

    def _is_row(self, line: str, width: int) -> bool:
        """Whether a line, one of its quotation marks left out if need be, has the cells of a row."""
        marks = [place for place, letter in enumerate(line) if letter == QUOTE][:MOST]
        return any(self._fits(line[:place] + line[place + 1 :], width) for place in marks) or self._fits(
            line.replace(QUOTE, "") if len(marks) % 2 else line, width
        )

    def _fits(self, line: str, width: int) -> bool:
        cells = next(csv.reader([line.rstrip("\r\n")], delimiter=self.separator), [])
        if len(cells) != width or width < 2:
            return False
        return all(
            not cell.strip() or not kinds or _is_number(cell) in kinds
            for cell, kinds in zip(cells, self.numbers or [set()] * width, strict=True)
        )


def _is_number(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell.strip()))
