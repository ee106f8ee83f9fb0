"""How every metric goes over the targets and leaves missing labels out."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.checks import check_same_shape

Metric = Callable[[Tensor, Tensor], Tensor]
"""(prediction (n, t), label (n, t)) -> (t,) float64."""


def over_targets(formula: Metric, prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Apply ``formula`` to the observed rows (m, 1) of each target, in float64 on the CPU.

    A target with no observed label gives NaN, and so does one with a NaN prediction where the label is observed.

    - Raises: ValueError if the shapes differ or an input is not a 2-D float tensor.
    """
    check_same_shape(prediction=prediction, label=label)
    prediction, label = prediction.detach().cpu().double(), label.detach().cpu().double()
    value = torch.full((label.shape[1],), torch.nan, dtype=torch.float64)
    for target in range(label.shape[1]):
        seen = ~torch.isnan(label[:, target])
        guess, truth = prediction[:, target : target + 1], label[:, target : target + 1]
        if not seen.all():
            guess, truth = guess[seen], truth[seen]
        if len(truth) and not torch.isnan(guess).any():
            value[target] = formula(guess, truth).squeeze()
    return value
