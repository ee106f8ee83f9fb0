"""What the neighbours say of each class: the share of their weight that is of it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.evidence import Reading
from medgauge.core.task import Error
from medgauge.functional.classes import one_hot
from medgauge.inference.neighbours import NeighbourPredictor


class ClassVote:
    """The neighbours' kernel mean of certain labels, (1, 0, 0) for the first of three classes: their vote.

    The radius is that of the smallest error of the vote on the validation cases.

    - Shape: as ``core.task.Predictor``, values (q, t, k); one weight a target and case.
    - Raises: as :class:`medgauge.inference.NeighbourPredictor`.

    Args:
        classes: how many each target has.
    """

    def __init__(self, classes: Sequence[int]) -> None:
        self.targets, self.most = len(classes), max(classes)
        self.neighbours = NeighbourPredictor()

    @property
    def validation(self) -> Float[Tensor, " t"]:
        """Mean validation error of the vote."""
        return self.neighbours.validation[:: self.most]

    @property
    def tuned(self) -> dict[str, float]:
        """The radius."""
        return self.neighbours.tuned

    def fit(self, gallery: Cases, validation: Cases | None = None, error: Error | None = None) -> Self:
        """Take the gallery, and tune the radius on ``validation``."""
        within = None if error is None else self._of_columns(error)
        self.neighbours.fit(self._spread(gallery), None if validation is None else self._spread(validation), within)
        return self

    def restore(self, gallery: Cases, tuned: dict[str, float]) -> Self:
        """Take the gallery and the radius."""
        self.neighbours.restore(self._spread(gallery), tuned)
        return self

    def read(self, cases: Cases) -> Reading:
        """The vote, and the cases that it rests on."""
        reading = self.neighbours.read(cases)
        if reading.evidence is None:
            raise ValueError("neighbours must give evidence, got a reading without it")
        chance = self._chances(reading.value)
        evidence = reading.evidence._replace(weights=reading.evidence.weights[:, :: self.most])
        return Reading(chance, evidence, chance)

    def nearest_distance(
        self, embedding: Float[Tensor, "q d"], *, group: Sequence[str] | None = None
    ) -> Float[Tensor, " q"]:
        """As the neighbours give it."""
        return self.neighbours.nearest_distance(embedding, group=group)

    def _spread(self, cases: Cases) -> Cases:
        """The cases with a column a class."""
        return replace(cases, label=one_hot(cases.label, self.most).flatten(1))

    def _chances(self, columns: Float[Tensor, "*n c"]) -> Float[Tensor, "*n t k"]:
        return columns.reshape(*columns.shape[:-1], self.targets, self.most)

    def _of_columns(self, error: Error) -> Error:
        """The error of chances, given to each of a target's columns."""

        def of(value: Tensor, label: Tensor) -> Tensor:
            certain = self._chances(label)
            place = certain.argmax(-1).double().masked_fill(certain.isnan().any(-1), torch.nan)
            return error(self._chances(value), place).repeat_interleave(self.most, -1)

        return of
