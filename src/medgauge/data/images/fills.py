"""Numbers in an image that stand for no intensity, whatever its format."""

from typing import Any

import numpy as np

from medgauge.data.images.grey import thinned
from medgauge.data.images.image import RawImage

HUGE = 1e30
"""Floats as large as that and larger are no intensities: programs fill with the ends of a float type what they lack."""
LEAST = 10
"""Values that one must be far below of."""
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
    few = thinned(values)
    few = few[few > lowest]
    if lowest >= 0 or few.size < LEAST:
        return ()
    low, high = map(float, np.percentile(few, (0.5, 99.5)))
    if not 0 < high - low < float(few.min()) - lowest:  # what few of the values tell spares a look at all of them
        return ()
    others = values[values > lowest]
    if values.size - others.size < 2 or float(others.min()) - lowest <= high - low:
        return ()
    return (
        f"pixels of {lowest:.6g}, far below all others (if they hold no intensity, save NaN there and give --image.nan, "
        "or give image.window)",
    )
