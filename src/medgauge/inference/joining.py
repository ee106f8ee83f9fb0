"""Puts readings together: one fit's beside another's, the mean of several fits, the mean of a group's images."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.evidence import Evidence
from medgauge.core.task import Observed, Saying, Task
from medgauge.inference.readings import Readings
from medgauge.metrics.groups import group_means


def join_readings(
    task: Task,
    parts: Sequence[Readings],
    places: Sequence[Int[Tensor, " n"]],
    group: Sequence[str],
    certainty: Saying,
    *,
    starts: Sequence[int] | None = None,
    same: Int[Tensor, " g"] | None = None,
    several: bool = False,
) -> Readings:
    """The readings of as many things as ``group`` names, each the mean of the rows of all parts put in its place.

    Values, labels, probabilities, expected errors and distances are averaged (values that are missing are left out), and ``certainty``
    says what it says of the means; ``far`` is what most rows say; evidence is joined, each row with an equal share of the
    weight.

    Args:
        task: whose readings they are.
        parts: readings of one fit each, or of one.
        places: for each part, where its rows go, 0 <= place < count.
        group: the group of each thing.
        certainty: of the result.
        starts: for each part, where its gallery begins in the joined one; None: all parts have the same gallery.
        same: for each place of the joined gallery the first one that is the same case, so that a case of several galleries is
            named once, with the weights of all of them; None: no two are.
        several: the parts are several fits' readings of the same cases, whose values are kept too.
    """
    place, count = torch.cat(list(places)), len(group)

    def mean(values: Sequence[Tensor]) -> Tensor:
        return group_means(torch.cat(list(values)), place, count)

    chances = [part.observed.probability for part in parts if part.observed.probability is not None]
    scales = [part.observed.scale for part in parts if part.observed.scale is not None]
    fits = _by_fit(
        [part.observed.value for part in parts], [part.fits for part in parts], places, count, several=several
    )
    folds = [part.observed.fold for part in parts if part.observed.fold is not None]
    fit_scales = None
    if scales:
        known = [part.observed.fit_scales for part in parts]
        fit_scales = _by_fit(scales, known, places, count, several=several)
    observed = Observed(
        value=mean([part.observed.value for part in parts]),
        label=labels_of_groups(task, torch.cat([part.observed.label for part in parts]), place, count),
        group=list(group),
        probability=mean(chances) if chances else None,
        scale=mean(scales) if scales else None,
        fold=mean([fold[:, None] for fold in folds])[:, 0].long() if len(folds) == len(parts) else None,
        fits=fits,
        fit_scales=fit_scales,
    )
    nearest, far = (
        mean([getattr(part, name).double()[:, None] for part in parts])[:, 0] for name in ("nearest", "far")
    )
    likened = [part.similarity for part in parts if part.similarity is not None]
    similarity = None
    if likened and len(likened) == len(parts):
        columns = zip(*(one.parts for one in likened), strict=True)
        similarity = likened[0].taken(*(mean(column) for column in columns))
    offsets = [0] * len(parts) if starts is None else starts
    moved = [
        (_moved(part.evidence, start, same), where) for part, start, where in zip(parts, offsets, places, strict=True)
    ]
    return Readings(
        observed=observed,
        stated=certainty.apply(observed),
        by_predictor={name: mean([part.by_predictor[name] for part in parts]) for name in parts[0].by_predictor},
        nearest=nearest,
        far=far > 0.5,
        evidence=join_evidence(moved, count),
        supported=mean([part.supported for part in parts]),
        fits=fits,
        similarity=similarity,
    )


def labels_of_groups(
    task: Task, label: Float[Tensor, "n t"], code: Int[Tensor, " n"], count: int
) -> Float[Tensor, "g t"]:
    """The label of each group, of its cases' mean; labels without an order that differ within a group make none."""
    made = task.of_group(group_means(label, code, count))
    if task.ordered:
        return made
    other = (label != made[code]) & ~label.isnan()
    differ = torch.zeros(made.shape, dtype=torch.int64).index_add(0, code, other.long().cpu()) > 0
    return made.masked_fill(differ.to(made.device), torch.nan)


def _moved(evidence: Evidence, start: int, same: Int[Tensor, " g"] | None) -> Evidence:
    """The evidence with its rows counted from ``start`` on, each case at its first place."""
    rows = evidence.rows + start
    return evidence._replace(rows=rows if same is None else same[rows])


def join_evidence(parts: Sequence[tuple[Evidence, Int[Tensor, " n"]]], count: int) -> Evidence:
    """The evidence of ``count`` things out of that of their rows: the mean of the weights of the rows that have any.

    A gallery case that several rows rest on is named once, with their weights added and the smallest distance. Distances
    of several fits are measured in different spaces, so their order says little; that of the weights does. Where rows name
    only the cases of the largest weights, ``whole`` is the mean of theirs, which is no smaller than that of the means.
    """
    rows = torch.cat([evidence.rows for evidence, _ in parts])
    query = torch.cat([where.repeat_interleave(evidence.offsets.diff()) for evidence, where in parts])
    distance, weight = (torch.cat([getattr(part, name) for part, _ in parts]) for name in ("distances", "weights"))
    width = int(rows.max()) + 1 if len(rows) else 1
    key, inverse = torch.unique(query * width + rows, return_inverse=True)
    distance = torch.full((len(key),), torch.inf, dtype=distance.dtype).scatter_reduce(0, inverse, distance, "amin")
    weight = torch.zeros(len(key), weight.shape[1], dtype=weight.dtype).index_add(0, inverse, weight)
    query, rows = key // width, key % width
    carried = _carried(parts, count)
    weight = weight / carried.clamp(min=1)[query]
    order = distance.argsort(stable=True)
    order = order[query[order].argsort(stable=True)]
    offsets = torch.zeros(count + 1, dtype=torch.int64)
    offsets[1:] = torch.bincount(query, minlength=count).cumsum(0)
    whole = None
    if any(evidence.whole is not None for evidence, _ in parts):
        sums = weight.new_zeros(count, weight.shape[1])
        for evidence, where in parts:
            sums.index_add_(0, where, evidence.sums_of_weights())
        whole = sums / carried.clamp(min=1)
    return Evidence(offsets, rows[order], distance[order], weight[order], whole)


def _carried(parts: Sequence[tuple[Evidence, Int[Tensor, " n"]]], count: int) -> Float[Tensor, "count t"]:
    """How many rows of each thing have any evidence, for each target."""
    found = parts[0][0].weights.new_zeros(count, parts[0][0].weights.shape[1])
    for evidence, where in parts:
        found.index_add_(0, where, (evidence.sums_of_weights() > 0).to(found.dtype))
    return found


def join_galleries(parts: Sequence[Cases]) -> Cases:
    """Names and labels of the cases of several galleries, one after the other, without embeddings, which differ in kind.

    What labels are divided by is there where all galleries have it.
    """
    divisor = [part.divisor for part in parts if part.divisor is not None]
    return Cases(
        embedding=torch.empty(sum(map(len, parts)), 0),
        label=torch.cat([part.label for part in parts]),
        id=[name for part in parts for name in part.id],
        group=[name for part in parts for name in part.group],
        divisor=torch.cat(divisor) if len(divisor) == len(parts) else None,
    )


def first_places(names: Sequence[str], divided: Sequence[bool]) -> Int[Tensor, " g"]:
    """For each place of a joined gallery the first one that is of the same case, whose label is divided alike.

    >>> first_places(["a", "b", "a", "a"], [False, False, False, True]).tolist()
    [0, 1, 0, 3]
    """
    first: dict[tuple[str, bool], int] = {}
    return torch.tensor([first.setdefault(one, place) for place, one in enumerate(zip(names, divided, strict=True))])


def join_cases(task: Task, cases: Cases, place: Int[Tensor, " n"], names: Sequence[str]) -> Cases:
    """Groups as cases: the mean of the labels (and of what they are divided by), the group's name as id, no embedding."""
    return Cases(
        embedding=torch.empty(len(names), 0),
        label=labels_of_groups(task, cases.label, place, len(names)),
        id=list(names),
        group=list(names),
        divisor=None if cases.divisor is None else group_means(cases.divisor[:, None], place, len(names))[:, 0],
    )


def _by_fit(
    numbers: Sequence[Float[Tensor, "n t"]],
    fits: Sequence[Float[Tensor, "k n t"] | None],
    places: Sequence[Int[Tensor, " n"]],
    count: int,
    *,
    several: bool,
) -> Float[Tensor, "k m t"] | None:
    """The numbers of each fit: of each part, or of those that the one part is made of; None of a single fit."""
    if several:
        return torch.stack([group_means(part, place, count) for part, place in zip(numbers, places, strict=True)])
    if len(fits) > 1 or fits[0] is None:
        return None
    return torch.stack([group_means(values, places[0], count) for values in fits[0]])
