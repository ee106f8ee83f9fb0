"""Where in the patient the rows and columns of a DICOM image run (PS3.3 C.7.6.2.1.1)."""

from typing import Any

import numpy as np

from medgauge.data.images.dicom_header import from_groups

ENDS = (("the left", "the right"), ("the back", "the front"), ("the head", "the feet"))
"""Of the patient, towards which x, y and z grow, and against it."""
ALONG = 0.9
"""Cosine from which a row or column is said to run along an axis, within some 26 degrees."""


def direction_of(dataset: Any) -> str:
    """Where a row and a column run, "" where the header does not say or it is oblique.

    >>> from pydicom.dataset import Dataset
    >>> dataset = Dataset()
    >>> dataset.ImageOrientationPatient = [1, 0, 0, 0, -1, 0]
    >>> direction_of(dataset)
    'the left and the front'
    """
    given = from_groups(dataset, "PlaneOrientationSequence", "ImageOrientationPatient")
    try:
        cosines = np.array([float(part) for part in given]).reshape(2, 3)
    except (TypeError, ValueError):
        return ""
    largest = np.abs(cosines).argmax(axis=1)
    along = cosines[[0, 1], largest]
    if not (np.abs(along) >= ALONG).all() or largest[0] == largest[1]:
        return ""
    return " and ".join(ENDS[axis][int(way < 0)] for axis, way in zip(largest.tolist(), along.tolist(), strict=True))
