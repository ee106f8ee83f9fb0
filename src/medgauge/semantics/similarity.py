"""How alike label vectors are, and how vectors that are nearly parallel are spread."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.errors import InputError

Adjust = Literal["centred", "whitened", "none"]
ADJUSTMENTS: tuple[Adjust, ...] = ("centred", "whitened", "none")
STRENGTH = 0.5  # of whitening: half of the way to vectors that are all equally far apart


def cosines(vectors: Float[Tensor, "t s"]) -> Float[Tensor, "t t"]:
    """Cosine of every pair of rows; of a row of zeros 0.

    >>> cosines(torch.tensor([[3.0, 0.0], [1.0, 1.0]]))
    tensor([[1.0000, 0.7071],
            [0.7071, 1.0000]])
    """
    unit = torch.nn.functional.normalize(vectors, dim=1)
    return unit @ unit.T


def mean_cosine(table: Float[Tensor, "t t"]) -> float:
    """Mean over pairs of different labels; 0 of a single label."""
    t = len(table)
    return 0.0 if t < 2 else float((table.sum() - table.diagonal().sum()) / (t * (t - 1)))


def centred(vectors: Float[Tensor, "t s"]) -> Float[Tensor, "t s"]:
    """The vectors less their mean, which is what makes those of a text model nearly parallel.

    >>> centred(torch.tensor([[2.0, 1.0], [2.0, 3.0]]))
    tensor([[ 0., -1.],
            [ 0.,  1.]])
    """
    return vectors - vectors.mean(dim=0)


def whitened(vectors: Float[Tensor, "t s"], strength: float = STRENGTH) -> Float[Tensor, "t s"]:
    """Centred vectors whose spread along each principal axis is taken to the power 1 - ``strength``.

    With as many axes as labels there is nothing to tell them apart by once all spreads are equal: strength 1 puts all
    labels equally far apart (cosine -1/(t-1)) and leaves no meaning in them; 0 only centres.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must be from 0 to 1, got {strength}")
    middle = centred(vectors.double())
    left, spread, right = torch.linalg.svd(middle, full_matrices=False)
    kept = spread > spread[:1] * 1e-6  # the last axis of centred vectors has none
    made: Tensor = (left * torch.where(kept, spread, 1.0).pow(1 - strength) * kept) @ right
    return made.to(vectors.dtype)


def adjusted(vectors: Float[Tensor, "t s"], adjust: Adjust) -> Float[Tensor, "t s"]:
    """The vectors, centred or whitened and then of length 1; ``none``: as they are.

    - Raises: InputError where nothing is left of a label: it is the only one, or all are equal.
    """
    if adjust == "none":
        return vectors
    if len(vectors) < 2:
        raise InputError(
            f"vectors of one label cannot be {adjust}: nothing is left of it; leave adjust out, or set it to none"
        )
    spread = centred(vectors) if adjust == "centred" else whitened(vectors)
    lengths: Tensor = torch.linalg.vector_norm(spread, dim=1, keepdim=True)
    if bool((lengths <= 1e-6 * torch.linalg.vector_norm(vectors, dim=1, keepdim=True)).any()):
        raise InputError(
            f"vectors that are {adjust} are all zeros for a label: the labels have equal vectors; check them"
        )
    return spread / lengths
