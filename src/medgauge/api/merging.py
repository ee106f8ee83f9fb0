"""Puts readings together: one fit's beside another's, the mean of several fits, the mean of a group's images."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.api.intervals import Calibrated
from medgauge.api.readers import Readings
from medgauge.core.batch import Gallery
from medgauge.inference import Evidence, Hull
from medgauge.metrics.groups import group_means


def merge_readings(
    parts: Sequence[Readings],
    places: Sequence[Int[Tensor, " n"]],
    count: int,
    fitted: Calibrated,
    *,
    starts: Sequence[int] | None = None,
    several: bool = False,
) -> Readings:
    """The readings of ``count`` things, each the mean of the rows of all parts that are put in its place.

    Values and distances are averaged (values that are missing are left out) and then corrected and given intervals by
    ``fitted``; ``far`` is what most rows say; evidence is joined, each row with an equal share of the weight.

    Args:
        parts: readings of one fit each, or of one.
        places: for each part, where its rows go, 0 <= place < count.
        count: number of things.
        fitted: correction and intervals of the result.
        starts: for each part, where its gallery begins in the joined one; None: all parts have the same gallery.
        several: the parts are several fits' readings of the same cases, whose values are kept too.
    """
    place = torch.cat(list(places))
    raw = group_means(torch.cat([part.uncorrected for part in parts]), place, count)
    value = fitted.corrected(raw)
    nearest, far = (
        group_means(torch.cat([getattr(part, name) for part in parts]).double()[:, None], place, count)[:, 0]
        for name in ("nearest", "far")
    )
    by_predictor = {
        name: group_means(torch.cat([part.by_predictor[name] for part in parts]), place, count)
        for name in parts[0].by_predictor
    }
    offsets = [0] * len(parts) if starts is None else starts
    evidence = join_evidence(
        [
            (replace_rows(part.evidence, start), where)
            for part, start, where in zip(parts, offsets, places, strict=True)
        ],
        count,
    )
    return Readings(
        value=value,
        uncorrected=raw,
        interval=fitted.record.hull(value),
        beside=fitted.beside.hull(value),
        by_predictor=by_predictor,
        nearest=nearest,
        far=far > 0.5,
        evidence=evidence,
        fits=_by_fit(parts, places, count, several=several),
    )


def replace_rows(evidence: Evidence, start: int) -> Evidence:
    """The evidence with its rows counted from ``start`` on."""
    return evidence._replace(rows=evidence.rows + start)


def join_evidence(parts: Sequence[tuple[Evidence, Int[Tensor, " n"]]], count: int) -> Evidence:
    """The evidence of ``count`` things out of that of their rows; for each thing and target the weights sum to 1 again.

    A gallery case that several rows rest on is named once, with their weights added and the smallest distance. Distances
    of several fits are measured in different spaces, so their order says little; that of the weights does.
    """
    rows = torch.cat([evidence.rows for evidence, _ in parts])
    query = torch.cat([where.repeat_interleave(evidence.offsets.diff()) for evidence, where in parts])
    distance, weight = (torch.cat([getattr(part, name) for part, _ in parts]) for name in ("distances", "weights"))
    width = int(rows.max()) + 1 if len(rows) else 1
    key, inverse = torch.unique(query * width + rows, return_inverse=True)
    distance = torch.full((len(key),), torch.inf, dtype=distance.dtype).scatter_reduce(0, inverse, distance, "amin")
    weight = torch.zeros(len(key), weight.shape[1], dtype=weight.dtype).index_add(0, inverse, weight)
    query, rows = key // width, key % width
    total = torch.zeros(count, weight.shape[1], dtype=weight.dtype).index_add(0, query, weight)
    weight = weight / torch.where(total > 0, total, torch.ones_like(total))[query]
    order = distance.argsort(stable=True)
    order = order[query[order].argsort(stable=True)]
    offsets = torch.zeros(count + 1, dtype=torch.int64)
    offsets[1:] = torch.bincount(query, minlength=count).cumsum(0)
    return Evidence(offsets, rows[order], distance[order], weight[order])


def merge_cases(cases: Gallery, place: Int[Tensor, " n"], names: Sequence[str]) -> Gallery:
    """Groups as cases: the mean of the labels (and of what they are divided by), the group's name as id, no embedding."""
    return Gallery(
        embedding=torch.empty(len(names), 0),
        label=group_means(cases.label, place, len(names)),
        id=list(names),
        group=list(names),
        times=None if cases.times is None else group_means(cases.times[:, None], place, len(names))[:, 0],
    )


class LeftOut(NamedTuple):
    """For each fold the places of its cases, and what was fitted on the cases of the other folds.

    So an out-of-fold case has an interval that its own residual had no part in, and its coverage can be judged.
    """

    places: list[Int[Tensor, " n"]]
    fitted: list[Calibrated]

    def apply(self, readings: Readings) -> Readings:
        """The readings with each case's value and intervals from the other folds' fit."""
        value = readings.value.clone()
        hulls = [tuple(part.clone() for part in hull) for hull in (readings.interval, readings.beside)]
        for place, fitted in zip(self.places, self.fitted, strict=True):
            value[place] = fitted.corrected(readings.uncorrected[place])
            for parts, conformal in zip(hulls, (fitted.record, fitted.beside), strict=True):
                for part, own in zip(parts, conformal.hull(value[place]), strict=True):
                    part[place] = own
        return replace(readings, value=value, interval=Hull(*hulls[0]), beside=Hull(*hulls[1]))

    def in_sets(self, readings: Readings, label: Float[Tensor, "n t"]) -> tuple[Tensor, Tensor]:
        """Whether each label is in the set of record, and in the one beside it."""
        found = torch.zeros_like(label, dtype=torch.bool), torch.zeros_like(label, dtype=torch.bool)
        for place, fitted in zip(self.places, self.fitted, strict=True):
            for inside, conformal in zip(found, (fitted.record, fitted.beside), strict=True):
                inside[place] = conformal.contains(readings.value[place], label[place])
        return found


def _by_fit(
    parts: Sequence[Readings], places: Sequence[Int[Tensor, " n"]], count: int, *, several: bool
) -> Float[Tensor, "k m t"] | None:
    """The values of each fit: of each part, or of those that the one part is made of; None of a single fit."""
    if several:
        return torch.stack(
            [group_means(part.uncorrected, place, count) for part, place in zip(parts, places, strict=True)]
        )
    if len(parts) > 1 or parts[0].fits is None:
        return None
    return torch.stack([group_means(values, places[0], count) for values in parts[0].fits])
