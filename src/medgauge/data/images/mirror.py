"""From white-is-low to white-is-high: whole numbers mirrored about the middle of a range."""

from typing import Any

import numpy as np


def within_bits(array: np.ndarray[Any, Any], bits: int) -> np.ndarray[Any, Any]:
    """Each value mirrored about the middle of what the bits can hold, the same in every image: 2^bits - 1 - v, signed -1 - v.

    - Raises: ValueError where an unsigned value needs more bits.

    Args:
        array: whole numbers that the bits can hold.
        bits: of a value, the sign among them.
    """
    if array.dtype.kind == "i" or bits == array.dtype.itemsize * 8:
        return ~array
    highest = array.dtype.type(2**bits - 1)
    if (array > highest).any():
        raise ValueError(f"a value of more than {bits} bits")
    turned: np.ndarray[Any, Any] = highest - array
    return turned
