"""How much the features of cases tell the same: correlations without their sign, in an order that shows blocks."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

ROUNDING = 1e-6
"""Spread over size below which a feature differs by rounding alone."""


class FeatureCorrelations(NamedTuple):
    """Correlations of features.

    - Shape: matrix (m, m) of the features that are shown, in [0, 1], float32; mean: of all pairs of features that vary, nan
      without a pair; constant: number of features that are the same in all cases.
    """

    matrix: Float[Tensor, "m m"]
    mean: float
    constant: int


def feature_correlations(features: Float[Tensor, "n f"], most: int = 256) -> FeatureCorrelations:
    """|r| between the features of n cases, alike ones side by side (leaves of average linkage over 1 - |r|).

    Features that are the same in all cases have none and are left out; of more than ``most`` each so many-th in order is shown.

    - Raises: ValueError for fewer than 3 cases, of which every correlation is 1.
    - Source: Li et al., MICCAI 2021 (arXiv 2103.04167), the figure of redundant features.
    """
    if len(features) < 3:
        raise ValueError(f"features must be of 3 cases or more, got {len(features)}")
    wide = features.double()
    centred = wide - wide.mean(dim=0)
    length = centred.norm(dim=0)
    varies = length > ROUNDING * wide.norm(dim=0)
    rows = (centred[:, varies] / length[varies]).numpy()
    matrix = np.clip(np.abs(rows.T @ rows), 0.0, 1.0)
    count = len(matrix)
    mean = (matrix.sum() - np.trace(matrix)) / (count * (count - 1)) if count > 1 else float("nan")
    order = _order(matrix)
    if count > most:
        order = order[np.linspace(0, count - 1, most).round().astype(int)]
    shown = torch.from_numpy(matrix[np.ix_(order, order)]).float()
    return FeatureCorrelations(shown, float(mean), int((~varies).sum()))


def _order(matrix: np.ndarray) -> np.ndarray:
    """Places of the features, alike ones side by side."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    if len(matrix) < 3:
        return np.arange(len(matrix))
    far = 1 - (matrix + matrix.T) / 2
    np.fill_diagonal(far, 0.0)
    return np.asarray(leaves_list(linkage(squareform(far, checks=False), "average")))
