"""Scalars of pairs of rows whose gradient is known in closed form."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import Function, once_differentiable


def with_slope(value: Float[Tensor, ""], of: Tensor, slope: Tensor) -> Float[Tensor, ""]:
    """``value`` as a function of ``of`` with the gradient ``slope``, which is all that is kept for the way back.

    - Shape: value (), slope like ``of``. It cannot be differentiated twice.
    - Raises: ValueError if the shapes of ``of`` and ``slope`` differ.

    >>> point = torch.tensor([3.0, 4.0], requires_grad=True)
    >>> with_slope(point.detach().norm(), point, point.detach() / 5).backward()
    >>> point.grad
    tensor([0.6000, 0.8000])
    """
    if of.shape != slope.shape:
        raise ValueError(f"slope must have the shape {tuple(of.shape)}, got {tuple(slope.shape)}")
    result: Tensor = _WithSlope.apply(of, value.detach(), slope.detach())  # type: ignore[no-untyped-call]  # torch: untyped
    return result


def pair_sums(square: Float[Tensor, "n n"]) -> Float[Tensor, " p"]:
    """Entry (i, j) plus entry (j, i) of the pairs i < j, in the order of ``distances.pair_distances``.

    What a slope for every entry of ``distances.square_form`` is for the pairs.

    >>> pair_sums(torch.tensor([[0.0, 1.0, 2.0], [10.0, 0.0, 3.0], [20.0, 30.0, 0.0]]))
    tensor([11., 22., 33.])
    """
    rows = len(square)
    first, second = torch.triu_indices(rows, rows, 1, device=square.device).unbind()
    flat = square.reshape(-1)
    return flat.index_select(0, first * rows + second).add_(flat.index_select(0, second * rows + first))


class _WithSlope(Function):
    @staticmethod
    def forward(ctx: Any, of: Tensor, value: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(slope)
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (slope,) = ctx.saved_tensors
        return grad * slope, None, None
