"""Numbers in an image that stand for no intensity, whatever its format."""

from typing import Any

import numpy as np

from medgauge.data.images.grey import PERCENTILES, thinned
from medgauge.data.images.image import RawImage

HUGE = 1e30
"""Floats as large as that and larger are no intensities: programs fill with the ends of a float type what they lack."""
LEAST = 10
"""Values that one must be far below of."""
HALF = 2.0**15
REMEDY = "if they hold no intensity, save NaN there and fit with image.nan, or fit with image.window"
WRAPPED = "numbers in two groups more than 32768 apart, as signed numbers that are read as unsigned (save them signed),"
FILLED = "numbers beyond 1e30 taken as no intensity"


def without_fills(image: RawImage) -> RawImage:
    """The image with a pixel as padding, and 0, where any channel is beyond 1e30, and a note if there is one.

    Args:
        image: of floats, none NaN.
    """
    filled: np.ndarray[Any, np.dtype[np.bool_]] = (np.abs(image.array) >= HUGE).any(axis=0)
    if image.padding is not None:
        filled &= ~image.padding
    if not filled.any():
        return image
    return image._replace(
        array=np.where(filled, image.array.dtype.type(0), image.array),
        padding=filled if image.padding is None else filled | image.padding,
        notes=(*image.notes, FILLED),
    )


def far_off_notes(image: RawImage) -> tuple[str, ...]:
    """What is said of numbers that are far from all others: one below, one above, or signed ones read as unsigned."""
    return (*far_below_notes(image), *(wrapped_notes(image) or far_above_notes(image)))


def far_below_notes(image: RawImage) -> tuple[str, ...]:
    """What is said of a number below 0 that is further from all others than these, but for 1 %, are from each other.

    It must come twice at least. Numbers such as -9999 and -32768 stand in many files for no intensity at all.

    >>> far_below_notes(RawImage(np.array([[[-9999, -9999, *range(20)]]])))[0].partition(",")[0]
    'pixels of -9999'
    >>> far_below_notes(RawImage(np.array([[[-9, -9, *range(20)]]])))
    ()
    """
    values = image.intensities
    lowest = float(values.min())
    if lowest >= 0 or not _is_alone(values, lowest, least=2):
        return ()
    return (f"pixels of {lowest:.6g}, far below all others ({REMEDY})",)


def far_above_notes(image: RawImage) -> tuple[str, ...]:
    """What is said of a number above all others in the same way, in so many pixels that windows end there.

    Of 8 bits without a sign nothing is said, as their window is from 0 to 255 in all images.

    >>> far_above_notes(RawImage(np.array([[[9999, *range(20)]]])))[0].partition(",")[0]
    'pixels of 9999'
    """
    values = image.intensities
    highest = float(values.max())
    least = max(1, (1 - PERCENTILES[1] / 100) * values.size)
    if values.dtype == np.uint8 or highest <= 0 or not _is_alone(values, highest, least=least):
        return ()
    return (f"pixels of {highest:.6g}, far above all others ({REMEDY})",)


def wrapped_notes(image: RawImage) -> tuple[str, ...]:
    """What is said of numbers in two groups more than 2^15 apart, all within 2^16: signed ones are so when read as unsigned.

    >>> len(wrapped_notes(RawImage(np.array([[[*range(20), *range(65000, 65020)]]]))))
    1
    """
    values = image.intensities
    low, high = float(values.min()), float(values.max())
    if not HALF < high - low < 2 * HALF:
        return ()
    upper = values > low + HALF
    above, below = values[upper], values[~upper]
    if min(above.size, below.size) < LEAST or float(above.min()) - float(below.max()) <= HALF:
        return ()
    return (WRAPPED,) if below.max() > low and above.min() < high else ()


def _is_alone(values: np.ndarray[Any, Any], end: float, *, least: float) -> bool:
    """Whether the lowest or highest of the values, in ``least`` pixels or more, is further from all others than these spread."""
    few = thinned(values)
    few = few[few != end]
    if few.size < LEAST:
        return False
    low, high = map(float, np.percentile(few, PERCENTILES))
    if not 0 < high - low < float(np.abs(few - end).min()):  # what few of the values tell spares a look at all of them
        return False
    others = values[values != end]
    return values.size - others.size >= least and float(np.abs(others - end).min()) > high - low
