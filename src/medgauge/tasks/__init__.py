"""Kinds of label, one a file."""

from medgauge.tasks.classes import Classes
from medgauge.tasks.findings import Findings
from medgauge.tasks.grades import Grades
from medgauge.tasks.numbers import Numbers
from medgauge.tasks.tasks import Kind, Tasks

KINDS: dict[str, type[Kind]] = {kind.kind: kind for kind in (Numbers, Grades, Findings, Classes)}
"""Every kind by its name, in the order of a run's columns; what is not said is the first."""

__all__ = ["KINDS", "Classes", "Findings", "Grades", "Kind", "Numbers", "Tasks"]
