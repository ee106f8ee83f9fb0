"""Units of length in headers."""

import pytest

from medgauge.data.images.lengths import millimetres


@pytest.mark.parametrize(
    ("unit", "size"),
    [
        ("mm", 1),
        (" MM ", 1),
        ("millimetre", 1),
        ("centimeters", 10),
        ("m", 1000),
        ("meter", 1000),
        ("μm", 1e-3),
        ("nm", 1e-6),
    ],
)
def test_symbols_and_names(unit: str, size: float) -> None:
    assert millimetres(unit) == size


@pytest.mark.parametrize("unit", ["", "inch", "pixel", "s", "kilometre"])
def test_others_are_not_known(unit: str) -> None:
    assert millimetres(unit) != millimetres(unit)
