"""How far a figure would move with other patients."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.checks import check_same_shape
from medgauge.core.seeding import generator
from medgauge.metrics.groups import group_codes
from medgauge.metrics.masking import Metric

MIN_GROUPS = 20
MIN_OF_BOTH = 10  # groups of present and of absent cases that an interval of their order needs
TOO_FEW_GROUPS = "too few groups"
BLOCK = 250_000  # drawn groups held at a time


def bootstrap_interval(
    metric: Metric,
    prediction: Float[Tensor, "n t"],
    label: Float[Tensor, "n t"],
    group: Sequence[str],
    *,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[Float[Tensor, " t"], Float[Tensor, " t"]] | str:
    """Percentile bootstrap interval (low, high) of a metric for each target, by drawing whole groups with replacement.

    Cases of one group (patient) are not independent, so groups are drawn, not cases. Groups without any observed label
    do not count. A target with fewer than 20 groups has NaN for both ends; if every target has fewer, the answer is the
    text "too few groups". Draws in which the metric is NaN (equal labels, say) are left out. For a region, give its
    cases only.

    - Raises: ValueError if shapes differ, ``group`` has another length, or a setting is out of range.

    Args:
        metric: a function of (prediction, label) -> (t,).
        prediction: values in label units.
        label: labels; NaN = missing.
        group: the group of each case.
        level: share of the draws between the two ends; in (0, 1).
        draws: number of draws; >= 1.
        seed: same seed, same interval.
    """
    check_same_shape(prediction=prediction, label=label)
    if len(group) != label.shape[0]:
        raise ValueError(f"group must have a name a case, got {len(group)} for {label.shape[0]} cases")
    if not 0 < level < 1 or draws < 1:
        raise ValueError(f"level must be in (0, 1) and draws >= 1, got {level} and {draws}")
    label, prediction = label.detach().cpu().double(), prediction.detach().cpu().double()
    seen = ~torch.isnan(label)
    kept = seen.any(dim=1)
    enough = torch.tensor([_count(group, column) >= MIN_GROUPS for column in seen.unbind(1)], dtype=torch.bool)
    if not enough.any():
        return TOO_FEW_GROUPS
    codes = group_codes([name for name, keep in zip(group, kept.tolist(), strict=True) if keep])[0]
    values = _draw(metric, prediction[kept], label[kept], codes, draws, seed)
    tail = (1 - level) / 2
    ends = torch.nanquantile(values, torch.tensor([tail, 1 - tail], dtype=torch.float64), dim=0)
    low, high = ends.masked_fill(~enough, torch.nan).unbind(0)
    return low, high


def drawn_interval(
    drawn: Callable[[Tensor, Tensor, Tensor], Tensor],
    prediction: Float[Tensor, "n *k"],
    label: Float[Tensor, " n"],
    group: Sequence[str],
    *,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float] | str:
    """``bootstrap_interval`` of one target by a figure that is computed on many draws at once; the draws are the same.

    A value that is missing where the label is there makes both ends NaN.

    - Raises: ValueError as there.

    Args:
        drawn: (prediction (m,) or (m, k), label (m,), how often each case is drawn (m, b)) -> (b,).
        prediction: values (n,), or the chances (n, k) of each class.
        label: labels; NaN = missing.
        group: the group of each case.
        level: share of the draws between the two ends; in (0, 1).
        draws: number of draws; >= 1.
        seed: same seed, same interval.
    """
    if len(prediction) != len(label) or len(group) != len(label):
        raise ValueError(
            f"prediction and group must have one entry a label, got {len(prediction)} and {len(group)} for {len(label)}"
        )
    if not 0 < level < 1 or draws < 1:
        raise ValueError(f"level must be in (0, 1) and draws >= 1, got {level} and {draws}")
    seen = ~torch.isnan(label.detach().cpu())
    if _count(group, seen) < MIN_GROUPS:
        return TOO_FEW_GROUPS
    codes = group_codes([name for name, keep in zip(group, seen.tolist(), strict=True) if keep])[0]
    prediction, label = prediction.detach().cpu().double()[seen], label.detach().cpu().double()[seen]
    if torch.isnan(prediction).any():
        return float("nan"), float("nan")
    values = torch.cat(
        [drawn(prediction, label, times[codes]) for times in group_times(int(codes.max()) + 1, draws, seed)]
    )
    tail = (1 - level) / 2
    low, high = torch.nanquantile(values, torch.tensor([tail, 1 - tail], dtype=torch.float64)).tolist()
    return low, high


def enough_of_both(label: Float[Tensor, " n"], group: Sequence[str]) -> bool:
    """Whether ten groups or more have a case that is present (1), and ten one that is absent (0).

    With fewer, draws hardly differ in what orders the cases, and an interval of a ROC-AUC is far too narrow.

    >>> enough_of_both(torch.tensor([0.0, 1.0] * 10), [f"p{case // 2}" for case in range(20)])
    True
    """
    return min(_count(group, label == state) for state in (0, 1)) >= MIN_OF_BOTH


def group_times(groups: int, draws: int, seed: int) -> Iterator[Float[Tensor, "g b"]]:
    """How often each group is drawn with replacement, in blocks of b draws; the draws of ``bootstrap_interval``."""
    chance = generator(seed, "bootstrap")
    for start in range(0, draws, step := max(1, BLOCK // groups)):
        count = min(step, draws - start)
        picked = torch.randint(groups, (count, groups), generator=chance).T
        yield torch.zeros(groups, count).scatter_add_(0, picked, torch.ones(1).expand(groups, count))


def _count(group: Sequence[str], seen: Tensor) -> int:
    """Number of groups with an observed label of one target."""
    return len({name for name, there in zip(group, seen.tolist(), strict=True) if there})


def _draw(metric: Metric, prediction: Tensor, label: Tensor, codes: Tensor, draws: int, seed: int) -> Tensor:
    """The metric (draws, t) on drawn groups: each row is repeated as often as its group was drawn."""
    groups = int(codes.max()) + 1
    codes, order = codes.sort()  # a group's rows side by side are read faster
    prediction, label = prediction[order], label[order]
    chance = generator(seed, "bootstrap")
    values, each = [], np.arange(len(codes))
    for _ in range(draws):
        times = torch.bincount(torch.randint(groups, (groups,), generator=chance), minlength=groups)
        rows = torch.from_numpy(each.repeat(times[codes].numpy()))  # torch's wakes all threads for a few hundred rows
        values.append(metric(prediction.index_select(0, rows), label.index_select(0, rows)))
    return torch.stack(values)
