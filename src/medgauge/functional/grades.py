"""Grades: whole numbers in label units, the levels that the training labels have, and their regions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.forms import ANY_GROUP, NUMBERS, Group, Listed, check_form
from medgauge.functional.regions import Regions

Levels = Sequence[Sequence[float]]
"""Of each target the levels in rising order."""


def nearest_grade(value: Tensor) -> Tensor:
    """The whole number nearest to each value, a half going up, in float64.

    >>> nearest_grade(torch.tensor([0.5, 1.49, -0.5, -0.51]))
    tensor([ 1.,  1.,  0., -1.], dtype=torch.float64)
    """
    below = value.double().floor()
    return below + (value.double() - below >= 0.5)


def check_grades(label: Tensor, user: str) -> None:
    """Raise unless every label that is there is a finite whole number."""
    known = label[~torch.isnan(label)]
    if not bool(((known == known.round()) & known.isfinite()).all()):
        raise ValueError(f"label must hold whole numbers for {user}, got others")


def level_word(level: float) -> str:
    """A level as people write it.

    >>> level_word(3.0)
    '3'
    """
    return f"{level:g}"


def level_places(label: Float[Tensor, "n t"], levels: Levels) -> Int[Tensor, "n t"]:
    """The place of each label among its target's levels; -1 where it is none of them, or missing.

    >>> level_places(torch.tensor([[3.0], [2.0]]), [(0.0, 1.0, 3.0)]).flatten().tolist()
    [2, -1]
    """
    if label.ndim != 2 or label.shape[1] != len(levels):
        raise ValueError(f"levels must be given for each target, got {len(levels)} for shape {tuple(label.shape)}")
    columns = []
    for column, of in zip(label.detach().double().unbind(1), levels, strict=True):
        same = column[:, None] == torch.tensor(of, dtype=torch.float64, device=column.device)
        columns.append(torch.where(same.any(1), same.int().argmax(1), -1))
    return torch.stack(columns, dim=1)


@dataclass(frozen=True)
class GradeStrata:
    """Training levels of every target, and the regions many, medium and few by density.

    Attributes:
        regions: of the training labels.
        levels: of each target the grades that occur in the training labels, in rising order; they may have gaps.
    """

    regions: Regions
    levels: tuple[tuple[float, ...], ...]

    @classmethod
    def fit(cls, label: Float[Tensor, "n t"]) -> Self:
        """Take levels and regions from the training labels; NaN = missing.

        - Raises: ValueError if a target has no label, or one that is not a whole number.
        """
        if label.ndim != 2:
            raise ValueError(f"label must be 2-D, cases and targets, got shape {tuple(label.shape)}")
        check_grades(label, "grades")
        regions = Regions.fit(label)
        return cls(regions, tuple(tuple(sorted(set(of.points.tolist()))) for of in regions.parts))

    @property
    def names(self) -> Sequence[str]:
        """The regions, densest first."""
        return self.regions.names

    def of(self, label: Float[Tensor, "n t"]) -> Int[Tensor, "n t"]:
        """The region of each label; -1 where it is missing."""
        return self.regions.of(label)

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values."""
        return {"levels": [list(of) for of in self.levels], "regions": self.regions.to_dict()}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``."""
        check_form("strata", saved, Group({"levels": Listed(NUMBERS), "regions": ANY_GROUP}))
        levels = tuple(tuple(float(level) for level in of) for of in saved["levels"])
        if not all(of and all(one < other for one, other in pairwise(of)) for of in levels):
            raise ValueError("levels must be rising, one or more for each target")
        return cls(Regions.from_dict(saved["regions"]), levels)
