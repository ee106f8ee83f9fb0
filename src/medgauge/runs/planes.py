"""A volume as the report shows it: three planes through its middle, side by side, with the outline of its mask."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

TILE = 96
"""Pixels of the longest side of a plane at most."""
GAP = 2
"""Black pixels between planes."""
OUTLINE = (255, 64, 64)


def three_planes(
    volume: NDArray[np.uint8], inside: NDArray[np.bool_] | None, spacing: Sequence[float] | None
) -> NDArray[np.uint8]:
    """Axial, coronal and sagittal plane of (c, d, h, w) as one picture (h, w) or (h, w, 3), the head up.

    Pixels are as long along both axes as ``spacing`` says, in mm along d, h and w; None: voxels are cubes. The outline of
    ``inside`` (d, h, w) is red.
    """
    space = volume.shape[1:]
    steps = np.ones(3) if spacing is None else np.array(spacing, dtype=float) / min(spacing)
    zoom = min(1.0, TILE / float((np.array(space) * steps).max()))
    colour = volume[:3] if len(volume) >= 3 else np.repeat(volume[:1], 3, axis=0)
    tiles = []
    for axis in range(3):
        plane = np.moveaxis(_cut(colour, axis), 0, -1)
        sides = [max(1, round(float(space[other] * steps[other] * zoom))) for other in range(3) if other != axis]
        tile = _resized(plane, sides, smooth=True)
        if inside is not None:
            shape = _resized(_cut(inside[None].astype(np.uint8), axis)[0], sides, smooth=False) > 0
            tile[outline(shape)] = OUTLINE
        tiles.append(tile)
    picture = _side_by_side(tiles)
    return picture if len(volume) >= 3 or inside is not None else picture[..., 0]


def outline(shape: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of a shape (h, w) that have a neighbour above, below or beside them outside it.

    >>> outline(np.ones((3, 4), bool)).astype(int)
    array([[1, 1, 1, 1],
           [1, 0, 0, 1],
           [1, 1, 1, 1]])
    """
    wide = np.pad(shape, 1)
    within = wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:]
    return shape & ~within


def _cut(volume: NDArray[np.uint8], axis: int) -> NDArray[np.uint8]:
    """The middle plane (c, ., .) of (c, d, h, w) across an axis; planes along d begin at its end, the head."""
    plane: NDArray[np.uint8] = np.take(volume, volume.shape[axis + 1] // 2, axis=axis + 1)
    return plane if axis == 0 else plane[:, ::-1]


def _resized(plane: NDArray[np.uint8], sides: Sequence[int], *, smooth: bool) -> NDArray[np.uint8]:
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(plane))
    if picture.size != (sides[1], sides[0]):
        way = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
        picture = picture.resize((sides[1], sides[0]), way)
    return np.array(picture)


def _side_by_side(tiles: Sequence[NDArray[np.uint8]]) -> NDArray[Any]:
    """Tiles (h, w, 3) in a row, each in the middle of its height."""
    height = max(len(tile) for tile in tiles)
    canvas = np.zeros((height, sum(tile.shape[1] for tile in tiles) + GAP * (len(tiles) - 1), 3), np.uint8)
    left = 0
    for tile in tiles:
        top = (height - len(tile)) // 2
        canvas[top : top + len(tile), left : left + tile.shape[1]] = tile
        left += tile.shape[1] + GAP
    return canvas
