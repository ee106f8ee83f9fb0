"""White-is-low is mirrored within what the bits hold."""

import numpy as np
import pytest

from medgauge.data.images.mirror import within_bits


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


def test_a_value_of_more_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="a value of more than 12 bits"):
        within_bits(np.array([1, 5000], "u2"), 12)
