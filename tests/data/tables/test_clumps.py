"""Two clumps in a column: two units, or a number that stands for nothing."""

import numpy as np
import pytest
from numpy.typing import NDArray

from medgauge.data.tables.clumps import find_clumps
from medgauge.data.tables.notes import number_notes

PIXEL = np.round(np.linspace(0.08, 0.3, 48), 4)
AGES = np.linspace(20, 80, 48)


def mixed(values: NDArray[np.float64], rows: slice | list[int], factor: float) -> NDArray[np.float64]:
    given = np.array(values)
    given[rows] *= factor
    return given


@pytest.mark.parametrize(
    ("values", "rows", "factor"),
    [
        (PIXEL, slice(None, None, 2), 0.001),
        (PIXEL, slice(None, None, 2), 0.1),
        (PIXEL, slice(None, None, 2), 1 / 25.4),
        (PIXEL, [3, 11, 30], 1000.0),
        (AGES, slice(None, None, 2), 0.1),
        (AGES, slice(0, None, 4), 10.0),
        (np.concatenate([[0.0] * 3, AGES]), slice(0, None, 2), 0.001),
    ],
)
def test_rows_in_another_unit_are_a_clump(values: NDArray[np.float64], rows: slice | list[int], factor: float) -> None:
    found = find_clumps(mixed(values, rows, factor))
    assert found is not None
    other = np.arange(len(values))[rows]
    whole = {row for row in range(len(values)) if values[row] != 0}
    told = set(found.rows)
    wanted = {int(row) for row in other} & whole
    assert told in (wanted, whole - wanted)
    assert len(told) <= len(whole) / 2
    by_hand = max(factor, 1 / factor)
    assert 0.6 * by_hand < found.factor < 1.7 * by_hand


@pytest.mark.parametrize("factor", [10.0, 12.0, 25.4, 1000.0, 0.1, 1 / 12, 0.001])
@pytest.mark.parametrize("count", [4, 6, 8, 10])
def test_a_few_rows_in_another_unit_are_a_clump(count: int, factor: float) -> None:
    random = np.random.default_rng(count)
    values = random.uniform(20, 55, 60)
    rows = sorted(random.choice(60, count, replace=False).tolist())
    found = find_clumps(mixed(values, rows, factor))
    assert found is not None
    assert found.rows == rows


def test_a_few_values_of_another_spread_are_no_other_unit() -> None:
    adults = np.linspace(30, 60, 54)
    assert find_clumps(np.append(adults, np.linspace(2, 9, 6))) is None
    assert find_clumps(np.append(adults, np.linspace(90, 110, 6))) is None
    assert find_clumps(np.append(adults, np.linspace(3.2, 5.8, 6))) is not None


def test_a_number_that_comes_often_and_far_out_is_a_clump_of_its_own() -> None:
    for code in (1000.0, -300.0, 0.0):
        given = np.array(PIXEL * 100 + 50)
        given[[2, 5, 9]] = code
        found = find_clumps(given)
        assert found is not None
        assert (found.rows, found.smaller) == ([2, 5, 9], (code, code))
        assert found.larger == (58.0, 80.0)
        assert np.isnan(found.factor)


@pytest.mark.parametrize(
    "values",
    [
        np.repeat([1.0, 10.0, 100.0], 20),  # doses: few different numbers
        np.array([np.nan] * 20),
        np.array([]),
        np.array([0.0] * 20 + [5.0] * 3),
        np.concatenate(
            [np.linspace(1, 9, 30), np.linspace(30, 60, 30)]
        ),  # children and adults: a factor of 9, spreads unlike
        np.concatenate([np.linspace(10, 30, 30), np.linspace(60, 80, 30)]),
        np.concatenate([[0.0001, 0.01], np.linspace(1, 9, 40)]),  # two that are low by themselves
    ],
)
def test_other_columns_have_none(values: NDArray[np.float64]) -> None:
    assert find_clumps(values) is None


def test_hardly_any_drawn_column_has_one() -> None:
    chance = np.random.default_rng(5)
    draws = {
        "normal": lambda n: chance.normal(50, 10, n),
        "lognormal": lambda n: chance.lognormal(0, 1, n),
        "gamma": lambda n: chance.gamma(2, 5, n),
        "uniform": lambda n: chance.uniform(0, 90, n),
        "bimodal": lambda n: np.where(chance.random(n) < 0.5, chance.normal(20, 4, n), chance.normal(70, 10, n)),
        "zeros": lambda n: np.where(chance.random(n) < 0.4, 0, chance.gamma(2, 5, n)),
        "counts": lambda n: chance.poisson(3, n).astype(float),
    }
    for name, draw in draws.items():
        assert sum(find_clumps(draw(n)) is not None for n in (20, 60, 400) for _ in range(100)) <= 4, name


def test_the_note_names_cases_ranges_factor_and_remedy() -> None:
    ids = [f"c{row}" for row in range(48)]
    (note,) = number_notes("covariate pixel_mm", mixed(PIXEL, slice(0, 6), 1000.0), ids, missing=False)
    assert note.startswith(
        "covariate pixel_mm: cases c0, c1, c2, c3, c4 and 1 more (6) are 80 to 103.4, apart from the others"
    )
    assert note.endswith(
        "(0.1081 to 0.3) by a factor of about 449 with nothing between; if these are two units, write all in one"
    )
    given = np.array(AGES)
    given[[2, 5, 9]] = 1000
    (note,) = number_notes("label age", given, ids, missing=True)
    assert note == (
        "label age: cases c2, c5, c9 (3) are 1000, apart from the others (20 to 80); if it means nothing, leave these cells empty"
    )
