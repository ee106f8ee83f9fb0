"""Whether groups that stand side by side in the table are one patient's: they would be alike far too often.

A patient who is not named (two eyes, repeats, frames of a video) has cases under several groups, mostly one after the
other, which are nearer in the embedding than their labels tell. Tables are sorted too: by a label, by a covariate, by
site or date. So two groups side by side are compared with groups whose labels are as near, and with groups a little
further on in the table.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from medgauge.functional.distances import pairwise_distances
from medgauge.functional.ranks import midranks

FURTHER = 8
"""How many groups further on groups are compared with those side by side, from half of it on; an eighth of all at most."""
MOST = 2000
"""Groups that are asked, and groups that they are compared with; of more, so many are taken over the whole table."""
LIKE = 20
"""Groups with labels as near that there must be."""
NEAREST = (0.0, 0.05)
"""Shares of the groups with labels as near that count as the nearest; 0: the one nearest."""
LEAST = 5
"""Pairs below which nothing is said."""
TIMES_CHANCE = 1.8
"""How many times as many pairs as chance gives there must be, at the least."""
CHANCE = 5e-5
"""How improbable as many pairs must be by chance."""
AROUND = 10
"""Groups with the next lower and the next higher labels, by which it is judged how near labels of neighbours are."""
SORTED = 0.6
"""Groups further on whose labels are nearer than this share of chance: the table is sorted by them."""
UNTOLD = 0.8
"""Neighbours whose labels are not nearer than this share of chance: the embedding does not tell them."""


class SideBySide(NamedTuple):
    """Pairs of groups side by side in the table.

    Args:
        pairs: how many can be judged.
        near: those that are among the nearest, by name.
        expected: how many would be by chance.
        chance: of as many or more.
    """

    pairs: int
    near: list[tuple[str, str]]
    expected: float
    chance: float

    def notes(self) -> list[str]:
        """What is said where they are near far more often than by chance, with what can be done."""
        if len(self.near) < max(LEAST, TIMES_CHANCE * self.expected) or self.chance >= CHANCE:
            return []
        first, second = self.near[0]
        return [
            f"{len(self.near)} of {self.pairs} groups are nearer in the embedding to the group after them in the table than "
            f"their labels tell (the first: {first} to {second}), where chance gives {max(1, round(self.expected))}; if such "
            "rows are of one patient (two eyes, repeats, frames of a video), splits share patients and errors look too small: "
            "give --group a column that names the patient, or one name to all rows that belong together"
        ]


def side_by_side_notes(
    embedding: Float[Tensor, "n d"],
    known: Float64[np.ndarray, "n m"],
    group: Sequence[str],
    row: Sequence[int],
    fitted: Bool[np.ndarray, " n"],
) -> list[str]:
    """What is said where groups side by side are alike far more often than by chance.

    Simulated tables without repeats, at a limit twice as lax, gave none in 700 to 1,500 each (shuffled, sorted by label, grade or
    covariate), but 2 in 1,500 with sites in blocks of twenty rows, and 1 in 700 with sorted labels that were memorised exactly.

    - Shape: as in :func:`side_by_side`.
    """
    found = side_by_side(embedding, known, group, row, fitted)
    return next((notes for notes in map(SideBySide.notes, found) if notes), [])


def side_by_side(
    embedding: Float[Tensor, "n d"],
    known: Float64[np.ndarray, "n m"],
    group: Sequence[str],
    row: Sequence[int],
    fitted: Bool[np.ndarray, " n"],
) -> list[SideBySide]:
    """How often groups are among the nearest of those before them in the table, for each share of :data:`NEAREST`.

    A group is judged by its first case. Two groups are judged if their values are as near, in each column of ``known``, as those
    of neighbours usually are; then one is among the nearest of the other if it is so among all groups with values as near,
    in each column. If such a column alone told who is near, the chance of it would be that share. Where groups a little
    further on are among the nearest more often than that (blocks of a site, drifts in time), they say what chance gives.

    - Shape: embedding (n, d); known (n, m): labels and covariates, NaN = missing; group and row in the table: n each; fitted
      (n,): cases that the model was fitted to, whose labels the embedding tells better than those of others.
    """
    cases, names = _first_cases(group, row)
    if len(cases) <= LIKE or not known.size or not bool(torch.isfinite(embedding).all()):
        return []
    points, fitted = embedding.double()[cases], fitted[cases]
    ranks = np.stack([_ranks(column) for column in known[cases].T], axis=1)
    reach = max(2, min(FURTHER, len(cases) // 8))
    asked = np.linspace(0, len(cases) - 1, min(len(cases), MOST)).astype(np.int64)
    distance = pairwise_distances(points[asked]).numpy()
    np.fill_diagonal(distance, np.inf)
    widths = np.stack([_widths(column, asked, distance, fitted, reach) for column in ranks.T], axis=1)
    found = _places(points, ranks, asked, distance, widths, [1, *range(reach // 2 + 1, reach + 1)])
    return [_counted(found, share, names, asked) for share in NEAREST]


def _counted(
    found: Mapping[int, Float64[np.ndarray, "q m 2"]],
    share: float,
    names: Sequence[str],
    asked: Int64[np.ndarray, " q"],
) -> SideBySide:
    """Counts of the pairs side by side, against the share itself and against the pairs further on.

    Args:
        found: for each lag, the ranks and numbers that :func:`_places` gives.
        share: of the nearest.
        names: of the groups.
        asked: positions of the groups asked.
    """
    judged, near, chance = {}, {}, {}
    for lag, places in found.items():
        rank, like = np.moveaxis(places, -1, 0)
        limit = np.maximum(1, np.floor(share * like))
        judged[lag] = ~np.isnan(rank).all(axis=1) & ~((like < LIKE) | np.isinf(rank)).any(axis=1)
        near[lag] = judged[lag] & ~(rank > limit).any(axis=1)
        chance[lag] = np.fmax.reduce(limit / like, axis=1)
    pairs = int(judged[1].sum())
    if not pairs:
        return SideBySide(0, [], 0.0, 1.0)
    touching = [(names[asked[at]], names[asked[at] + 1]) for at in np.flatnonzero(near[1])]
    by_share = float(chance[1][judged[1]].mean())
    further, near_further = (int(sum(part[lag].sum() for lag in found if lag != 1)) for part in (judged, near))
    expected = pairs * max(by_share, near_further / max(1, further))
    return SideBySide(pairs, touching, expected, _tail(len(touching), pairs, by_share, further, near_further))


def _tail(near: int, pairs: int, share: float, further: int, near_further: int) -> float:
    """Chance of so many pairs or more, by the share itself and by the pairs further on; the greater of the two."""
    from scipy.special import bdtrc

    if near <= pairs * share or not further:
        return 1.0
    by_others = bdtrc(near - 1, near + near_further, pairs / (pairs + further))
    return float(max(bdtrc(near - 1, pairs, share), by_others))


def _places(
    points: Float[Tensor, "g d"],
    ranks: Float64[np.ndarray, "g m"],
    asked: Int64[np.ndarray, " q"],
    distance: Float64[np.ndarray, "q q"],
    widths: Float64[np.ndarray, "q m"],
    lags: Sequence[int],
) -> dict[int, Float64[np.ndarray, "q m 2"]]:
    """Of each lag and group asked: the rank of the group so much further on, by distance among all groups whose values are
    as near as neighbours' usually are, and the number of these, in each column; infinite if its own value is not so near.
    """
    found = {lag: np.full((len(asked), ranks.shape[1], 2), np.nan) for lag in lags}
    for column, own in enumerate(ranks.T):
        like = np.abs(own[asked] - own[asked, None]) <= widths[:, column, None]
        for lag in lags:
            there = np.flatnonzero(asked + lag < len(ranks))
            partner = asked[there] + lag
            gap = np.abs(own[partner] - own[asked[there]])
            away = (points[asked[there]] - points[partner]).square().sum(1).sqrt().numpy()
            rest = like[there] & (asked != asked[there, None]) & (asked != partner[:, None])
            before = (rest & (distance[there] <= away[:, None])).sum(axis=1)
            unlike = gap > widths[there, column]
            places = np.stack([np.where(unlike, np.inf, 1 + before), 1 + rest.sum(axis=1)], axis=1)
            found[lag][there, column] = np.where(np.isnan(gap)[:, None], np.nan, places)
    return found


def _first_cases(group: Sequence[str], row: Sequence[int]) -> tuple[Int64[np.ndarray, " g"], list[str]]:
    """The first case of each group, in the order of the table; and the groups so."""
    first: dict[str, int] = {}
    for at in np.argsort(np.asarray(row), kind="stable").tolist():
        first.setdefault(group[at], at)
    return np.array(list(first.values()), dtype=np.int64), list(first)


def _ranks(column: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Values by their order, 0 to 1, ties at their mean; NaN stays."""
    ranks, there = np.full(len(column), np.nan), ~np.isnan(column)
    places = midranks(torch.from_numpy(column[there][:, None]))[:, 0].numpy()
    ranks[there] = (places - 0.5) / max(1, there.sum())
    return ranks


def _widths(
    ranks: Float64[np.ndarray, " g"],
    asked: Int64[np.ndarray, " q"],
    distance: Float64[np.ndarray, "q q"],
    fitted: Bool[np.ndarray, " g"],
    reach: int,
) -> Float64[np.ndarray, " q"]:
    """How far values of neighbours usually are from those of each group asked; infinite where the embedding tells none."""
    known = np.sort(ranks[~np.isnan(ranks)])
    count = len(known)
    chance = 2 * float((known * (2 * np.arange(count) - count + 1)).sum()) / count**2 if count else 0.0
    elsewhere = np.where(np.abs(asked - asked[:, None]) > reach, distance, np.inf).argmin(axis=1)
    gaps = np.abs(ranks[asked[elsewhere]] - ranks[asked])
    if chance == 0 or np.isnan(gaps).all() or np.nanmean(gaps) >= UNTOLD * chance:
        return np.full(len(asked), np.inf)
    further = np.concatenate([np.abs(ranks[lag:] - ranks[:-lag]) for lag in range(reach // 2 + 1, reach + 1)])
    is_sorted = np.isnan(further).all() or np.nanmean(further) < SORTED * chance
    if is_sorted:  # who is far in the table is far in value too
        gaps = np.abs(ranks[asked[distance.argmin(axis=1)]] - ranks[asked])
    widths = np.zeros(len(asked))
    for kind in (True, False):
        chosen = np.flatnonzero((fitted[asked] == kind) & ~np.isnan(gaps))
        if len(chosen):
            chosen = chosen[np.argsort(ranks[asked[chosen]], kind="stable")]
            padded = np.pad(gaps[chosen], AROUND, constant_values=np.nan)
            widths[chosen] = np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1), axis=1)
    if is_sorted:  # values as near must reach well beyond the groups further on, or these would be less near
        widths[2 * widths * count < 4 * reach] = 0.0
    return widths
