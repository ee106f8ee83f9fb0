"""Decides the box that is cut out of images: about their masks, or of so many millimetres."""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import numpy as np
from numpy.typing import NDArray

from medgauge.core.errors import InputError
from medgauge.data.images.facts import Facts, ImageFact
from medgauge.data.images.image import SQUARE
from medgauge.recipes.image_settings import ImageSettings
from medgauge.study.sizes import coarsened, decide_size, is_small

MARGIN = 1.5
"""Times that a box is as long as the masks along each axis."""
USUAL = 95
"""Percentile of the masks' sides that the box is made for."""
LEAST = 16
"""Voxels of a side of a box at least, where images have as many."""
BOXED = ("auto", "pad_or_crop")


def decide_around(image: ImageSettings, *, masks: bool) -> ImageSettings:
    """What is in the middle, where that is left to the data: masks, where there are any and the fit is one of boxes."""
    if image.around != "auto":
        return image
    return replace(image, around="mask" if masks and image.fit in BOXED else "image")


def decide_box(image: ImageSettings, facts: Facts, *, sized: bool) -> ImageSettings:
    """Size, fit and spacing of a box, where they are left to the data.

    A box about masks that is given no size holds the usual mask with a margin. Voxels that are unlike, along the axes or
    from file to file, are resampled to the usual ones; those of a box that is larger than images are read with, to coarser.

    Args:
        image: the settings; what is given stays.
        facts: what a sample of the images is like.
        sized: whether a covariate is the size of a pixel, which one factor for all axes must hold for.

    Raises:
        InputError: an extent has not as many axes as the images.
    """
    image = replace(image, fit="pad_or_crop")
    ndim, extent = facts.ndims[0], image.extent
    alike = [fact for fact in facts.each if len(fact.shape) == ndim + 1]
    known = [fact for fact in alike if fact.spacing is not None]
    reaches = [(fact, sides) for fact, sides in facts.reaches if len(sides) == ndim]
    told = len(known) == len(alike)
    usual = np.median([fact.spacing or () for fact in known], axis=0) if known else np.ones(ndim)
    if extent is not None:
        if len(extent) != ndim:
            raise InputError(f"image.extent has {len(extent)} numbers, and the images are {ndim}-D; give {ndim}")
        return _of_extent(image, extent, usual)
    if image.size != "auto":
        return image
    if not reaches:
        return decide_size(image, facts, sized=sized)
    free = told and image.spacing is None and not sized
    in_mm = free or image.spacing is not None
    steps = [np.array(fact.spacing or [1.0] * ndim) if in_mm else np.ones(ndim) for fact in alike]
    reached = [np.array(sides) * (fact.spacing if in_mm and fact.spacing else 1.0) for fact, sides in reaches]
    wanted = MARGIN * np.percentile(reached, USUAL, axis=0, method="higher")
    spacing = image.spacing or (_finest(usual, wanted) if free else None)
    voxel = np.array(spacing or [1.0] * ndim)
    most = np.max([np.array(fact.shape[1:]) * step / voxel for fact, step in zip(alike, steps, strict=True)], axis=0)
    kept = free and spacing == usual.tolist() and _are_alike(known, usual)
    return replace(image, size=_sides(wanted / voxel, most), spacing=None if kept else spacing)


def _of_extent(image: ImageSettings, extent: Sequence[float], usual: NDArray[np.float64]) -> ImageSettings:
    """Size and spacing of a box of so many millimetres, of which one may be given."""
    if image.size != "auto":
        spacing = [long / side for long, side in zip(extent, image.size, strict=True)]
        return replace(image, spacing=image.spacing or spacing)
    spacing = image.spacing or _finest(usual, np.array(extent))
    return replace(
        image, spacing=spacing, size=[max(1, round(long / own)) for long, own in zip(extent, spacing, strict=True)]
    )


def _finest(usual: NDArray[np.float64], extent: NDArray[np.float64]) -> list[float]:
    """The finest spacing from the usual one on with which a box of so many millimetres is small enough."""

    def fits(spacing: list[float]) -> bool:
        return is_small([ceil(long / own - 1e-6) for long, own in zip(extent.tolist(), spacing, strict=True)])

    return (
        [float(own) for own in usual] if fits(usual.tolist()) else coarsened(usual, float(max(*extent, *usual)), fits)
    )


def _sides(wanted: NDArray[np.float64], most: NDArray[np.float64]) -> list[int]:
    """Voxels of a box: as wanted, at least LEAST, but not more than the largest image has."""
    return [
        max(1, ceil(min(max(side, LEAST), limit) - 1e-6))
        for side, limit in zip(wanted.tolist(), most.tolist(), strict=True)
    ]


def _are_alike(facts: Sequence[ImageFact], usual: NDArray[np.float64]) -> bool:
    """Whether the voxels of all files are the usual ones, of the same length along every axis."""
    steps = np.array([fact.spacing for fact in facts])
    return bool((np.abs(steps - usual) <= SQUARE * usual).all()) and bool(usual.max() <= (1 + SQUARE) * usual.min())
