"""What makes a label column unlearnable."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.problem import Problem, name_cases
from medgauge.core.words import counted
from medgauge.data.tables.notes import like_code

MOST_LEVELS = 20
"""Different values that a grade may have."""
LEAST_ALIKE = 4
"""Grades that are no whole numbers and are told in one line."""
LEAVE = "correct it, or leave the column out"
"""What to do with a label that says nothing."""
LARGEST = 1e30
"""Of labels, so that squares and sums of them are numbers; their range is at least one over it."""


def column_problems(name: str, label: Float[Tensor, " n"], ids: Sequence[str]) -> list[Problem]:
    """Labels that are infinite or beyond what can be reckoned with, and a column that is missing everywhere or constant."""
    problems = []
    for row in torch.nonzero(label.abs() > LARGEST).flatten().tolist():
        size = f"{float(label[row]):g}, beyond {LARGEST:g}; correct it, or give the labels in another unit"
        what = "infinite" if bool(label[row].isinf()) else size
        problems.append(Problem(ids[row], f"label {name} is {what}", "label", row))
    known = label[label.isfinite()]
    if not len(known):
        problems.append(Problem(f"label {name}", f"is missing in {_all(len(label), 'case')}; {LEAVE}", "label"))
    elif bool(known.min() == known.max()):
        what = (
            f"is {float(known[0]):g} in {_all(len(known), 'labelled case')}, so nothing can be learned from it; {LEAVE}"
        )
        empty = int(label.isnan().sum()) if float(known[0]) == 1 else 0
        what += f", or write 0 where it is absent ({counted(empty, 'cell is', 'cells are')} empty)" if empty else ""
        problems.append(Problem(f"label {name}", what, "label"))
    elif float(known.max() - known.min()) < 1 / LARGEST:
        what = f"differs by {float(known.max() - known.min()):g} at most; give the labels in another unit"
        problems.append(Problem(f"label {name}", what, "label"))
    return problems


def _all(count: int, noun: str) -> str:
    return f"the only {noun}" if count == 1 else f"all {count} {noun}s"


def class_problems(name: str, label: Float[Tensor, " n"], classes: Sequence[str], ids: Sequence[str]) -> list[Problem]:
    """Columns of classes that are missing everywhere or of one class, and labels that are no place of a class."""
    problems = [
        Problem(ids[row], f"label {name} is {float(label[row]):g}, which is no place of a class", "label", row)
        for row in torch.nonzero(~label.isnan() & ~(torch.isin(label, torch.arange(len(classes)).to(label))))
        .flatten()
        .tolist()
    ]
    known = label[~label.isnan()]
    if not len(known):
        problems.append(Problem(f"label {name}", f"is missing in {_all(len(label), 'case')}; {LEAVE}", "label"))
    elif not problems and bool(known.min() == known.max()):
        what = f"is {classes[int(known[0])]} in {_all(len(known), 'labelled case')}, so nothing can be learned from it; {LEAVE}"
        problems.append(Problem(f"label {name}", what, "label"))
    return problems


def negative_problems(name: str, label: Float[Tensor, " n"], ids: Sequence[str]) -> list[Problem]:
    """Labels that log2(1 + label) does not allow."""
    negative = torch.nonzero(label < 0).flatten().tolist()
    if not negative:
        return []
    named = name_cases([ids[row] for row in negative])
    what = f"is negative in {counted(len(negative), 'case')} ({named}), which log2(1 + label) scaling does not allow"
    return [Problem(f"label {name}", f"{what}; choose another scaling", "label")]


def level_problems(name: str, label: Float[Tensor, " n"], ids: Sequence[str]) -> list[Problem]:
    """Grades that are no whole numbers, and columns with more levels than grades have."""
    known = label[label.isfinite()]
    broken = torch.nonzero(label.isfinite() & (label != label.round())).flatten().tolist()
    if broken:
        words, of_fit = (
            "and a grade is a whole number; correct it",
            f", or read {name} as a number (--kind {name}=number)",
        )
        together = ""
        if len(broken) >= LEAST_ALIKE:
            named = name_cases([ids[row] for row in broken])
            together = (
                f"label {name} is {float(label[broken[0]]):g}, {words}{of_fit}; so it is in {len(broken)} {named}"
            )
        return [
            Problem(ids[row], f"label {name} is {float(label[row]):g}, {words}{of_fit}", "label", row, together, of_fit)
            for row in broken
        ]
    count = len(set(known.tolist()))
    if count > MOST_LEVELS:
        what = f"has {count} different values, and a grade has at most {MOST_LEVELS}; read it as a number"
        return [Problem(f"label {name}", f"{what} (--kind {name}=number)", "label")]
    return []


def finding_problems(name: str, label: Float[Tensor, " n"], ids: Sequence[str]) -> list[Problem]:
    """Labels that are neither 0 nor 1."""
    broken = torch.nonzero(label.isfinite() & (label != 0) & (label != 1)).flatten().tolist()
    if not broken:
        return []
    words = "and a finding is 1 (present), 0 (absent) or empty; correct it"
    of_fit = f", or read {name} as a number (--kind {name}=number)"
    values = {float(label[row]) for row in broken}
    if len(values) == 1 and like_code(code := values.pop()):
        of_fit = f", say that it means missing (--missing {code:g}){of_fit}"
    together = ""
    if len(broken) >= LEAST_ALIKE:
        named = name_cases([ids[row] for row in broken])
        together = f"label {name} is {float(label[broken[0]]):g}, {words}{of_fit}; so it is in {len(broken)} {named}"
    return [
        Problem(ids[row], f"label {name} is {float(label[row]):g}, {words}{of_fit}", "label", row, together, of_fit)
        for row in broken
    ]


def class_copy_problems(names: Sequence[str], label: Float[Tensor, "n t"]) -> list[Problem]:
    """Columns of classes that tell the same as one before them, missing cells too, by these or other names of the classes."""
    found, told = [], [column.nan_to_num(-1.0).tolist() for column in label.unbind(1)]
    for place, name in enumerate(names):
        for other in range(place):
            pairs = len(set(zip(told[other], told[place], strict=True)))
            if len(set(told[other])) == pairs == len(set(told[place])):
                what = f"says the same as {names[other]} in {_all(len(label), 'case')}"
                found.append(Problem(f"label {name}", f"{what}; leave one of them out", "label"))
                break
    return found


def equal_problems(names: Sequence[str], label: Float[Tensor, "n t"]) -> list[Problem]:
    """Columns of numbers or grades that are equal, missing cells too, to one before them; of constant ones that is told."""
    found = []
    for place, (name, column) in enumerate(zip(names, label.unbind(1), strict=True)):
        known = column[~column.isnan()]
        if not len(known) or bool(known.min() == known.max()):
            continue
        same = [
            other
            for other, before in enumerate(label[:, :place].unbind(1))
            if torch.allclose(before, column, rtol=0, atol=0, equal_nan=True)
        ]
        if same:
            what = f"is the same as {names[same[0]]} in {_all(len(label), 'case')}; leave one of them out"
            found.append(Problem(f"label {name}", what, "label"))
    return found


def copy_problems(names: Sequence[str], label: Float[Tensor, "n t"]) -> list[Problem]:
    """Columns of findings of both states that are equal, missing cells too, to one before them or to 1 less it."""
    told, turned, found = label.nan_to_num(-1.0), (1 - label).nan_to_num(-1.0), []
    both = ((label == 0).any(0) & (label == 1).any(0)).tolist()  # of one state alone: that is told of each
    for place, name in enumerate(names):
        for words, as_told in (("the same as", told), ("the opposite (1 - label) of", turned)):
            same = next(
                (other for other in range(place) if both[place] and torch.equal(as_told[:, other], told[:, place])),
                None,
            )
            if same is not None:
                what = f"is {words} {names[same]} in {_all(len(label), 'case')}; leave one of them out"
                found.append(Problem(f"label {name}", what, "label"))
                break
    return found
