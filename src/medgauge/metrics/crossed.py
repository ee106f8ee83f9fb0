"""Figures of methods on draws of groups, seeds and partitions of the same cases, crossed.

Cases times seeds are not independent: a case's errors in several seeds belong together, and so do the cases of a group.
A case's error is therefore averaged over the seeds first, and groups and seeds are drawn crossed; with them, where cases
are read out of fold, the partitions into folds.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.checks import check_number
from medgauge.core.figure import Figure
from medgauge.core.seeding import generator
from medgauge.metrics.groups import group_codes

BLOCK = 2_000_000  # drawn groups held at a time


def crossed_draws(
    groups: int, seeds: int, *, draws: int = 10_000, seed: int = 0
) -> Iterator[tuple[Float[Tensor, "b g"], Float[Tensor, "b s"]]]:
    """How often each group and, independently, each seed is drawn with replacement, in blocks of b draws.

    - Raises: ValueError if a number is below 1.
    """
    for name, value in (("groups", groups), ("seeds", seeds), ("draws", draws)):
        check_number(name, value, least=1, whole=True)
    chance = generator(seed, "comparison")
    for start in range(0, draws, step := max(1, BLOCK // groups)):
        count = min(step, draws - start)
        yield _times(count, groups, chance), _times(count, seeds, chance)


def _times(draws: int, items: int, chance: torch.Generator) -> Float[Tensor, "b k"]:
    picked = torch.randint(items, (draws, items), generator=chance)
    return torch.zeros(draws, items, dtype=torch.float64).scatter_add_(
        1, picked, torch.ones(draws, items, dtype=torch.float64)
    )


def repeat_draws(
    partitions: int, groups: int, seeds: int, *, draws: int = 10_000, seed: int = 0
) -> Iterator[tuple[Float[Tensor, "b g"], Float[Tensor, "b r"]]]:
    """``crossed_draws`` with partitions drawn as well: how often each group is drawn, and each partition with each seed.

    Partitions have random numbers of their own: with one, groups and seeds are drawn as without.

    - Shape: r = partitions x seeds, the seeds of the first partition first; each row's sum is r.
    - Raises: ValueError if a number is below 1.
    """
    check_number("partitions", partitions, least=1, whole=True)
    ((_, by_partition),) = crossed_draws(1, partitions, draws=draws, seed=seed + 1)
    start = 0
    for by_group, by_seed in crossed_draws(groups, seeds, draws=draws, seed=seed):
        of_draw = by_partition[start : start + len(by_group), :, None]
        yield by_group, (of_draw * by_seed[:, None]).flatten(1)
        start += len(by_group)


def crossed_means(
    error: Float[Tensor, "m s n"] | Float[Tensor, "m p s n"],
    group: Sequence[str],
    *,
    draws: int = 10_000,
    seed: int = 0,
) -> Float[Tensor, "b m"]:
    """Mean error of m methods in each of b draws of groups, seeds and partitions; every method meets the same draws.

    Methods with equal errors have equal figures, to the last digit, on every processor.

    A draw's figure is the mean over the cases of the drawn groups (as often as drawn) of the case's mean error over
    the drawn seeds and partitions, crossed. One seed: only groups are drawn. For a region, give its cases only.

    - Shape: error (methods, seeds, cases) or (methods, partitions, seeds, cases), group one name a case -> (draws,
      methods), float64.
    - Raises: ValueError for another shape, no case, or ``draws`` < 1.
    - Source: Owen, Annals of Applied Statistics 2007 (the pigeonhole bootstrap). What s seeds add to the variance is
      drawn from s values only, and so too small by the factor (s - 1) / s; partitions likewise.

    Args:
        error: what is averaged, absolute errors say; NaN anywhere makes that method's figures NaN.
        group: what is drawn whole (patients).
        draws: number of draws.
        seed: same seed, same draws.
    """
    error = checked_errors(error, group)
    codes = group_codes(list(group))[0]
    _, partitions, seeds, _ = error.shape
    groups, repeats = int(codes.max()) + 1, partitions * seeds
    # One product a method: in a product of all, a column's sum would be rounded by its place, and equal methods differ.
    sums = [
        torch.zeros(groups, repeats, dtype=torch.float64).index_add_(0, codes, one.flatten(0, 1).T.contiguous())
        for one in error
    ]
    size = torch.bincount(codes, minlength=groups).double()
    found = []
    for by_group, by_repeat in repeat_draws(partitions, groups, seeds, draws=draws, seed=seed):
        share = by_repeat / (by_group @ size)[:, None] / repeats
        found.append(torch.stack([((by_group @ one) * share).sum(dim=1) for one in sums], dim=1))
    return torch.cat(found)


def crossed_figures(
    figure: Callable[[Tensor, Tensor], Tensor],
    value: Float[Tensor, "m s n *k"] | Float[Tensor, "m p s n *k"],
    label: Float[Tensor, " n"],
    group: Sequence[str],
    *,
    drawn: Callable[..., Tensor] | None = None,
    fold: Int[Tensor, "p n"] | None = None,
    chances: bool = False,
    draws: int = 2_000,
    seed: int = 0,
) -> Float[Tensor, "b m"]:
    """A figure that is no mean of cases (a correlation, kappa), computed anew on each draw of groups, seeds and partitions.

    A draw's figure is the mean over the drawn seeds and partitions, crossed, of the figure of the drawn groups' cases.
    With as many ``draws`` and the same ``seed`` the draws are those of ``crossed_means``.

    - Shape: value as in ``crossed_means``, label (cases,) -> (draws, methods), float64; NaN where a draw has no figure.
    - Raises: ValueError for another shape, no case, ``draws`` < 1, or ``fold`` or ``chances`` without ``drawn``.
    - Source: Owen, Annals of Applied Statistics 2007.

    Args:
        figure: (prediction (n, t), label (n, t)) -> (t,).
        value: what each method read in each seed (and partition).
        label: of the cases; NaN = missing, left out.
        group: what is drawn whole (patients).
        drawn: the figure on many draws at once, (prediction (n,), label (n,), times (n, b)) -> (b,); None: one by one.
        fold: of each case in each partition, for a ``drawn`` that takes the fold of each case (n,) to order cases of one alone.
        chances: ``value`` has a last axis (k), the chance of each class.
        draws: number of draws.
        seed: same seed, same draws.
    """
    if (fold is not None or chances) and drawn is None:
        raise ValueError("fold and chances need a figure that is drawn on many draws at once")
    methods, partitions, seeds, cases = checked_errors(value[..., 0] if chances else value, group).shape
    codes = group_codes(list(group))[0]
    repeats, groups = partitions * seeds, int(codes.max()) + 1
    columns = value.detach().cpu().double().reshape(methods * repeats, cases, *value.shape[value.ndim - chances :])
    truth = label.detach().cpu().double()[:, None]
    known = ~torch.isnan(truth[:, 0])
    within: list[dict[str, Tensor]] = [{}] * partitions if fold is None else [{"fold": own[known]} for own in fold]
    found = []
    for by_group, by_repeat in repeat_draws(partitions, groups, seeds, draws=draws, seed=seed):
        if drawn is not None:
            times = by_group.T.float()[codes[known]]
            each = torch.stack(
                [
                    drawn(one[known], truth[known, 0], times, **within[place // seeds % partitions])
                    for place, one in enumerate(columns)
                ],
                dim=1,
            )
            each = each.view(-1, methods, repeats).masked_fill(by_repeat[:, None] == 0, 0.0)
            found += [(each * by_repeat[:, None]).sum(2) / repeats]
            continue
        for of_groups, of_repeats in zip(by_group[:, codes].long(), by_repeat, strict=True):
            rows = torch.repeat_interleave(of_groups)
            each = figure(columns.T[rows], truth[rows].expand(-1, methods * repeats)).view(methods, repeats)
            seen = of_repeats > 0
            found.append((each[:, seen] * of_repeats[seen]).sum(dim=1)[None] / repeats)
    return torch.cat(found)


def crossed_columns(
    figure: Figure,
    value: Float[Tensor, "m s n t"] | Float[Tensor, "m p s n t"],
    label: Float[Tensor, "n t"],
    group: Sequence[str],
    *,
    fold: Int[Tensor, "p n"] | None = None,
    draws: int = 2_000,
    seed: int = 0,
) -> Float[Tensor, "t b m"]:
    """A figure of every column of labels on the draws of ``crossed_figures``, the same for all columns.

    - Shape: value as in ``crossed_figures`` with a last axis of columns; float64.
    - Raises: ValueError as there.

    Args:
        figure: of one column.
        value: what each method read in each seed (and partition).
        label: of the cases; NaN = missing, left out of its column.
        group: what is drawn whole (patients).
        fold: of each case in each partition, where cases are read out of fold: a figure that orders cases orders those of one.
        draws: number of draws.
        seed: same seed, same draws.
    """
    own = fold if figure.folded else None
    columns = [
        crossed_figures(figure.of, one, truth, group, drawn=figure.drawn, fold=own, draws=draws, seed=seed)
        for one, truth in zip(value.unbind(-1), label.unbind(-1), strict=True)
    ]
    return torch.stack(columns)


def crossed_macro(
    figure: Figure,
    value: Float[Tensor, "m s n t"] | Float[Tensor, "m p s n t"],
    label: Float[Tensor, "n t"],
    group: Sequence[str],
    *,
    draws: int = 2_000,
    seed: int = 0,
) -> Float[Tensor, "b m"]:
    """The mean over the columns of labels of ``crossed_columns``: macro ROC-AUC, say.

    In a draw in which a column has no figure (no present case) the mean is that of the others, for all methods alike.
    """
    return crossed_columns(figure, value, label, group, draws=draws, seed=seed).nanmean(0)


def seed_mean(error: Float[Tensor, "m s n"] | Float[Tensor, "m p s n"]) -> Float[Tensor, "m n"]:
    """A case's error over the seeds (and partitions): what every figure of a comparison begins with."""
    return error.double().flatten(1, -2).mean(dim=1)


def checked_errors(error: Tensor, group: Sequence[str]) -> Float[Tensor, "m p s n"]:
    """Numbers of cases in float64 on the CPU, with one partition where none are told; ValueError unless all fits."""
    if error.ndim not in (3, 4) or error.numel() == 0:
        wanted = "(methods, seeds, cases) or (methods, partitions, seeds, cases) with none of them 0"
        raise ValueError(f"error must be {wanted}, got shape {tuple(error.shape)}")
    if len(group) != error.shape[-1]:
        raise ValueError(f"group must have a name a case, got {len(group)} for {error.shape[-1]} cases")
    error = error.detach().cpu().double()
    return error if error.ndim == 4 else error[:, None]
