"""White-is-low is mirrored within what the bits hold, or within what the pixels hold."""

from typing import Any

import numpy as np
import pytest

from medgauge.data.images.mirror import mirrored, within_bits


@pytest.mark.parametrize(
    ("kind", "bits", "values", "expected"),
    [
        ("u2", 12, [0, 100, 4095], [4095, 3995, 0]),
        ("u2", 12, [0, 100, 3000], [4095, 3995, 1095]),  # eleven bits would not hold 3000
        ("u2", 12, [1, 100, 1500], [4094, 3995, 2595]),  # one bit less is used: within the bits
        ("u2", 12, [1, 100, 1000], [1000, 901, 1]),  # two bits less: within the pixels
        ("u2", 12, [1, 5000], [5000, 1]),  # more than the bits hold
        ("i2", 12, [-2048, 0, 2047], [2047, -1, -2048]),
        ("i2", 16, [-1024, 1000], [1000, -1024]),
        ("u8", 64, [0, 2**64 - 2], [2**64 - 1, 1]),
    ],
)
def test_each_value_by_hand(kind: str, bits: int, values: list[Any], expected: list[Any]) -> None:
    found = mirrored(np.array([values], kind), bits)
    assert found.dtype == kind
    np.testing.assert_array_equal(found, np.array([expected], kind))


@pytest.mark.parametrize("kind", ["u2", "i2"])
def test_padding_neither_counts_nor_changes(kind: str) -> None:
    array, padding = np.array([[1, 9, 30000]], kind), np.array([[False, False, True]])
    np.testing.assert_array_equal(mirrored(array, 16, padding), np.array([[9, 1, 30000]], kind))
    np.testing.assert_array_equal(mirrored(array, 16, np.ones_like(padding)), array)


@pytest.mark.parametrize(
    ("kind", "bits", "values", "expected"),
    [
        ("u1", 8, [0, 1, 30], [255, 254, 225]),
        ("u1", 1, [0, 1], [1, 0]),
        ("u2", 16, [1, 4095], [65534, 61440]),
        ("u2", 12, [1, 4095], [4094, 0]),
        ("i2", 16, [-1024, 0, 1000], [1023, -1, -1001]),
        ("i2", 12, [-2048, 0, 2047], [2047, -1, -2048]),
        ("u8", 64, [7, 2**64 - 1], [2**64 - 8, 0]),
    ],
)
def test_by_the_bits_alone(kind: str, bits: int, values: list[int], expected: list[int]) -> None:
    found = within_bits(np.array(values, kind), bits)
    assert found.dtype == kind
    np.testing.assert_array_equal(found, np.array(expected, kind))
