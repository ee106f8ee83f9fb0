"""One image as its file has it, and where it is: what every reader gives and takes."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
NIFTI_ENDINGS = (".nii", ".nii.gz")
DICOM_ENDINGS = (".dcm", ".dicom", ".ima")
ARRAY_ENDINGS = (".npy", ".npz")
ALPHA_DROPPED = "alpha channel dropped"
DEPTH_REDUCED = "16-bit colour read as 8-bit"
NOT_SQUARE = "pixels are not square by the file's resolution marks, which are not followed: shapes stay as stored"
UNEQUAL = "pixels are not square by the file's spacing: shapes stay as stored (fit with image.spacing to resample them)"
SQUARE = 0.01
"""Share that the sizes or resolutions of rows and columns may differ by and be the same number, rounded."""
ENDINGS = (*PICTURE_ENDINGS, *DICOM_ENDINGS, *NIFTI_ENDINGS, ".nrrd", *ARRAY_ENDINGS)


class ImageSource(NamedTuple):
    """Where one image is: a file, one row of an array in an .npz (``key``) or .npy file, or the folder of a DICOM series.

    The ``key`` of a folder is the SeriesInstanceUID of one of several series; ``mask``: where its mask is, if it has one.
    """

    path: Path
    key: str | None = None
    index: int | None = None  # type: ignore[assignment]  # hides tuple.index, which nobody asks a source for
    mask: "ImageSource | None" = None

    @property
    def text(self) -> str:
        """How the source is written in a table: ``volumes.npz#images[12]``."""
        key = "" if self.key is None else f"#{self.key}"
        row = "" if self.index is None else f"[{self.index}]"
        return f"{self.path}{key}{row}"


class RawImage(NamedTuple):
    """An image as its file has it.

    - Shape: array (c, h, w) or (c, d, h, w), integer or float, native byte order; spacing: millimetres a pixel for each
      axis after c, or None where the file does not say; notes: what was dropped or changed, to be said once;
      padding: (h, w) or (d, h, w), True where a pixel holds no intensity, or None; has_unit: values mean the same in
      every image of the kind, as CT numbers do; direction: where in the patient the rows and the columns of a slice run,
      in words, "" where the file does not say or it is oblique; kind: modality and more as a DICOM header says it, or "";
      affine: (4, 4) from places (z, y, x, 1) of a volume to millimetres along DICOM's x, y and z, None where the file does
      not say or the image is 2-D.
    """

    array: np.ndarray[Any, Any]
    spacing: tuple[float, ...] | None = None
    notes: tuple[str, ...] = ()
    padding: np.ndarray[Any, np.dtype[np.bool_]] | None = None
    has_unit: bool = False
    direction: str = ""
    kind: str = ""
    affine: np.ndarray[Any, np.dtype[np.float64]] | None = None

    @property
    def intensities(self) -> np.ndarray[Any, Any]:
        """The values that are no padding, those of all channels in one row."""
        return self.array.reshape(-1) if self.padding is None else self.array[:, ~self.padding].reshape(-1)


def square_notes(spacing: tuple[float, ...] | None) -> tuple[str, ...]:
    """What is said of the size of a pixel, of two numbers, where it is not resampled; of volumes nothing.

    >>> square_notes((0.5, 0.5)), len(square_notes((0.5, 1.0))), square_notes((3.0, 0.5, 1.0)), square_notes(None)
    ((), 1, (), ())
    """
    unequal = spacing is not None and len(spacing) == 2 and max(spacing) > (1 + SQUARE) * min(spacing)
    return (UNEQUAL,) if unequal else ()


def shape_notes(across: float, down: float) -> tuple[str, ...]:
    """What is said of two resolutions, in any unit: nothing where they are equal, or are none.

    >>> shape_notes(72, 72), len(shape_notes(204, 98)), shape_notes(0, 72)
    ((), 1, ())
    """
    known = 0 < across < float("inf") and 0 < down < float("inf")
    return (NOT_SQUARE,) if known and abs(across - down) > SQUARE * max(across, down) else ()


def ending(path: Path) -> str:
    """The ending that says the format, in lower case: ``.png``, ``.nii.gz``."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()
