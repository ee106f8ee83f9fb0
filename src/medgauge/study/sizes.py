"""Decides the size that images are read in, and how images of other sizes get there."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil, prod

import numpy as np
from numpy.typing import NDArray

from medgauge.data.images.facts import Facts, ImageFact
from medgauge.recipes.image_settings import ImageSettings
from medgauge.recipes.represent_settings import RepresentSettings

LARGEST = {2: 224, 3: 64}
"""Pixels a side of images that are shrunk; a volume's sides may differ within as many voxels as this cube has."""
FROZEN = 160
"""Pixels a side of images that a frozen network reads: larger ones cost more than they gain in a first answer."""
LONGEST = 224
"""Voxels of the longest side of a volume."""
UNEQUAL = 2.0
"""Sides, or voxels, this many times as long along one axis as along another get sizes of their own an axis."""
BISECTIONS = 60


def longest_side(represent: RepresentSettings) -> int:
    """Pixels of the longest side that 2-D images are read with, at most."""
    if represent.size != "auto":
        return represent.size
    return FROZEN if represent.name == "frozen" else LARGEST[2]


def decide_size(image: ImageSettings, facts: Facts, *, sized: bool, longest: int = LARGEST[2]) -> ImageSettings:
    """Size, fit and, for volumes with thick slices, spacing, where they are left to the data.

    Images that are small enough keep their pixels, on a canvas that holds the largest of them. Larger ones are shrunk by one
    factor. Where the voxels of large volumes are unlike along the axes, and every file says so, they are resampled first
    along the axes that have the most of them: slices are few, and none of them is given up before it must be.

    Args:
        image: the settings; what is given stays.
        facts: what a sample of the images is like.
        sized: whether a covariate is the size of a pixel, which one factor for all axes must hold for.
        longest: pixels of the longest side of 2-D images.
    """
    ndim = facts.ndims[0]
    alike = [fact for fact in facts.each if len(fact.shape) == ndim + 1]
    known = [fact for fact in alike if fact.spacing is not None]
    sides = _largest(alike, image.spacing if len(known) == len(alike) else None)
    left_open = image.size == "auto" and image.fit == "auto" and image.spacing is None
    if left_open and ndim == 3 and not is_small(sides, longest) and len(known) == len(alike) and not sized:
        spacing = _coarser(known)
        if spacing is not None:
            return replace(image, size=_largest(known, spacing), fit="pad_or_crop", spacing=spacing)
    size = image.size
    if size == "auto":
        size = sides if is_small(sides, longest) else _reduced(sides, longest)
    fit = image.fit
    if fit == "auto":
        kept = is_small(sides, longest) and all(side <= target for side, target in zip(sides, size, strict=False))
        fit = "pad_or_crop" if kept or image.spacing else "resize"
    return replace(image, size=size, fit=fit)


def _largest(facts: Sequence[ImageFact], spacing: Sequence[float] | None) -> list[int]:
    """The most pixels along each axis, of the files or after resampling to ``spacing``."""
    sides = [fact.shape[1:] for fact in facts]
    if spacing is not None:
        zoomed = [(fact.shape[1:], fact.spacing or ()) for fact in facts]
        sides = [
            tuple(max(1, ceil(side * own / wanted - 1e-6)) for side, own, wanted in zip(*pair, spacing, strict=False))
            for pair in zoomed
        ]
    return [max(side[axis] for side in sides) for axis in range(len(sides[0]))]


def is_small(sides: Sequence[int], longest: int = LARGEST[2]) -> bool:
    """Whether images of these sides are taken as they are."""
    if len(sides) == 2:
        return max(sides) <= longest
    return prod(sides) <= LARGEST[3] ** 3 and max(sides) <= LONGEST


def _reduced(sides: Sequence[int], longest: int = LARGEST[2]) -> list[int]:
    """A size for images of these sides that are shrunk by one factor: a square, a cube, or flat as they are."""
    ndim = len(sides)
    if ndim == 2 or max(sides) < UNEQUAL * min(sides):
        return [longest if ndim == 2 else LARGEST[ndim]] * ndim
    zoom = min((LARGEST[3] ** 3 / prod(sides)) ** (1 / 3), LONGEST / max(sides))
    return [max(1, round(side * zoom)) for side in sides]


def _coarser(facts: Sequence[ImageFact]) -> list[float] | None:
    """The finest spacing that volumes fit in small enough a size with: no axis gets coarser than it is before the finer ones
    have become as coarse. None where voxels are about as long along every axis.
    """
    usual = np.median([fact.spacing for fact in facts if fact.spacing is not None], axis=0)
    if usual.max() < UNEQUAL * usual.min():
        return None
    most = float(max(side * own for fact in facts for side, own in zip(fact.shape[1:], usual, strict=False)))
    return coarsened(usual, most, lambda spacing: is_small(_largest(facts, spacing)))


def coarsened(usual: NDArray[np.float64], most: float, fits: Callable[[list[float]], bool]) -> list[float]:
    """The finest spacing that fits, of which no axis gets coarser than usual before the finer ones have become as coarse.

    Args:
        usual: spacing of files, in mm an axis.
        most: a spacing that fits for certain.
        fits: whether one does.
    """
    low, high = float(usual.min()), most
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if fits(np.maximum(usual, middle).tolist()):
            high = middle
        else:
            low = middle
    return [round(float(own), 3) for own in np.maximum(usual, ceil(high * 1000) / 1000)]
