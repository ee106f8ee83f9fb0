"""The flag for cases that the gallery has little to say about."""

import math

from jaxtyping import Bool, Float
from torch import Tensor

FAR_WORDS = "farther from the gallery than 99 % of validation cases"
_SHARE = 0.99


def far_threshold(distances: Float[Tensor, " n"]) -> float:
    """The smallest of the distances that 99 % of them do not exceed.

    ``distances`` are those of the validation cases to their nearest gallery case of another group
    (``NeighbourPredictor.nearest_distance``); infinite ones (no such case) count as far. With fewer than 100 cases this
    is the largest distance.

    - Raises: ValueError if there are none, or one is NaN.

    >>> import torch
    >>> far_threshold(torch.arange(1.0, 201.0))
    198.0
    """
    if distances.ndim != 1 or not len(distances) or bool(distances.isnan().any()):
        raise ValueError(f"distances must be 1-D, without NaN and at least one, got shape {tuple(distances.shape)}")
    ordered = distances.double().sort().values
    return float(ordered[math.ceil(round(_SHARE * len(ordered), 9)) - 1])


def is_far(distances: Float[Tensor, " q"], threshold: float) -> Bool[Tensor, " q"]:
    """Whether each case is ``FAR_WORDS``: its distance exceeds ``far_threshold`` of the validation cases."""
    return distances.double() > threshold
