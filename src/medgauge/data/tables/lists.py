"""Splits given by text files that name images, one a line, as collections bring them."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from medgauge.core.errors import InputError
from medgauge.core.faults import os_words
from medgauge.core.problem import Problem, name_cases
from medgauge.core.words import counted
from medgauge.data.tables.missing import trim


class Listed(NamedTuple):
    """The split of each case, what is wrong with the lists, and what is said of them."""

    split: list[str]
    problems: list[Problem]
    notes: list[str]


def listed_splits(lists: Mapping[str, str], pictures: Sequence[str], ids: Sequence[str], folder: Path) -> Listed:
    """The split whose list names the image, by its path or its name alone, or the id of a case.

    Without a list of ``train`` all other cases are; with one, a case that no list names is a problem, as is one that two name.

    - Raises: InputError for a list that cannot be read, or names no case.

    Args:
        lists: a text file a split, relative to the folder.
        pictures: what the table calls the images.
        ids: of the cases.
        folder: of the table.
    """
    rows: dict[str, list[int]] = {}
    for row, (picture, name) in enumerate(zip(pictures, ids, strict=True)):
        for key in {picture, PurePosixPath(picture).name, name}:
            rows.setdefault(key, []).append(row)
    found: list[list[str]] = [[] for _ in ids]
    notes = []
    for split, file in lists.items():
        names = _lines(folder / file)
        unknown = [name for name in names if name not in rows]
        if len(unknown) == len(names):
            first = (
                f"its first line is {names[0]!r}, and the table's first image {pictures[0]!r}"
                if names
                else "it is empty"
            )
            raise InputError(f"{file}, the list of {split}, names no case of the table: {first}.")
        if unknown:
            notes.append(f"{counted(len(unknown), 'line')} of {file} ({unknown[0]}, …) name no case of the table")
        for row in {row for name in names for row in rows.get(name, ())}:
            found[row].append(split)
    problems = []
    for row, splits in enumerate(found):
        if len(splits) > 1:
            what = f"is in the lists of {' and of '.join(splits)}; take it out of all but one"
            problems.append(Problem(ids[row], what, "group", row))
    left = [row for row, splits in enumerate(found) if not splits]
    if left and "train" in lists:
        named = name_cases([ids[row] for row in left])
        what = (
            f"{counted(len(left), 'case is', 'cases are')} in no list ({named}); without a list of train all others are"
        )
        problems.append(Problem("the split lists", what, "group"))
    return Listed([splits[0] if splits else "train" for splits in found], problems, notes)


def _lines(path: Path) -> list[str]:
    """The lines of a list that are not empty, without blanks at their ends."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"the list {path.name} is no UTF-8 text; write one name of an image a line.") from error
    except OSError as error:
        raise InputError(
            f"the list {path} cannot be read: {os_words(error)}; its path is relative to the table."
        ) from error
    return [name for line in text.splitlines() if (name := trim(line))]
