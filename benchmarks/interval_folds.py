"""Scaled against unscaled intervals (and cross-fitted ones) at the same values on the outer folds of finished runs.

The runs are of recipe ``frozen`` over folds: what is read of them are the embedded cases of every fold, their labels and
groups. Values are those of kernel ridge regression on each fold's training part.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas
import torch
from safetensors.torch import load_file
from torch import Tensor

from medgauge.calibration import (
    CrossFitted,
    LabelConditionalConformal,
    LabelPartition,
    SplitConformal,
    binomial_interval,
)
from medgauge.calibration.scores import one_a_group
from medgauge.core.batch import Cases
from medgauge.inference import KernelDifficulty, KernelPredictor
from medgauge.metrics import LabelRegions, interval_score

LEVEL = 0.9
THIRDS = ("easy", "middle", "hard")


@dataclass(frozen=True)
class Fitted:
    """Value and expected error of some cases, read by one training part: (n, 1) each."""

    value: Tensor
    scale: Tensor


def learned(train: Cases) -> tuple[KernelPredictor, KernelDifficulty]:
    """Both regressions on a training part."""
    difficulty = KernelDifficulty().fit(train)
    return KernelPredictor(constant=difficulty.tuned["value"]).fit(train), difficulty


def read(parts: tuple[KernelPredictor, KernelDifficulty], cases: Cases) -> Fitted:
    """What they say of cases of other groups."""
    return Fitted(parts[0].read(cases).value, parts[1].read(cases))


def fold_cases(run: Path) -> tuple[str, list[tuple[Cases, Cases, list[int]]]]:
    """The target, and for each fold its training part, its own cases and the fold of each training case."""
    splits = pandas.read_csv(run / "splits.csv", dtype=str, keep_default_na=False)
    told = pandas.read_csv(run / "predictions.csv", dtype={"id": str, "group": str})
    target = next(name for name in told.columns if name.startswith("label_"))
    label = dict(zip(told["id"].astype(str), told[target], strict=True))
    found = []
    for fold in sorted(set(splits["fold"]) - {""}, key=int):
        inner = run / f"fold-{fold}"
        gallery, table = load_file(inner / "gallery.safetensors"), pandas.read_csv(inner / "gallery.csv", dtype=str)
        train = Cases(
            gallery["embedding"], gallery["label"].double(), list(table["id"]), list(table["group"]),
            divisor=gallery.get("divisor"),
        )  # fmt: skip
        whole = load_file(inner / "embeddings.safetensors")
        rows = splits.index[splits["fold"] == fold]
        place = {row: at for at, row in enumerate(whole["row"].tolist())}
        own = splits.loc[rows]
        test = Cases(
            whole["embedding"][[place[row] for row in rows]],
            torch.tensor([label.get(name, math.nan) for name in own["id"]], dtype=torch.float64)[:, None],
            list(own["id"]), list(own["group"]),
        )  # fmt: skip
        found.append((train, test.observed(), [int(splits["fold"][int(row)]) for row in table["row"]]))
    divisor = {
        name: number
        for train, _, _ in found
        if train.divisor is not None
        for name, number in zip(train.id, train.divisor.tolist(), strict=True)
    }
    if divisor:
        found = [(train, _divided(test, divisor), folds) for train, test, folds in found]
    return target.removeprefix("label_"), found


def _divided(cases: Cases, divisor: dict[str, float]) -> Cases:
    own = torch.tensor([divisor[name] for name in cases.id], dtype=torch.float64)
    return Cases(cases.embedding, cases.label, cases.id, cases.group, divisor=own)


def judge(run: Path, *, crossed: bool) -> dict[str, Any]:
    """Figures of all ways of one run: intervals of a fold's cases come from the other folds' cases.

    ``crossed``: cross-fitted ones too, which take five times as many fits.
    """
    target, folds = fold_cases(run)
    outer = [read(learned(train), test) for train, test, _ in folds]
    value, scale = (torch.cat([getattr(one, name) for one in outer]) for name in ("value", "scale"))
    label = torch.cat([test.label for _, test, _ in folds])
    group = [name for _, test, _ in folds for name in test.group]
    fold = torch.tensor([place for place, (_, test, _) in enumerate(folds) for _ in test.group])
    partition = LabelPartition.of_regions(LabelRegions.fit(label[:, 0]))
    said: dict[str, list[tuple[Tensor, Tensor]]] = {}
    for place, (train, test, of) in enumerate(folds):
        kept, own = fold != place, fold == place
        rest = [name for name, one in zip(group, kept.tolist(), strict=True) if one]
        for name, wide in (("absolute", None), ("scaled", scale)):
            given = value[kept], label[kept], rest
            of_kept = None if wide is None else wide[kept]
            both: dict[str, SplitConformal | LabelConditionalConformal] = {
                "split": SplitConformal.fit(*given, level=LEVEL, seed=0, cross=True, scale=of_kept),
                "label_conditional": LabelConditionalConformal.fit(
                    *given, [partition], level=LEVEL, seed=0, cross=True, scale=of_kept
                ),
            }
            for kind, conformal in both.items():
                ends = conformal.interval(value[own], None if wide is None else wide[own])
                said.setdefault(f"{kind}, {name}", []).append(ends)
        inner = _cross_fitted(train, test, of, value[own], partition) if crossed else {}
        for name, ends in inner.items():
            said.setdefault(f"cross_fitted, {name}", []).append(ends)
    edges = scale.quantile(torch.tensor([1 / 3, 2 / 3], dtype=torch.float64))
    third = torch.bucketize(scale[:, 0], edges)
    region = partition.of(label[:, 0])
    found: dict[str, Any] = {}
    for name, pairs in said.items():
        lower, upper = (torch.cat(ends)[:, 0] for ends in zip(*pairs, strict=True))
        held = (lower <= label[:, 0]) & (label[:, 0] <= upper)
        found[name] = {
            "median_width": round(float((upper - lower).median()), 4),
            "interval_score": round(float(interval_score(lower, upper, label[:, 0], LEVEL)), 4),
            "coverage": share(held, torch.ones_like(held), group),
            "by_region": {part: share(held, region == code, group) for code, part in enumerate(partition.names)},
            "by_difficulty": {part: share(held, third == code, group) for code, part in enumerate(THIRDS)},
        }
    return {
        "target": target,
        "n": len(label),
        "groups": len(set(group)),
        "folds": len(folds),
        "mae": round(float((value - label).abs().mean()), 4),
        "ways": found,
        "over_absolute": {
            kind: {
                figure: round(found[f"{kind}, scaled"][figure] / found[f"{kind}, absolute"][figure], 3)
                for figure in ("median_width", "interval_score")
            }
            for kind in ("split", "label_conditional", "cross_fitted")
            if f"{kind}, scaled" in found
        },
    }


def _cross_fitted(
    train: Cases, test: Cases, fold: list[int], value: Tensor, partition: LabelPartition
) -> dict[str, tuple[Tensor, Tensor]]:
    """Intervals of cases outside all inner folds, around the same values; the inner folds are the run's others."""
    of, inner = torch.tensor(fold), sorted(set(fold))
    left, new = [torch.empty(len(of), 1, dtype=torch.float64) for _ in range(2)], []
    for one in inner:
        rows = torch.nonzero(of == one).flatten()
        parts = learned(train.take(torch.nonzero(of != one).flatten()))
        own = read(parts, train.take(rows))
        left[0][rows], left[1][rows] = own.value, own.scale
        new.append(read(parts, test))
    code = torch.searchsorted(torch.tensor(inner), of)
    found = {}
    for name in ("absolute", "scaled"):
        wide = None if name == "absolute" else left[1]
        fitted = CrossFitted.fit(left[0], train.label, train.group, code, [partition], level=LEVEL, seed=0, scale=wide)
        fits = torch.stack([one.value for one in new])
        found[name] = fitted.interval(fits, value, None if wide is None else torch.stack([one.scale for one in new]))
    return found


def share(held: Tensor, rows: Tensor, group: list[str]) -> dict[str, Any]:
    """Share of covered cases, and the exact binomial interval from one drawn case a group."""
    drawn = one_a_group(held.double().masked_fill(~rows, math.nan), group, 0, 0)
    low, high = binomial_interval(int(sum(drawn)), len(drawn))
    return {
        "n": int(rows.sum()),
        "groups": len(drawn),
        "coverage": round(float(held[rows].double().mean()), 4) if rows.any() else None,
        "ci95": [round(low, 4), round(high, 4)] if drawn else None,
    }


def lines(found: dict[str, Any]) -> list[str]:
    """The tables of docs/intervals.md."""
    told = [
        "| set | interval | median width | score | coverage | many, medium, few | easy, middle, hard |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, run in found.items():
        for way, one in run["ways"].items():
            parts = (_shares(one[key].values()) for key in ("by_region", "by_difficulty"))
            size = f"{one['median_width']:.3g} | {one['interval_score']:.3g}"
            told.append(
                f"| {name} | {way.replace('_', '-')} | {size} | {_shares([one['coverage']])} | {' | '.join(parts)} |"
            )
    told += [
        "",
        "| set | cases, groups | MAE | interval | scaled over absolute: median width | interval score |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, run in found.items():
        for kind, one in run["over_absolute"].items():
            told.append(
                f"| {name} | {run['n']}, {run['groups']} | {run['mae']:.3g} | {kind.replace('_', '-')} | {one['median_width']:.2f} | "
                f"{one['interval_score']:.2f} |"
            )
    return told


def _shares(parts: Iterable[dict[str, Any]]) -> str:
    """Coverage with its interval, one after the other."""
    return ", ".join(
        "none" if one["coverage"] is None else f"{one['coverage']:.2f} ({one['ci95'][0]:.2f} to {one['ci95'][1]:.2f})"
        for one in parts
    )
