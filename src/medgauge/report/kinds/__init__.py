"""A target's section of the page by the kind of its labels; one module and two partial templates a kind.

``KIND.html.j2`` is the section, ``KIND_card.html.j2`` what a card says of one case.
"""

from collections.abc import Callable, Mapping

from medgauge.report.evidence import Thumbnails
from medgauge.report.kinds import grade, number
from medgauge.report.kinds.shared import Section
from medgauge.report.reading import RunView

SECTIONS: Mapping[str, Callable[[RunView, str, str, Thumbnails], Section]] = {
    "number": number.section,
    "grade": grade.section,
}
"""(run, target, its id on the page, thumbnails) -> texts and figures."""

__all__ = ["SECTIONS"]
