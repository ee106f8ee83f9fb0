"""Items dealt to sides by their shares: in turn, or so that every state of every column is spread over all sides."""

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

MOST_STRATA = 10
"""Strata of consecutive scores that are spread beside the states."""
OF_CASES = 0.6
"""How much a side's share of the cases counts beside its share of a state's groups."""


def deal(weight: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.int64]:
    """Each item in turn to the side farthest behind its share of the weights (items, 2); no side stays empty.

    The side with the largest product of gap and weight is the one that leaves the smallest sum of squared gaps.
    """
    side = np.empty(len(weight), dtype=np.int64)
    gap = np.zeros((len(share), 2))
    for item, amount in enumerate(weight):
        gap += share[:, None] * amount
        side[item] = np.argmax(np.round(gap @ amount / (amount @ amount), 9))  # rounded: of equal gaps the first wins
        gap[side[item]] -= amount
    return _none_empty(side, share)


def deal_states(
    has: Bool[np.ndarray, "g s"], size: Int64[np.ndarray, " g"], share: Float64[np.ndarray, " p"]
) -> Int64[np.ndarray, " g"]:
    """The side of each group, so that each side has its share of the groups of every state; no side stays empty.

    The state with the fewest groups left is dealt first. A group goes to the side that is farthest behind, summed over all
    states that the group has: behind its share of the groups that were dealt so far, over the groups of the state that are
    left to mend it, so that rare states weigh most.

    - Source: iterative stratification (Sechidis, Tsoumakas and Vlahavas, ECML PKDD 2011).
    - Departs: all states of a group are looked at, not the rarest alone, and cases count beside groups.

    Args:
        has: which states occur in a group, the groups in the order in which those of one state are dealt.
        size: cases of each group.
        share: of each side, summing to 1.
    """
    has = np.concatenate(
        [has, np.ones((len(has), 1), dtype=bool)], axis=1
    )  # whatever their states, groups are shared out
    left, cases = has.sum(axis=0), float(size.sum())
    states = [np.flatnonzero(row) for row in has]
    gap, behind = np.zeros((has.shape[1], len(share))), np.zeros(len(share))
    side = np.full(len(has), -1, dtype=np.int64)
    while left.any():
        rarest = int(np.argmin(np.where(left > 0, left, np.inf)))
        for group in np.flatnonzero(has[:, rarest] & (side < 0)):
            own, n = states[group], size[group]
            gap[own] += share
            behind += share * n
            pull = (1 / left[own]) @ gap[own] + OF_CASES * len(has) / size.sum() * n / cases * behind
            side[group] = to = np.argmax(np.round(pull, 9))  # rounded: of equal gaps the first wins
            gap[own, to] -= 1
            behind[to] -= n
            left[own] -= 1
            cases -= n
    return _none_empty(side, share)


def group_states(
    codes: Int64[np.ndarray, " n"], label: Float64[np.ndarray, "n t"], score: Float64[np.ndarray, " g"], least: int
) -> Bool[np.ndarray, "g s"]:
    """Which states occur in each group: every value of every column that is known in a case of it, and its stratum.

    Args:
        codes: the group of each case, as a number from 0.
        label: columns of states (0 and 1, or the number of a class), NaN = missing.
        score: of each group, whose order is cut into strata; all NaN: none.
        least: groups that a stratum has at least.
    """
    found: list[NDArray[np.bool_]] = []
    for column in label.T:
        values = np.unique(column[~np.isnan(column)])
        found += [np.bincount(codes, weights=column == value, minlength=len(score)) > 0 for value in values]
    strata = 0 if np.isnan(score).all() else min(MOST_STRATA, len(score) // least)
    place = np.argsort(np.argsort(score, kind="stable"), kind="stable")
    found += [place * strata // len(score) == stratum for stratum in range(strata)]
    return np.stack(found, axis=1) if found else np.zeros((len(score), 0), dtype=bool)


def _none_empty(side: NDArray[np.int64], share: NDArray[np.float64]) -> NDArray[np.int64]:
    """The sides, where an empty one has the last item of the one with the most over its share."""
    for empty in np.flatnonzero(np.bincount(side, minlength=len(share)) == 0):
        counts = np.bincount(side, minlength=len(share))
        surplus = np.where(counts > 1, counts - share * len(side), -np.inf)
        side[np.flatnonzero(side == surplus.argmax())[-1]] = empty
    return side
