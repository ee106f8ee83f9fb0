"""What ImageJ and tifffile write into the description of a TIFF: how many pictures there are, what its numbers mean."""

import json
import math
from typing import Any

import numpy as np

LINEAR, FUNCTIONS, OPTICAL_DENSITY = 0, range(1, 20), 21
"""Codes of ImageJ's calibration: value = c0 + c1 number; other functions of the number; one without coefficients."""
SIGNED_FROM = 2**15  # what ImageJ adds to signed numbers of 16 bits, whose calibration takes it away again
CALIBRATED = "values of ImageJ's calibration (c0 + c1 times the stored number)"
NOT_FOLLOWED = "ImageJ's calibration of the values is no straight line, and is not followed"


def stated_frames(text: str, pixels: int) -> int:
    """How many pictures there are by a description, whose writer may keep them behind the first without tags of their own.

    ImageJ says their number, tifffile the shape of the whole where it says that tags are left out (truncated).

    >>> stated_frames("ImageJ=1.53\\nimages=7\\n", 12), stated_frames('{"shape": [5, 3, 4], "truncated": true}', 12)
    (7, 5)

    Args:
        text: the description.
        pixels: numbers of the first picture.
    """
    if text.startswith("ImageJ"):
        stated = _fields(text).get("images", "")
        return int(stated) if stated.isdecimal() else 1
    try:
        told = json.loads(text)
        shape = told["shape"] if told.get("truncated") is True else []
        return max(1, math.prod(map(int, shape)) // pixels)
    except (ValueError, TypeError, AttributeError, KeyError, ZeroDivisionError):
        return 1


def calibrated(array: np.ndarray[Any, Any], text: str) -> tuple[np.ndarray[Any, Any], str]:
    """The values that ImageJ shows of the stored numbers, float32, and what is said; the numbers and "" where it shows these.

    - Source: ImageJ's FileOpener (cf, c0, c1 and vunit of numbers of 8 and 16 bits) and Calibration.
    """
    fields = _fields(text) if text.startswith("ImageJ") else {}
    if "vunit" not in fields or array.dtype not in (np.uint8, np.uint16, np.int16):
        return array, ""
    function, start, step = _number(fields.get("cf", "0")), _number(fields.get("c0", "")), _number(fields.get("c1", ""))
    known = math.isfinite(start) and math.isfinite(step)
    if function == OPTICAL_DENSITY or (function in FUNCTIONS and known):
        return array, NOT_FOLLOWED
    if function != LINEAR or not known or (start, step) == (0.0, 1.0):
        return array, ""
    stored = array.astype(np.float64) + (SIGNED_FROM if array.dtype == np.int16 else 0)
    return (start + step * stored).astype(np.float32), CALIBRATED


def _number(text: str) -> float:
    """The number, NaN where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _fields(text: str) -> dict[str, str]:
    """The lines ``name=value`` of ImageJ's description."""
    lines = (line.partition("=") for line in text.replace("\0", "").splitlines())
    return {name.strip(): value.strip() for name, equals, value in lines if equals}
