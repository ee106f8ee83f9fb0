"""What the sections of grades and of classes share: the confusion table, sets of levels, bars on the cards."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from medgauge.report.cards import SHOWN_NEIGHBOURS, as_list
from medgauge.report.evidence import Case
from medgauge.report.intervals import between
from medgauge.report.words import counted, finite, number, percent

Block = dict[str, Any]
HEATS = 5
"""Shades of the confusion matrix beside that of nothing."""


def confusion_rows(part: Mapping[str, Any]) -> list[Block]:
    """A row for each true level: cases by the level that was read, with their shares of the row; nothing without cases."""
    levels, counts = part.get("levels") or [], part.get("counts") or []
    rows = []
    for true, row in zip(levels, counts, strict=True):
        total = sum(row)
        cells = []
        for read, count in zip(levels, row, strict=True):
            share = count / total if total else 0.0
            cells.append(
                {
                    "count": number(count, 0),
                    "share": percent(share) if total else "–",
                    "heat": min(int(np.ceil(share * HEATS)), HEATS),
                    "exact": read == true,
                }
            )
        name = true if isinstance(true, str) else number(true, 0)
        rows.append({"grade": name, "cells": cells, "total": number(total, 0)})
    return rows


def set_words(sets: Mapping[str, Any], by: str, level: float, training: Mapping[str, int], cases: int) -> Block:
    """All that is said of the sets: whole, and by true level.

    Args:
        sets: of a block.
        by: the key of the entries of each true level.
        level: the chance that is meant to hold.
        training: training cases of each level, by its name.
        cases: all of them.
    """
    rows = [(name, part, part.get("calibration_groups")) for name, part in (sets.get(by) or {}).items()]
    if rows:
        rows.append(("all", sets, sets.get("n_groups")))
    return {
        "level": percent(level),
        "coverage": percent(finite(sets.get("coverage"))),
        "between": between(sets),
        "size": number(finite(sets.get("size")), 2),
        "groups": counted(sets.get("n_groups"), "group"),
        "whole": percent(finite(sets.get("share_whole"))),
        "empty": percent(finite(sets.get("share_empty"))),
        "note": str(sets.get("note") or ""),
        "there": bool(sets),
        "rows": [
            {
                "grade": name,
                "training": number(cases if part is sets else training.get(name, 0), 0),
                "n": number(finite(part.get("n")), 0),
                "drawn": number(finite(part.get("drawn")), 0),
                "calibration": number(finite(calibration), 0),
                "coverage": percent(finite(part.get("coverage"))),
                "between": between(part),
                "size": number(finite(part.get("size")), 2),
            }
            for name, part, calibration in rows
        ],
    }


def votes(case: Case, target: str, labels: Mapping[int, float]) -> dict[float, float]:
    """The weights of the neighbours shown, summed by their level, in rising order."""
    rows, weights = (as_list(case.get(name))[:SHOWN_NEIGHBOURS] for name in ("neighbours", f"weights_{target}"))
    found: dict[float, float] = {}
    for row, weight in zip(rows, weights, strict=False):
        level = finite(labels.get(int(row)))
        if level is not None and weight is not None:
            found[level] = found.get(level, 0.0) + float(weight)
    return dict(sorted(found.items()))


def bar(name: str, share: float | None, *, true: bool, within: bool = False) -> Block:
    """A level's share in words and as the width of a bar."""
    width = f"{100 * min(max(share or 0.0, 0.0), 1.0):.1f}"
    return {"grade": name, "share": percent(share), "width": width, "true": true, "within": within}
