"""Forms of plain values: what is of a form passes, what is not is named by its place."""

import re
from typing import Any

import pytest

from medgauge.core.forms import (
    CHANCE,
    COUNT,
    ENDS,
    FLAG,
    NUMBER,
    NUMBERS,
    PAIR,
    REAL,
    TEXT,
    Again,
    Chosen,
    Form,
    Group,
    Listed,
    Named,
    check_form,
    one_of,
    optional,
)


@pytest.mark.parametrize(
    ("leaf", "good", "bad"),
    [
        (REAL, [0, -1, 2.5, 1e300], [None, True, "1", 1e301, float("nan"), float("inf"), [1]]),
        (NUMBER, [None, 3], [False, "", float("inf")]),
        (COUNT, [0, 7, 2**53 - 1], [-1, 1.0, True, None, 2**53]),
        (TEXT, ["", "x"], [None, 1, ["x"]]),
        (FLAG, [True, False], [0, 1, None, "true"]),
        (CHANCE, [0.9, 1e-9], [0, 1, None, -0.1, True]),
        (ENDS, [[1, 2], [None, None], "too few groups"], [[1], [1, 2, 3], None, ["a", "b"], 3]),
        (PAIR, [[1, 2], [None, 0.5]], [[1], [1, 2, 3], None, "12", ["a", "b"]]),
        (NUMBERS, [[], [1, 2.5]], [None, [None], ["1"], [[1]], "12", {"a": 1}]),
        (one_of("a", "b"), ["a"], ["c", None, ["a"], {}]),
        (optional(TEXT), [None, "x"], [1]),
    ],
)
def test_a_leaf_holds_what_it_says(leaf: Form, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        check_form("here", value, leaf)
    for value in bad:
        with pytest.raises(ValueError, match="^here must be "):
            check_form("here", value, leaf)


def test_parts_are_named_by_their_place() -> None:
    again = Again()
    form = Group({"n": COUNT, "name?": TEXT, "lines": Listed(Named(REAL), 1), "inner?": again}, others=FLAG)
    again.form = form
    whole: dict[str, Any] = {"n": 1, "lines": [{"x": 1.0}], "more": True}
    check_form("", whole, form)
    check_form("", {**whole, "name": "a", "inner": {**whole, "inner": whole}}, form)
    for change, said in (
        ({"n": -1}, "n must be a whole number >= 0, got -1"),
        ({"name": None}, "name must be a text, got None"),
        ({"lines": []}, "lines must be a list of 1 or more, got []"),
        ({"lines": {}}, "lines must be a list of 1 or more, got {}"),
        ({"lines": [{"x": 1}, {"y": "2"}]}, "lines[1].y must be a number, got '2'"),
        ({"lines": [3]}, "lines[0] must be a group of values, got 3"),
        ({"inner": {**whole, "inner": {"lines": [{}]}}}, "inner.inner.n is missing"),
        ({"more": 0}, "more must be true or false, got 0"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
            check_form("", {**whole, **change}, form)
    with pytest.raises(ValueError, match="^it must be a group of values, got None$"):
        check_form("", None, form)


def test_a_form_is_chosen_by_a_text_in_the_group() -> None:
    form = Chosen("kind", {"a": Group({"x": COUNT}), "b": Group({"y": COUNT})})
    check_form("", {"kind": "a", "x": 1}, form)
    check_form("", {"kind": "b", "y": 1}, form)
    for value, said in (
        ({"kind": "b", "x": 1}, "part.y is missing"),
        ({"kind": "c"}, "part.kind must be one of a, b, got 'c'"),
        ({"x": 1}, "part.kind is missing"),
        (3, "part must be a group of values, got 3"),
    ):
        with pytest.raises(ValueError, match=re.escape(said)):
            check_form("part", value, form)
