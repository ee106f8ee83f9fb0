"""How often each finding is present in training labels, and the weights that follow from such counts."""

import torch
from jaxtyping import Float
from torch import Tensor


def label_counts(label: Float[Tensor, "n t"]) -> tuple[Float[Tensor, " t"], Float[Tensor, " t"]]:
    """In how many cases each finding is present and in how many absent, in float64; missing labels (NaN) in neither.

    >>> label_counts(torch.tensor([[1.0, 0.0], [0.0, float("nan")], [0.0, 0.0]]))
    (tensor([1., 0.], dtype=torch.float64), tensor([2., 2.], dtype=torch.float64))
    """
    known = label.detach().double()
    return known.nansum(0), (1 - known).nansum(0)


def effective_number_weights(count: Float[Tensor, " t"], beta: float = 0.9999) -> Float[Tensor, " t"]:
    """Weights (1 - beta) / (1 - beta^n) of classes with n cases, mean 1; 0 for a class without cases.

    - Source: Cui et al., CVPR 2019 (class-balanced loss based on the effective number of samples).
    - Departs: a class without cases has no such weight, is 0 here and is left out of the mean.

    >>> effective_number_weights(torch.tensor([1.0, 2.0, 0.0]), beta=0.5)
    tensor([1.2000, 0.8000, 0.0000])
    """
    there = count > 0
    weight = torch.where(there, (1 - beta) / (1 - beta ** count.clamp(min=1)), 0.0)
    return weight * there.sum() / weight.sum().clamp(min=torch.finfo(weight.dtype).tiny)
