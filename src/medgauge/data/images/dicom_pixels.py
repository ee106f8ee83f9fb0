"""From the stored pixel cells of a DICOM file to values (PS3.5 8.1.1, PS3.3 C.7.6.3 and C.11.1)."""

from typing import Any, NamedTuple

import numpy as np

from medgauge.data.images.dicom_header import (
    HIGH_BIT,
    HeaderError,
    float_padding_range,
    padding_range,
)
from medgauge.data.images.dicom_units import names_unit, rescale
from medgauge.data.images.mirror import within_bits

INVERTED = "MONOCHROME1 inverted"
FEWER_BITS = (
    "MONOCHROME1 inverted by more bits (Bits Stored) than its pixels use: beside files of MONOCHROME2, fit with image.grey "
    "image_percentiles"
)
UNUSED_BITS = 2  # of a value, from which on FEWER_BITS is said
OF_A_UNIT = "MONOCHROME1 not inverted, as the values have a unit: it is about display alone"
PADDED = "padding (Pixel Padding Value) taken as no intensity"
OTHER_BITS = "bits beside the stored ones (Bits Stored), such as overlays, left out"


class Values(NamedTuple):
    """Grey values (h, w), where they are padding (h, w) or None, and notes."""

    array: np.ndarray[Any, Any]
    padding: np.ndarray[Any, np.dtype[np.bool_]] | None
    notes: tuple[str, ...]


def grey_values(cells: np.ndarray[Any, Any], dataset: Any, *, masked: bool) -> Values:
    """Grey values of pixel cells (h, w) as they are decoded; MONOCHROME1 comes out with white high, as elsewhere.

    Padding is marked and not changed. PS3.3 C.7.6.3.1.2 has MONOCHROME1's least value white and says of no other value what
    it is: stored values v become 2^bits - 1 - v by the bits that the header says are stored (signed ones -1 - v), whatever
    the pixels use, so that one value is one grey in all files. CT numbers and activities keep their sign.

    - Raises: HeaderError for floats as MONOCHROME1, which PS3.3 C.7.6.24 does not know: no number of theirs is black; for
      entries of a Modality LUT that are larger than their bits can hold.

    Args:
        cells: integers of the data set's sign, or floats.
        dataset: the header.
        masked: the decoder has taken the bits beside the stored ones away (compressed pixels).
    """
    notes: list[str] = []
    stored, bits, other = cells, _bits(cells, dataset), np.zeros((), bool)
    if cells.dtype.kind in "ui" and not masked:
        stored, other = _stored_bits(cells, dataset)
        notes += [HIGH_BIT] if _lowest(bits, dataset) else []
    padding = _padding(cells, stored, dataset)
    if padding is not None:
        notes.append(PADDED)
    if (other if padding is None else other & ~padding).any():
        notes.append(OTHER_BITS)
    array = (
        stored if padding is None or stored.dtype.kind != "f" else np.where(padding & ~np.isfinite(stored), 0, stored)
    )
    tables = dataset.get("ModalityLUTSequence")
    slope, intercept = (1.0, 0.0) if tables else rescale(dataset)
    if tables:
        array, bits = _looked_up(stored, tables[0], signed=dataset.get("PixelRepresentation") == 1)
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        array, said = _inverted(array, bits, padding, dataset)
        notes += said
    if (slope, intercept) != (1.0, 0.0):
        array = (array.astype(np.float64) * slope + intercept).astype(np.float32)
    elif bits == 1 and array.dtype == np.uint8:
        array = array * np.uint8(255)
    return Values(array, padding, tuple(notes))


def _inverted(
    array: np.ndarray[Any, Any], bits: int, padding: np.ndarray[Any, np.dtype[np.bool_]] | None, dataset: Any
) -> tuple[np.ndarray[Any, Any], list[str]]:
    """Values (h, w) of MONOCHROME1 with white high, padding as it is; and what is said of it."""
    if array.dtype.kind == "f":
        raise HeaderError("float pixels as MONOCHROME1, which of floats does not say what is black")
    if names_unit(dataset):
        return array, [OF_A_UNIT]
    try:
        turned = within_bits(array, bits)
    except ValueError:
        raise HeaderError("a Modality LUT with entries of more bits than it says") from None
    inside = array if padding is None else array[~padding]
    unused = array.dtype.kind == "u" and bits > 8 and int(inside.max(initial=0)).bit_length() <= bits - UNUSED_BITS
    highest = -1 if array.dtype.kind == "i" else 2**bits - 1
    notes = [f"{INVERTED} as {highest} - value", *([FEWER_BITS] if unused else [])]
    return (turned if padding is None else np.where(padding, array, turned)), notes


def _bits(cells: np.ndarray[Any, Any], dataset: Any) -> int:
    whole: int = cells.dtype.itemsize * 8
    return min(int(dataset.get("BitsStored") or whole), whole)


def _lowest(bits: int, dataset: Any) -> int:
    """The bit of a cell at which the stored ones begin."""
    high = dataset.get("HighBit")
    return 0 if high is None else int(high) - bits + 1


def _stored_bits(
    cells: np.ndarray[Any, Any], dataset: Any
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, np.dtype[np.bool_]]]:
    """The stored bits of each cell, with their sign; also the cells whose other bits say something else."""
    bits, whole = _bits(cells, dataset), cells.dtype.itemsize * 8
    lowest = _lowest(bits, dataset)
    plain = np.ascontiguousarray(cells).view(f"u{cells.dtype.itemsize}")
    shifted = (plain << np.array(whole - bits - lowest, plain.dtype)).view(cells.dtype)
    stored: np.ndarray[Any, Any] = shifted >> np.array(whole - bits, cells.dtype)  # keeps the sign of signed cells
    return stored, (stored << np.array(lowest, cells.dtype)) != cells


def _padding(
    cells: np.ndarray[Any, Any], stored: np.ndarray[Any, Any], dataset: Any
) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """Where cells are padding: as a whole, or in their stored bits where these can hold the value of padding."""
    if cells.dtype.kind == "f":
        return _float_padding(cells, dataset)
    ends = padding_range(dataset)
    if ends is None:
        return None
    found = _within(cells, ends)
    bits, signed = _bits(cells, dataset), cells.dtype.kind == "i"
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if low <= ends[0] and ends[1] <= high:
        found |= _within(stored, ends)
    return found if found.any() else None


def _float_padding(cells: np.ndarray[Any, Any], dataset: Any) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """Where floats are padding, which may be NaN."""
    ends = float_padding_range(dataset)
    if ends is None:
        return None
    found: np.ndarray[Any, np.dtype[np.bool_]] = (
        np.isnan(cells) if np.isnan(ends).any() else (cells >= ends[0]) & (cells <= ends[1])
    )
    return found if found.any() else None


def _within(array: np.ndarray[Any, Any], ends: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    wide = array.astype(np.int64)
    inside: np.ndarray[Any, np.dtype[np.bool_]] = (wide >= ends[0]) & (wide <= ends[1])
    return inside


def _looked_up(stored: np.ndarray[Any, Any], table: Any, *, signed: bool) -> tuple[np.ndarray[Any, Any], int]:
    """Each value's entry in a Modality LUT, the first or last entry beyond its ends; and the bits of an entry."""
    count, first, bits = (int(value) for value in table.LUTDescriptor)
    count, first = count or 2**16, first % 2**16
    first = first - 2**16 if signed and first >= 2**15 else first
    entries = table.LUTData
    if isinstance(entries, bytes):
        entries = np.frombuffer(entries, np.uint8 if len(entries) < 2 * count else "<u2")
    entries = np.asarray(entries)[:count].astype(np.uint8 if bits <= 8 else np.uint16)
    if len(entries) < count:
        raise ValueError("the lookup table is shorter than it says")
    return entries[np.clip(stored.astype(np.int64) - first, 0, count - 1)], bits
