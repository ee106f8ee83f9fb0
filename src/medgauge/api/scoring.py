"""Cases that were read, with what their figures need: figures of cases, of groups, of subgroups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from medgauge import metrics
from medgauge.api.merging import merge_cases, merge_readings
from medgauge.api.readers import Reader, Readings
from medgauge.api.results import interval_of, split_block
from medgauge.api.tables import group_columns, group_rows, prediction_columns, prediction_rows
from medgauge.core.batch import Gallery
from medgauge.inference import binomial_interval, coverage
from medgauge.inference.scores import one_a_group
from medgauge.metrics.groups import group_means, grouping
from medgauge.runfolder import RunFolder

SEVERAL = "(several)"
"""The subgroup of a group whose cases are in different ones."""


@dataclass(frozen=True)
class Scored:
    """Cases that were read, with what their figures need.

    Args:
        cases: labels and groups, n cases.
        readings: what was read off them.
        reader: with what; its regions and intervals are those of the figures.
        baselines: values of each baseline, (n, t).
        kinds: what kind of model the covariates-only baseline is, one a target.
        subgroups: for each subgroup column the value of each case.
        sizes: how many images each case is, where cases are groups.
    """

    cases: Gallery
    readings: Readings
    reader: Reader
    baselines: dict[str, Float[Tensor, "n t"]]
    kinds: Sequence[str]
    subgroups: Mapping[str, Sequence[str]]
    sizes: Sequence[int] = ()

    def block(self, *, seed: int | None, by_group: bool = False) -> dict[str, Any]:
        """All figures, one entry a target, as results.json holds them; without a seed no bootstrap intervals.

        With ``by_group`` each target has an entry ``by_group_mean`` with the same keys for groups as cases, and in it how
        much labels differ within groups.
        """
        block = split_block(self.cases, self.readings, self.reader, self.baselines, self.kinds, seed=seed)
        groups = self.by_group().block(seed=seed) if by_group else {}
        for place, target in enumerate(self.reader.targets):
            if self.subgroups:
                block[target]["subgroups"] = {
                    column: self._subgroups(place, values, seed) for column, values in self.subgroups.items()
                }
            if by_group:
                block[target]["by_group_mean"] = groups[target] | {"labels_within_groups": self._label_ranges(place)}
        return block

    def by_group(self) -> "Scored":
        """The same with groups as cases: the mean value of a group's cases against the mean of their labels."""
        names, code = grouping(self.cases.group)
        reader = self.reader.by_group(code)
        readings = merge_readings([self.readings], [code], len(names), reader.fitted)
        return Scored(
            cases=merge_cases(self.cases, code, names),
            readings=reader.own_intervals(readings),
            reader=reader,
            baselines={name: group_means(value, code, len(names)) for name, value in self.baselines.items()},
            kinds=self.kinds,
            subgroups={column: _common(values, code, len(names)) for column, values in self.subgroups.items()},
            sizes=torch.bincount(code, minlength=len(names)).tolist(),
        )

    def _label_ranges(self, place: int) -> dict[str, Any]:
        """In how many groups the labels of one target differ, and by how much at most."""
        names, code = grouping(self.cases.group)
        label = self.cases.label[:, place].double()
        known = ~label.isnan()
        nothing = torch.zeros(len(names), dtype=torch.float64)
        high, low = (
            nothing.scatter_reduce(0, code[known], label[known], way, include_self=False) for way in ("amax", "amin")
        )
        return {"differ": int((high > low).sum()), "largest_range": float((high - low).max())}

    def _subgroups(self, place: int, values: Sequence[str], seed: int | None) -> dict[str, Any]:
        """The figures of one target for each value of a column, in the order of the alphabet."""
        found = {}
        for name in sorted(set(values)):
            rows = torch.tensor([value == name for value in values])
            found[name] = self._subgroup(place, rows, seed)
        return found

    def _subgroup(self, place: int, rows: Bool[Tensor, " n"], seed: int | None) -> dict[str, Any]:
        """Size, error, bias and coverage of one subgroup; coverage from one drawn case a group, as elsewhere."""
        label = self.cases.label[:, place : place + 1].double().masked_fill(~rows[:, None], torch.nan)
        value, group = self.readings.value[:, place : place + 1].double(), self.cases.group
        lower, upper = (end[:, place : place + 1] for end in self.readings.interval[:2])
        inside = ((lower <= label) & (label <= upper)).double().masked_fill(label.isnan(), torch.nan)
        drawn = one_a_group(inside[:, 0], group, seed or 0, place)
        known = ~label[:, 0].isnan()
        return {
            "n": int(known.sum()),
            "groups": len({name for name, there in zip(group, known.tolist(), strict=True) if there}),
            "mae": float(metrics.mae(value, label)[0]),
            "bias": float(metrics.bias(value, label)[0]),
            "coverage": float(coverage(lower, upper, label)[0]),
            "ci95": {
                "mae": interval_of(metrics.mae, value, label, group, seed),
                "bias": interval_of(metrics.bias, value, label, group, seed),
                "coverage": list(binomial_interval(int(sum(drawn)), len(drawn))),
            },
        }


def _common(values: Sequence[str], code: Tensor, count: int) -> list[str]:
    """For each group the value that its cases have in common."""
    found: list[set[str]] = [set() for _ in range(count)]
    for value, place in zip(values, code.tolist(), strict=True):
        found[place].add(value)
    return [next(iter(of)) if len(of) == 1 else SEVERAL for of in found]


def write_predictions(
    folder: RunFolder,
    parts: Sequence[tuple[str, Sequence[int], Scored]],
    gallery_rows: Sequence[int],
    *,
    by_group: bool,
) -> None:
    """Write predictions.csv of several splits, each with the rows of its cases, and predictions_by_group.csv if asked."""
    lines, groups = [], []
    for split, rows, scored in parts:
        lines += prediction_rows(rows, split, scored.cases, scored.readings, scored.reader, gallery_rows)
        if by_group:
            whole = scored.by_group()
            groups += group_rows(split, whole.cases, whole.sizes, whole.readings, whole.reader, gallery_rows)
    reader = parts[0][2].reader
    folder.write_table("predictions.csv", prediction_columns(reader), lines)
    if by_group:
        folder.write_table("predictions_by_group.csv", group_columns(reader), groups)
