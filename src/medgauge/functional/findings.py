"""Findings: labels that are 1 (present), 0 (absent) or missing, and how often each is present."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.forms import COUNT, Group, Listed, check_form
from medgauge.functional.regions import MISSING, REGION_NAMES

STATES = ("absent", "present")
MANY, FEW = 100, 20
"""Training positives above which a finding is frequent, and below which it is rare."""
SAVED = Group({"positives": Listed(COUNT), "negatives": Listed(COUNT)})
"""What ``FindingStrata.to_dict`` gives."""


def frequency_regions(positives: Sequence[int]) -> list[str]:
    """Of each finding by its training positives: many (above 100), medium, or few (below 20).

    >>> frequency_regions([101, 100, 20, 19])
    ['many', 'medium', 'medium', 'few']
    """
    return [REGION_NAMES[(count <= MANY) + (count < FEW)] for count in positives]


def check_findings(label: Tensor, user: str) -> None:
    """Raise unless every label that is there is 0 or 1."""
    known = label[~torch.isnan(label)]
    if not bool(((known == 0) | (known == 1)).all()):
        raise ValueError(f"label must be 0 or 1 for {user}, got others")


@dataclass(frozen=True)
class FindingStrata:
    """Absent and present, with how many training cases of every finding are either.

    Attributes:
        positives: of each finding the training cases with it.
        negatives: and those without.
    """

    positives: tuple[int, ...]
    negatives: tuple[int, ...]

    @classmethod
    def fit(cls, label: Float[Tensor, "n t"]) -> Self:
        """Count the training labels; NaN = missing.

        - Raises: ValueError if a label is neither 0 nor 1.
        """
        if label.ndim != 2:
            raise ValueError(f"label must be 2-D, cases and targets, got shape {tuple(label.shape)}")
        check_findings(label, "findings")
        return cls(*(tuple((label == state).sum(0).tolist()) for state in (1, 0)))

    @property
    def names(self) -> Sequence[str]:
        """absent, present."""
        return STATES

    @property
    def rates(self) -> Float[Tensor, " t"]:
        """Share of the labelled training cases with each finding; NaN where none has a label."""
        positives, negatives = (torch.tensor(part, dtype=torch.float64) for part in (self.positives, self.negatives))
        return positives / (positives + negatives)

    @property
    def regions(self) -> list[str]:
        """How frequent each finding is."""
        return frequency_regions(self.positives)

    def of(self, label: Float[Tensor, "n t"]) -> Int[Tensor, "n t"]:
        """The state of each label; -1 where it is missing."""
        label = label.detach().cpu()
        return (label > 0.5).long().masked_fill(label.isnan(), MISSING)

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values."""
        return {"positives": list(self.positives), "negatives": list(self.negatives)}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``."""
        check_form("strata", saved, SAVED)
        if len(saved["positives"]) != len(saved["negatives"]):
            raise ValueError("positives and negatives must have one count for each finding")
        return cls(*(tuple(int(count) for count in saved[name]) for name in ("positives", "negatives")))
