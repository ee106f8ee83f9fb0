"""Figures of findings over folds: cases ranked within the fold that left them out alone, drawn by group and by fit."""

import itertools
from dataclasses import dataclass
from typing import Any

import torch

from medgauge.metrics.comparison import ends, paired_p
from medgauge.metrics.findings import drawn_average_precision, drawn_roc_auc
from medgauge.metrics.groups import group_codes

DRAWS = 1_000
MANY, FEW = 100, 20  # training positives of a finding: more is many, fewer is few


@dataclass(frozen=True)
class Pool:
    """What a method said of every case: values (r, n, t) of r fits a case, rows sorted; fold (n,)."""

    values: torch.Tensor
    fold: torch.Tensor
    seconds: float
    rates: list[float]


def drawn_figures(pool: Pool, label: torch.Tensor, times: torch.Tensor) -> dict[str, torch.Tensor]:
    """ROC-AUC and average precision (t, r, b) of each finding, fit and draw, by pairs and ranks within folds alone.

    Fits of different folds are never ranked against each other: of ROC-AUC the pairs of all folds are pooled, of average
    precision the folds are weighed by their positive cases.
    """
    repeats, _, findings = pool.values.shape
    auc, precision = (torch.full((findings, repeats, times.shape[1]), torch.nan) for _ in range(2))
    for finding, repeat in itertools.product(range(findings), range(repeats)):
        here = ~label[:, finding].isnan()
        known = pool.values[repeat, here, finding], label[here, finding], times[here], pool.fold[here]
        auc[finding, repeat] = drawn_roc_auc(*known).float()
        precision[finding, repeat] = drawn_average_precision(*known).float()
    return {"auc": auc, "ap": precision}


def draws_of(group: list[str], repeats: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """How often each case is in each draw of groups (n, b), the first column once each; and of each fit (r, b)."""
    codes = group_codes(group)[0]
    chance = torch.Generator().manual_seed(seed)
    groups = int(codes.max()) + 1
    drawn, fits = (_times(count, chance) for count in (groups, repeats))
    times = torch.cat([torch.ones(groups, 1).long(), drawn], 1)[codes].float()
    return times, torch.cat([torch.ones(repeats, 1).long(), fits], 1).float()


def _times(count: int, chance: torch.Generator) -> torch.Tensor:
    """How often each of ``count`` things is in each draw of as many, (count, draws)."""
    found = [torch.randint(count, (count,), generator=chance) for _ in range(DRAWS)]
    return torch.stack([torch.bincount(one, minlength=count) for one in found], 1)


def macro(figure: torch.Tensor, fits: torch.Tensor, kept: list[int]) -> torch.Tensor:
    """Mean over findings and drawn fits, (b,); a draw without a finding's positives leaves it out."""
    repeats = figure.shape[1]
    weight = fits if repeats == fits.shape[0] else torch.ones(repeats, fits.shape[1])
    each = (figure[kept] * weight).sum(1) / weight.sum(0)
    return each.nanmean(0)


def regions_of(label: torch.Tensor) -> dict[str, list[int]]:
    """Findings by their positives in a training part of four fifths."""
    positives = (label.nansum(0) * 0.8).tolist()
    named = {"all": list(range(len(positives)))}
    for place, count in enumerate(positives):
        named.setdefault("many" if count > MANY else "few" if count < FEW else "medium", []).append(place)
    return named


def difference(one: torch.Tensor, other: torch.Tensor) -> dict[str, Any]:
    """The first less the second, paired in each draw, and the smallest that could be shown (power 80 %, level 95 %)."""
    apart = one - other
    spread = float(apart[1:].std())
    return {
        "value": float(apart[0]),
        "ci95": ends(apart[1:, None])[0].tolist(),
        "p": float(paired_p(apart[1:, None])[0]),
        "smallest": 2.8 * spread,
    }


def said(one: dict[str, Any]) -> str:
    """A difference with its limits."""
    return f"{one['value']:+.3f} ({one['ci95'][0]:+.3f} to {one['ci95'][1]:+.3f})"
