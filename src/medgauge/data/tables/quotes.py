"""Rows of a CSV file that run over several lines: quoted texts, or lines that a stray quotation mark has swallowed."""

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from medgauge.core.errors import InputError

QUOTE = '"'
BREAK = re.compile(r"[\r\n]")
_NUMBER = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?")
LEARNT = 2000  # rows whose cells tell which columns hold numbers
MOST = 8  # quotation marks of a line of which each is tried as the stray one


class Quoted(NamedTuple):
    """A quoted cell.

    Args:
        place: of its column.
        begin: the line on which its mark is opened.
        end: the line on which it is closed, or the last one.
        closed: whether it is closed, with a separator or the end of a line behind it.
        goes_on: whether something else is behind its closing mark.
    """

    place: int
    begin: int
    end: int
    closed: bool
    goes_on: bool = False


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
        names: of the columns.
    """

    def __init__(self, body: str, separator: str, above: int, source: str, names: Sequence[str]) -> None:
        self.separator, self.above, self.source = separator, above, source
        self.lines = list(io.StringIO(body, newline=""))
        self.names = names
        self.numbers: list[set[bool]] = []

    def learn(self, records: Iterable[Sequence[str]]) -> None:
        """Take note of what the cells of rows that stand on one line are."""
        for record in islice(records, LEARNT):
            kinds = [{_is_number(cell)} if cell.strip() else set() for cell in record]
            self.numbers = (
                [one | other for one, other in zip(self.numbers, kinds, strict=True)] if self.numbers else kinds
            )

    def check(self, record: Sequence[str], asked: Collection[int], first: int, last: int) -> None:
        """Raise InputError where a row of the lines ``first`` to ``last`` of the body (from 1) is none.

        Args:
            record: the cells.
            asked: positions of columns that are asked for.
            first: its first line.
            last: its last line.
        """
        broken = [place for place, cell in enumerate(record) if BREAK.search(cell.strip())]
        if not broken:
            return
        place = next((place for place in broken if place in asked), None)
        if place is not None or self._swallows(len(record), first, last):
            raise InputError(self.words(first, place))

    def words(self, first: int, place: int | None = None) -> str:
        """What is said of a cell that runs over lines in the row of line ``first``; None: the first that does."""
        over = (cell for cell in self._quoted(first) if _runs(cell) and place in (None, cell.place))
        cell = next(over, Quoted(place or 0, first, first, closed=True))
        return (
            f'{self._at(cell)}: a quotation mark (") is not closed on its line, so that the cell runs on to line '
            f"{cell.end + self.above}; remove the mark, or write the cell on one line."
        )

    def broken_off(self, error: csv.Error, first: int) -> str:
        """What is said where the reader gives up on the row of line ``first`` of the body."""
        cells = list(self._quoted(first))
        if cells and not cells[-1].closed and cells[-1].goes_on:
            over = f" on line {cells[-1].end + self.above}" if _runs(cells[-1]) else ""
            return (
                f'{self._at(cells[-1])}: a cell goes on after its closing quotation mark ("){over}; write marks within a cell '
                'twice (""), or remove the one that is too many.'
            )
        if cells and not cells[-1].closed:
            return (
                f'{self._at(cells[-1])}: a quotation mark (") is opened and never closed, so that the rest of the file is one '
                "cell; remove the mark, or close it."
            )
        if "field limit" in str(error):
            most = csv.field_size_limit()
            return (
                f"{self.source}: the row that begins on line {first + self.above} has a cell of more than {most} letters, which "
                "is not read; leave its column out of the table."
            )
        return f"{self.source} is not a table: the row that begins on line {first + self.above}: {error}."

    def _at(self, cell: "Quoted") -> str:
        name = " ".join(self.names[cell.place].split()) if cell.place < len(self.names) else str(cell.place + 1)
        return f"{self.source}, line {cell.begin + self.above}, column '{name[:40]}'"

    def _quoted(self, first: int) -> Iterator["Quoted"]:
        """The quoted cells of the row that begins on line ``first`` of the body, up to what cannot be."""
        number, at, place = first, 0, 0
        while number <= len(self.lines):
            line = self.lines[number - 1]
            if line.startswith(QUOTE, at):
                begin, at = number, at + 1
                while (end := _closing(self.lines[number - 1], at)) < 0 and number < len(self.lines):
                    number, at = number + 1, 0
                line, at = self.lines[number - 1], end + 1
                goes_on = end >= 0 and at < len(line) and line[at] not in (self.separator, "\r", "\n")
                yield Quoted(place, begin, number, closed=end >= 0 and not goes_on, goes_on=goes_on)
                if end < 0 or goes_on:
                    return
            at = line.find(self.separator, at) + 1
            if not at:
                return
            place += 1

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


def _runs(cell: Quoted) -> bool:
    return cell.end > cell.begin


def _closing(line: str, at: int) -> int:
    """Where a cell that is open at a place of a line is closed: a mark that is not there twice; -1 if nowhere."""
    while (end := line.find(QUOTE, at)) >= 0 and line.startswith(QUOTE, end + 1):
        at = end + 2
    return end
