"""Findings as terms take them: the logit, label and share of every entry, with missing labels out of the way."""

from typing import NamedTuple, Self

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.checks import check_rows, check_weight


class FindingEntries(NamedTuple):
    """Entries (n, t) of a batch in one dtype, float32 or wider; logit, label and share are 0 where the label is missing.

    The share is the weight of the case, or 1.
    """

    logit: Float[Tensor, "n t"]
    label: Float[Tensor, "n t"]
    share: Float[Tensor, "n t"]

    @classmethod
    def of(
        cls,
        logits: Float[Tensor, "n t 1"],
        label: Float[Tensor, "n t"],
        weight: Float[Tensor, " n"] | None = None,
    ) -> Self:
        """The entries of a batch; ValueError for any difference of shape, and weights that are negative or all 0."""
        check_rows(label=label, weight=weight)
        check_weight(weight)
        expected = (*label.shape, 1)
        if logits.shape != expected or not logits.is_floating_point():
            raise ValueError(f"logits must be float of shape {expected}, got {logits.dtype} of {tuple(logits.shape)}")
        seen = ~label.isnan()
        wide = (logits.float() if logits.dtype.itemsize < 4 else logits)[:, :, 0]
        share = seen.to(wide.dtype) if weight is None else seen * weight.to(wide.dtype)[:, None]
        return cls(torch.where(seen, wide, 0.0), torch.where(seen, label.detach(), 0.0).to(wide.dtype), share)

    def mean(self, penalty: Float[Tensor, "n t"]) -> Float[Tensor, ""]:
        """Mean of a penalty over the entries, by their shares; 0, with a gradient, where all are 0."""
        return share_mean(penalty, self.share)


def share_mean(values: Tensor, share: Tensor) -> Float[Tensor, ""]:
    """Mean of values by their shares; 0, with a gradient, where all shares are 0.

    >>> share_mean(torch.tensor([1.0, 4.0]), torch.tensor([1.0, 0.5]))
    tensor(2.)
    """
    total = share.sum()
    return (share * values).sum() / torch.where(total > 0, total, 1.0)
