"""The cells of CSV files: numbers, and texts of a user that no spreadsheet may take for a formula."""

import csv
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def cell(value: float) -> float | str:
    """A number for a CSV file: ten digits, nothing for NaN.

    >>> cell(1 / 3), cell(float("nan"))
    (0.3333333333, '')
    """
    return "" if value != value else float(f"{value:.10g}")


def guarded(text: str) -> str:
    """A text as a cell that is no formula in a spreadsheet: ``'`` before what begins with = + - @, a tab or a CR.

    What begins so after some ``'`` gets one more, so that :func:`bare` gives every text back.

    >>> guarded("=1+1"), guarded("-5"), guarded("'=1"), guarded("'q"), guarded("a-5")
    ("'=1+1", "'-5", "''=1", "'q", 'a-5')
    """
    return f"'{text}" if _FORMULA.match(text) else text


def bare(text: str) -> str:
    """The text of a cell that :func:`guarded` made; a number stays as it is.

    >>> bare("'=1+1"), bare("''=1"), bare("'q"), bare("-3.2")
    ('=1+1', "'=1", "'q", '-3.2')
    """
    return text[1:] if _GUARDED.match(text) else text


class _Lines(list[str]):
    """Takes lines that end in CR LF, as a csv writer makes them, and ends them in LF."""

    def write(self, line: str) -> None:
        """Take one line."""
        self.append(f"{line[:-2]}\n")


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, texts: Collection[str] | None = None) -> str:
    """A CSV file: names of columns and texts guarded, nothing for None and NaN.

    Args:
        columns: their names.
        rows: a cell a column.
        texts: columns whose texts are a user's; None: all of them (numbers are never guarded, texts of numbers are).
    """
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")  # a cell with CR is quoted only where the line's end has one
    writer.writerow([guarded(str(name)) for name in columns])
    open_to = [texts is None or name in texts for name in columns]
    writer.writerows(
        [
            guarded(part) if user and isinstance(part, str) else "" if part is None or part != part else part
            for part, user in zip(row, open_to, strict=True)
        ]
        for row in rows
    )
    return "".join(lines)
