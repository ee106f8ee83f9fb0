"""What is other than in splits.csv is told, pictures first."""

from types import SimpleNamespace
from typing import cast

import pytest

from medgauge.study import Study
from medgauge.study.changes import changed_cases


def study(**pictures: str) -> Study:
    """As much of a study as is asked for."""
    made = SimpleNamespace(
        table=SimpleNamespace(id=list(pictures)), images=SimpleNamespace(digests=list(pictures.values()))
    )
    return cast(Study, made)


@pytest.mark.parametrize(("now", "told"), [
    ({"a": "1", "b": "2"}, ""),
    ({"b": "2", "a": "1"}, ""),
    ({"a": "1", "b": "3"}, "the picture of case b changed on disk"),
    ({"a": "2", "b": "1"}, "the pictures of cases a, b changed on disk"),
    ({"a": "1"}, "case b is missing or left out now"),
    ({"a": "1", "b": "2", "c": "3"}, "case c is new"),
    ({"a": "1", "b": "2", "c": "3", "d": "4"}, "cases c, d are new"),
    ({"a": "1", "b": "3", "c": "3"}, "the picture of case b changed on disk"),
], ids=str)  # fmt: skip
def test_changes_are_told(now: dict[str, str], told: str) -> None:
    there = [{"id": "a", "picture": "1"}, {"id": "b", "picture": "2"}]
    assert changed_cases(there, study(**now)) == told
