"""Balanced MSE: squared error as a choice among the labels of the batch, so that frequent labels do not win by number."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.checks import check_number, check_same_shape, observed_rows
from medgauge.functional.distances import pair_distances, square_form


class BalancedMSELoss(nn.Module):
    """2 s^2 (a constant) times the mean cross-entropy of choosing label i by the logits -|prediction_i - label_j|^2 / (2 s^2).

    The noise s is learned; its logarithm is the parameter, so that it stays positive. ``log()`` gives ``noise`` and
    ``equal_labels``, 1 where the batch had no two different labels.

    - Shape: prediction and label (n, t) -> (), in squared normalised label units. Rows with a missing label are left out.
      Where all labels are equal a batch says nothing: 2 s^2 log(rows), as in the equation (0 for one row), and
      the gradients are exactly 0. No row: 0, with a gradient.
    - Raises: ValueError for another kind, a noise that is not > 0 and finite, and for any difference of shape.
    - Source: Ren et al., CVPR 2022 (arXiv 2203.16427), batch-based Monte Carlo (BMC), as in their published code.
    - Departs: log s in place of s is learned, with the optimiser's learning rate (the code: 0.01 of its own). Several
      targets: squared Euclidean distance. Logits are taken relative to the own label's, which changes no probability
      and keeps far predictions exact. The forms GAI and BNI are left out.

    Args:
        kind: ``bmc``.
        noise: where s starts, a standard deviation > 0 in normalised label units.
    """

    log_noise: Tensor

    def __init__(self, kind: Literal["bmc"] = "bmc", noise: float = 1.0) -> None:
        super().__init__()
        if kind != "bmc":
            raise ValueError(f"kind must be bmc, got {kind}")
        check_number("noise", noise, above=0)
        self.kind = kind
        self.log_noise = nn.Parameter(torch.tensor(math.log(noise)))
        self._last: dict[str, Tensor] = {}

    def forward(self, prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, ""]:
        """Return the loss of one batch."""
        check_same_shape(prediction=prediction, label=label)
        if not len(label):
            return prediction.sum() + 0 * self.log_noise
        kept = observed_rows(label)
        wide = prediction.float() if prediction.dtype.itemsize < 4 else prediction
        with torch.autocast(wide.device.type, enabled=False):
            error = torch.where(kept[:, None], wide - label, 0.0).to(wide.dtype)
            origin = label.index_select(0, kept.int().argmax().reshape(1))
            place = torch.where(kept[:, None], label - origin, 0.0).to(wide.dtype)
            variance = torch.exp(2 * self.log_noise.to(wide.dtype))
            logits = _relative_logits(error, place) / variance
            itself = torch.eye(len(label), dtype=torch.bool, device=label.device)
            logits = logits.masked_fill(itself, 0.0).masked_fill(~(itself | kept), -torch.inf)
            surprise = logits.logsumexp(dim=1) * kept
            self._last = {"noise": variance.detach().sqrt(), "equal_labels": place.eq(0).all().to(wide.dtype)}
            return 2 * variance.detach() * surprise.sum() / kept.sum().clamp(min=1)

    def log(self) -> dict[str, Tensor]:
        """The noise, and whether the labels of the last batch were all equal."""
        return dict(self._last)


def _relative_logits(error: Float[Tensor, "n t"], place: Float[Tensor, "n t"]) -> Float[Tensor, "n n"]:
    """(|p_i - y_i|^2 - |p_i - y_j|^2) / 2 = (y_j - y_i) . (p_i - y_i) - |y_j - y_i|^2 / 2, free of cancellation."""
    towards = error @ place.T - (error * place).sum(1, keepdim=True)
    return towards - square_form(pair_distances(place), len(place)).square() / 2
