"""A column of 0 and 1 with a value or two besides."""

from dataclasses import replace

import numpy as np

from medgauge.data.tables.nearly_states import few_values_notes, nearly_states_notes
from tests.study.small import table_of


def notes(*others: float, cases: int = 300, given: tuple[str, ...] = ()) -> list[str]:
    label = [float(row % 3 == 0) for row in range(cases)]
    label[7 : 7 + len(others)] = others
    return nearly_states_notes(replace(table_of(label), target=["Effusion"]), given)


def test_a_value_among_findings_is_told_with_its_case_and_both_ways_on() -> None:
    assert notes(2.0) == [
        "label Effusion is read as a number, not as a finding: of 300 values all but 1 are 0 or 1 (2 in case c7); mend it if it is a "
        "finding, or say --kind Effusion=number"
    ]
    (said,) = notes(2.0, np.nan, 3.0)
    assert "of 299 values all but 2 are 0 or 1 (2 in case c7, the first); mend them" in said


def test_up_to_a_hundredth_of_a_long_column_is_told() -> None:
    assert len(notes(*[2.0] * 5, cases=500)) == 1
    assert notes(*[2.0] * 6, cases=500) == []


def test_findings_short_columns_and_kinds_that_were_said_are_not() -> None:
    assert notes() == notes(2.0, cases=40) == notes(2.0, given=("Effusion",)) == []


def test_grades_counts_and_columns_without_one_of_the_two_are_not() -> None:
    counts = np.random.default_rng(0).poisson(1.0, 300).astype(float).tolist()
    for label in ([float(row % 3) for row in range(300)], counts, [0.0] * 299 + [2.0], [1.0] * 299 + [2.0]):
        assert nearly_states_notes(table_of(label), ()) == []


def few(*values: float, cases: int = 60, given: tuple[str, ...] = ()) -> list[str]:
    label = [values[row % len(values)] for row in range(cases)]
    return few_values_notes(replace(table_of(label), target=["E"]), given)


def test_a_number_of_few_values_is_told_with_what_else_it_may_be() -> None:
    told = "label E is read as a number and has {} values alone ({}); "
    whole = "a grade is --kind E=grade, a class is --kind E=class"
    assert few(1, 2) == [told.format(2, "1, 2") + whole + ", a finding is written 1 and 0"]
    assert few(0, 1, np.nan, 9, cases=80) == [told.format(3, "0, 1, 9") + whole]
    assert few(1, 2, 3) == [told.format(3, "1, 2, 3") + whole]
    assert few(0, 0.5, 1) == [told.format(3, "0, 0.5, 1") + "grades and classes are whole numbers"]


def test_a_slip_among_findings_is_told_once() -> None:
    label = [float(row % 3 == 0) for row in range(298)] + [2.0, 2.0]
    assert few_values_notes(table_of(label), ()) == []


def test_findings_many_values_short_columns_and_kinds_that_were_said_are_no_few_values() -> None:
    assert few(0, 1) == few(3) == few(0, 1, 2, 3, 4, 5) == few(1, 2, cases=40) == few(1, 2, given=("E",)) == []
