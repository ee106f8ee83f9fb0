"""A target's section of the page by the kind of its labels; one module and two partial templates a kind.

``KIND.html.j2`` is the section, ``KIND_card.html.j2`` what a card says of one case.
"""

from collections.abc import Mapping
from typing import Protocol

from medgauge.report.evidence import Thumbnails
from medgauge.report.kinds import classes, finding, grade, number
from medgauge.report.kinds.shared import Said, Section
from medgauge.report.reading import RunView


class KindModule(Protocol):
    """What a kind's module has: ``SAID``, what is said for certain in words, and the section of a target."""

    SAID: Said

    def section(self, view: RunView, target: str, key: str, picture: Thumbnails) -> Section:
        """Texts and figures of one target; ``key`` is its id on the page."""


SECTIONS: Mapping[str, KindModule] = {"number": number, "grade": grade, "finding": finding, "class": classes}
"""Every kind's module."""

__all__ = ["SECTIONS"]
