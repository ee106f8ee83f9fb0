"""How near cases are to the prototypes of findings, beside the training cases with each finding and without it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.models.prototypes import Similarity


@dataclass(frozen=True)
class PrototypeSimilarity:
    """Of n cases and t findings.

    - Shape: own, than_present and than_absent (n, t) float64.

    Attributes:
        measure: cosine of case and prototype, or distance of both at length 1.
        own: cosine or distance.
        than_present: share of the training cases with the finding, of other groups, that are farther from the prototype;
            those as near count half; NaN without any.
        than_absent: the same of those without it.
    """

    measure: Similarity
    own: Float[Tensor, "n t"]
    than_present: Float[Tensor, "n t"]
    than_absent: Float[Tensor, "n t"]

    def taken(self, own: Tensor, than_present: Tensor, than_absent: Tensor) -> "PrototypeSimilarity":
        """The same measure of other cases."""
        return PrototypeSimilarity(self.measure, own, than_present, than_absent)

    @property
    def parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """All numbers."""
        return self.own, self.than_present, self.than_absent


def farther_shares(
    nearness: Float[Tensor, "n t"], cases: Cases, of_gallery: Float[Tensor, "g t"], gallery: Cases, state: int
) -> Float[Tensor, "n t"]:
    """The share of the training cases of a state, of other groups, whose nearness is smaller; equal ones count half.

    Args:
        nearness: of the cases; the larger, the nearer.
        cases: their groups.
        of_gallery: nearness of the training cases.
        gallery: their labels and groups.
        state: 1 with the finding, 0 without it.
    """
    members = _members(gallery.group)
    shares = torch.full_like(nearness, torch.nan)
    for target in range(nearness.shape[1]):
        there = gallery.label[:, target] == state
        smaller, count = _ranked(nearness[:, target], of_gallery[there, target])
        for group, asked in _members(cases.group).items():
            own = torch.tensor([row for row in members.get(group, []) if bool(there[row])], dtype=torch.int64)
            if len(own):
                less, many = _ranked(nearness[asked, target], of_gallery[own, target])
                smaller[asked] -= less
                count[asked] -= many
        shares[:, target] = torch.where(count > 0, smaller / count.clamp(min=1), torch.nan)
    return shares


def _ranked(value: Float[Tensor, " n"], others: Float[Tensor, " m"]) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """How many of the others are smaller, equal ones half, and how many there are."""
    order = others.sort().values
    below, up_to = (torch.searchsorted(order, value.contiguous(), right=right) for right in (False, True))
    return (below + up_to).double() / 2, torch.full_like(value, len(others), dtype=torch.float64)


def _members(group: Sequence[str]) -> dict[str, list[int]]:
    """The places of each group."""
    found: dict[str, list[int]] = {}
    for place, name in enumerate(group):
        found.setdefault(str(name), []).append(place)
    return found
