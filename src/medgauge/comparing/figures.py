"""The figures of a comparison, from the cases and the entries of its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.errors import InputError
from medgauge.metrics import MIN_GROUPS, REGION_NAMES, TOO_FEW_GROUPS, quadratic_kappa
from medgauge.metrics.comparison import (
    crossed_means,
    ends,
    holm,
    paired_p,
    seed_mean,
    smallest_difference,
    verdict,
)

DRAWS = 10_000
LEVELS = 20  # whole-number labels with at most so many levels have a kappa
BY_RUN = ("r2", "rmse", "bias", "pearson", "spearman", "concordance_correlation", "geometric_mean_error")


@dataclass(frozen=True)
class Judged:
    """The judged cases and every method's values of them.

    - Shape: label (n, t); region (n, t), names; value (m, s, n, t); entries: for each method its runs, in the order of
      the seeds, with ``test`` as in comparison.json.
    """

    group: list[str]
    targets: list[str]
    label: Float[Tensor, "n t"]
    region: Sequence[Sequence[str]]
    value: Float[Tensor, "m s n t"]
    entries: dict[str, list[dict[str, Any]]]
    reference: str


def figures(judged: Judged, *, draws: int = DRAWS, seed: int = 0) -> dict[str, Any]:
    """Every figure of a comparison: one entry a target, and ``space``."""
    found: dict[str, Any] = {
        target: _target(judged, place, draws=draws, seed=seed) for place, target in enumerate(judged.targets)
    }
    found["space"] = {
        name: {key: _spread([run["test"]["space"].get(key) for run in runs]) for key in ("d5", "rv")}
        for name, runs in judged.entries.items()
    }
    return found


def _target(judged: Judged, place: int, *, draws: int, seed: int) -> dict[str, Any]:
    names = list(judged.entries)
    target, label = judged.targets[place], judged.label[:, place].double()
    error = (judged.value[..., place].double() - label).abs()
    known = ~torch.isnan(label)
    parts = {"all": known} | {
        name: known & torch.tensor([row[place] == name for row in judged.region]) for name in REGION_NAMES
    }
    blocks = {name: _part(error, judged.group, rows, judged, draws, seed) for name, rows in parts.items()}
    whole, few = blocks["all"], blocks["few"]
    adjusted = holm([block["p"] for name, block in whole["methods"].items() if name != judged.reference])
    others = [name for name in names if name != judged.reference]
    for name, p in zip(others, adjusted, strict=True):
        block = whole["methods"][name]
        block["p_holm"] = p
        block["verdict"] = verdict(
            p,
            _pair(block["difference_ci95"]),
            _pair(block["relative_ci95"])[1],
            _pair(few["methods"][name]["relative_ci95"])[1],
        )
    kappa = _whole_numbers(label[known])
    for at, name in enumerate(names):
        block, runs = whole["methods"][name], [run["test"][target] for run in judged.entries[name]]
        block["by_seed"] = error[at][:, known].mean(dim=1).tolist()
        block |= {key: _spread([run.get(key) for run in runs]) for key in BY_RUN}
        if kappa:
            block["quadratic_kappa"] = _spread(
                [
                    float(quadratic_kappa(one[:, place : place + 1], judged.label[:, place : place + 1])[0])
                    for one in judged.value[at]
                ]
            )
        block["coverage"] = _coverage(runs)
        block["predictors"] = [str(run.get("predictor")) for run in runs]
    parts_of = {name: {key: block[key] for key in ("n", "groups")} for name, block in blocks.items()}
    for name in names:
        whole["methods"][name]["by_region"] = {part: blocks[part]["methods"][name] for part in REGION_NAMES}
    return {"reference": judged.reference, "draws": draws, "parts": parts_of, "methods": whole["methods"]}


def _part(error: Tensor, group: Sequence[str], rows: Tensor, judged: Judged, draws: int, seed: int) -> dict[str, Any]:
    """MAE and difference to the reference, with intervals, on some of the cases."""
    names = list(judged.entries)
    at = names.index(judged.reference)
    inside, kept = error[:, :, rows], [name for name, keep in zip(group, rows.tolist(), strict=True) if keep]
    count = len(set(kept))
    nothing: Any = float("nan")
    mean = seed_mean(inside).mean(dim=1) if kept else torch.full((len(names),), nothing, dtype=torch.float64)
    gap, ratio = mean - mean[at], mean / mean[at] - 1
    lines: dict[str, list[Any]] = {"ci95": [], "difference_ci95": [], "relative_ci95": [], "p": []}
    if count >= MIN_GROUPS:
        drawn = crossed_means(inside, kept, draws=draws, seed=seed)
        apart = drawn - drawn[:, at : at + 1]
        lines = {
            "ci95": ends(drawn).tolist(),
            "difference_ci95": ends(apart).tolist(),
            "relative_ci95": ends(drawn / drawn[:, at : at + 1] - 1).tolist(),
            "p": paired_p(apart).tolist(),
        }
    else:
        lines = {key: [nothing if key == "p" else TOO_FEW_GROUPS] * len(names) for key in lines}
    methods: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(names):
        block = {"mae": float(mean[place]), "ci95": lines["ci95"][place]}
        if place != at:
            block |= {"difference": float(gap[place]), "relative": float(ratio[place])}
            block |= {key: lines[key][place] for key in ("difference_ci95", "relative_ci95", "p")}
        methods[name] = block
    return {"n": len(kept), "groups": count, "methods": methods}


def _pair(interval: Any) -> tuple[float, float]:
    return (float("nan"), float("nan")) if isinstance(interval, str) else (interval[0], interval[1])


def _spread(values: Sequence[float | None]) -> dict[str, float | None]:
    """Mean over the seeds and their standard deviation; None where a run has none."""
    known = [float(value) for value in values if value is not None]
    if len(known) < len(values) or not known:
        return {"mean": None, "sd": None}
    column = torch.tensor(known, dtype=torch.float64)
    return {"mean": float(column.mean()), "sd": float(column.std()) if len(known) > 1 else None}


def _coverage(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Coverage and width of the intervals over the seeds, whole and by each run's own regions."""
    intervals = [run.get("interval") or {} for run in runs]
    found: dict[str, Any] = {"level": intervals[0].get("level")}
    found |= {key: _spread([one.get(key) for one in intervals])["mean"] for key in ("coverage", "width")}
    found["by_region"] = {
        name: {
            key: _spread([((one.get("by_region") or {}).get(name) or {}).get(key) for one in intervals])["mean"]
            for key in ("n", "coverage", "width")
        }
        for name in REGION_NAMES
    }
    return found


def _whole_numbers(label: Tensor) -> bool:
    return bool((label == label.round()).all()) and len(set(label.tolist())) <= LEVELS


def showable(
    errors: Mapping[str, Float[Tensor, " n"]], group: Sequence[str], reference: str, *, groups: int
) -> dict[str, Any]:
    """The smallest difference to the reference that ``groups`` test groups could show, from development cases.

    With other methods' errors there: the median over the methods, from the paired differences. With the reference's
    errors alone: as if the other method's were as spread and not correlated with them, which is the cautious side.
    """
    own = errors[reference].double()
    kept = [name for name, known in zip(group, (~torch.isnan(own)).tolist(), strict=True) if known]
    own_known = own[~torch.isnan(own)]
    if len(set(kept)) < 2:
        raise InputError("the validation cases with a label are of fewer than two groups; give more groups")
    others = {
        name: smallest_difference((error.double() - own)[~torch.isnan(own)], kept, groups=groups)
        for name, error in errors.items()
        if name != reference
    }
    value = median(others.values()) if others else smallest_difference(own_known * 2**0.5, kept, groups=groups)
    mae = float(own_known.mean())
    return {
        "difference": value,
        "relative": value / mae if mae else None,
        "level": 0.95,
        "power": 0.8,
        "test_groups": groups,
        "development_groups": len(set(kept)),
        "reference_mae": mae,
        "from": "paired differences of the chosen trials"
        if others
        else "the reference's errors, taken as uncorrelated",
        "by_method": others,
    }
