"""The section of a grade: true and predicted grades, figures by label region, sets of grades, chances on the cards."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from medgauge.metrics.catalogue import FIGURES
from medgauge.report import plots_regions
from medgauge.report.cards import SHOWN_NEIGHBOURS, as_list
from medgauge.report.evidence import Case, Thumbnails, number_in
from medgauge.report.intervals import between
from medgauge.report.kinds.shared import Said, Section, shared_section, training_cases
from medgauge.report.look import Look
from medgauge.report.reading import RunView
from medgauge.report.words import counted, finite, number, percent

if TYPE_CHECKING:
    from pandas import DataFrame

Block = dict[str, Any]
DECIMALS = 1
SAID = Said("set", "size", "sets", "Grades in a set, mean", False, "which grades are in a set")
HEATS = 5
"""Shades of the confusion matrix beside that of nothing."""


def section(view: RunView, target: str, key: str, picture: Thumbnails) -> Section:
    """All of one target."""
    block = view.block.get(target) or {}
    look = Look(FIGURES["grade"], "", "", DECIMALS, whole=True)
    level = view.level(target)
    names = _levels(view, target)
    shown = [name for name in ("mae", "bias", "accuracy", "within_one") if name in look.figures]
    folds = [name for name in ("mae", "bias", "accuracy", "quadratic_kappa") if name in look.figures]
    texts, drawn = shared_section(
        view,
        target,
        key,
        picture,
        look,
        lambda case, labels: _on_card(case, target, names, labels),
        said=SAID.key,
        in_regions=shown,
        in_folds=folds,
        in_subgroups=shown,
    )
    sets = block.get("set") or {}
    for row in texts["regions"]:
        part = sets if row["region"] == "all" else (sets.get("by_region") or {}).get(row["region"]) or {}
        row["cells"] += [percent(finite(part.get("coverage"))), number(finite(part.get("size")), 2)]
    by_grade = sets.get("by_grade") or {}
    if by_grade:
        parts = [("sets", [*by_grade.values(), sets])]
        drawn[f"{key}-coverage"] = plots_regions.coverage(parts, [*by_grade, "all"], "true grade", level)
    texts |= {
        "answer": texts["answer"] and {**texts["answer"], "value": f"{texts['answer']['value']} grades"},
        "heads": _heads(shown, look),
        "fold_heads": _heads(folds, look),
        "confusion": confusion_rows(block.get("confusion") or {}),
        "set": _set_words(sets, level, training_cases(view, target)),
        "split": view.shown,
    }
    return texts, drawn


def _heads(names: Sequence[str], look: Look) -> list[str]:
    """What columns of figures are called."""
    return ["MAE" if name == "mae" else look.figures[name].words.capitalize() for name in names]


def confusion_rows(part: Mapping[str, Any]) -> list[Block]:
    """A row for each true grade: cases by the grade that was read, with their shares of the row; nothing without cases."""
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
        rows.append({"grade": number(true, 0), "cells": cells, "total": number(total, 0)})
    return rows


def _set_words(sets: Mapping[str, Any], level: float, training: "DataFrame") -> Block:
    """All that is said of the sets: whole, and by true grade."""
    count = Counter(f"{label:g}" for label in training["label"])
    rows = [(name, part, part.get("calibration_groups")) for name, part in (sets.get("by_grade") or {}).items()]
    if rows:
        rows.append(("all", sets, sets.get("n_groups")))
    return {
        "level": percent(level),
        "coverage": percent(finite(sets.get("coverage"))),
        "between": between(sets.get("coverage_ci95")),
        "size": number(finite(sets.get("size")), 2),
        "groups": counted(sets.get("n_groups"), "group"),
        "whole": percent(finite(sets.get("share_whole"))),
        "empty": percent(finite(sets.get("share_empty"))),
        "note": str(sets.get("note") or ""),
        "there": bool(sets),
        "rows": [
            {
                "grade": name,
                "training": number(len(training) if name == "all" else count[name], 0),
                "n": number(finite(part.get("n")), 0),
                "drawn": number(finite(part.get("drawn")), 0),
                "calibration": number(finite(calibration), 0),
                "coverage": percent(finite(part.get("coverage"))),
                "between": between(part.get("coverage_ci95")),
                "size": number(finite(part.get("size")), 2),
            }
            for name, part, calibration in rows
        ],
    }


def _levels(view: RunView, target: str) -> list[str]:
    """The grades, in rising order, that the table of predictions has a chance for."""
    column = re.compile(rf"probability_(-?[0-9.]+)_{re.escape(target)}")
    found = [match[1] for match in map(column.fullmatch, map(str, view.predictions.columns)) if match]
    return sorted((name for name in found if _known(view, f"probability_{name}_{target}")), key=float)


def _known(view: RunView, column: str) -> bool:
    """Whether any case has a value; a target has none of a grade that only another target has."""
    return bool(np.isfinite(view.predictions[column]).any())


def _on_card(case: Case, target: str, levels: Sequence[str], labels: Mapping[int, float]) -> Block:
    """The set of grades of one case, the chance of each, and how the neighbours shown vote."""
    inside = str(case.get(f"set_{target}") or "").split()
    label, value = float(case[f"label_{target}"]), float(case[f"value_{target}"])
    chances = {name: number_in(case, f"probability_{name}_{target}") for name in levels}
    return {
        "set": ", ".join(inside) or ("none" if f"set_{target}" in case else "–"),
        "inside": f"{label:g}" in inside,
        "nearest": min(levels, key=lambda name: (abs(float(name) - value), -float(name)), default="–"),
        "chances": [_bar(float(name), chance, label) | {"within": name in inside} for name, chance in chances.items()],
        "votes": [_bar(grade, share, label) for grade, share in votes(case, target, labels).items()],
    }


def votes(case: Case, target: str, labels: Mapping[int, float]) -> dict[float, float]:
    """The weights of the neighbours shown, summed by their grade, in rising order."""
    rows, weights = (as_list(case.get(name))[:SHOWN_NEIGHBOURS] for name in ("neighbours", f"weights_{target}"))
    found: dict[float, float] = {}
    for row, weight in zip(rows, weights, strict=False):
        grade = finite(labels.get(int(row)))
        if grade is not None and weight is not None:
            found[grade] = found.get(grade, 0.0) + float(weight)
    return dict(sorted(found.items()))


def _bar(grade: float, share: float | None, label: float) -> Block:
    """A grade's share in words and as the width of a bar."""
    width = f"{100 * min(max(share or 0.0, 0.0), 1.0):.1f}"
    return {
        "grade": number(grade, 0),
        "share": percent(share),
        "width": width,
        "true": grade == label,
        "within": False,
    }
