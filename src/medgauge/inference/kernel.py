"""The kernel of neighbour prediction: weights of the cases around each query."""

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.evidence import Evidence
from medgauge.inference.index import ExactIndex, Exclusion

_PAIR_BYTES = 128  # working memory for a pair within the radius


def kernel(distance: Tensor, radius: float) -> Tensor:
    """Weights exp(-d^2 / (2 (radius / 3)^2)) of cases at distances up to the radius.

    They are at least exp(-4.5) = 0.011: their sum never vanishes.

    - Source: Chao et al., MICCAI 2022, Eq. 5.
    """
    return (distance / radius).square_().mul_(-4.5).exp_()


def kernel_evidence(
    index: ExactIndex,
    coded: Float[Tensor, "n t"],
    query: Float[Tensor, "q d"],
    radius: float,
    exclude: Exclusion | None = None,
) -> Evidence:
    """Rows, distances and weights of the cases within ``radius``; the nearest case with the label where there is none.

    ``coded`` is on the CPU, and so is the result; NaN in it has no weight.
    """
    found = []
    for part in index.parts(len(query), _PAIR_BYTES * (1 + coded.shape[1])):
        own = None if exclude is None else (exclude[0], exclude[1][part])
        found.append(_evidence(index, coded, query[part], radius, own))
    counts = torch.cat([found[0].offsets[:1], *(evidence.offsets.diff() for evidence in found)])
    return Evidence(counts.cumsum(0), *(torch.cat(column) for column in list(zip(*found, strict=True))[1:4]))


def evidence_mean(evidence: Evidence, coded: Float[Tensor, "n t"]) -> Float[Tensor, "q t"]:
    """Weighted mean of the evidence's labels; NaN where a target has no evidence."""
    places, count = _places(evidence.offsets), len(evidence.offsets) - 1
    sums = coded.new_zeros(count, coded.shape[1]).index_add_(
        0, places, evidence.weights * coded.nan_to_num(0.0)[evidence.rows]
    )
    total = torch.zeros_like(sums).index_add_(0, places, evidence.weights)
    return torch.where(total > 0, sums, torch.nan)


def _evidence(index: ExactIndex, coded: Tensor, query: Tensor, radius: float, exclude: Exclusion | None) -> Evidence:
    near = index.within(query, radius, exclude=exclude)
    places, rows, distances = _places(near.offsets.cpu()), near.rows.cpu(), near.distances.cpu().double()
    weights = kernel(distances, radius)[:, None] * ~coded.isnan()[rows]
    labelled = weights.any(dim=1)
    pairs = [part[labelled] for part in (places, rows, distances, weights)]
    total = coded.new_zeros(len(query), coded.shape[1]).index_add_(0, pairs[0], pairs[3])
    if bool((total == 0).any()):
        nearest = _nearest(index, coded, query, total == 0, exclude)
        pairs = [torch.cat(part) for part in zip(pairs, nearest, strict=True)]
        order = torch.argsort(pairs[1], stable=True)
        for key in (pairs[2], pairs[0]):
            order = order[torch.argsort(key[order], stable=True)]
        pairs = [part[order] for part in pairs]
        total = torch.zeros_like(total).index_add_(0, pairs[0], pairs[3])
    places, rows, distances, weights = pairs
    counts = torch.bincount(places, minlength=len(query))
    offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return Evidence(offsets, rows, distances, weights / total.where(total > 0, 1.0)[places])


def _nearest(
    index: ExactIndex, coded: Tensor, query: Tensor, wanted: Tensor, exclude: Exclusion | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The nearest case with the label for the wanted queries and targets (q, t): places, rows, distances, weights."""
    found = []
    for target in torch.nonzero(wanted.any(0)).flatten().tolist():
        places = torch.nonzero(wanted[:, target]).flatten()
        known = torch.nonzero(~coded[:, target].isnan()).flatten()
        own = None if exclude is None else (exclude[0][known.to(query.device)], exclude[1][places.to(query.device)])
        near, rows = index.take(known).search(query[places.to(query.device)], 1, exclude=own)
        near, rows = near[:, 0].cpu().double(), rows[:, 0].cpu()
        places, near, rows = places[rows >= 0], near[rows >= 0], known[rows[rows >= 0]]
        found.append(
            (places, rows, near, torch.eye(wanted.shape[1], dtype=torch.float64)[target].expand(len(rows), -1))
        )
    places, rows, near, weights = (torch.cat(column) for column in zip(*found, strict=True))
    pairs, which = torch.unique(places * len(index) + rows, return_inverse=True)  # one row may serve several targets
    distances = near.new_zeros(len(pairs)).index_copy_(0, which, near)
    merged = weights.new_zeros(len(pairs), weights.shape[1]).index_add_(0, which, weights)
    return pairs // len(index), pairs % len(index), distances, merged


def _places(offsets: Tensor) -> Tensor:
    """The query of each pair."""
    return torch.repeat_interleave(torch.arange(len(offsets) - 1), offsets.diff())
