"""The figures of one split, as results.json holds them."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from medgauge import metrics
from medgauge.api.coverage import interval_blocks
from medgauge.api.readers import Reader, Readings
from medgauge.core.batch import Gallery, LabelCoding
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
    seed: int | None,
) -> dict[str, Any]:
    """All figures of one split: one entry a target; with the seed None no intervals are drawn, which takes seconds."""
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
    seed: int | None,
) -> dict[str, Any]:
    label, value = cases.label[:, place : place + 1].double(), readings.value[:, place : place + 1].double()
    known = ~torch.isnan(label[:, 0])
    block: dict[str, Any] = {"predictor": reader.record, "n": int(known.sum()), "groups": _groups(cases.group, known)}
    block |= {name: float(figure(value, label)[0]) for name, figure in FIGURES.items()}
    block["ci95"] = {name: interval_of(FIGURES[name], value, label, cases.group, seed) for name in INTERVALS}
    block["by_region"] = {
        name: _region_block(value, label, cases.group, region == code, baselines, place, seed)
        for code, name in enumerate(REGION_NAMES)
    }
    block["by_predictor"] = {
        name: {key: float(figure(other[:, place : place + 1].double(), label)[0]) for key, figure in FIGURES.items()}
        for name, other in readings.by_predictor.items()
    }
    block |= _beside(readings, label, place, reader)
    block |= interval_blocks(readings, cases, place, region, reader, seed or 0)
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


def interval_of(
    figure: Callable[[Tensor, Tensor], Tensor], value: Tensor, label: Tensor, group: Sequence[str], seed: int | None
) -> Any:
    """The 95 % bootstrap interval of a figure of one target, by group, or in words why there is none."""
    if seed is None:
        return "not computed"
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
    seed: int | None,
) -> dict[str, Any]:
    inside = label.masked_fill(~rows[:, None], torch.nan)
    block: dict[str, Any] = {
        "n": int((~torch.isnan(inside)).sum()),
        "groups": _groups(group, ~torch.isnan(inside[:, 0])),
    }
    block |= {name: float(FIGURES[name](value, inside)[0]) for name in ("mae", "bias", "geometric_mean_error")}
    block["ci95"] = {"mae": interval_of(metrics.mae, value, inside, group, seed)}
    block["baselines"] = {
        name: float(metrics.mae(values[:, place : place + 1].double(), inside)[0]) for name, values in baselines.items()
    }
    return block


def _beside(readings: Readings, label: Tensor, place: int, reader: Reader) -> dict[str, Any]:
    """What stands beside a corrected value: the correction, and the figures without it; nothing without correction."""
    correction, gap = reader.fitted.correction, reader.fitted.age_gap
    found: dict[str, Any] = {}
    if correction is not None:
        raw = readings.uncorrected[:, place : place + 1]
        intercept, slope = correction.line[place]
        found["correction"] = {
            "kind": correction.kind,
            "groups": correction.groups[place],
            "note": correction.note(place),
        }
        if correction.kind == "linear":
            found["correction"] |= {"intercept": intercept, "slope": slope}
        found["uncorrected"] = {
            name: float(FIGURES[name](raw, label)[0]) for name in ("mae", "bias", "calibration_slope")
        }
    if gap is not None:
        found["age_gap"] = {"groups": gap.groups[place], "intercept": gap.line[place][0], "slope": gap.line[place][1]}
    return found


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


def mean_space(blocks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What several spaces are like on average; each block as ``space_block`` gives it."""
    found = [[math.nan if block[name] is None else block[name] for name in ("d5", "rv")] for block in blocks]
    d5, rv = torch.tensor(found, dtype=torch.float64).nanmean(0).tolist()
    note = f"mean over {len(blocks)} folds, each with a space of its own"
    return {"d5": d5, "rv": rv, "rv_note": note, "by_fold": list(blocks)}
