"""The figures of one target in words: headline, baselines, regions."""

import math
from typing import TYPE_CHECKING, Any

from medgauge.report.figures import REGIONS
from medgauge.report.words import number, quantity, span

if TYPE_CHECKING:
    from pandas import DataFrame

METRICS = {
    "mae": ("mean absolute error", "unit", "0 is perfect"),
    "rmse": ("root mean squared error", "unit", "0 is perfect"),
    "bias": ("bias", "signed", "mean of predicted − true"),
    "geometric_mean_error": ("geometric mean error", "unit", "0 is perfect"),
    "r2": ("R²", "plain", "1 is perfect, 0 the mean label"),
    "pearson": ("Pearson correlation", "plain", "1 is perfect"),
    "spearman": ("Spearman correlation", "plain", "1 is perfect"),
    "concordance_correlation": ("concordance correlation", "plain", "1 is perfect"),
    "calibration_slope": ("calibration slope", "plain", "1 is perfect"),
    "calibration_intercept": ("calibration intercept", "signed", "0 is perfect"),
    "auc": ("AUC", "plain", "1 is perfect"),
    "average_precision": ("average precision", "plain", "1 is perfect"),
    "f1": ("F1", "plain", "1 is perfect"),
}
LARGE = ("mae", "rmse", "bias", "r2")
REGION_MEANING = {
    "many": "labels as dense as the densest half of the training cases",
    "medium": "the next 30 %",
    "few": "the sparsest 20 %, and any label outside the training range",
}


def finite(value: Any) -> float | None:
    """A number from results.json, or None where there is none."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def metric_rows(block: dict[str, Any], decimals: int, unit: str) -> list[dict[str, Any]]:
    """Every metric of a block that has a value, with its 95 % interval in words."""
    rows = []
    intervals = block.get("ci95") or {}
    for key, (name, kind, meaning) in METRICS.items():
        if key not in block:
            continue
        digits = 3 if kind == "plain" else decimals + 1
        of = "" if kind == "plain" else unit
        value = finite(block[key])
        around = intervals.get(key)
        if isinstance(around, list | tuple) and len(around) == 2:
            words = span(finite(around[0]), finite(around[1]), digits, of)
        else:
            words = str(around) if isinstance(around, str) else "–"
        text = quantity(value, digits, of, sign=kind == "signed")
        rows.append(
            {"key": key, "name": name, "value": text, "interval": words, "meaning": meaning, "large": key in LARGE}
        )
    return rows


def comparison(block: dict[str, Any], record: str, decimals: int, unit: str) -> list[dict[str, Any]]:
    """The predictors and the two baselines by mean absolute error, as bars whose longest is 100 % wide."""
    others = block.get("by_predictor") or {}
    rows: list[dict[str, Any]] = [{"name": record, "note": "predictor of record", "mae": finite(block.get("mae"))}]
    for name, part in others.items():
        if name != record:
            rows.append({"name": name, "note": "not of record", "mae": finite((part or {}).get("mae"))})
    skills = block.get("skill") or {}
    for key, part in (block.get("baselines") or {}).items():
        kind = (part or {}).get("kind")
        skill = finite(skills.get(key))
        rows.append(
            {
                "name": baseline_name(key),
                "note": f"baseline{f' ({kind})' if kind else ''}",
                "mae": finite((part or {}).get("mae")),
                "skill": None if skill is None else number(skill, 2),
                "baseline": True,
            }
        )
    rows = [row for row in rows if row["mae"] is not None]
    longest = max([row["mae"] for row in rows], default=0) or 1.0
    for row in rows:
        row["width"] = f"{100 * row['mae'] / longest:.1f}"
        row["value"] = quantity(row["mae"], decimals + 1, unit)
    return rows


def baseline_name(key: str) -> str:
    """A baseline's name in words."""
    return {"median": "training median", "covariates_only": "covariates alone"}.get(key, key.replace("_", " "))


def region_rows(
    block: dict[str, Any], cases: "DataFrame", median: float | None, decimals: int, unit: str
) -> list[dict[str, Any]]:
    """The table by label region, the whole split last.

    - Shape: ``cases`` has label and region; ``median`` is the training cases' median label.
    """
    parts = {region: (block.get("by_region") or {}).get(region) or {} for region in REGIONS}
    whole = {
        **block,
        "baselines": {name: (one or {}).get("mae") for name, one in (block.get("baselines") or {}).items()},
    }
    rows = []
    for region, part in [*parts.items(), ("all", whole)]:
        chosen = cases if region == "all" else cases[cases["region"] == region]
        others = part.get("baselines") or {}
        constant = finite(others.get("median"))
        if constant is None and median is not None and len(chosen):
            constant = float((chosen["label"] - median).abs().mean())
        rows.append(
            {
                "region": region,
                "meaning": REGION_MEANING.get(region, ""),
                "n": f"{int(part.get('n') or len(chosen)):,}",
                "groups": number(finite(part.get("groups", chosen["group"].nunique())), 0),
                "mae": quantity(finite(part.get("mae")), decimals + 1, unit),
                "bias": quantity(finite(part.get("bias")), decimals + 1, unit, sign=True),
                "median": quantity(constant, decimals + 1, unit),
                "covariates": quantity(finite(others.get("covariates_only")), decimals + 1, unit),
            }
        )
    return rows
