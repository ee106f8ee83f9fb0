"""What the report says of the intervals of one target: which they are, how they cover, whole and by label region."""

from collections.abc import Mapping
from typing import Any

from medgauge.report.plots import REGIONS
from medgauge.report.words import counted, finite, number, percent, quantity

Block = dict[str, Any]
PLACES = ("interval", "plain_interval", "label_conditional_interval")
NAMES = {"label_conditional": "label-conditional", "split": "plain split conformal", "cross": "cross-fitted"}
HOLDS = {
    "label_conditional": "Each label region has its own width, from calibration cases of that region, so they hold within "
    "each label region, for cases like the calibration cases, not for another site or another device.",
    "split": "All have one width, so they hold on average for cases like the calibration cases, not for another site, "
    "another device or each label region by itself.",
}


def interval_words(block: Block, level: float, decimals: int, unit: str, shown: str) -> dict[str, Any]:
    """All that is said of a target's intervals: those of record first, then those beside them.

    - Shape: ``block`` is the target's part of results.json.
    """
    parts = [part for part in (block.get(place) for place in PLACES) if isinstance(part, dict)]
    kinds = [_kind(part, decimals, unit) for part in parts]
    first = (
        kinds[0] if kinds else {"infinite": False, "coverage": "–", "width": "–", "note": "", "name": "", "holds": ""}
    )
    return {
        "level": percent(level),
        "infinite": first["infinite"],
        "kinds": kinds,
        "first": first,
        "groups": counted(parts[0].get("n_groups"), "group") if parts else "–",
        "split": shown,
        "rows": [_row(region, parts, decimals, unit) for region in (*REGIONS, "all")] if parts else [],
        "hull": _hull(parts),
    }


def _endless(part: Block) -> bool:
    """Whether any interval is infinite: only then is there no mean width."""
    return (finite(part.get("share_infinite")) or 0.0) > 0


def _width(part: Block, decimals: int, unit: str) -> str:
    return "infinite" if _endless(part) else quantity(finite(part.get("width")), decimals, unit)


def _kind(part: Block, decimals: int, unit: str) -> dict[str, Any]:
    kind = str(part.get("kind"))
    return {
        "kind": kind,
        "name": NAMES.get(kind, kind),
        "holds": HOLDS.get(kind, str(part.get("note") or "")) + _merged(part) + _new_cases(part),
        "infinite": _endless(part),
        "coverage": percent(finite(part.get("coverage"))),
        "width": _width(part, decimals, unit),
        "note": str(part.get("note") or ""),
    }


def _new_cases(part: Block) -> str:
    """What intervals of new cases are, where they are others than those judged."""
    return f" New cases have another: {part['new_cases']}" if part.get("new_cases") else ""


def _merged(part: Block) -> str:
    """Which label regions are one, since one of them has too few calibration groups; empty where none is."""
    regions = (part.get("by_region") or {}).values()
    names = list(dict.fromkeys(str(one["merged"]) for one in regions if one.get("merged")))
    if not names or _endless(part):
        return ""
    needed = number(finite(part.get("groups_needed")), 0)
    return (
        f" A region needs {needed} calibration groups; with fewer it shares the width of its neighbour, and the level is "
        f"promised for both together: {'; '.join(names)}."
    )


def _calibration(one: Block) -> str:
    """The calibration groups of a region, with those of the merged region that it is part of."""
    own, joined = number(finite(one.get("calibration_groups")), 0), finite(one.get("merged_groups"))
    return own if joined is None else f"{own} ({one.get('merged')}: {number(joined, 0)})"


def _row(region: str, parts: list[Block], decimals: int, unit: str) -> dict[str, Any]:
    """One label region (or all), with the figures of every kind of interval."""
    own = [part if region == "all" else (part.get("by_region") or {}).get(region) or {} for part in parts]
    calibration = next((_calibration(one) for one in own if "calibration_groups" in one), "–")
    return {
        "region": region,
        "n": number(finite(own[0].get("n")), 0),
        "groups": number(finite(own[0].get("drawn")), 0),
        "calibration": number(finite(parts[0].get("n_groups")), 0) if region == "all" else calibration,
        "cells": [
            {
                "coverage": percent(finite(one.get("coverage"))),
                "between": between(one),
                "width": _width(one, decimals, unit),
                "set": percent(finite(one.get("set_coverage"))),
                "set_between": between(one, "set_coverage", "set_"),
                "has_set": part.get("kind") == "label_conditional",
            }
            for one, part in zip(own, parts, strict=True)
        ],
    }


def between(part: Mapping[str, Any], of: str = "coverage", before: str = "") -> str:
    """The coverage of one drawn case a group with its interval, in words; the interval alone where the count is not told.

    >>> drawn = {"drawn": 20, "drawn_covered": 18, "coverage_ci95": [0.68, 0.99]}
    >>> between(drawn), between({"coverage_ci95": [0.8, 0.95]}), between({})
    ('90\\xa0% (68 to 99\\xa0%)', '80 to 95\\xa0%', '–')

    Args:
        part: a part of what is said for certain in results.json.
        of: whose interval.
        before: what stands before the name of the count of those covered.
    """
    ends = part.get(f"{of}_ci95")
    low, high = (finite(end) for end in ends) if isinstance(ends, list | tuple) and len(ends) == 2 else (None, None)
    if low is None or high is None:
        return "–"
    words = f"{low * 100:.0f} to {high * 100:.0f}\N{NO-BREAK SPACE}%"
    drawn, covered = finite(part.get("drawn")), finite(part.get(f"{before}drawn_covered"))
    return words if not drawn or covered is None else f"{percent(covered / drawn)} ({words})"


def _hull(parts: list[Block]) -> str:
    """What the intervals have more than the sets that they are drawn around, where any set is in pieces."""
    part = next((one for one in parts if one.get("kind") == "label_conditional"), None)
    pieces = None if part is None else finite(part.get("pieces"))
    if part is None or pieces is None or pieces <= 1:
        return ""
    more = part.get("over_coverage") or {}
    return (
        f"A label-conditional set can be in pieces ({number(pieces, 2)} on average); the interval shown is the smallest that "
        f"holds them all. {percent(finite(more.get('length')))} of its length is not in the set, and it covers "
        f"{percent(finite(more.get('coverage')))} of the cases that the set does not."
    )


def correction_words(block: Block, decimals: int, unit: str) -> str:
    """What was done to the values of record, with the figures without it."""
    note = str((block.get("correction") or {}).get("note") or "")
    raw = block.get("uncorrected") or {}
    if not note or not raw:
        return note
    error, bias = finite(raw.get("mae")), finite(raw.get("bias"))
    return (
        f"{note} Without it the mean absolute error is {quantity(error, decimals + 1, unit)} and the bias "
        f"{quantity(bias, decimals + 1, unit, sign=True)}."
    )
