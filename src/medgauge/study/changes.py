"""Whether the cases of a study are those that a run folder was made from."""

from collections.abc import Mapping, Sequence

from medgauge.core.problem import name_cases
from medgauge.study.study import Study


def changed_cases(there: Sequence[Mapping[str, str]], study: Study) -> str:
    """What is other than in the rows of splits.csv, in words; empty where ids and pictures are the same.

    Args:
        there: the rows of splits.csv.
        study: the cases as they are read now.
    """
    before = {row["id"]: row["picture"] for row in there}
    now = dict(zip(study.table.id, study.images.digests, strict=True))
    other = [name for name, picture in now.items() if before.get(name, picture) != picture]
    if other:
        return f"the picture{'s' * (len(other) > 1)} of {name_cases(other)} changed on disk"
    for names, what in (
        ([name for name in before if name not in now], "missing or left out now"),
        ([name for name in now if name not in before], "new"),
    ):
        if names:
            return f"{name_cases(names)} {'is' if len(names) == 1 else 'are'} {what}"
    return ""
