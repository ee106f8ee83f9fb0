from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from medgauge.core.settings import Range, Section, Size, range_of, read_as, words_of

Rate = Annotated[float, Range(above=0)] | Literal["auto"]
Sides = Annotated[list[Annotated[int, Range(least=1)]], Size(2, 3)] | Literal["auto"] | None
Shares = dict[Annotated[str, Size(1)], Annotated[float, Range(least=0, most=1)]]
Axes = Annotated[list[Literal["rows", "columns"]], Size(distinct=True)]


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        (Rate, 1, 1.0),
        (Rate, "1e-3", 0.001),
        (Rate, "auto", "auto"),
        (Sides, (4, 5), [4, 5]),
        (Sides, None, None),
        (Shares, {"a": 0, "b": 1}, {"a": 0.0, "b": 1.0}),
        (Axes, ["rows", "columns"], ["rows", "columns"]),
        (Axes, [], []),
        (bool, True, True),
        (int, 2**63 - 1, 2**63 - 1),
        (int, 1000.0, 1000),
        (Sides, ["1e1", 3], [10, 3]),
        (Any, {1: 2}, {1: 2}),
    ],
)
def test_what_fits_is_read(kind: Any, value: Any, read: Any) -> None:
    found = read_as("place", value, kind)
    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (Rate, 0, "place must be > 0 and finite, got 0.0"),
        (Rate, float("nan"), "place must be > 0 and finite, got nan"),
        (Rate, True, "place must be a number > 0 or auto, got True"),
        (Rate, "atuo", "place must be a number > 0 or auto, got 'atuo' (did you mean auto?)"),
        (Rate, None, "place must be a number > 0 or auto, got None"),
        (Sides, [], "place must be a list of 2 or 3, each a whole number >= 1, got []"),
        (Sides, [3, 0], "place[1] must be >= 1, got 0"),
        (Sides, [3, 2.5], "place[1] must be a whole number >= 1, got 2.5"),
        (int, float("inf"), "place must be a whole number, got inf"),
        (int, 1e19, "place must be a whole number, got 1e+19"),
        (Sides, 3, "place must be a list of 2 or 3, each a whole number >= 1 or auto or null, got 3"),
        (Shares, {"a": 2}, "place.a must be in [0, 1], got 2.0"),
        (Shares, {1: 1}, "name in place must be a text that is not empty, got 1"),
        (Shares, [1], "place must be a group by name, each a number in [0, 1], got [1]"),
        (list[str], "hc_mm", "place must be a list, each a text, got 'hc_mm' (one name is written [hc_mm])"),
        (Axes, ["rows", "rows"], "place must name each once, got 'rows' more than once"),
        (Axes, ["row"], "place[0] must be one of rows, columns, got row (did you mean rows?)"),
        (Annotated[str, Size(1)], "", "place must be a text that is not empty, got ''"),
        (str, "a\0b", r"place must be a text without the character of number 0, got 'a\x00b'"),
        (bool, 1, "place must be true or false, got 1"),
        (int, 2**63, "place must be a whole number below 2**63, got 9223372036854775808"),
        pytest.param(
            int,
            -(10**5000),
            "place must be a whole number below 2**63, got a value of type int that cannot be shown",
            id="digits",
        ),
        (float, 10**400, f"place must be a number below 1.8e308, got 1{'0' * 58}…"),
    ],
)
def test_what_does_not_fit_is_one_sentence(kind: Any, value: Any, said: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011  # the whole message is compared
        read_as("place", value, kind)
    assert str(raised.value) == said


@pytest.mark.parametrize(
    ("kind", "words", "ends"),
    [
        (Rate, "a number > 0 or auto", "> 0"),
        (Shares, "a group by name, each a number in [0, 1]", "each in [0, 1]"),
        (Annotated[list[float], Size(2, 2)] | None, "a list of 2, each a number or null", "2"),
        (Axes, "a list, each one of rows, columns", ""),
        (dict[str, Any], "a group of settings by name", ""),
        (bool, "true or false", ""),
    ],
)
def test_types_in_words(kind: Any, words: str, ends: str) -> None:
    assert (words_of(kind), range_of(kind)) == (words, ends)


def test_a_section_reads_its_fields_then_compares_them() -> None:
    @dataclass
    class Window(Section):
        place = "image.window"
        low: float = 0
        high: Annotated[float, Range(most=9)] = 1

        def conflicts(self) -> list[str]:
            return [] if self.low < self.high else [f"{self.place} must rise"]

    assert repr(Window(2, 3)) == repr(Window(2.0, 3.0))
    with pytest.raises(ValueError, match=r"^image\.window\.high must be <= 9 and finite, got 10\.0$"):
        Window(high=10)
    with pytest.raises(ValueError, match=r"^image\.window must rise$"):
        Window(3, 3)
