"""Directions in the patient, in words: where axes of an image run, by DICOM's x, y and z."""

from typing import Any

import numpy as np

ENDS = (("the left", "the right"), ("the back", "the front"), ("the head", "the feet"))
"""Of the patient, towards which x, y and z grow, and against it."""
ALONG = 0.9
"""Cosine from which a row or column is said to run along an axis, within some 26 degrees."""
HALFWAY = 0.1
"""Between the two largest cosines of an axis, below which it lies about halfway between two directions."""
BETWEEN = (
    "axes about halfway between two directions of the patient, turned to the nearer: where images are turned unalike, "
    "resample them to the same directions,"
)


def direction_words(cosines: np.ndarray[Any, Any]) -> str:
    """Where a row and a column run, whose cosines (2, 3) with x, y and z are given; "" where one is oblique.

    >>> direction_words(np.array([[1, 0, 0], [0, -1, 0]]))
    'the left and the front'
    """
    largest = np.abs(cosines).argmax(axis=1)
    along = cosines[[0, 1], largest]
    if not (np.abs(along) >= ALONG).all() or largest[0] == largest[1]:
        return ""
    return " and ".join(ENDS[axis][int(way < 0)] for axis, way in zip(largest.tolist(), along.tolist(), strict=True))


def between_notes(cosines: np.ndarray[Any, Any]) -> tuple[str, ...]:
    """What is said of axes whose cosines (n, 3) with x, y and z leave open which of these each is.

    >>> len(between_notes(np.array([[1, 0, 0], [0, 0.72, 0.69]]))), between_notes(np.array([[1, 0, 0], [0, 0.8, 0.6]]))
    (1, ())
    """
    sizes = np.sort(np.abs(cosines), axis=1)
    return (BETWEEN,) if bool((sizes[:, 2] - sizes[:, 1] < HALFWAY).any()) else ()
