"""Boxes around masks: where their middle is, and how far masks reach from it."""

import numpy as np
from numpy.typing import NDArray

ROUNDING = 0.5
"""Voxels that a mask may reach beyond its box and not be said to: middles are on whole or half voxels."""


def centroid(inside: NDArray[np.bool_]) -> tuple[float, ...]:
    """The centroid of a mask along each axis, in voxels from the edge of the first one.

    >>> centroid(np.array([[False, False, True], [False, False, False]]))
    (0.5, 2.5)
    """
    return tuple(
        float(np.average(np.arange(side) + 0.5, weights=counts))
        for side, counts in zip(inside.shape, _counts(inside), strict=True)
    )


def reach(inside: NDArray[np.bool_]) -> tuple[float, ...]:
    """The sides of the smallest box about its centroid that holds a mask, in voxels.

    >>> reach(np.array([[True, True, False, True, True], [False] * 5]))
    (1.0, 5.0)
    """
    sides = []
    for middle, counts in zip(centroid(inside), _counts(inside), strict=True):
        filled = np.flatnonzero(counts)
        sides.append(2 * float(max(middle - filled[0], filled[-1] + 1 - middle)))
    return tuple(sides)


def is_cut(inside: NDArray[np.bool_], size: tuple[int, ...], zooms: tuple[float, ...]) -> bool:
    """Whether a mask reaches beyond a box of ``size`` voxels about its centroid, ``zooms`` of which are a voxel of the mask."""
    sides = zip(reach(inside), zooms, size, strict=True)
    return any(side * zoom > target + 2 * ROUNDING for side, zoom, target in sides)


def _counts(inside: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """How many voxels of a mask there are at each place of each axis."""
    axes = range(inside.ndim)
    return [np.count_nonzero(inside, axis=tuple(other for other in axes if other != axis)) for axis in axes]
