"""Conformal sets of grades that hold within each true grade."""

from dataclasses import dataclass
from typing import ClassVar

from medgauge.calibration.level_sets import LevelSets
from medgauge.functional.grades import GradeStrata, Levels


@dataclass(frozen=True)
class GradeSets(LevelSets):
    """Sets of training grades, with a threshold for each true grade: :class:`LevelSets`.

    Scores of 1 - p give the smallest sets where p is right (Sadinle et al.). On drawn grades their sets had a mean of 2.1
    grades and a hole in 0.3 %; with the sum of the chances down to y's own (Romano et al.), or of those met on the way
    from the likeliest grade outwards to y (Lu et al.), it was 2.9 to 3.0 and half of the sets, since with a threshold a
    grade such sums no longer make a row of grades. Where p was wrong (too sure, noisy) the order was the same. Holes are
    left as they are: a grade that is in every set for want of cases would fill all sets up to it. A grade whose chance is
    0 in more than 1 - level of its cases (votes of few neighbours) is in every set too.
    """

    noun: ClassVar[str] = "grade"
    several: ClassVar[str] = "grades"
    between: ClassVar[str] = " "

    @classmethod
    def levels_of(cls, strata: GradeStrata) -> Levels:
        """The grades of the training labels."""
        return strata.levels
