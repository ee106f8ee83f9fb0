"""What is wrong with a table: collected first, told all at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, NoReturn

import numpy as np

from medgauge.core.errors import InputError

if TYPE_CHECKING:
    from medgauge.data.table import Table

LEAST_CASES: Mapping[str, int] = {"train": 8, "val": 2}
"""Labelled cases that a split must have at least; a split that is not named may be empty."""

LEAST_GROUPS: Mapping[str, int] = {"train": 2, "val": 1}
"""Groups with a label that a split must have at least."""


class Problem(NamedTuple):
    """One thing that is wrong.

    Args:
        where: the case's id when ``row`` is given, else what it is about, in words (``label hc_mm``, ``group 17``).
        what: what is wrong there, without a full stop.
        kind: ``file`` (an image, which ``--skip-bad`` may leave out), ``label``, ``group``, or ``table`` (ids and
            covariates).
        row: the case's position in the table, from 0, or None when it is not about one case.
    """

    where: str
    what: str
    kind: Literal["file", "label", "table", "group"]
    row: int | None = None

    def __str__(self) -> str:
        """As a line for a person: ``case 001: its image a.png is missing``."""
        subject = self.where if self.row is None else f"case {self.where}" if self.where else "a case without id"
        return f"{subject}: {self.what}"


def raise_problems(problems: Sequence[Problem], source: str | Path = "the table", *, limit: int = 20) -> None:
    """Raise one InputError that lists the problems, at most ``limit`` of them; return when there is none."""
    if problems:
        _raise(problems, source, limit)


def _raise(problems: Sequence[Problem], source: str | Path, limit: int) -> NoReturn:
    name = source.name if isinstance(source, Path) else source
    if len(problems) == 1:
        raise InputError(f"{name}: {problems[0]}.")
    lines = [f"  {problem}" for problem in problems[:limit]]
    if len(problems) > limit:
        lines.append(f"  and {len(problems) - limit} more")
    raise InputError(f"{len(problems)} problems in {name}:\n" + "\n".join(lines))


def problem_rows(problems: Sequence[Problem]) -> list[tuple[str, str]]:
    """The rows of ``problems.csv``: the case's id (or what the problem is about) and the reason."""
    return [(problem.where, problem.what) for problem in problems]


def name_cases(ids: Sequence[str], *, limit: int = 5) -> str:
    """A few case ids in words.

    >>> name_cases(["a"]), name_cases(["a", "b", "c"], limit=2)
    ('case a', 'cases a, b and 1 more')
    """
    if len(ids) == 1:
        return f"case {ids[0]}"
    more = f" and {len(ids) - limit} more" if len(ids) > limit else ""
    return f"cases {', '.join(ids[:limit])}{more}"


def label_problems(table: "Table", *, log_scaling: bool = False) -> list[Problem]:
    """What makes a target unlearnable: missing everywhere, constant, infinite, or negative under log2(1 + label)."""
    problems: list[Problem] = []
    for column, target in enumerate(table.target):
        label = table.label[:, column]
        where = f"label {target}"
        infinite = np.flatnonzero(np.isinf(label))
        problems += [Problem(table.id[row], f"label {target} is infinite", "label", int(row)) for row in infinite]
        known = label[np.isfinite(label)]
        if not len(known):
            problems.append(Problem(where, f"is missing in all {len(table)} cases", "label"))
        elif known.min() == known.max():
            what = f"is {known[0]:g} in all {len(known)} labelled cases, so nothing can be learned from it"
            problems.append(Problem(where, what, "label"))
        negative = np.flatnonzero(label < 0)
        if log_scaling and len(negative):
            named = name_cases([table.id[row] for row in negative])
            what = f"is negative in {len(negative)} cases ({named}), which log2(1 + label) scaling does not allow"
            problems.append(Problem(where, f"{what}; choose another scaling", "label"))
    return problems


def too_few(
    table: "Table",
    split: Sequence[str],
    *,
    cases: Mapping[str, int] = LEAST_CASES,
    groups: Mapping[str, int] = LEAST_GROUPS,
) -> list[Problem]:
    """Splits with too few labelled cases or groups, and targets with no label in the training or validation split.

    Args:
        table: the cases.
        split: the split of each case.
        cases: labelled cases needed, a split.
        groups: groups with a label needed, a split.
    """
    names, known = np.asarray(split), ~np.isnan(table.label)
    labelled, group = known.any(axis=1), np.asarray(table.group)
    problems: list[Problem] = []
    for name in dict.fromkeys([*cases, *groups]):
        rows = (names == name) & labelled
        n_cases, n_groups = int(rows.sum()), len(np.unique(group[rows]))
        need_cases, need_groups = cases.get(name, 0), groups.get(name, 0)
        if n_cases < need_cases or n_groups < need_groups:
            what = (
                f"has {n_cases} labelled cases of {n_groups} groups, needs {need_cases} cases of {need_groups} groups"
            )
            problems.append(Problem(f"split {name}", f"{what} at least", "group"))
            continue
        empty = [t for t, any_known in zip(table.target, known[rows].any(axis=0), strict=True) if not any_known]
        problems += [Problem(f"label {target}", f"is missing in the whole split {name}", "label") for target in empty]
    return problems
