"""How an error falls with the number of labelled groups, and what twice as many would give."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from medgauge.functional.power_law import PowerLaw, fit_power_law
from medgauge.metrics.bootstrap import MIN_GROUPS
from medgauge.metrics.groups import grouping

Ends = tuple[float, float]


@dataclass(frozen=True)
class LearningCurve:
    """Errors by the number of training groups, and the law that they follow.

    Args:
        size: numbers of training groups, rising, s of them.
        error: mean error of the cases at each.
        ci95: of each.
        law: a + b n^-c of the errors.
        fall: error at the smallest size less that at the largest, and its interval.
        groups: all labelled groups, n.
        now: error of the law at n.
        now_ci95: of it.
        twice: error of the law at 2 n.
        twice_ci95: of it.
        gain: ``now`` less ``twice``, of each draw's own law.
        gain_ci95: of it.
        tried: the law tried on what is known: the largest of the sizes up to half of the last one, and the error that the law of
            these alone says of the last size, to be held beside the one that was measured there; None under three such sizes.
    """

    size: Sequence[int]
    error: Sequence[float]
    ci95: Sequence[Ends]
    law: PowerLaw
    fall: float
    fall_ci95: Ends
    groups: int
    now: float
    now_ci95: Ends
    twice: float
    twice_ci95: Ends
    gain: float
    gain_ci95: Ends
    tried: tuple[int, float] | None = None

    @property
    def told(self) -> bool:
        """Whether the error is shown to fall: else what further labels give cannot be told."""
        return self.fall_ci95[0] > 0


def learning_curve(
    size: Sequence[int],
    error: Float64[np.ndarray, "r s n"],
    group: Sequence[str],
    *,
    draws: int = 1000,
    seed: int = 0,
) -> LearningCurve:
    """From errors of n cases, by r training sets of each size that the case's group is not in.

    Each draw takes groups with replacement, and training sets (repeats) too, and fits its own law to the mean errors; intervals
    are percentiles. Nothing is said beyond 2 n. Intervals are NaN under 20 groups.

    - Shape: error (r, s, n), s >= 3, finite.
    - Raises: ValueError for other shapes.

    Args:
        size: numbers of training groups, rising.
        error: of each case, by each training set.
        group: of each case.
        draws: of the bootstrap; >= 1.
        seed: same seed, same intervals.
    """
    if error.ndim != 3 or error.shape[1:] != (len(size), len(group)) or draws < 1:
        raise ValueError(f"error must be r x {len(size)} x {len(group)} and draws >= 1, got {error.shape}, {draws}")
    names, code = grouping(group)
    sizes, count, places = np.asarray(size, dtype=np.float64), len(names), code.numpy()
    counts = np.bincount(places, minlength=count).astype(np.float64)
    sums = np.array([[np.bincount(places, own, minlength=count) for own in part] for part in error])
    whole = sums.mean(0).sum(1) / counts.sum()
    law = fit_power_law(sizes, whole[None])
    random = np.random.default_rng(seed)
    taken = random.multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float64)
    repeats = random.multinomial(len(error), np.full(len(error), 1 / len(error)), size=draws) / len(error)
    drawn = np.einsum("br,rsg,bg->bs", repeats, sums, taken, optimize=True) / (taken @ counts)[:, None]
    laws = fit_power_law(sizes, drawn)

    def ends(values: Float64[np.ndarray, " b"]) -> Ends:
        if count < MIN_GROUPS:
            return float("nan"), float("nan")
        low, high = np.quantile(values, (0.025, 0.975))
        return float(low), float(high)

    now, twice = laws.at(count), laws.at(2 * count)
    return LearningCurve(
        size=list(size),
        error=whole.tolist(),
        ci95=[ends(column) for column in drawn.T],
        law=law,
        fall=float(whole[0] - whole[-1]),
        fall_ci95=ends(drawn[:, 0] - drawn[:, -1]),
        groups=count,
        now=float(law.at(count)[0]),
        now_ci95=ends(now),
        twice=float(law.at(2 * count)[0]),
        twice_ci95=ends(twice),
        gain=float((law.at(count) - law.at(2 * count))[0]),
        gain_ci95=ends(now - twice),
        tried=_tried(sizes, whole),
    )


def _tried(size: Float64[np.ndarray, " s"], error: Float64[np.ndarray, " s"]) -> tuple[int, float] | None:
    """The error that the law of the sizes up to half of the last one says of the last one, and the largest of these."""
    known = 2 * size <= size[-1]
    if known.sum() < 3:
        return None
    law = fit_power_law(size[known], error[known][None])
    return int(size[known][-1]), float(law.at(float(size[-1]))[0])
