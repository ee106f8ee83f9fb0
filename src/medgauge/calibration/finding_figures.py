"""How well probabilities of a finding and the decisions on it hold, as results.json holds it."""

from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from medgauge.calibration.covering import binomial_interval
from medgauge.calibration.scores import one_a_group
from medgauge.core.task import Observed, Stated, Strata
from medgauge.metrics import brier, drawn_interval, log_loss
from medgauge.metrics.decisions import f1, sensitivity, specificity
from medgauge.metrics.reliability import calibration_error, chance_error, drawn_calibration_error, reliability


def finding_figures(stated: Stated, observed: Observed, strata: Strata, target: int, *, seed: int) -> dict[str, Any]:
    """Figures of one target's cases that have a label and a probability; NaN where there is none.

    ``coverage`` is the share of right decisions, by state in ``by_region`` (absent: specificity; present: sensitivity) with
    the Clopper-Pearson interval from one drawn case a group. ``calibration_error_ci95`` is drawn by group, the bins kept;
    ``calibration_error_by_chance`` is what true probabilities would have on average. ``uncalibrated``: figures without;
    those of order have none here, since they are of probabilities before calibration and by fold.
    ``thresholds_of_cases``: the smallest and the largest threshold by which these cases were decided; of out-of-fold cases
    each fold has its own, and those of one probability for all cases none.

    Args:
        stated: ``value``, ``uncalibrated``, ``threshold``, ``positive`` and ``covered``, (n, t) each.
        observed: the cases.
        strata: absent and present.
        target: its place.
        seed: of the draws.
    """
    value, raw, positive = (stated[name][:, [target]] for name in ("value", "uncalibrated", "positive"))
    label = observed.label[:, [target]].cpu().double().masked_fill(value.isnan(), torch.nan)
    known = ~label[:, 0].isnan()
    region = strata.of(observed.label)[:, target].cpu()
    covered = stated["covered"][:, target].double()
    curve = reliability(value[:, 0], label[:, 0])
    drawn = drawn_interval(drawn_calibration_error, value[:, 0], label[:, 0], observed.group, seed=seed)

    def part(rows: Bool[Tensor, " n"]) -> dict[str, Any]:
        return {
            "n": int(rows.sum()),
            "coverage": float(covered[rows].mean()),
            "share_positive": float(positive[rows, 0].double().mean()),
        }

    def full(rows: Bool[Tensor, " n"]) -> dict[str, Any]:
        picked = one_a_group(covered.masked_fill(~rows, torch.nan), observed.group, seed, target)
        ends = list(binomial_interval(int(sum(picked)), len(picked)))
        return part(rows) | {"coverage_ci95": ends, "drawn": len(picked), "drawn_covered": int(sum(picked))}

    used = stated["threshold"][known, target]
    used = used[~used.isnan()]
    return {
        **part(known),
        "thresholds_of_cases": [float(used.min()), float(used.max())] if len(used) else "no threshold",
        "by_region": {name: full(known & (region == code)) for code, name in enumerate(strata.names)},
        "sensitivity": float(sensitivity(positive, label)[0]),
        "specificity": float(specificity(positive, label)[0]),
        "f1": float(f1(positive, label)[0]),
        "calibration_error": float(calibration_error(value, label)[0]),
        "calibration_error_ci95": drawn if isinstance(drawn, str) else list(drawn),
        "calibration_error_by_chance": float(chance_error(value[:, 0], label[:, 0])),
        "reliability": {name: column.tolist() for name, column in curve._asdict().items()},
        "uncalibrated": {
            figure.__name__: float(figure(raw, label)[0]) for figure in (log_loss, brier, calibration_error)
        },
    }


def worse_words(stated: Stated, observed: Observed, target: int, *, cross: bool) -> str:
    """That calibrated probabilities have the larger log loss on these cases, where they do to three decimals.

    ``cross``: out-of-fold cases may have calibrators of their own, chosen without their fold.
    """
    value, raw = (stated[name][:, [target]] for name in ("value", "uncalibrated"))
    label = observed.label[:, [target]].cpu().double().masked_fill(value.isnan(), torch.nan)
    after, before = (round(float(log_loss(one, label)[0]), 3) for one in (value, raw))
    if not after > before:
        return ""
    where = "here (out of fold each by a calibrator chosen without its fold)" if cross else "here"
    return f" On the cases judged {where} calibrated probabilities have the larger log loss: {after:.3f}, and {before:.3f} as read."
