from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medgauge.data.tables.columns import Wanted, column_names, read_columns
from medgauge.data.tables.notes import far_rows, find_codes, like_names, number_notes, table_notes, unlabelled_notes
from medgauge.data.tables.numbers import parse_numbers
from tests.study.small import table_of

SIZES = np.linspace(2, 8, 40)  # evenly from 2 to 8
IDS = [f"c{row}" for row in range(60)]
Draw = Callable[[np.random.Generator, int], np.ndarray]

SHAPES: dict[str, Draw] = {
    "normal": lambda random, n: random.normal(0, 1, n),
    "normal above 0": lambda random, n: random.normal(100, 15, n),
    "uniform": lambda random, n: random.uniform(20, 90, n),
    "exponential": lambda random, n: random.exponential(1, n),
    "lognormal": lambda random, n: random.lognormal(0, 1, n),
    "very skewed": lambda random, n: random.lognormal(0, 2, n),
    "gamma": lambda random, n: random.gamma(0.5, 1, n),
    "near the top": lambda random, n: 100 * random.beta(8, 1, n),
    "mostly 0": lambda random, n: random.exponential(10, n) * (random.random(n) < 0.3),
    "counts": lambda random, n: random.poisson(2, n).astype(float),
    "grades": lambda random, n: random.choice(5, n, p=[0.7, 0.1, 0.1, 0.07, 0.03]).astype(float),
    "rare": lambda random, n: (random.random(n) < 0.02).astype(float),
    "ages": lambda random, n: random.integers(1, 100, n).astype(float),
    "two scanners": lambda random, n: np.where(
        random.random(n) < 0.7, random.normal(50, 5, n), random.normal(100, 5, n)
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_labels_as_they_come_have_no_notes(shape: str) -> None:
    random, noted = np.random.default_rng(0), 0
    for n in (40, 200, 1000):
        for _ in range(30):
            noted += bool(number_notes("label x", SHAPES[shape](random, n), list(map(str, range(n))), missing=True))
    assert noted <= 1


@pytest.mark.parametrize("wrong", [1e6, 80, -60, 0.001, 1e300])
def test_one_value_far_from_all_others(wrong: float) -> None:
    values = np.append(SIZES, [wrong, np.nan])
    assert far_rows(values) == [40]
    (note,) = number_notes("label mm", values, IDS, missing=True)
    assert note == (
        f"label mm: 1 case is far outside the others (case c40): {wrong:.6g} where the others are 2 to 8; correct or "
        "empty these cells if they are wrong"
    )


def test_a_few_far_values_of_skewed_labels() -> None:
    values = np.random.default_rng(3).lognormal(2, 1, 300)
    assert far_rows(values) == []
    values[[7, 90]] = 1e5, 2e6
    assert far_rows(values) == [7, 90]
    values[:40] *= 1e5  # no exceptions any more
    assert far_rows(values) == []


@pytest.mark.parametrize(("values", "rows"), [([1, 2, 1000], []), ([np.nan] * 20, []), ([5.0] * 20, []), ([], [])])
def test_too_few_or_equal_values(values: list[float], rows: list[int]) -> None:
    assert far_rows(np.array(values, dtype=float)) == rows
    assert find_codes(np.array(values, dtype=float)) == []


@pytest.mark.parametrize("code", [-999, -99, -9, -1, 99, 999, 9999, 99.9, 0.0, -9999, 888])
def test_a_number_for_nothing(code: float) -> None:
    values = np.append(SIZES + (20 if code == 0 else 0), [code, code])
    assert find_codes(values) == [code]
    (note,) = number_notes("label mm", values, IDS, missing=True)
    ends = "22 to 28" if code == 0 else "2 to 8"
    assert (
        note
        == f"label mm: 2 cases are {code:g}, apart from the others ({ends}); if it means missing, give --missing {code:g}"
    )


@pytest.mark.parametrize(
    "values",
    [
        [*SIZES, -1],  # once
        [*np.linspace(-3, 3, 40), -1, -1],  # among its like
        [*np.arange(60.0, 100.0), 99, 99],  # an age
        [*SIZES, 8.5, 8.5, 8.5],
        [*([0.0] * 20), *SIZES],  # nothing there, measured
        [*([-1.0] * 20), *([1.0] * 20)],  # two classes
    ],
)
def test_a_number_that_is_a_number(values: list[float]) -> None:
    assert find_codes(np.array(values)) == []


AGES = np.random.default_rng(1).uniform(20, 55, 60).round(1)


@pytest.mark.parametrize("codes", [(-999, -998), (-99, -98, -97), (-9, -8, -7), (999, 998), (99, 98, 97), (-99, -9)])
def test_codes_side_by_side_do_not_hide_one_another(codes: tuple[int, ...]) -> None:
    values = np.concatenate([AGES, *([code] * 3 for code in codes)])
    notes = number_notes("label age", values, list(map(str, range(len(values)))), missing=True)
    ends = f"({AGES.min():g} to {AGES.max():g})"
    assert [note.partition(";")[0] for note in notes] == [
        f"label age: 3 cases are {code}, apart from the others {ends}" for code in codes
    ]
    assert notes[0].endswith(f"give --missing {codes[0]}")
    assert all(note.endswith("leave these cells empty") for note in notes[1:])


@pytest.mark.parametrize("codes", [(-98, -97), (-998, -997), (998, 997), (-8, -7)])
def test_codes_whose_first_one_is_known_to_mean_missing(codes: tuple[int, ...]) -> None:
    values = np.concatenate([AGES, [np.nan] * 5, *([code] * 8 for code in codes)])
    assert find_codes(values) == list(codes)


def test_codes_that_come_once_each() -> None:
    assert find_codes(np.append(AGES, [-9, -8, -7])) == [-9, -8, -7]
    assert find_codes(np.append(AGES - 40, [-98, -99])) == []


@pytest.mark.parametrize("count", [2, 6, 14])
def test_a_clump_of_zeros_far_below_labels(count: int) -> None:
    values = np.concatenate([AGES, [0.0] * count])
    (note,) = number_notes("label age", values, list(map(str, range(len(values)))), missing=True)
    assert note.startswith(f"label age: {count} cases are 0, apart from the others (")
    assert note.endswith("if it means missing, give --missing 0")


@pytest.mark.parametrize(
    "values",
    [
        np.append(AGES - 18, [0.0] * 6),  # the next value is near
        np.append(AGES, [0.0] * 30),  # a third of all
        np.repeat([0.0, 1.0, 2.0], [4, 40, 40]),  # grades
        np.repeat([0.0, 2.0, 3.0, 4.0], [4, 30, 30, 30]),
        np.append(np.arange(10.0, 100, 10).repeat(8), [0.0] * 8),  # in steps of ten
        np.repeat(np.arange(10.0), 8),  # a score to 9
    ],
)
def test_zeros_and_nines_that_end_a_range(values: np.ndarray) -> None:
    assert find_codes(values) == []


def test_two_codes_and_a_slip() -> None:
    values = np.concatenate([SIZES, [-999, -999, -1, -1, 5e4]])
    codes_and_slip = number_notes("covariate w", values, IDS, missing=False)
    assert [note.partition(",")[0] for note in codes_and_slip] == [
        "covariate w: 2 cases are -999",
        "covariate w: 2 cases are -1",
        "covariate w: 1 case is far outside the others (case c44): 50000 where the others are 2 to 8; correct or empty these "
        "cells if they are wrong",
    ]
    assert all("--missing" not in note for note in codes_and_slip)
    assert number_notes("label w", values, IDS, missing=True)[1].endswith("leave these cells empty")


def test_real_tables_have_a_note_only_where_minus_1_means_missing(shared: Path) -> None:
    found, columns = [], 0
    for file in sorted((shared / "data").glob("*/*.csv")):
        names = column_names(file, [])
        for name, cells in read_columns(file, [Wanted(name, "label") for name in names]).text.items():
            read = parse_numbers(cells, decimal_comma=False)
            if not read.wrong:
                columns += 1
                found += number_notes(name, read.values, list(map(str, range(len(cells)))), missing=True)
    assert columns > 100
    assert found == [
        "crp_high: 49 cases are -1, apart from the others (0 to 1); if it means missing, give --missing -1",
        "ldh_high: 80 cases are -1, apart from the others (0 to 1); if it means missing, give --missing -1",
    ]


def test_long_tails_and_values_a_little_outside_are_not_far() -> None:
    many = np.linspace(2, 8, 200)
    assert far_rows(np.append(many, [9, 12, 16, 21, 26])) == []  # each next to another
    assert far_rows(np.append(many, [27, 35])) == [200, 201]
    assert far_rows(np.append(many - 5, [9.5])) == []
    assert far_rows(np.append(many - 5, [18])) == [200]


def test_labels_that_look_like_dates_or_ids_are_told() -> None:
    days = np.array([20240312, 19991231, 20240229, np.nan])
    told = "all values look like dates (20240312 is a day), which are no quantity"
    assert like_names(days) == told
    assert number_notes("label mm", days, IDS, missing=True) == [
        f"label mm: {told}; give the column that holds the quantity, if this is not it"
    ]
    ids = np.array([1_000_000_001.0, 4_321_987_654.0, 2_000_000_000.0])
    assert like_names(ids) == "all values are different whole numbers above 10^9 (1000000001, …), as ids are"


@pytest.mark.parametrize(
    "values",
    [
        [20240312, 20240230, 20240401],  # no 30th of February
        [20240312, 20241301, 20240401],
        [18991231, 20240101, 20240401],
        [20240312.5, 20240101, 20240401],
        [1e9 + 1, 1e9 + 1, 3e9],
        [1e9, 2e9, 3e9],
        [1.5e9 + 0.5, 2e9, 3e9],
        [20240312, 20240401],
    ],
)
def test_quantities_are_no_dates_or_ids(values: list[float]) -> None:
    assert like_names(np.array(values)) == ""


def test_cases_without_a_label_are_counted() -> None:
    table = table_of([1.0, np.nan, 3, np.nan])
    assert unlabelled_notes(table) == [
        "label age: 2 cases have none (cases c1, c3), and take no part in what is learned and judged of it"
    ]
    several = replace(table_of([0.0] * 5), target=list("abcde"), label=np.zeros((5, 5)))
    several.label[2] = several.label[[3, 4], [0, 1]] = np.nan
    assert unlabelled_notes(several) == [
        "1 case has no label (case c2), and takes no part in what is learned and judged",
        "label a: 1 case has none (case c3), and takes no part in what is learned and judged of it",
        "label b: 1 case has none (case c4), and takes no part in what is learned and judged of it",
    ]
    several.label[0, 1:] = np.nan
    assert unlabelled_notes(several)[1:] == [
        "labels are missing in some cases (a in 1, b in 2, c in 1, d in 1, e in 1), which take no part in what is learned and judged "
        "of these"
    ]
    assert unlabelled_notes(table_of([1.0, 2])) == unlabelled_notes(table_of([np.nan] * 2)) == table_notes(table) == []


@pytest.mark.parametrize(("slip", "said"), [(0.0, True), (0.02, True), (0.5, False)])
def test_a_covariate_that_is_the_label_in_another_unit_is_told(slip: float, said: bool) -> None:
    random = np.random.default_rng(0)
    label = random.normal(70, 5, 40)
    own = -label / 10 + slip / 10 * random.normal(size=40)
    covariates = np.stack([own, random.normal(size=40), np.ones(40)], axis=1)
    found = table_notes(table_of(label.tolist(), covariates=covariates, covariate=["hc_cm", "age_y", "one"]))
    assert [note.startswith("covariate hc_cm is the label age itself, times a number") for note in found] == [
        True
    ] * said
