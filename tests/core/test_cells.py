"""Numbers in CSV files."""

import math

import pytest

from medgauge.core.cells import cell


@pytest.mark.parametrize(
    ("value", "written"),
    [(2 / 3, "0.6666666667"), (12345678901.5, "12345678900.0"), (-0.5, "-0.5"), (math.inf, "inf"), (math.nan, "")],
)
def test_a_number_has_ten_digits_and_nothing_stands_for_a_missing_one(value: float, written: str) -> None:
    assert str(cell(value)) == written
