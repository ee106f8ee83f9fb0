"""The scale of greys of one image: which intensities become 0 and 1 where each image has a scale of its own."""

import math
from typing import Any, Literal, get_args

import numpy as np

from medgauge.data.images.image import RawImage

Grey = Literal["set", "image_percentiles", "image_zscore", "body_percentiles", "body_zscore"]
GREYS = get_args(Grey)
PERCENTILES = (0.5, 99.5)
DEVIATIONS = 4.0
"""Standard deviations from the mean that become 0 and 1 with ``image_zscore`` and ``body_zscore``."""
BACKGROUND = 0.05
"""Share of an image that its lowest value fills at the least, where that is a background."""
RAYLEIGH = (math.log(10_000) / math.log(2)) ** 0.5
"""Times its median that a Rayleigh distribution's 99.99th percentile is."""
CLEAR = 1.5
"""Times the end of the noise that the median of a body is above it, at the least."""
NO_BACKGROUND = "no background found in an image whose body alone is to count (image.grey), so that all of it does,"
MOST_VALUES = 2**20
"""Intensities that percentiles are taken over; larger images are thinned evenly."""


def thinned(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Every k-th of the values (n,), so that there are at most ``MOST_VALUES``."""
    return values[:: -(-values.size // MOST_VALUES)]


def usual_ends(raw: RawImage) -> tuple[float, float]:
    """The 0.5th and 99.5th percentile of an image's intensities, without padding."""
    return _ends(raw.intensities)


def _ends(values: np.ndarray[Any, Any]) -> tuple[float, float]:
    low, high = np.percentile(thinned(values), PERCENTILES)
    return float(low), float(high)


def body(raw: RawImage) -> np.ndarray[Any, Any]:
    """The intensities (n,) of an image that are no background, neither of one value nor of noise; padding does not count.

    The lowest value is background, as programs leave it about a body or a brain, where it fills a twentieth of the image. So
    is the noise of air in MR, known by the corners: magnitudes up to the 99.99th percentile of a Rayleigh distribution with
    their median, where they fill a twentieth and the median of what is above is half as high again. All of the image where
    neither is so.

    - Source: Gudbjartsson and Patz, Magn. Reson. Med. 34, 1995 (air in magnitude images is of a Rayleigh distribution).

    >>> body(RawImage(np.array([[[0, 0, 0, 5, 9]]]))), body(RawImage(np.arange(100).reshape(1, 10, 10))).size
    (array([5, 9]), 100)
    """
    values, corners = raw.intensities, _corners(raw)
    lowest = values.min()
    if _is_background(inside := values > lowest):
        values, corners = values[inside], corners[corners > lowest]
    end = RAYLEIGH * float(np.median(corners)) if corners.size else 0.0
    above = values[values > end]
    noisy = end > 0 and _is_background(values > end) and float(np.median(thinned(above))) >= CLEAR * end
    return above if noisy else values


def grey_notes(raw: RawImage, grey: Grey) -> tuple[str, ...]:
    """What is said of an image whose background is to be left out and is not found."""
    return (NO_BACKGROUND,) if grey.startswith("body") and body(raw).size == raw.intensities.size else ()


def _is_background(inside: np.ndarray[Any, np.dtype[np.bool_]]) -> bool:
    """Whether what is not inside fills enough to be one, and not everything."""
    return bool(0 < np.count_nonzero(inside) <= (1 - BACKGROUND) * inside.size)


def _corners(raw: RawImage) -> np.ndarray[Any, Any]:
    """The intensities (n,) in the corners of an image, each a tenth of its sides long."""
    ends = [np.r_[: max(1, side // 10), side - max(1, side // 10) : side] for side in raw.array.shape[1:]]
    return raw._replace(
        array=raw.array[np.ix_(range(len(raw.array)), *ends)],
        padding=None if raw.padding is None else raw.padding[np.ix_(*ends)],
    ).intensities


def own_window(raw: RawImage, grey: Grey) -> tuple[float, float]:
    """The intensities of an image that become 0 and 1 on a scale of its own; padding does not count.

    An image of one single value is 0 throughout. With ``body_percentiles`` and ``body_zscore`` its background does not count
    either.

    - Source: percentiles as in MONAI's ``ScaleIntensityRangePercentiles``, z-score as in its ``NormalizeIntensity``, of the
      body with ``nonzero``.
    - Departs: a z-score is mapped from -4 to 4 onto 0 to 1, the range that all images here have.
    """
    values: np.ndarray[Any, Any] = body(raw) if grey.startswith("body") else raw.intensities
    if grey.endswith("percentiles"):
        low, high = _ends(values)
    else:
        mean, away = float(values.mean(dtype=np.float64)), DEVIATIONS * float(values.std(dtype=np.float64))
        low, high = mean - away, mean + away
    return (low, high) if high > low else (low, low + max(1.0, abs(low)))
