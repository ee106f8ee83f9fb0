"""JSON of a run folder, read as plain data: finite numbers, no key twice, of a bounded depth."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

LONGEST_WHOLE = 18  # digits, so that a whole number fits into 64 bits


def read_values(text: str) -> dict[str, Any]:
    """The group of values that a JSON text holds.

    >>> read_values('{"n": 3}')
    {'n': 3}

    Raises:
        ValueError: it is no JSON, holds something else, gives a key twice, or a number that is not finite or too large.
    """
    try:
        values = json.loads(text, object_pairs_hook=_group, parse_constant=_refuse, parse_float=_real, parse_int=_whole)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if not isinstance(values, dict):
        raise ValueError("it holds no group of values")
    return values


def _group(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"{twice!r} is given twice")
    return values


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def _real(text: str) -> float:
    value = float(text)
    if abs(value) == float("inf"):
        raise ValueError(f"the number {text[:20]} is too large")
    return value


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > LONGEST_WHOLE:
        raise ValueError(f"the number {text[:20]} is too large")
    return int(text)
