"""The scale of greys of one image: which intensities become 0 and 1 where each image has a scale of its own."""

from typing import Any, Literal

import numpy as np

from medgauge.data.images.image import RawImage

Grey = Literal["set", "image_percentiles", "image_zscore"]
GREYS = ("set", "image_percentiles", "image_zscore")
PERCENTILES = (0.5, 99.5)
DEVIATIONS = 4.0
"""Standard deviations from the mean that become 0 and 1 with ``image_zscore``."""
MOST_VALUES = 2**20
"""Intensities that percentiles are taken over; larger images are thinned evenly."""


def thinned(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Every k-th of the values (n,), so that there are at most ``MOST_VALUES``."""
    return values[:: -(-values.size // MOST_VALUES)]


def usual_ends(raw: RawImage) -> tuple[float, float]:
    """The 0.5th and 99.5th percentile of an image's intensities, without padding."""
    low, high = np.percentile(thinned(raw.intensities), PERCENTILES)
    return float(low), float(high)


def own_window(raw: RawImage, grey: Grey) -> tuple[float, float]:
    """The intensities of an image that become 0 and 1 on a scale of its own; padding does not count.

    An image of one single value is 0 throughout.

    - Source: percentiles as in MONAI's ``ScaleIntensityRangePercentiles``, z-score as in its ``NormalizeIntensity``.
    - Departs: a z-score is mapped from -4 to 4 onto 0 to 1, the range that all images here have.
    """
    if grey == "image_percentiles":
        low, high = usual_ends(raw)
    else:
        values: np.ndarray[Any, Any] = raw.intensities
        mean, away = float(values.mean(dtype=np.float64)), DEVIATIONS * float(values.std(dtype=np.float64))
        low, high = mean - away, mean + away
    return (low, high) if high > low else (low, low + max(1.0, abs(low)))
