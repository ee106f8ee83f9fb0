"""Classes: one of several names, held as its place among them; what is said of a case is the chance of each."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

LEAST_CHANCE = 1e-3
"""Of the true class: what is less costs no more."""


def likeliest(chance: Float[Tensor, "*n t k"]) -> Float[Tensor, "*n t"]:
    """The place of the likeliest class, of equal ones the first, in float64; NaN where a chance is missing.

    >>> likeliest(torch.tensor([[[0.2, 0.8]], [[0.5, 0.5]]])).flatten()
    tensor([1., 0.], dtype=torch.float64)
    """
    return chance.nan_to_num(0.0).argmax(-1).double().masked_fill(chance.isnan().any(-1), torch.nan)


def one_hot(label: Float[Tensor, "*n t"], classes: int) -> Float[Tensor, "*n t k"]:
    """Places as certain chances, float64; NaN where the label is missing.

    >>> one_hot(torch.tensor([[1.0]]), 3)
    tensor([[[0., 1., 0.]]], dtype=torch.float64)
    """
    known = ~label.isnan()
    made = torch.nn.functional.one_hot(label.nan_to_num(0.0).long(), classes).double()
    return made.masked_fill(~known[..., None], torch.nan)


def class_log_loss(chance: Float[Tensor, "*m n t k"], label: Float[Tensor, "n t"]) -> Float[Tensor, "*m n t"]:
    """-log of the chance of the true class, taken for 1/1000 where it is less: 0 is sure and right; NaN where missing.

    >>> class_log_loss(torch.tensor([[[0.5, 0.5]]]), torch.tensor([[1.0]]))
    tensor([[0.6931]], dtype=torch.float64)
    """
    place, classes = label.nan_to_num(0.0).long().to(chance.device), chance.shape[-1]
    place = place.expand(chance.shape[:-1])[..., None]
    own = chance.double().gather(-1, place.clamp(max=classes - 1))[..., 0].masked_fill(place[..., 0] >= classes, 0.0)
    return -own.clamp(min=LEAST_CHANCE).log().masked_fill(label.to(chance.device).isnan(), torch.nan)


@dataclass(frozen=True)
class ClassStrata:
    """The classes as parts of the labels: each label's stratum is its class.

    Attributes:
        classes: of each target its class names, in order of their places.
    """

    classes: tuple[tuple[str, ...], ...]

    @property
    def names(self) -> Sequence[str]:
        """All class names of all targets, each once."""
        return list(dict.fromkeys(name for of in self.classes for name in of))

    def of(self, label: Float[Tensor, "n t"]) -> Int[Tensor, "n t"]:
        """The place of each label's class in ``names``; -1 where it is missing."""
        if label.ndim != 2 or label.shape[1] != len(self.classes):
            raise ValueError(f"label must have {len(self.classes)} columns, got shape {tuple(label.shape)}")
        place = {name: at for at, name in enumerate(self.names)}
        columns = [
            torch.tensor([place[name] for name in of], device=label.device)[column.nan_to_num(0.0).long()]
            for column, of in zip(label.unbind(1), self.classes, strict=True)
        ]
        return torch.stack(columns, 1).masked_fill(label.isnan(), -1)
