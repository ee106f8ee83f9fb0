"""What every label coding is: a module that turns labels into normalised label units and back."""

from abc import abstractmethod

from jaxtyping import Float
from torch import Tensor, nn


class Coding(nn.Module):
    """Labels to normalised label units and back; its state is saved with the model's weights."""

    @property
    @abstractmethod
    def divides(self) -> bool:
        """Whether labels are divided by a covariate first."""

    @abstractmethod
    def encode(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None = None) -> Float[Tensor, "n t"]:
        """Original units to normalised label units."""

    @abstractmethod
    def decode(self, value: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None = None) -> Float[Tensor, "n t"]:
        """Normalised label units to original units."""
