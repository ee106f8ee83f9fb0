"""Budgets: names and minutes."""

import math

import pytest

from medgauge.core.errors import InputError
from medgauge.planning.budget import Budget, read_budget


def test_names_and_minutes_are_read() -> None:
    assert read_budget("quick") == Budget("quick", 0.0)
    assert read_budget("best").minutes == 240
    assert read_budget("45") == read_budget(45) == read_budget(45.0) == Budget("45", 45.0)


def test_quick_trains_nothing_and_an_hour_tunes() -> None:
    made = [read_budget(given) for given in ("quick", "standard", 59.9, 60, "best")]
    assert [one.trains for one in made] == [False, True, True, True, True]
    assert [one.tunes for one in made] == [False, False, False, True, True]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("fast", "minutes, got 'fast'"),
        ("quik", "did you mean quick?"),  ("", "quick, standard, best or a number"), (0, "above 0"), (-3, "above 0"),
        (math.nan, "above 0"), (math.inf, "above 0"), ("1e9", "at most 43200 minutes"), (True, "got True"),
        ([30], "a number of minutes"), ("30 min", "a number of minutes"),
    ],
)  # fmt: skip
def test_other_budgets_are_refused(given: object, words: str) -> None:
    with pytest.raises(InputError, match="budget") as refused:
        read_budget(given)  # type: ignore[arg-type]
    assert words in str(refused.value)
