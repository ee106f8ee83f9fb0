"""The flag for cases that the gallery has little to say about."""

import math

from jaxtyping import Bool, Float
from torch import Tensor

FAR_WORDS = "farther from the gallery than 97.5 % of cases like the training cases"
FAR_SHARE = 0.025
"""The share of cases like the training cases that may be flagged."""


def far_threshold(distances: Float[Tensor, " n"]) -> float:
    """The distance that a further case like these exceeds with a chance of at most 2.5 %, on average over their draws.

    ``distances`` are those of like cases to their nearest gallery case of another group
    (``NeighbourPredictor.nearest_distance``): of validation cases, or of the training cases themselves where nothing was kept;
    infinite ones (no such case) count as far. The threshold is the k-th smallest of the n, k = the smallest whole number of
    at least 0.975 (n + 1). With fewer than 39 it is the largest, which a further case exceeds with the chance 1 / (n + 1).

    - Raises: ValueError if there are none, or one is NaN.
    - Source: conformal outlier detection (Vovk, Gammerman and Shafer 2005).

    >>> import torch
    >>> far_threshold(torch.arange(1.0, 200.0))
    195.0
    """
    if distances.ndim != 1 or not len(distances) or bool(distances.isnan().any()):
        raise ValueError(f"distances must be 1-D, without NaN and at least one, got shape {tuple(distances.shape)}")
    ordered = distances.double().sort().values
    place = math.ceil(round((1 - FAR_SHARE) * (len(ordered) + 1), 9))
    return float(ordered[min(place, len(ordered)) - 1])


def is_far(distances: Float[Tensor, " q"], threshold: float) -> Bool[Tensor, " q"]:
    """Whether each case is ``FAR_WORDS``: its distance exceeds ``far_threshold``."""
    return distances.double() > threshold
