"""JSON of a run folder: finite numbers of a bounded size, no key twice, a group of values."""

import pytest

from medgauge.runfolder.values import read_values


def test_plain_values_are_read() -> None:
    text = '{"a": [1, -2.5, null, true, "x"], "b": {"c": 123456789012345678}, "d": -0}'
    assert read_values(text) == {"a": [1, -2.5, None, True, "x"], "b": {"c": 123456789012345678}, "d": 0}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Expecting value"),
        ("[1]", "no group of values"),
        ("3", "no group of values"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": -Infinity}', "-Infinity is no number"),
        ('{"a": 1e400}', "the number 1e400 is too large"),
        ('{"a": 1234567890123456789}', "the number 1234567890123456789 is too large"),
        ('{"a": ' + "9" * 5000 + "}", "too large"),
        ('{"a": 1, "b": 2, "a": 3}', "'a' is given twice"),
        ('{"a": {"b": 1, "b": 1}}', "'b' is given twice"),
        ('{"a": 1} {', "Extra data"),
        ('{"a": ' + "[" * 100_000, "nested too deep"),
    ],
)
def test_what_is_no_plain_value_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_values(text)
