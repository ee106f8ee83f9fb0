"""What the header of a DICOM file with one frame says of its pixels: size, bits, padding (PS3.3)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

AT_DETECTOR = "pixel size is the one at the detector, not in the patient (Imager Pixel Spacing)"
OF_FILM = "pixel size is that of the scanned film (Nominal Scanned Pixel Spacing)"
OF_ULTRASOUND = "pixel size is that of the ultrasound region"
NOT_SQUARE = "pixels are not square (Pixel Aspect Ratio), their size is not given and shapes stay as stored"
NO_STEP = "pixel size in the file is no number above 0: size not used"
HIGH_BIT = "the stored bits do not begin at bit 0 (High Bit), and are read from where they do"
GREY = ("MONOCHROME1", "MONOCHROME2")
ONE_SAMPLE = (*GREY, "PALETTE COLOR")
PHOTOMETRIC = (*ONE_SAMPLE, "RGB")
"""Photometric interpretations that are read, beside those that begin with YBR."""
NAMES = {
    "Rows": "Rows",
    "Columns": "Columns",
    "SamplesPerPixel": "Samples per Pixel",
    "BitsAllocated": "Bits Allocated",
    "BitsStored": "Bits Stored",
    "PixelRepresentation": "Pixel Representation",
    "PlanarConfiguration": "Planar Configuration",
    "HighBit": "High Bit",
}
CENTIMETRES = 3  # code of Physical Units X Direction and Y Direction
MILLIMETRES_IN_CENTIMETRE = 10.0


class PixelSize(NamedTuple):
    """Millimetres between rows and between columns, or None, and what is to be said of it."""

    spacing: tuple[float, float] | None
    notes: tuple[str, ...] = ()


def number_of_frames(dataset: Any) -> int:
    """Frames in the file, 1 where it does not say."""
    return int(dataset.get("NumberOfFrames") or 1)


def groups_of_frame(dataset: Any) -> Iterator[Any]:
    """The functional groups of the only frame, its own before the shared ones, then the data set itself."""
    for name in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        yield from list(dataset.get(name) or [])[:1]
    yield dataset


def from_groups(dataset: Any, sequence: str, name: str) -> Any:
    """A value from the functional group ``sequence``, else from the data set; None if it is nowhere."""
    for group in groups_of_frame(dataset):
        items = [group] if group is dataset else list(group.get(sequence) or [])[:1]
        for item in items:
            value = item.get(name)
            if value is not None and value != "":
                return value
    return None


def pixel_size(dataset: Any) -> PixelSize:
    """The size of a pixel, of the patient where it is given, else at the detector, of the film or by the ultrasound.

    - Source: DICOM PS3.3, 10.7 (basic, imager and nominal scanned spacing), C.8.5.5 (ultrasound regions), C.7.6.16.2.1.
    """
    imager = _pair(dataset.get("ImagerPixelSpacing"))
    given = _pair(from_groups(dataset, "PixelMeasuresSequence", "PixelSpacing"))
    if given is not None:
        uncalibrated = given == imager and not dataset.get("PixelSpacingCalibrationType")
        return PixelSize(given, (AT_DETECTOR,) if uncalibrated else ())
    if imager is not None:
        return PixelSize(imager, (AT_DETECTOR,))
    film = _pair(dataset.get("NominalScannedPixelSpacing"))
    if film is not None:
        return PixelSize(film, (OF_FILM,))
    region = _ultrasound(dataset)
    if region is not None:
        return PixelSize(region, (OF_ULTRASOUND,))
    if dataset.get("PixelSpacing") or dataset.get("ImagerPixelSpacing"):
        return PixelSize(None, (NO_STEP,))
    ratio = _pair(dataset.get("PixelAspectRatio"))
    return PixelSize(None, (NOT_SQUARE,) if ratio is not None and ratio[0] != ratio[1] else ())


def _pair(value: Any) -> tuple[float, float] | None:
    """Two numbers > 0, or None for anything else."""
    try:
        rows, columns = (float(part) for part in value)
    except (TypeError, ValueError):
        return None
    return (rows, columns) if 0 < rows < np.inf and 0 < columns < np.inf else None


def _ultrasound(dataset: Any) -> tuple[float, float] | None:
    """The one size that all regions measured in centimetres agree on."""
    sizes = set()
    for region in dataset.get("SequenceOfUltrasoundRegions") or []:
        if region.get("PhysicalUnitsXDirection") == region.get("PhysicalUnitsYDirection") == CENTIMETRES:
            size = _pair((abs(region.get("PhysicalDeltaY") or 0.0), abs(region.get("PhysicalDeltaX") or 0.0)))
            sizes.add(size)
    found = sizes.pop() if len(sizes) == 1 else None
    return None if found is None else (
        found[0] * MILLIMETRES_IN_CENTIMETRE,
        found[1] * MILLIMETRES_IN_CENTIMETRE,
    )  # fmt: skip


class HeaderError(ValueError):
    """A header that no values come out of, in words that quote nothing of it."""


def check_pixels(dataset: Any, *, native: bool) -> None:
    """Raise HeaderError where what the header says of pixel cells cannot be.

    - Source: PS3.5 8.1.1 (the high bit is one below the bits stored; older files have it elsewhere in the cell) and PS3.3
      C.7.6.3.

    Args:
        dataset: the header.
        native: pixel cells are stored with all their bits, so that it can be told where the stored ones begin.
    """
    sides = [_whole(dataset, name) for name in ("Rows", "Columns")]
    if min(sides) < 1:
        raise HeaderError(f"{sides[0]} rows and {sides[1]} columns")
    samples, allocated = _whole(dataset, "SamplesPerPixel"), _whole(dataset, "BitsAllocated")
    if samples not in (1, 3):
        raise HeaderError(f"{samples} samples a pixel (Samples per Pixel), where 1 is grey and 3 is colour")
    photometric = str(dataset.get("PhotometricInterpretation") or "")
    if photometric not in PHOTOMETRIC and not photometric.startswith("YBR"):
        raise HeaderError(
            f"{'a' if photometric else 'no'} Photometric Interpretation{' that is not read' * bool(photometric)}"
        )
    if allocated not in (1, 8, 16, 32, 64):
        raise HeaderError(f"{allocated} bits allocated (Bits Allocated), which is not read")
    if "PixelData" not in dataset:
        return  # of floats
    if (photometric in ONE_SAMPLE) != (samples == 1):
        raise HeaderError(f"Samples per Pixel {samples} and a Photometric Interpretation that does not go with it")
    for name, needed in (("PixelRepresentation", True), ("PlanarConfiguration", samples > 1)):
        if needed and _whole(dataset, name) not in (0, 1):
            raise HeaderError(f"{NAMES[name]} {_whole(dataset, name)}, where 0 and 1 are all there are")
    stored, high = _whole(dataset, "BitsStored"), dataset.get("HighBit")
    if not 1 <= stored <= allocated:
        raise HeaderError(f"{stored} bits stored (Bits Stored) of {allocated} allocated")
    if high is None:
        return
    place = _whole(dataset, "HighBit")
    if not stored - 1 <= place < allocated:
        raise HeaderError(f"High Bit {place}, where {stored} bits stored of {allocated} allocated have none")
    if place >= stored and not (native and photometric in GREY):
        what = "colour" if native else "compressed"
        raise HeaderError(
            f"High Bit {place} of {what} pixels with {stored} bits stored, where {stored - 1} alone is read"
        )


def _whole(dataset: Any, name: str) -> int:
    """A number that a header must have."""
    value = dataset.get(name)
    try:
        return int(value)
    except (TypeError, ValueError):
        raise HeaderError(f"{'no' if value is None else 'no single number for'} {NAMES[name]}") from None


def padding_range(dataset: Any) -> tuple[int, int] | None:
    """Lowest and highest stored value that is no intensity, or None (PS3.3 C.7.5.1.1.2)."""
    ends = [_integer(dataset, name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    if ends[0] is None:
        return None
    first = ends[0]
    last = first if ends[1] is None else ends[1]
    return min(first, last), max(first, last)


def float_padding_range(dataset: Any) -> tuple[float, float] | None:
    """Lowest and highest float that is no intensity, or None; both may be NaN (PS3.3 C.7.6.24 and C.7.6.25)."""
    for kind in ("FloatPixelPadding", "DoubleFloatPixelPadding"):
        first, last = dataset.get(f"{kind}Value"), dataset.get(f"{kind}RangeLimit")
        if isinstance(first, float | int):
            last = first if last is None else last
            return min(float(first), float(last)), max(float(first), float(last))
    return None


def _integer(dataset: Any, name: str) -> int | None:
    """A value that may be given as US or SS, read as the pixels are: signed or not."""
    value = dataset.get(name)
    if value is None or value == "" or value == b"":
        return None
    if isinstance(value, bytes):
        value = int.from_bytes(value[:2], "little")
    bits: int = int(dataset.BitsAllocated)
    cell: int = int(value) % 2**bits
    signed = dataset.get("PixelRepresentation") == 1 and cell >= 2 ** (bits - 1)
    return int(cell - 2**bits) if signed else cell
