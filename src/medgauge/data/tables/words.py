"""Words in a covariate: which there are, and the numbers that they become.

Two words are one column, 0 for the first and 1 for the second; more are a column each, 1 where the cell is that word.
Words that are found stand in alphabetical order.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from medgauge.core.problem import Problem
from medgauge.core.words import counted, nearest
from medgauge.data.tables.cells import divisor_problems, missing_problems, number_columns
from medgauge.data.tables.columns import Columns
from medgauge.data.tables.missing import is_missing, trim
from medgauge.data.tables.names import in_words, spellings, trimmed
from medgauge.data.tables.numbers import DATE, Mark, number_hint, parse_numbers

MOST_WORDS = 20
"""Different words that a covariate may have."""
_LIKE_NUMBER = re.compile(r"[+-]?[\d.,'\u2019\s]*\d[\d.,'\u2019\s]*(?:[eE][+-]?\d+)?|[+-]?inf(?:inity)?", re.IGNORECASE)
_SEVERAL = re.compile(r"[\[(]?\s*\d*\.?\d+(?:\s*[x×*\\;,]\s*\d*\.?\d+)+\s*[\])]?", re.IGNORECASE)
_UNITS = frozenset(["mm", "cm", "m", "µm", "μm", "um", "nm", "in", "inch", "mg", "g", "kg", "ml", "l", "%", "°"])
_WITH_UNIT = re.compile(r"[+-]?\d[\d.,]*\s*([^\W\d_]+[²³]?|%|°)")


class CovariateColumns(NamedTuple):
    """Covariates as numbers.

    - Shape: values (n, names), NaN where missing or wrong; words: those of each column of words, in their order;
      notes: what was read otherwise than it stands in the file.
    """

    values: Float64[np.ndarray, "n q"]
    names: list[str]
    words: dict[str, list[str]]
    problems: list[Problem]
    notes: list[str]


def coded_names(name: str, words: Sequence[str]) -> list[str]:
    """The columns that a covariate becomes, by the words that they are 1 for; without words the covariate itself.

    >>> coded_names("sex", ["F", "M"]), coded_names("site", ["A", "B", "C"]), coded_names("age", [])
    (['sex=M'], ['site=A', 'site=B', 'site=C'], ['age'])
    """
    told = words[1:] if len(words) == 2 else words
    return [f"{name}={word}" for word in told] or [name]


def model_covariates(names: Sequence[str], words: Mapping[str, Sequence[str]]) -> list[str]:
    """The columns that some covariates become, in order."""
    return [column for name in names for column in coded_names(name, words.get(name, ()))]


def coded(cells: Sequence[str], words: Sequence[str]) -> Float64[np.ndarray, "n q"]:
    """Words as numbers, NaN where a cell is none of them.

    >>> coded(["M", "F", ""], ["F", "M"]).tolist()
    [[1.0], [0.0], [nan]]
    """
    place = {word: at for at, word in enumerate(words)}
    one_of = np.eye(len(words))[:, 1:] if len(words) == 2 else np.eye(len(words))
    absent = np.full(one_of.shape[1], np.nan)
    rows = [one_of[place[word]] if word in place else absent for word in map(trim, cells)]
    return np.array(rows).reshape(len(cells), one_of.shape[1])


def found_words(cells: Sequence[str], rows: Sequence[int] | None = None) -> list[str]:
    """The different words of some cells, in alphabetical order."""
    texts = {trim(cells[row]) for row in (range(len(cells)) if rows is None else rows)}
    return sorted((text for text in texts if not is_missing(text)), key=lambda word: (word.casefold(), word))


def absent_words(
    names: Sequence[str], words: Mapping[str, Sequence[str]], covariates: Float64[np.ndarray, "n q"]
) -> dict[str, list[str]]:
    """Words that no case has, by covariate.

    Args:
        names: of the covariates, in the order of their columns.
        words: of covariates that are coded.
        covariates: the coded columns.
    """
    found, at = dict[str, list[str]](), 0
    for name in names:
        own = words.get(name, ())
        width = len(coded_names(name, own))
        columns = covariates[:, at : at + width]
        there: Bool[np.ndarray, " w"] = (columns == 1).any(axis=0)
        if len(own) == 2:
            there = np.array([(columns == 0).any(), there[0]])
        absent = [word for word, known in zip(own, there, strict=bool(own)) if not known]
        found |= {name: absent} if absent else {}
        at += width
    return found


def coding_words(words: Mapping[str, Sequence[str]]) -> list[str]:
    """How each covariate of words was coded, in a line.

    >>> coding_words({"sex": ["F", "M"], "site": ["A", "B", "C"]})
    ['covariate sex is coded: F 0, M 1', 'covariate site is coded: a 0/1 column for each of A, B, C']
    """
    return [
        f"covariate {name} is coded: {own[0]} 0, {own[1]} 1"
        if len(own) == 2
        else f"covariate {name} is coded: a 0/1 column for each of {', '.join(own)}"
        for name, own in words.items()
    ]


def covariate_columns(
    columns: Columns,
    names: Sequence[str],
    ids: Sequence[str],
    *,
    words: Mapping[str, Sequence[str]],
    numbers: Sequence[str],
    mark: Mark,
    divisor: str | None = None,
) -> CovariateColumns:
    """Covariates as numbers, words coded, and what is wrong in them, said once for a column.

    Args:
        columns: the table.
        names: of the covariates.
        ids: of the cases.
        words: those of covariates whose coding is known.
        numbers: covariates that may hold no words.
        mark: the mark of decimals, for columns that do not tell it.
        divisor: the one that labels are divided by.
    """
    values, coding = list[NDArray[np.float64]](), dict[str, list[str]]()
    problems, notes = list[Problem](), list[str]()
    for name in names:
        cells = columns.text[name]
        own = list(words.get(name, ()))
        if not own and name not in numbers and _is_of_words(cells, columns.decimal_comma):
            own = found_words(cells)
            problems += _word_problems(name, own, cells)
        if own:
            coding[name] = own
            values.append(coded(cells, own))
            problems += _cell_problems(name, own, cells, ids, columns)
            notes += trimmed(cells, f"cells of the covariate {name}", columns.place, columns.line)[1]
        else:
            read = number_columns(columns, [name], ids, "covariate", None, mark, divisor)
            values.append(read.values)
            wrong = read.problems + (divisor_problems(name, read.values[:, 0], ids, columns) if name == divisor else [])
            problems += _together(name, cells, wrong, columns, mixed=name not in numbers)
            notes += read.notes
    empty = np.empty((len(ids), 0))
    joined = np.concatenate([empty, *values], axis=1)
    return CovariateColumns(joined, model_covariates(names, coding), coding, problems, notes)


def _is_of_words(cells: Sequence[str], decimal_comma: bool) -> bool:
    """Whether all cells that hold something are words: neither numbers nor like them."""
    known = [trim(cell) for cell in cells if not is_missing(cell)]
    if not known or any(_LIKE_NUMBER.fullmatch(cell) for cell in known) or all(map(DATE.fullmatch, known)):
        return False
    units = {unit[1] if (unit := _WITH_UNIT.fullmatch(cell)) else "" for cell in known}
    if all(map(_SEVERAL.fullmatch, known)) or ("" not in units and (len(units) == 1 or units <= _UNITS)):
        return False
    return len(parse_numbers(known, decimal_comma=decimal_comma).wrong) == len(known)


def _word_problems(name: str, words: Sequence[str], cells: Sequence[str]) -> list[Problem]:
    """What is wrong with the words that were found in a column as a whole."""
    known = sum(not is_missing(cell) for cell in cells)
    what = ""
    twice = [found for found in spellings(words).values() if len(found) > 1]
    if len(words) == 1:
        what = f"is {_shown(words)} in all {known} cases, so nothing can be learned from it; leave it out"
    elif twice:
        what = f"has words that differ in spelling alone ({in_words(twice)}); write each in one way"
    elif len(words) > MOST_WORDS or (len(words) > 2 and 2 * len(words) > known):
        count = f"holds {len(words)} different words in {counted(known, 'case')} ({_shown(words, 3)})"
        what = f"{count}, and a covariate has at most {MOST_WORDS}, each in several cases; is it an id? Leave it out"
    return [Problem(f"covariate {name}", what, "table")] if what else []


def _cell_problems(
    name: str, words: Sequence[str], cells: Sequence[str], ids: Sequence[str], columns: Columns
) -> list[Problem]:
    """Cells of a column of words that are missing, or another word."""
    unknown = [row for row, cell in enumerate(cells) if trim(cell) not in words and not is_missing(cell)]
    together = ""
    if unknown:
        near = nearest(cells[unknown[0]], words, likeness=0.5)
        hint = f" (did you mean {near}?)" if near else ""
        told = f"holds {_counted(cells, unknown)}, the first on {columns.place} {columns.line[unknown[0]]}{hint}"
        known = ", ".join(words)
        together = f"covariate {name}: it {told}; the words of the training cases are {known}: write one of these, or leave such cases out"
    problems = []
    for row in unknown:
        what = f"is {trim(cells[row])[:40]!r}, which is no word of the training cases"
        where = f"covariate {name} on {columns.place} {columns.line[row]}"
        problems.append(Problem(ids[row], f"{where} {what}", "table", row, together))
    absent = [row for row, cell in enumerate(cells) if trim(cell) not in words and is_missing(cell)]
    problems += missing_problems(f"covariate {name}", cells, absent, ids, columns)
    return sorted(problems, key=lambda one: one.row or 0)


def _together(
    name: str, cells: Sequence[str], wrong: Sequence[Problem], columns: Columns, *, mixed: bool
) -> list[Problem]:
    """The problems of a column of numbers, those of words with one sentence for all."""
    rows = [
        problem.row
        for problem in wrong
        if problem.row is not None
        and not is_missing(cells[problem.row])
        and not _LIKE_NUMBER.fullmatch(trim(cells[problem.row]))
    ]
    if not rows:
        return list(wrong)
    numbers = [row for row, cell in enumerate(cells) if _LIKE_NUMBER.fullmatch(trim(cell))]
    first = f"the first on {columns.place}"
    if mixed and numbers and len(numbers) * 2 < len(rows):
        odd = (
            f"holds {counted(len(numbers), 'number')} ({_counted(cells, numbers)}, {first} {columns.line[numbers[0]]})"
        )
        remedy = f"write a word there, or name all that it may hold as words (data.covariate_words: {{{name}: […]}})"
        together = f"covariate {name}: it {odd} among words ({_shown(found_words(cells, rows))}); {remedy}"
        return [problem._replace(together=together) if problem.row in rows else problem for problem in wrong]
    units = {unit[1] if (unit := _WITH_UNIT.fullmatch(trim(cells[row]))) else "" for row in rows}
    remedy = "write numbers"
    if "" not in units:
        remedy = "write numbers alone" + (", all in one unit" if units <= _UNITS else "")
    elif all(_SEVERAL.fullmatch(trim(cells[row])) for row in rows):
        remedy = "write one number in a cell, and others in columns of their own"
    dates = all(DATE.fullmatch(trim(cells[row])) for row in rows)
    if dates:
        remedy = number_hint(trim(cells[rows[0]]))
    elif mixed:
        remedy += (
            f", leave such cases out, or name all that it may hold as words (data.covariate_words: {{{name}: […]}})"
        )
    told = f"holds {_counted(cells, rows)}, {first} {columns.line[rows[0]]}"
    together = f"covariate {name}: it {told}, where numbers are read; {remedy}"
    return [problem._replace(together=together) if problem.row in rows else problem for problem in wrong]


def _counted(cells: Sequence[str], rows: Sequence[int], most: int = 5) -> str:
    """The words of some cells, the most frequent first, and how often each is there."""
    count = Counter(trim(cells[row]) for row in rows)
    told = ", ".join(f"{word[:30]!r} in {counted(n, 'case')}" for word, n in count.most_common(most))
    return told + (f" and {len(count) - most} more" if len(count) > most else "")


def _shown(words: Sequence[str], most: int = 6) -> str:
    return ", ".join(repr(word[:30]) for word in words[:most]) + (", …" if len(words) > most else "")
