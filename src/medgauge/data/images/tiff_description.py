"""What ImageJ, tifffile and OME write into the description of a TIFF: pictures, what numbers mean, sizes of pixels."""

import json
import math
import re
from contextlib import suppress
from html import unescape
from typing import Any

import numpy as np

from medgauge.data.images.lengths import millimetres

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


def described_size(text: str, resolution: tuple[float, float], unit: int) -> tuple[float, float] | None:
    """Millimetres between rows and between columns, where OME says them, or ImageJ with a unit of length.

    >>> described_size("ImageJ=1.53\\nunit=cm\\n", (2.0, 4.0), 1)
    (2.5, 5.0)
    >>> described_size('<OME><Pixels PhysicalSizeX="500" PhysicalSizeY="250" PhysicalSizeYUnit="nm">', (1.0, 1.0), 1)
    (0.00025, 0.5)

    - Source: OME model, Pixels (micrometres where there is no unit); ImageJ's TiffEncoder.

    Args:
        text: the description.
        resolution: pixels along a row and along a column in one unit of length.
        unit: code of the TIFF's own unit of these, 1 for none and 3 for centimetres.
    """
    pixels = re.search(r"<(?:\w+:)?Pixels\b([^>]*)", text) if "<OME" in text or ":OME" in text else None
    sizes = (math.nan, math.nan)
    if pixels is not None:
        said = dict(re.findall(r'PhysicalSize(\w+)="([^"]*)"', pixels[1]))
        sizes = (_length(said, "Y"), _length(said, "X"))
    elif text.startswith("ImageJ"):
        word = _fields(text).get("unit", "").replace("\\u00B5", "µ")
        if unit == 1 or (unit, word) == (3, "cm"):
            across, down = (1 / part if part > 0 else math.nan for part in resolution)
            sizes = (down * millimetres(word), across * millimetres(word))
    return sizes if all(0 < size < math.inf for size in sizes) else None


def _length(said: dict[str, str], axis: str) -> float:
    """The size of a pixel along an axis in millimetres, NaN where it is not said."""
    unit = unescape(said.get(f"{axis}Unit", "um"))
    with suppress(UnicodeError):
        unit = unit.encode("latin-1").decode("utf-8")  # which OME is written in, and descriptions are not
    return _number(said.get(axis, "")) * millimetres(unit)


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
