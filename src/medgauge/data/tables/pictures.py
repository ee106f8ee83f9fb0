"""Pictures that several cases share: on two sides of a split they are refused, of two groups they say nothing."""

from collections import defaultdict
from collections.abc import Sequence

from medgauge.core.problem import Problem, name_cases
from medgauge.data.tables.splits import divided

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
    return [
        Problem("the same picture", f"is in {sides}; {REMEDY}", "picture") for digest, sides in found.items() if digest
    ]


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
