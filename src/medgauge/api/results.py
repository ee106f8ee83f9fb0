"""The figures of one split, as results.json holds them."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from medgauge import metrics
from medgauge.api.readers import Reader, Readings
from medgauge.core.batch import Gallery, LabelCoding
from medgauge.inference import coverage, mean_width
from medgauge.metrics import REGION_NAMES, bootstrap_interval

FIGURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    name: getattr(metrics, name)
    for name in (
        "mae",
        "rmse",
        "r2",
        "pearson",
        "spearman",
        "concordance_correlation",
        "geometric_mean_error",
        "bias",
        "calibration_slope",
        "calibration_intercept",
    )
}
INTERVALS = ("mae", "rmse", "r2", "bias")


def split_block(
    cases: Gallery,
    readings: Readings,
    reader: Reader,
    baselines: dict[str, Tensor],
    covariate_kind: Sequence[str],
    *,
    seed: int,
) -> dict[str, Any]:
    """All figures of one split: one entry a target."""
    region = reader.region(cases.label)
    return {
        target: _target_block(place, cases, readings, reader, baselines, covariate_kind, region[:, place], seed)
        for place, target in enumerate(reader.targets)
    }


def _target_block(
    place: int,
    cases: Gallery,
    readings: Readings,
    reader: Reader,
    baselines: dict[str, Tensor],
    covariate_kind: Sequence[str],
    region: Tensor,
    seed: int,
) -> dict[str, Any]:
    label, value = cases.label[:, place : place + 1].double(), readings.value[:, place : place + 1].double()
    known = ~torch.isnan(label[:, 0])
    block: dict[str, Any] = {"predictor": reader.record, "n": int(known.sum()), "groups": _groups(cases.group, known)}
    block |= {name: float(figure(value, label)[0]) for name, figure in FIGURES.items()}
    block["ci95"] = {name: _interval(FIGURES[name], value, label, cases.group, seed) for name in INTERVALS}
    block["by_region"] = {
        name: _region_block(value, label, cases.group, region == code, baselines, place, seed)
        for code, name in enumerate(REGION_NAMES)
    }
    block["by_predictor"] = {
        name: {key: float(figure(other[:, place : place + 1].double(), label)[0]) for key, figure in FIGURES.items()}
        for name, other in readings.by_predictor.items()
    }
    block["interval"] = _coverage(readings, label, place, region, reader)
    errors = {
        name: float(metrics.mae(values[:, place : place + 1].double(), label)[0]) for name, values in baselines.items()
    }
    block["baselines"] = {name: {"mae": error} for name, error in errors.items()}
    if "covariates_only" in block["baselines"]:
        block["baselines"]["covariates_only"]["kind"] = covariate_kind[place]
    block["skill"] = {name: float(metrics.skill(block["mae"], error)) for name, error in errors.items()}
    transformed = getattr(reader.coding, "transformed", None)
    if transformed is not None and getattr(reader.coding, "kind", "") == "log2":
        pair = [transformed(part.clamp(min=-0.999999)) for part in (value, label)]
        block["transformed"] = {
            "unit": "log2(1 + label)",
            **{name: float(FIGURES[name](pair[0], pair[1])[0]) for name in ("mae", "rmse", "r2", "bias")},
        }
    return block


def _groups(group: Sequence[str], rows: Tensor) -> int:
    return len({name for name, kept in zip(group, rows.tolist(), strict=True) if kept})


def _interval(
    figure: Callable[[Tensor, Tensor], Tensor], value: Tensor, label: Tensor, group: Sequence[str], seed: int
) -> Any:
    known = ~torch.isnan(label[:, 0])
    if not known.any():
        return "too few groups"
    found = bootstrap_interval(
        figure,
        value[known],
        label[known],
        [name for name, kept in zip(group, known.tolist(), strict=True) if kept],
        seed=seed,
    )
    return found if isinstance(found, str) else [float(found[0][0]), float(found[1][0])]


def _region_block(
    value: Tensor,
    label: Tensor,
    group: Sequence[str],
    rows: Tensor,
    baselines: dict[str, Tensor],
    place: int,
    seed: int,
) -> dict[str, Any]:
    inside = label.masked_fill(~rows[:, None], torch.nan)
    block: dict[str, Any] = {
        "n": int((~torch.isnan(inside)).sum()),
        "groups": _groups(group, ~torch.isnan(inside[:, 0])),
    }
    block |= {name: float(FIGURES[name](value, inside)[0]) for name in ("mae", "bias", "geometric_mean_error")}
    block["ci95"] = {"mae": _interval(metrics.mae, value, inside, group, seed)}
    block["baselines"] = {
        name: float(metrics.mae(values[:, place : place + 1].double(), inside)[0]) for name, values in baselines.items()
    }
    return block


def _coverage(readings: Readings, label: Tensor, place: int, region: Tensor, reader: Reader) -> dict[str, Any]:
    lower, upper = (part[:, place : place + 1] for part in (readings.lower, readings.upper))

    def figures(rows: Tensor | None) -> dict[str, float]:
        where = None if rows is None else rows[:, None]
        known = ~torch.isnan(label) if where is None else where & ~torch.isnan(label)
        return {
            "coverage": float(coverage(lower, upper, label, where)[0]),
            "width": float(mean_width(lower, upper, known)[0]),
            "n": int(known.sum()),
        }

    saved = reader.conformal.to_dict() if reader.conformal is not None else {}
    return {
        "level": saved.get("level"),
        "n_groups": saved.get("groups", [None] * (place + 1))[place],
        **figures(None),
        "by_region": {name: figures(region == code) for code, name in enumerate(REGION_NAMES)},
    }


def space_labels(cases: Gallery) -> Tensor:
    """Labels as the space knows them: divided by ``times`` where the model learns that quotient."""
    return cases.label if cases.times is None else cases.label / cases.times[:, None]


def choose_graph(cases: Gallery, coding: LabelCoding) -> metrics.ResidualVariance:
    """The k of RV's neighbour graph, chosen on these cases (val, in a run)."""
    return metrics.choose_neighbours(cases.embedding, coding.encode(cases.label, cases.times))


def space_block(
    cases: Gallery, gallery: Gallery, coding: LabelCoding, chosen: metrics.ResidualVariance
) -> dict[str, Any]:
    """D5 (in label units, or label / times) and RV (against normalised labels) of one split, with the k of ``chosen``."""
    d5 = metrics.neighbour_difference(
        cases.embedding,
        space_labels(cases),
        gallery.embedding,
        space_labels(gallery),
        group=cases.group,
        gallery_group=gallery.group,
    )
    found = metrics.residual_variance(
        cases.embedding, coding.encode(cases.label, cases.times), neighbours=max(1, chosen.neighbours)
    )
    reliable = not math.isnan(chosen.value)
    return {
        "d5": float(d5.nanmean()),
        "rv": found.value if reliable else float("nan"),
        "rv_neighbours": found.neighbours,
        "rv_share": found.share,
        "rv_n": found.n,
        "rv_note": found.note if reliable else chosen.note,
    }
