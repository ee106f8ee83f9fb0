"""Conformal sets of classes that hold within each true class."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from medgauge.calibration.level_sets import LevelSets
from medgauge.functional.classes import ClassStrata, likeliest
from medgauge.functional.grades import Levels


@dataclass(frozen=True)
class ClassSets(LevelSets):
    """Sets of classes, with a threshold for each true class: :class:`LevelSets`; in tables they are called by name."""

    noun: ClassVar[str] = "class"
    several: ClassVar[str] = "classes"
    between: ClassVar[str] = " | "

    @classmethod
    def levels_of(cls, strata: ClassStrata) -> Levels:
        """Places of the classes."""
        return tuple(tuple(map(float, range(len(of)))) for of in strata.classes)

    @classmethod
    def names_of(cls, strata: ClassStrata) -> tuple[tuple[str, ...], ...]:
        """The names of the classes."""
        return strata.classes

    def read(self, value: Float[Tensor, "n t k"]) -> Float[Tensor, "n t"]:
        """The likeliest class."""
        return likeliest(value)
