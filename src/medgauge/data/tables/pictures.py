"""Pictures that several cases share: on two sides of a split they are refused, of two groups they say nothing."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from medgauge.core.problem import Problem, name_cases
from medgauge.data.tables.splits import divided

LEAST_ALIKE = 4
"""Pictures on two sides that are told in one line."""
REMEDY = "give such cases one group and one split, or leave them out (--skip-bad does)"


def shared_pictures(digests: Sequence[str], split: Sequence[str], id: Sequence[str]) -> list[Problem]:
    """A problem for every picture that is in more than one split, with its cases.

    Args:
        digests: what is equal exactly when the decoded pixels are; "" where a picture could not be read (never equal).
        split: the split of each case.
        id: the id of each case.
    """
    found = divided(digests, split, id)
    if found and set(digests) == {digests[0]} != {""}:
        what = "are the same picture; look at the files and at the column that names them"
        return [Problem(f"all {len(digests)} images", what, "picture")]
    sides = [what for digest, what in found.items() if digest]
    if len(sides) >= LEAST_ALIKE:
        return [Problem(f"{len(sides)} pictures", f"are on two sides; the first is in {sides[0]}; {REMEDY}", "picture")]
    return [Problem("the same picture", f"is in {what}; {REMEDY}", "picture") for what in sides]


def pictures_of_groups(digests: Sequence[str], group: Sequence[str], id: Sequence[str]) -> list[Problem]:
    """A problem for every case whose picture is that of a case of another group too.

    Whose picture it is nobody knows, so none of the cases is better than the others; which they are depends on no split
    and so on no seed.

    Args:
        digests: as in :func:`shared_pictures`.
        group: the group of each case.
        id: the id of each case.
    """
    owners = defaultdict[str, list[int]](list)
    for row, digest in enumerate(digests):
        owners[digest].append(row)
    problems = []
    for row, digest in enumerate(digests):
        others = [id[other] for other in owners[digest] if group[other] != group[row]] if digest else []
        if others:
            what = f"its picture is also that of {name_cases(others)}, of another group"
            problems.append(Problem(id[row], what, "picture", row))
    return problems


def several_labels(
    digests: Sequence[str],
    group: Sequence[str],
    label: Float64[np.ndarray, "n t"],
    target: Sequence[str],
    id: Sequence[str],
) -> list[str]:
    """A note where cases of one group with one picture have different labels.

    >>> several_labels(["a", "b", "a"], ["p", "p", "p"], np.array([[60.0], [65], [70]]), ["hc"], ["x", "y", "z"])[0][:64]
    'a picture is that of several cases with different labels (cases '
    """
    rows = defaultdict[tuple[str, str], list[int]](list)
    for row, digest in enumerate(digests):
        if digest:
            rows[digest, group[row]].append(row)
    unlike, first = list[list[int]](), ""
    for own in rows.values():
        for name, values in zip(target, label[own].T, strict=True):
            known = np.unique(values[~np.isnan(values)])
            if len(known) > 1:
                unlike.append(own)
                first = first or f"{name} is {known[0]:.6g} in one and {known[-1]:.6g} in another"
                break
    if not unlike:
        return []
    several = "a picture is" if len(unlike) == 1 else f"{len(unlike)} pictures are"
    named = name_cases([id[row] for own in unlike for row in own])
    return [
        f"{several} that of several cases with different labels ({named}): {first}; correct the labels, or the column that names "
        "the images"
    ]


def picture_notes(digests: Sequence[str], group: Sequence[str], id: Sequence[str]) -> list[str]:
    """A note where pictures are those of several groups, which other splits could part."""
    found = pictures_of_groups(digests, group, id)
    if not found:
        return []
    count = len({digests[problem.row] for problem in found if problem.row is not None})
    several = "a picture is" if count == 1 else f"{count} pictures are"
    return [
        f"{several} that of several groups, all on one side here ({name_cases([problem.where for problem in found])}); {REMEDY}"
    ]
