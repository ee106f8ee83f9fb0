"""What the neighbours say of each level: the share of their weight that has it."""

from collections.abc import Sequence
from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.evidence import Evidence, Reading
from medgauge.core.task import Error, Surroundings
from medgauge.functional.grades import Levels, level_places


def vote(evidence: Evidence, label: Float[Tensor, "m t"], levels: Levels) -> Float[Tensor, "q t k"]:
    """For each query, target and level the sum of the evidence's weights whose gallery label is that level.

    k is the largest number of levels; a target with fewer has 0 in the places left over. The votes of a target sum to 1;
    where it has no evidence they are NaN.

    - Shape: label (m, t) of the gallery that the evidence's rows point into, levels one sequence a target -> (q, t, k)
      float64, on the CPU.
    - Raises: ValueError if a label that carries weight is none of the levels, or there are not levels for each target.

    >>> from medgauge.core.evidence import Evidence
    >>> near = Evidence(torch.tensor([0, 2]), torch.tensor([2, 0]), torch.zeros(2), torch.tensor([[0.75], [0.25]]))
    >>> vote(near, torch.tensor([[0.0], [1.0], [3.0]]), [(0.0, 1.0, 3.0)])
    tensor([[[0.2500, 0.0000, 0.7500]]], dtype=torch.float64)
    """
    label, weights = label.detach().cpu(), evidence.weights.double()
    place = level_places(label, levels)[evidence.rows]
    lost = torch.nonzero((place < 0) & (weights > 0))
    if len(lost):
        row, target = int(evidence.rows[lost[0, 0]]), int(lost[0, 1])
        raise ValueError(
            f"label must be one of the levels where it carries weight, got {label[row, target]:g} in row {row}"
        )
    sizes = torch.tensor([len(of) for of in levels])
    query = torch.repeat_interleave(torch.arange(len(evidence.offsets) - 1), evidence.offsets.diff())
    shape = (len(evidence.offsets) - 1, len(levels), int(sizes.max()))
    cell = (query[:, None] * shape[1] + torch.arange(shape[1])) * shape[2] + place.clamp(min=0)
    sums = (
        torch.zeros(shape, dtype=torch.float64).flatten().index_add_(0, cell.flatten(), weights.flatten()).view(shape)
    )
    none = sums.sum(-1, keepdim=True) == 0
    return sums.masked_fill(none & (torch.arange(shape[2]) < sizes[:, None]), torch.nan)


class NeighbourVote:
    """Neighbours with the vote of their evidence as the probability of each level.

    Args:
        neighbours: what finds the evidence and reads the value.
        levels: of each target the levels of the training labels, rising.
    """

    def __init__(self, neighbours: Surroundings, levels: Levels) -> None:
        self.neighbours = neighbours
        self.levels = levels

    @property
    def validation(self) -> Float[Tensor, " t"]:
        """Mean validation error of the neighbours' value."""
        return self.neighbours.validation

    @property
    def tuned(self) -> dict[str, float]:
        """What was tuned of the neighbours."""
        return self.neighbours.tuned

    def fit(self, gallery: Cases, validation: Cases | None = None, error: Error | None = None) -> Self:
        """Fit the neighbours and keep the gallery's labels."""
        self.neighbours.fit(gallery, validation, error)
        self._label = gallery.label.detach().cpu()
        return self

    def restore(self, gallery: Cases, tuned: dict[str, float]) -> Self:
        """Restore the neighbours and keep the gallery's labels."""
        self.neighbours.restore(gallery, tuned)
        self._label = gallery.label.detach().cpu()
        return self

    def read(self, cases: Cases) -> Reading:
        """Value and evidence of the neighbours, with their vote."""
        reading = self.neighbours.read(cases)
        if reading.evidence is None:
            raise ValueError("neighbours must give evidence, got a reading without it")
        return reading._replace(probability=vote(reading.evidence, self._label, self.levels))

    def nearest_distance(
        self, embedding: Float[Tensor, "q d"], *, group: Sequence[str] | None = None
    ) -> Float[Tensor, " q"]:
        """As the neighbours give it."""
        return self.neighbours.nearest_distance(embedding, group=group)
