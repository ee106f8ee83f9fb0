"""One DICOM file with one frame, through MONAI's PydicomReader. No header value but its numbers of pixels goes out."""

from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource, RawImage

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
INVERTED = "MONOCHROME1 inverted"
# geometry is read from PixelSpacing alone: empty or odd values in these would stop MONAI's reader
UNUSED = ("ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing")


def read_dicom(source: ImageSource) -> RawImage:
    """Read a DICOM file: grey (1, h, w) or colour (3, h, w); spacing between rows and between columns, if it is there.

    Rescale slope and intercept are applied (CT numbers); without them, or with 1 and 0, the stored integers are kept.
    MONOCHROME1 (white is low) is inverted about the middle of the stored range, so that white is high as elsewhere.
    Palette colour becomes RGB.
    """
    from monai.data.image_reader import PydicomReader
    from pydicom.errors import InvalidDicomError

    reader = PydicomReader(swap_ij=False)
    try:
        dataset = reader.read(source.path)
    except InvalidDicomError:
        raise InputError(f"{source.path} is not a DICOM file; replace it or leave the case out") from None
    except Exception:  # noqa: BLE001 - a damaged header fails in many ways, and its text stays inside
        raise InputError(f"{source.path} is a damaged DICOM file; replace it or leave the case out") from None
    _check_content(dataset, source)
    spacing = _spacing(dataset)
    low, high = _stored_range(dataset)
    for name in UNUSED:
        dataset.pop(name, None)
    array = _pixels(reader, dataset, source)
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        array = _inverted(array, low, high)
        return RawImage(array[None], spacing, (INVERTED,))
    return RawImage(array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0), spacing)


def _check_content(dataset: Any, source: ImageSource) -> None:
    if not any(name in dataset for name in PIXELS):
        raise InputError(f"{source.path} is a DICOM file without pixels (a report or a plan); name an image")
    if "SegmentSequence" in dataset:
        raise InputError(f"{source.path} is a DICOM segmentation, not an image; name the image")
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        raise InputError(f"{source.path} has {frames} frames; save the one that counts, or a volume as NIfTI")


def _spacing(dataset: Any) -> tuple[float, ...] | None:
    """Millimetres between rows and between columns."""
    try:
        rows, columns = (float(value) for value in dataset.PixelSpacing)
    except (AttributeError, TypeError, ValueError):
        return None
    known = 0 < rows < np.inf and 0 < columns < np.inf
    return (rows, columns) if known else None


def _number(dataset: Any, name: str, default: float) -> float:
    value = dataset.get(name)
    return default if value is None or value == "" else float(value)


def _stored_range(dataset: Any) -> tuple[float, float]:
    """Least and largest value a pixel can have after rescale; a rescale by 1 and 0 is taken out of the dataset."""
    slope, intercept = _number(dataset, "RescaleSlope", 1.0), _number(dataset, "RescaleIntercept", 0.0)
    if slope == 1.0 and intercept == 0.0:
        dataset.pop("RescaleSlope", None)
        dataset.pop("RescaleIntercept", None)
    else:
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    bits = int(_number(dataset, "BitsStored", _number(dataset, "BitsAllocated", 8)))
    low = -(2 ** (bits - 1)) if dataset.get("PixelRepresentation") == 1 else 0
    ends = (low * slope + intercept, (low + 2**bits - 1) * slope + intercept)
    return min(ends), max(ends)


def _pixels(reader: Any, dataset: Any, source: ImageSource) -> np.ndarray[Any, Any]:
    """The rescaled values (h, w) or colours (h, w, 3)."""
    try:
        array: np.ndarray[Any, Any] = reader.get_data(dataset)[0]
        if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
            from pydicom.pixels import apply_color_lut  # type: ignore[attr-defined]  # documented, not in __all__

            array = apply_color_lut(array, dataset)
            array = (array >> 8).astype(np.uint8) if array.dtype == np.uint16 else array
    except Exception:  # noqa: BLE001 - as many errors as codecs; none of their texts may go out
        raise InputError(_why_not(dataset, source)) from None
    return array


def _why_not(dataset: Any, source: ImageSource) -> str:
    """Why the pixels could not be decoded: no codec, or damage."""
    from pydicom.pixels import get_decoder  # type: ignore[attr-defined]  # documented, not in __all__

    try:
        syntax = dataset.file_meta.TransferSyntaxUID
        codec_missing = syntax.is_compressed and not get_decoder(syntax).is_available
    except (AttributeError, NotImplementedError, ValueError):
        return f"{source.path} has DICOM pixels that cannot be decoded; replace it or leave the case out"
    if codec_missing:
        return f'{source.path} is compressed as {syntax.name}; pip install "medgauge[dicom]" to read it'
    return f"{source.path} is truncated or damaged; replace it or leave the case out"


def _inverted(array: np.ndarray[Any, Any], low: float, high: float) -> np.ndarray[Any, Any]:
    """Each value mirrored about the middle of the range, in the same dtype."""
    if array.dtype.kind == "f":
        return (np.float32(low + high) - array).astype(array.dtype)
    return (int(low + high) - array.astype(np.int64)).astype(array.dtype)
