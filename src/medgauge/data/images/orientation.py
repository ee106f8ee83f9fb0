"""Orientation marks of cameras and scanners (EXIF and TIFF 6, tag 274), the same for every format of pictures."""

from typing import Any

import numpy as np

TURNED = "turned upright as the camera's mark says"
UPRIGHT = 1


def upright(array: np.ndarray[Any, Any], mark: int) -> np.ndarray[Any, Any]:
    """The stored rows and columns (h, w, ...) as they are to be seen.

    Marks 5 to 8 change rows and columns. A mark outside 1 to 8 means nothing and turns nothing.

    - Source: TIFF 6.0, tag Orientation: where the first row and the first column of the file are in the picture.

    >>> upright(np.array([[1, 2, 3], [4, 5, 6]]), 6)
    array([[4, 1],
           [5, 2],
           [6, 3]])
    """
    turned = array.swapaxes(0, 1) if mark in (5, 6, 7, 8) else array
    if mark in (3, 4, 7, 8):
        turned = turned[::-1]
    return turned[:, ::-1] if mark in (2, 3, 6, 7) else turned


def turned_notes(mark: int) -> tuple[str, ...]:
    """What is said of an orientation mark."""
    return (TURNED,) if 2 <= mark <= 8 else ()
