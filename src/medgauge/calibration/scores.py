"""What all conformal intervals share: residuals, one drawn case a group, the ranked quantile, the hull of a set."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.checks import check_number, check_same_shape
from medgauge.core.seeding import derive_seed

SCALED_WORDS = (
    " Its width follows the error that is expected of each case, learned from the training cases alone: the level holds on "
    "average over easy and hard cases."
)
CROSS_WORDS = " It comes from residuals of several fits, so the level is not guaranteed exactly."


class Hull(NamedTuple):
    """The smallest intervals around prediction sets, in original units.

    - Shape: lower, upper (n, t) float64, NaN where the set is empty; pieces (n, t) int64, of how many intervals the set
      is made (0: it is empty); excess (n, t), the share of the hull's length that is not in the set, in [0, 1).
    """

    lower: Float[Tensor, "n t"]
    upper: Float[Tensor, "n t"]
    pieces: Int[Tensor, "n t"]
    excess: Float[Tensor, "n t"]


def check_level(level: float) -> None:
    """Raise unless the level of an interval is a chance between 0 and 1."""
    check_number("level", level, above=0, below=1)


def check_targets(value: Tensor, targets: int) -> None:
    """Raise unless the values are (n, targets)."""
    if value.ndim != 2 or value.shape[1] != targets:
        raise ValueError(f"value must have shape (n, {targets}), got {tuple(value.shape)}")


def residual_scores(
    value: Float[Tensor, "n t"],
    label: Float[Tensor, "n t"],
    group: Sequence[str],
    scale: Float[Tensor, "n t"] | None = None,
) -> Float[Tensor, "n t"]:
    """|value - label|, over ``scale`` where there is one, in float64 on the CPU; NaN where something is missing."""
    check_same_shape(value=value, label=label)
    if len(group) != len(value):
        raise ValueError(f"group must name the group of each of the {len(value)} cases, got {len(group)} names")
    residual = (value.double() - label.double()).abs().cpu()
    return residual if scale is None else residual / known_scale(value, scale, scaled=True).cpu()


def known_scale(
    value: Float[Tensor, "n t"], scale: Float[Tensor, "n t"] | None, *, scaled: bool
) -> Float[Tensor, "n t"]:
    """What the scores of each case are multiples of, in float64: its scale, or 1 where scores are absolute errors.

    - Raises: ValueError if scores are scaled and there is no scale above 0 of each value, or the other way round.
    """
    if (scale is not None) != scaled:
        raise ValueError(
            f"scale must {'' if scaled else 'not '}be given: the scores were{'' if scaled else ' not'} scaled"
        )
    if scale is None:
        return torch.ones_like(value, dtype=torch.float64)
    check_same_shape(value=value, scale=scale)
    if bool((scale <= 0).any()) or bool(scale.isinf().any()):
        raise ValueError("scale must be > 0 and finite")
    return scale.to(value.device).double()


def groups_needed(level: float) -> int:
    """The number of calibration groups from which on a quantile at this level is finite."""
    return math.ceil(round(level / (1 - level), 9))


def too_few(level: float, count: int) -> str:
    """What is said where no interval can be finite.

    >>> too_few(0.9, 4)
    'A 90 % interval needs 9 calibration groups with this label, and there are 4: it is infinite.'
    """
    held = f"there {'is' if count == 1 else 'are'} {count}"
    return (
        f"A {100 * level:g} % interval needs {groups_needed(level)} calibration groups with this label, and {held}: it is "
        "infinite."
    )


def groups_by_region(region: Int[Tensor, " n"], group: Sequence[str], count: int) -> list[set[str]]:
    """The groups that have a case in each of ``count`` regions; a case of region -1 is in none."""
    found: list[set[str]] = [set() for _ in range(count)]
    for code, name in zip(region.tolist(), group, strict=True):
        if code >= 0:
            found[code].add(str(name))
    return found


def drawn_scores(score: Float[Tensor, " n"], group: Sequence[str], seed: int, target: int) -> dict[str, float]:
    """The score of one drawn case of each group, by its name; NaN scores are left out first."""
    members: dict[str, list[float]] = {}
    for name, number in zip(group, score.tolist(), strict=True):
        if not math.isnan(number):
            members.setdefault(str(name), []).append(number)
    draws = {name: derive_seed(seed, "conformal", target, name) for name, all_of in members.items() if len(all_of) > 1}
    return {name: sorted(all_of)[draws.get(name, 0) % len(all_of)] for name, all_of in members.items()}


def one_a_group(score: Float[Tensor, " n"], group: Sequence[str], seed: int, target: int) -> list[float]:
    """The score of one drawn case of each group, sorted; NaN scores are left out first."""
    return sorted(drawn_scores(score, group, seed, target).values())


def conformal_rank(count: int, level: float) -> int:
    """ceil((count + 1) level): the how-many-th smallest of ``count`` scores is the quantile.

    >>> conformal_rank(99, 0.55)
    55
    """
    return math.ceil(round((count + 1) * level, 9))  # rounded: 0.55 * 100 is 55.00000000000001


def ranked_score(scores: Sequence[float], level: float) -> float:
    """The ceil((g + 1) level)-th smallest of g sorted scores; infinite if there are fewer."""
    rank = conformal_rank(len(scores), level)
    return scores[rank - 1] if rank <= len(scores) else math.inf
