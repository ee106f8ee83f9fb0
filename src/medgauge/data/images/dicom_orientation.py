"""Where in the patient the rows and columns of a DICOM image run (PS3.3 C.7.6.2.1.1 and C.7.6.1.1.1)."""

from typing import Any

import numpy as np

from medgauge.data.images.dicom_header import from_groups
from medgauge.data.images.patient_axes import direction_words

LETTERS = {
    "L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1), "F": (0, 0, -1),
}  # fmt: skip


def direction_of(dataset: Any) -> str:
    """Where a row and a column run, "" where the header does not say or it is oblique.

    Where the image lies on no scanner's axes, by the letters of Patient Orientation, of which the first counts; but not of
    mammograms, where left and right breasts are each other's mirror image.

    >>> from pydicom.dataset import Dataset
    >>> dataset = Dataset()
    >>> dataset.ImageOrientationPatient = [1, 0, 0, 0, -1, 0]
    >>> direction_of(dataset)
    'the left and the front'
    """
    given = from_groups(dataset, "PlaneOrientationSequence", "ImageOrientationPatient")
    if given is None and dataset.get("Modality") != "MG":
        given = _of_letters(dataset.get("PatientOrientation"))
    try:
        return direction_words(np.array([float(part) for part in given]).reshape(2, 3))
    except (TypeError, ValueError):
        return ""


def _of_letters(given: Any) -> list[int] | None:
    """The six cosines of Patient Orientation, None where it does not give two directions."""
    try:
        row, column = (LETTERS[str(letters)[:1]] for letters in given)
    except (TypeError, ValueError, KeyError):
        return None
    return [*row, *column]
