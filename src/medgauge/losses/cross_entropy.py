"""Cross-entropy of one class out of several."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.checks import check_choice, check_rows


class CrossEntropyLoss(nn.Module):
    """Weighted mean of -log p(true class) over the labels that are there, p the softmax of the logits.

    With ``class_counts`` n_c a label of class c weighs N / (K n_c), N the sum and K the number of counts above 0, so that
    all classes weigh the same in sum; without them each label weighs 1. The mean is sum(w l) / sum(w).

    - Shape: logits (n, t, k), label (n, t) of places 0 to k - 1 -> (), in nats. Missing labels (NaN) take no part. None there: 0,
      with a gradient.
    - Raises: ValueError for counts that are negative, not one a class or not told yet, and for any difference of shape.
    - Source: multinomial logistic regression; balanced weights as in King and Zeng, Political Analysis 2001.
    - Departs: a class without a training label weighs 0.

    Args:
        class_counts: training labels of each class, in order of the classes, the same for all targets; ``auto``: those of each
            target, from the training labels; None: all labels weigh the same.
    """

    reads: ClassVar[str] = "class"
    weights: Tensor

    def __init__(self, class_counts: Sequence[float] | Literal["auto"] | None = None) -> None:
        super().__init__()
        if isinstance(class_counts, str):
            check_choice("class_counts", class_counts, ("auto",))
        self.class_counts = class_counts
        given = class_counts is not None and not isinstance(class_counts, str)
        weights = (
            _balanced(torch.tensor([list(class_counts or ())], dtype=torch.float64)) if given else torch.empty(0, 0)
        )
        self.register_buffer("weights", weights, persistent=False)

    def fit_labels(self, label: Float[Tensor, "n t"]) -> None:
        """Take the counts of each target's classes from the training labels, where ``class_counts`` is ``auto``."""
        if self.class_counts == "auto":
            places = torch.arange(int(label.nan_to_num(0.0).max()) + 1, device=label.device)
            counts = (label[:, :, None] == places).sum(0).double()
            self.weights = _balanced(counts).to(self.weights.device)

    def forward(self, logits: Float[Tensor, "n t k"], label: Float[Tensor, "n t"]) -> Float[Tensor, ""]:
        """Return the loss of one batch."""
        check_rows(label=label)
        if logits.ndim != 3 or logits.shape[:2] != label.shape or not logits.is_floating_point():
            expected = (*label.shape, "k")
            raise ValueError(f"logits must be float of shape {expected}, got {logits.dtype} of {tuple(logits.shape)}")
        wide = logits.float() if logits.dtype.itemsize < 4 else logits
        seen = ~label.isnan()
        place = label.nan_to_num(0.0).long()[:, :, None]
        share = seen.to(wide.dtype)
        if self.class_counts is not None:
            share = share * self._known(wide).expand_as(wide).gather(2, place)[:, :, 0]
        with torch.autocast(wide.device.type, enabled=False):
            given = torch.where(seen[:, :, None], wide, 0.0)
            surprise = -given.log_softmax(-1).gather(-1, place)[:, :, 0]
            total = share.sum()
            return (share * surprise).sum() / torch.where(total > 0, total, 1.0)

    def _known(self, logits: Float[Tensor, "n t k"]) -> Float[Tensor, "_ k"]:
        """The weights; classes beyond the last that training labels have weigh 0."""
        targets, classes = logits.shape[1:]
        if not self.weights.numel():
            raise ValueError("class_counts auto needs the training labels first (fit_labels)")
        lacking = classes - self.weights.shape[1]
        if lacking < 0 or (lacking and self.class_counts != "auto") or len(self.weights) not in (1, targets):
            raise ValueError(f"class_counts must be one a class, {classes}, got {self.weights.shape[1]}")
        return nn.functional.pad(self.weights.to(logits), (0, lacking))


def _balanced(counts: Float[Tensor, "t k"]) -> Float[Tensor, "t k"]:
    """Weights with which all classes of a target weigh the same in sum, 0 without any label."""
    if not counts.numel() or not bool((counts.isfinite() & (counts >= 0)).all()) or not bool((counts > 0).any(1).all()):
        raise ValueError(f"class_counts must be >= 0, one a class and not all 0, got {counts.tolist()}")
    there = counts > 0
    each = counts.sum(1, keepdim=True) / there.sum(1, keepdim=True)
    return torch.where(there, each / counts.where(there, 1.0), 0.0)
