"""What is wrong with a table: collected first, told all at once."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np

from medgauge.core.errors import InputError
from medgauge.core.problem import Problem, name_cases
from medgauge.core.words import counted, printable
from medgauge.data.images.image import ImageSource
from medgauge.data.tables.table import Table

LEAST_CASES: Mapping[str, int] = {"train": 8, "val": 2}
"""Labelled cases that a split must have at least; a split that is not named may be empty."""

LEAST_GROUPS: Mapping[str, int] = {"train": 2, "val": 1}
"""Groups with a label that a split must have at least."""

LEAST_ALIKE = 4
"""Images with the same fault that are told in one line."""


def raise_problems(problems: Sequence[Problem], source: str | Path = "the table", *, limit: int = 20) -> None:
    """Raise one InputError that lists the problems, at most ``limit`` of them; return when there is none."""
    if problems:
        _raise(problems, source, limit)


def _raise(problems: Sequence[Problem], source: str | Path, limit: int) -> NoReturn:
    name = source.name if isinstance(source, Path) else source
    told = list(dict.fromkeys(problem.together or str(problem) for problem in problems))
    if len(told) == 1:
        raise InputError(f"{name}: {told[0]}.")
    lines = [f"  {line}" for line in told[:limit]]
    if len(told) > limit:
        lines.append(f"  and {len(told) - limit} more")
    raise InputError(f"{len(told)} problems in {name}:\n" + "\n".join(lines))


def image_problems(
    problems: Sequence[tuple[int, str]], ids: Sequence[str], images: Sequence[ImageSource]
) -> list[Problem]:
    """Problems of images; where the same is wrong with several, they are told in one line.

    Args:
        problems: a position and what is wrong there, each.
        ids: of the n cases.
        images: of the n cases.
    """
    alike: dict[str, list[int]] = {}
    for row, what in problems:
        alike.setdefault(re.sub(r"\d+", "0", what.replace(images[row].text, "")), []).append(row)
    first, together = dict(problems), dict[int, str]()
    for rows in alike.values():
        if len(rows) >= LEAST_ALIKE:
            named = name_cases([ids[row] for row in rows])
            text = f"the same is wrong with {len(rows)} images ({named}); the first: {printable(first[rows[0]], line=True)}"
            together |= dict.fromkeys(rows, text)
    return [Problem(ids[row], what, "file", row, together.get(row, "")) for row, what in problems]


def lacking_states(table: Table, split: Sequence[str], states: Collection[int]) -> list[Problem]:
    """Label columns of states of which the training cases have one alone, while others have another.

    Args:
        table: the cases.
        split: the split of each case.
        states: columns whose values are states (a finding that is there or not).
    """
    train, problems = np.asarray(split) == "train", list[Problem]()
    for at in states:
        label = table.label[train, at]
        values, others = np.unique(label[~np.isnan(label)]), table.label[~train, at]
        if len(values) == 1 and bool((~np.isnan(others) & (others != values[0])).any()):
            what = (
                f"is {_state(table, at, values[0])} in all {int((~np.isnan(label)).sum())} labelled training cases, so nothing can be "
                "learned of it; leave the column out, or split the cases in another way (another seed, fewer folds)"
            )
            problems.append(Problem(f"label {table.target[at]}", what, "label"))
    return problems


def lone_states(table: Table, split: Sequence[str], states: Collection[int]) -> list[Problem]:
    """States that the cases of one group alone have, so that the fold with it leaves none to learn from.

    Args:
        table: the cases.
        split: the fold of each case, or ``test``.
        states: columns whose values are states.
    """
    return [
        Problem(
            f"label {table.target[at]}",
            f"{_lone_words(table, at, value, group)}, and the fold that leaves it out has none to learn from; leave the column "
            "out, or use no folds (--folds 0)",
            "label",
        )
        for at, value, group in _lone(table, split, states)
    ]


def lone_notes(table: Table, split: Sequence[str], states: Collection[int]) -> list[str]:
    """The same as notes, of columns beside which others are learned."""
    return [
        f"label {table.target[at]} {_lone_words(table, at, value, group)}: the fold that leaves it out learns nothing of it, and "
        "means over findings leave it out"
        for at, value, group in _lone(table, split, states)
    ]


def _lone(table: Table, split: Sequence[str], states: Collection[int]) -> list[tuple[int, float, str]]:
    """Column, state and group of each state that cases of one group alone have."""
    dealt, group, found = np.asarray(split) != "test", np.asarray(table.group), list[tuple[int, float, str]]()
    for at in states:
        label = table.label[:, at]
        values = np.unique(label[dealt & ~np.isnan(label)])
        for value in values if len(values) > 1 else []:
            groups = np.unique(group[dealt & (label == value)])
            found += [(at, value, str(groups[0]))] if len(groups) == 1 else []
    return found


def _lone_words(table: Table, at: int, value: float, group: str) -> str:
    return f"is {_state(table, at, value)} in cases of one group alone ({group})"


def _state(table: Table, at: int, value: float) -> str:
    """A state as the table has it: a number, or the name of a class."""
    names = table.classes.get(table.target[at])
    return f"{value:g}" if names is None else repr(names[int(value)])


def too_few(
    table: Table,
    split: Sequence[str],
    *,
    cases: Mapping[str, int] = LEAST_CASES,
    groups: Mapping[str, int] = LEAST_GROUPS,
    folds: bool = False,
) -> list[Problem]:
    """Splits with too few labelled cases or groups, and targets with no label in the training or validation split.

    Args:
        table: the cases.
        split: the split of each case.
        cases: labelled cases needed, a split.
        groups: groups with a label needed, a split.
        folds: they are of a fold already.
    """
    names, known = np.asarray(split), ~np.isnan(table.label)
    labelled, group = known.any(axis=1), np.asarray(table.group)
    problems: list[Problem] = []
    for name in dict.fromkeys([*cases, *groups]):
        rows = (names == name) & labelled
        n_cases, n_groups = int(rows.sum()), len(np.unique(group[rows]))
        need_cases, need_groups = cases.get(name, 0), groups.get(name, 0)
        if n_cases < need_cases or n_groups < need_groups:
            what = f"has {counted(n_cases, 'labelled case')} of {counted(n_groups, 'group')}"
            remedy = f"give it more cases{'' if folds else ', or use folds (--folds 5)'}"
            problems.append(
                Problem(f"split {name}", f"{what}, needs {_least(need_cases, need_groups)} at least; {remedy}", "group")
            )
            continue
        empty = [t for t, any_known in zip(table.target, known[rows].any(axis=0), strict=True) if not any_known]
        problems += [Problem(f"label {target}", f"is missing in the whole split {name}", "label") for target in empty]
    return problems


def _least(cases: int, groups: int) -> str:
    """So many cases of so many groups, in words; a case has a group of itself."""
    if not cases:
        return counted(groups, "group")
    return counted(cases, "case") + (f" of {counted(groups, 'group')}" if groups > 1 else "")
