"""The scale of greys of one image: which intensities become 0 and 1 where each image has a scale of its own."""

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


def body(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The intensities (n,) that are no background, as programs leave it about a body or a brain: the lowest value.

    All of them where that fills less than a twentieth of the image, or all of it.

    >>> body(np.array([0, 0, 0, 5, 9])), body(np.arange(1, 101)).size
    (array([5, 9]), 100)
    """
    inside = values > values.min()
    return values[inside] if 0 < np.count_nonzero(inside) <= (1 - BACKGROUND) * values.size else values


def own_window(raw: RawImage, grey: Grey) -> tuple[float, float]:
    """The intensities of an image that become 0 and 1 on a scale of its own; padding does not count.

    An image of one single value is 0 throughout. With ``body_percentiles`` and ``body_zscore`` its background does not count
    either.

    - Source: percentiles as in MONAI's ``ScaleIntensityRangePercentiles``, z-score as in its ``NormalizeIntensity``, of the
      body with ``nonzero``.
    - Departs: a z-score is mapped from -4 to 4 onto 0 to 1, the range that all images here have.
    """
    values: np.ndarray[Any, Any] = body(raw.intensities) if grey.startswith("body") else raw.intensities
    if grey.endswith("percentiles"):
        low, high = _ends(values)
    else:
        mean, away = float(values.mean(dtype=np.float64)), DEVIATIONS * float(values.std(dtype=np.float64))
        low, high = mean - away, mean + away
    return (low, high) if high > low else (low, low + max(1.0, abs(low)))
