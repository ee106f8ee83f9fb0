"""Figures that order cases whose values come from the models of several folds: only cases of one fold are ordered.

Models of different folds say different things of the same case, and a fold with many present cases is read by models that
have seen few: ordered together, values that know nothing are below 1/2.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor


def over_folds(
    drawn: Callable[[Tensor, Tensor, Tensor], Tensor],
    weigh: Callable[[Tensor, Tensor], Tensor],
    prediction: Float[Tensor, " n"],
    label: Float[Tensor, " n"],
    times: Float[Tensor, "n b"],
    fold: Int[Tensor, " n"],
) -> Float[Tensor, " b"]:
    """The weighted mean of a figure of findings over the folds, of each draw; NaN where no fold has a weight.

    Args:
        drawn: the figure of one fold on many draws at once.
        weigh: the weight of a fold by how often its present and its absent cases are drawn, (b,) and (b,); 0 where the figure
            is NaN.
        prediction: values.
        label: 1 or 0, every one there.
        times: how often each draw has each case.
        fold: of each case.
    """
    above, whole = (torch.zeros(times.shape[1], dtype=torch.float64) for _ in range(2))
    for own in torch.unique(fold):
        rows = fold == own
        present, absent = (times[rows & (label == state)].sum(0).double() for state in (1, 0))
        weight = weigh(present, absent)
        above = above + drawn(prediction[rows], label[rows], times[rows]).nan_to_num(0.0) * weight
        whole = whole + weight
    return above / whole.masked_fill(whole == 0, torch.nan)


def pairs(present: Float[Tensor, " b"], absent: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
    """Pairs of a present and an absent case: what a fold weighs in a ROC-AUC, which is the share of them in the right order."""
    return present * absent


def presents(present: Float[Tensor, " b"], absent: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
    """Present cases, where there are absent ones: what a fold weighs in an average precision, a mean over present cases."""
    return present * (absent > 0)


def within_folds(
    figure: Callable[[Tensor, Tensor, Tensor], Tensor],
    prediction: Float[Tensor, "n t *k"],
    label: Float[Tensor, "n t"],
    fold: Int[Tensor, " n"],
) -> Float[Tensor, " t"]:
    """A figure of labelled cases, (prediction (m, 1, *k), label (m, 1), fold (m,)) -> (1,), of each target by itself."""
    found = []
    for target in range(label.shape[1]):
        seen = ~torch.isnan(label[:, target])
        one = slice(target, target + 1)
        found.append(figure(prediction[seen, one], label[seen, one], fold[seen]))
    return torch.cat(found)
