"""The figures of one target in words: headline, baselines, regions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from medgauge.report.look import Look
from medgauge.report.plots import REGIONS
from medgauge.report.words import finite, number

if TYPE_CHECKING:
    from pandas import DataFrame

COVARIATES = "covariates_only"
REGION_MEANING = {
    "many": "labels as dense as the densest half of the training cases",
    "medium": "the next 30 %",
    "few": "the sparsest 20 %, and any label outside the training range",
    "absent": "cases without the finding",
    "present": "cases with the finding",
}


def metric_rows(block: dict[str, Any], look: Look) -> list[dict[str, Any]]:
    """Every figure of the target's kind that the block has, with its 95 % interval in words."""
    intervals = block.get("ci95") or {}
    return [
        {
            "key": name,
            "name": figure.words,
            "value": look.figure(name, block[name]),
            "interval": look.ends(name, intervals.get(name)),
            "meaning": figure.meaning,
            "large": figure.headline,
        }
        for name, figure in look.figures.items()
        if name in block
    ]


def comparison(block: dict[str, Any], record: str, look: Look) -> list[dict[str, Any]]:
    """The predictors and the two baselines by the mean of their errors, as bars whose longest is 100 % wide."""
    others = block.get("by_predictor") or {}
    rows: list[dict[str, Any]] = [
        {"name": record, "note": "predictor of record", "error": finite(block.get(look.main))}
    ]
    for name, part in others.items():
        if name != record:
            rows.append({"name": name, "note": "not of record", "error": finite((part or {}).get(look.main))})
    skills = block.get("skill") or {}
    for key, part in (block.get("baselines") or {}).items():
        kind = (part or {}).get("kind")
        skill = finite(skills.get(key))
        rows.append(
            {
                "name": baseline_name(key),
                "note": f"baseline{f' ({kind})' if kind else ''}",
                "error": finite((part or {}).get(look.main)),
                "skill": None if skill is None else number(skill, 2),
                "baseline": True,
            }
        )
    rows = [row for row in rows if row["error"] is not None]
    longest = max([row["error"] for row in rows], default=0) or 1.0
    for row in rows:
        row["width"] = f"{100 * row['error'] / longest:.1f}"
        row["value"] = look.figure(look.main, row["error"])
    return rows


def baseline_name(key: str) -> str:
    """A baseline's name in words."""
    return {
        "median": "training median",
        "base_rate": "training rate",
        "shares": "training shares",
        "covariates_only": "covariates alone",
    }.get(key, key.replace("_", " "))


def constant_name(block: dict[str, Any]) -> str:
    """The constant baseline of a block in words."""
    names = [name for name in block.get("baselines") or {} if name != COVARIATES]
    return baseline_name(names[0] if names else "median")


def region_rows(
    block: dict[str, Any], cases: "DataFrame", median: float | None, look: Look, names: Sequence[str]
) -> list[dict[str, Any]]:
    """The table by label region with the figures of ``names``, the whole split last.

    - Shape: ``cases`` has label and region; ``median`` is the training cases' median label.
    """
    found = block.get("by_region") or {}
    regions = REGIONS if set(found) <= set(REGIONS) else tuple(found)
    parts = {region: found.get(region) or {} for region in regions}
    whole = {
        **block,
        "baselines": {name: (one or {}).get(look.main) for name, one in (block.get("baselines") or {}).items()},
    }
    rows = []
    for region, part in [*parts.items(), ("all", whole)]:
        chosen = cases if region == "all" else cases[cases["region"] == region]
        others = part.get("baselines") or {}
        constant = finite(next((value for name, value in others.items() if name != COVARIATES), None))
        if constant is None and median is not None and len(chosen):
            constant = float((chosen["label"] - median).abs().mean())
        rows.append(
            {
                "region": region,
                "meaning": REGION_MEANING.get(region, ""),
                "n": f"{int(part.get('n') or len(chosen)):,}",
                "groups": number(finite(part.get("groups", chosen["group"].nunique())), 0),
                "cells": [look.figure(name, part.get(name)) for name in names],
                "constant": look.figure(look.main, constant),
                "covariates": look.figure(look.main, others.get(COVARIATES)),
            }
        )
    return rows
