"""A keyword that a function does not take is told with the nearest, or with the place of a setting."""

import inspect

import pytest

import medgauge
from medgauge.core.errors import InputError
from medgauge.recipes.doors import check_keywords, door


@door
def read(run: str, *, table: str = "", **columns: object) -> str:
    """Read."""
    return f"{run} {table} {columns}"


@door
def plain(run: str, *, changes: object = None) -> str:
    """Read without columns."""
    return f"{run} {changes}"


def test_what_is_taken_goes_through_and_the_signature_stays() -> None:
    assert read("a", table="b", split="part") == "a b {'split': 'part'}"
    assert plain("a", changes=1) == "a 1"
    assert list(inspect.signature(medgauge.predict).parameters)[:2] == ["run", "cases"]
    assert (medgauge.fit.__name__, plain.__doc__) == ("fit", "Read without columns.")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tabel", r"medgauge\.read takes no tabel \(did you mean table\?\)"),
        ("no_group", r"did you mean no_groups\?"),
        ("q", r"it takes run, table and settings of the data section\)"),
    ],
)
def test_the_nearest_is_told(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read("a", **{name: 1})


def test_a_setting_is_told_by_its_place_where_changes_are_taken() -> None:
    with pytest.raises(InputError, match=r"by its place: changes=\{'training\.steps': \.\.\.\}"):
        check_keywords(plain, ["steps"])
    with pytest.raises(
        InputError, match=r"medgauge\.plain takes no split \(a setting is given by its place: changes=\{'data\.split'"
    ):
        check_keywords(plain, ["split"])
