"""What a scale of errors brings: the protocol that readers and kinds of labels are written against."""

from collections.abc import Mapping
from typing import Protocol, Self

from jaxtyping import Float
from torch import Tensor

from medgauge.core.batch import Cases


class Difficulty(Protocol):
    """Says how large the error of a case is expected to be; knows training cases alone."""

    @property
    def tuned(self) -> dict[str, float]:
        """What was tuned."""

    def fit(self, gallery: Cases) -> Self:
        """Learn from training cases."""

    def restore(self, gallery: Cases, tuned: Mapping[str, float]) -> Self:
        """As fitted before, with what was tuned then."""

    def read(self, cases: Cases) -> Float[Tensor, "n t"]:
        """Above 0, in original units."""
