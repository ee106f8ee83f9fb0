"""YAML of settings: plain values within bounds; every kind of bomb is refused at once, in words."""

import time

import pytest

from medgauge.core import settings_text
from medgauge.core.settings_text import MOST_BYTES, MOST_LEVELS, read_settings


def bomb(levels: int, wide: int) -> str:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * wide)}]" for level in range(1, levels)]
    return "\n".join(lines)


def test_plain_values_are_read() -> None:
    text = "a: {b: [1, 2.5, true, null, words], 'c': -3}\nd: 1e-3\ne: .inf\nf: 2020-01-31\n"
    assert read_settings(text) == {
        "a": {"b": [1, 2.5, True, None, "words"], "c": -3},
        "d": "1e-3",
        "e": float("inf"),
        "f": "2020-01-31",
    }
    assert read_settings("") is None
    assert read_settings("3") == 3


def test_what_is_made_of_values_changes_no_later_reading() -> None:
    text = "a: {b: [1, 2]}\n"
    first = read_settings(text)
    first["a"]["b"].append(3)
    first["c"] = 4
    assert read_settings(text) == {"a": {"b": [1, 2]}}


def test_the_same_text_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "told: once\n"
    assert read_settings(text) == {"told": "once"}
    monkeypatch.delattr(settings_text, "_Loader")
    assert read_settings(text) == {"told": "once"}


def test_aliases_and_merge_keys_of_an_ordinary_recipe_are_read() -> None:
    text = (
        "base: &base {width: 1, depth: [2]}\none: {<<: *base, width: 3}\ntwo: {<<: [*base, {extra: 4}]}\nlike: *base\n"
    )
    base = {"width": 1, "depth": [2]}
    assert read_settings(text) == {
        "base": base,
        "one": {"width": 3, "depth": [2]},
        "two": {**base, "extra": 4},
        "like": base,
    }


BAD = {
    "aliases": (bomb(12, 9), "more than 100000 values"),
    "aliases in a merge": (
        bomb(8, 9).replace("[x, x]", "{k: v}").replace("[", "{<<: [").replace("]", "]}"),
        "more than 100000 values",
    ),
    "aliases in depth": ("a0: &a0 [x]\n" + "\n".join(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 60)), "40 levels"),
    "an alias of itself": ("a: &a [1, *a]", r"line 1: the alias \*a stands within what it names"),
    "an alias of nothing": ("a: *b", "undefined alias"),
    "brackets": ("[" * 3000, f"more than {MOST_LEVELS} levels"),
    "a million brackets": ("[" * 1_000_000, "levels deep"),
    "braces": ("{a: " * 3000, "levels deep"),
    "blocks": ("\n".join(" " * n + "- " for n in range(900)), "levels deep"),
    "a long text": ("a: " + "x" * MOST_BYTES, "bytes"),
    "a key twice": ("seed: 1\nlabel: a\nseed: 2\n", "line 3: seed is given twice"),
    "a key twice within": ("a: {b: 1, 'b': 2}", "line 1: b is given twice"),
    "a list as key": ("[1, 2]: 3", "line 1: a key must be a word or a number"),
    "a tag of Python": ("a: !!python/object/apply:os.system [ls]", r"tag !!python/object/apply:os.system"),
    "a tag of its own": ("a: !mine {b: 1}", "the tag !mine is for no setting"),
    "a set": ("a: !!set {b, c}", "the tag !!set"),
    "bytes": ("a: !!binary aGVsbG8=", "the tag !!binary"),
    "a number of 5,000 digits": ("a: " + "9" * 5000, "5000 characters"),
    "a number to the base of 60": ("a: 1" + ":1" * 100_000, "characters"),
    "a number that is none": ("a: !!int words", "invalid literal"),
    "two documents": ("a: 1\n---\nb: 2\n", "but found another document"),
    "no YAML": ("a: [", "expected the node content"),
    "a zero byte": ("a: \x00", "special characters are not allowed"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_settings_is_refused_at_once(kind: str) -> None:
    text, words = BAD[kind]
    began = time.process_time()
    with pytest.raises(ValueError, match=words) as caught:
        read_settings(text)
    assert time.process_time() - began < 2
    assert len(str(caught.value)) < 400
