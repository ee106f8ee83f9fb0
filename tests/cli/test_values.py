from typing import Any, Literal

import pytest

from medgauge.cli.values import default_words, kind_words, read_values


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (str | None, "TEXT"),
        (float | Literal["auto"], "NUMBER|auto"),
        (Literal[1, 3, "keep"], "1|3|keep"),
        (list[Literal["rows", "columns"]], "rows|columns,…"),
        (dict[str, float], "NAME=NUMBER,…"),
        (bool, "true|false"),
        (Any, "VALUE"),
    ],
)
def test_types_in_words(kind: Any, words: str) -> None:
    assert kind_words(kind) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "true"),
        ({}, "empty"),
        (["a", "b"], "a,b"),
        ({"a": 0.5}, "a=0.5"),
        ({"a": {"b": [1]}}, "{a: {b: [1]}}"),
        (0.0, "0.0"),
    ],
)
def test_defaults_in_words(value: Any, words: str) -> None:
    assert default_words(value) == words


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (str | None, "null", None),
        (str, "null", "null"),
        (str | None, "007", "007"),
        (Literal["on", "off"], "on", "on"),
        (Literal["none", "mean"], "no", "no"),
        (Literal[1, 3, "keep"], "3", 3),
        (list[int] | Literal["auto"], "auto", "auto"),
        (list[int] | Literal["auto"], "20,24", [20, 24]),
        (list[float] | Literal["auto"] | None, "null", None),
        (list[int] | Literal["auto"], "null", None),
        (list[str], "null", ["null"]),
        (list[str], "a b,c", ["a b", "c"]),
        (list[str], "", []),
        (list[str], "[a", ["[a"]),
        (dict[str, list[str]], "sex=F,M,site=A,B,C", {"sex": ["F", "M"], "site": ["A", "B", "C"]}),
        (dict[str, list[str]], "a, b=x,y,c=z", {"a, b": ["x", "y"], "c": ["z"]}),
        (dict[str, Literal["grade", "class"]], "a=b=grade,c=class", {"a=b": "grade", "c": "class"}),
        (int | None, "3", 3),
        (float, "1e-3", 0.001),
        (Any, "{a: 1}", {"a": 1}),
    ],
)
def test_values_from_text(kind: Any, text: str, value: Any) -> None:
    read = read_values(kind, [text], "--flag")
    assert read == value
    assert type(read) is type(value)
