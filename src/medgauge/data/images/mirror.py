"""From white-is-low to white-is-high: each value mirrored about the middle of its range."""

from typing import Any

import numpy as np

UNUSED_BITS = 2  # a file that claims this many bits more than the pixels use does not tell their range


def mirrored(
    array: np.ndarray[Any, Any], bits: int, padding: np.ndarray[Any, np.dtype[np.bool_]] | None = None
) -> np.ndarray[Any, Any]:
    """Each value mirrored about the middle of its range: what the bits can hold, or what the pixels hold.

    The second for floats, and where the pixels use at least two bits less than the file says. Padding stays as it is.

    Args:
        array: whole numbers or floats.
        bits: of a value as the file says, the sign among them.
        padding: True where a pixel holds no value, of the shape of ``array``.
    """
    inside = array if padding is None else array[~padding]
    if inside.size == 0:
        return array
    if array.dtype.kind == "f":
        turned = np.nanmin(inside) + np.nanmax(inside) - array if not np.isnan(inside).all() else array
    else:
        turned = _turned(array, bits, int(inside.min()), int(inside.max()))
    if padding is not None:
        turned[padding] = array[padding]
    return turned


def _turned(array: np.ndarray[Any, Any], bits: int, low: int, high: int) -> np.ndarray[Any, Any]:
    """Whole numbers from ``low`` to ``high``, mirrored."""
    signed = array.dtype.kind == "i"
    used = max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + signed
    if bits - UNUSED_BITS < used <= bits:
        if bits == array.dtype.itemsize * 8:
            return ~array
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return (low + high - array.astype(np.int64)).astype(array.dtype)
