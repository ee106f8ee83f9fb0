"""One thing that is wrong with a table, a column or a case."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from medgauge.core.words import plural, printable


class Problem(NamedTuple):
    """One thing that is wrong.

    Args:
        where: the case's id when ``row`` is given, else what it is about, in words (``label hc_mm``, ``group 17``).
        what: what is wrong there, without a full stop.
        kind: ``file`` (an image, which ``--skip-bad`` may leave out), ``label``, ``group``, ``picture`` (one that
            several cases share), or ``table`` (ids and covariates).
        row: the case's position in the table, from 0, or None when it is not about one case.
        together: one sentence for all cases of a column in which the same is wrong; they are told by it alone.
        of_fit: the part of ``what`` and ``together`` that names a setting of a fit.
    """

    where: str
    what: str
    kind: Literal["file", "label", "table", "group", "picture"]
    row: int | None = None
    together: str = ""
    of_fit: str = ""

    def __str__(self) -> str:
        """As a line for a person: ``case 001: its image a.png is missing``."""
        where = printable(self.where, line=True)
        subject = where if self.row is None else f"case {where}" if where else "a case without id"
        return f"{subject}: {printable(self.what, line=True)}"


def of_finished(problems: Sequence[Problem]) -> list[Problem]:
    """The problems of a table that a finished run reads, whose settings can be changed no more.

    >>> str(of_finished([Problem("label a", "is odd; mend it, or give --kind a=number", "label", of_fit=", or give --kind a=number")])[0])
    'label a: is odd; mend it'
    """
    return [
        one._replace(what=one.what.replace(one.of_fit, ""), together=one.together.replace(one.of_fit, ""), of_fit="")
        if one.of_fit
        else one
        for one in problems
    ]


def aside_notes(problems: Sequence[Problem]) -> list[str]:
    """What is wrong in labels that nothing needs, in a line.

    >>> aside_notes([Problem("a", "label view on line 2 is 'pa', which is no class; mend it", "label", 0)])
    ["labels are not needed here, and 1 that is wrong is left aside: label view on line 2 is 'pa', which is no class"]
    """
    if not problems:
        return []
    one = problems[0]
    first = (one.what if one.row is not None else str(one)).partition(";")[0]
    told = f"{len(problems)} that {plural(len(problems), 'is', 'are')} wrong {plural(len(problems), 'is', 'are')} left aside"
    return [f"labels are not needed here, and {told}: {'' if len(problems) == 1 else 'the first, '}{first}"]


def name_cases(ids: Sequence[str], *, limit: int = 5) -> str:
    """A few case ids in words.

    >>> name_cases(["a"]), name_cases(["a", "b", "c"], limit=2)
    ('case a', 'cases a, b and 1 more')
    """
    shown = [printable(one, line=True) for one in ids[:limit]]
    if len(ids) == 1:
        return f"case {shown[0]}"
    more = f" and {len(ids) - limit} more" if len(ids) > limit else ""
    return f"cases {', '.join(shown)}{more}"
