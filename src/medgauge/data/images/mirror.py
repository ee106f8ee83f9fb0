"""From white-is-low to white-is-high: whole numbers mirrored about the middle of a range."""

from typing import Any

import numpy as np

UNUSED_BITS = 2  # a file that claims this many bits more than the pixels use does not tell their range


def mirrored(
    array: np.ndarray[Any, Any], bits: int, padding: np.ndarray[Any, np.dtype[np.bool_]] | None = None
) -> np.ndarray[Any, Any]:
    """Each value mirrored about the middle of what the bits can hold, or of what the pixels hold.

    The second where the pixels use at least two bits less than the file says. Padding stays as it is.

    Args:
        array: whole numbers.
        bits: of a value as the file says, the sign among them.
        padding: True where a pixel holds no value, of the shape of ``array``.
    """
    inside = array if padding is None else array[~padding]
    if inside.size == 0:
        return array
    low, high, signed = int(inside.min()), int(inside.max()), array.dtype.kind == "i"
    used = max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + signed
    fills = bits - UNUSED_BITS < used <= bits
    turned = within_bits(array, bits) if fills else (low + high - array.astype(np.int64)).astype(array.dtype)
    if padding is not None:
        turned[padding] = array[padding]
    return turned


def within_bits(array: np.ndarray[Any, Any], bits: int) -> np.ndarray[Any, Any]:
    """Each value mirrored about the middle of what the bits can hold, the same in every image: 2^bits - 1 - v, signed -1 - v.

    Args:
        array: whole numbers that the bits can hold.
        bits: of a value, the sign among them.
    """
    if array.dtype.kind == "i" or bits == array.dtype.itemsize * 8:
        return ~array
    turned: np.ndarray[Any, Any] = array.dtype.type(2**bits - 1) - array
    return turned
