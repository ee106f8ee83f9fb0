"""Euclidean distances between rows, exact also for close rows, with a backward of matrix products only."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

_FEW_AXES = 8  # up to here a product saves nothing over plain differences
_EXACT = "donot_use_mm_for_euclid_dist"


def pair_distances(points: Float[Tensor, "n d"]) -> Float[Tensor, " p"]:
    """Distances of the pairs i < j, in the order (0, 1), (0, 2), ... (1, 2), ...; half the memory of a square.

    - Shape: points (n, d) -> (n (n - 1) / 2,), in the unit of ``points``; float16 and bfloat16 become float32.
    - Exact to rounding: coordinates are subtracted first. Takes memory n^2, also for the gradient.
    - The gradient is 0 for coincident rows, and shrinks to 0 for pairs closer than 2e-10 of the batch's radius, where
      a direction is rounding noise. It cannot be differentiated twice.

    >>> pair_distances(torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    tensor([5.0000, 1.0000, 4.2426])
    """
    with torch.autocast(points.device.type, enabled=False):
        distances: Tensor = _Pairs.apply(_at_least_float32(points))  # type: ignore[no-untyped-call]  # torch: untyped
    return distances


def pairwise_distances(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"] | None = None) -> Float[Tensor, "n m"]:
    """Distance of every row of ``a`` to every row of ``b`` (or of ``a``: symmetric, with an exactly zero diagonal).

    - Shape: a (n, d), b (m, d) -> (n, m), in the unit of the rows; float16 and bfloat16 become float32.
    - Relative error below 1e-6 in float32, also for close rows far from the origin; float64 is exact to rounding.
      Takes memory n m, never n m d, also for the gradient.
    - The gradient is as in :func:`pair_distances`.
    - Raises: ValueError if the rows differ in length or kind.

    >>> pairwise_distances(torch.tensor([[0.0], [2.0]]), torch.tensor([[5.0]]))
    tensor([[5.],
            [3.]])
    """
    if b is None:
        return square_form(pair_distances(a), len(a))
    a, b = _at_least_float32(a), _at_least_float32(b)
    if a.shape[1] != b.shape[1] or a.dtype != b.dtype:
        raise ValueError(
            f"a and b must have columns and dtype in common, "
            f"got {tuple(a.shape)} {a.dtype} and {tuple(b.shape)} {b.dtype}"
        )
    with torch.autocast(a.device.type, enabled=False):
        distances: Tensor = _Between.apply(a, b)  # type: ignore[no-untyped-call]  # torch: untyped
    return distances


def square_form(pairs: Float[Tensor, " p"], rows: int) -> Float[Tensor, "n n"]:
    """The symmetric (n, n) with a zero diagonal whose entries i < j are ``pairs``, in their order.

    >>> square_form(torch.tensor([5.0, 1.0, 4.0]), 3)
    tensor([[0., 5., 1.],
            [5., 0., 4.],
            [1., 4., 0.]])
    """
    above = torch.ones(rows, rows, dtype=torch.bool, device=pairs.device).triu_(1)
    upper = pairs.new_zeros(rows, rows).masked_scatter_(above, pairs)
    return upper.T.clone(memory_format=torch.contiguous_format).add_(upper)  # three times as fast as upper + upper.T


class _Pairs(torch.autograd.Function):
    """Distances of the pairs i < j; d|a_i - a_j| / da_i = (a_i - a_j) / |a_i - a_j|, summed by one matrix product."""

    @staticmethod
    def forward(ctx: Any, points: Tensor) -> Tensor:
        distances = _subtracted_pairs(points)
        ctx.save_for_backward(points, distances)
        return distances

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        points, distances = ctx.saved_tensors
        with torch.autocast(points.device.type, enabled=False):
            (centred,) = _centred(points)
            pull = square_form(_pull(grad, distances, centred), len(points)).to(centred.dtype)
            return (pull.sum(1, keepdim=True) * centred).addmm_(pull, centred, alpha=-1).to(points.dtype)


class _Between(torch.autograd.Function):
    """Distances of the rows of ``a`` to those of ``b``."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        by_product = a.dtype == torch.float32 and a.device.type == "cpu" and a.shape[1] > _FEW_AXES
        distances = _product(a, b) if by_product else torch.cdist(a, b, compute_mode=_EXACT)
        ctx.save_for_backward(a, b, distances)
        return distances

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        a, b, distances = ctx.saved_tensors
        with torch.autocast(a.device.type, enabled=False):
            near, far = _centred(a, b)
            pull = _pull(grad, distances, near, far).to(near.dtype)
            of_a = of_b = None
            if ctx.needs_input_grad[0]:
                of_a = (pull.sum(1)[:, None] * near).addmm_(pull, far, alpha=-1).to(a.dtype)
            if ctx.needs_input_grad[1]:
                of_b = (pull.sum(0)[:, None] * far).addmm_(pull.T, near, alpha=-1).to(b.dtype)
        return of_a, of_b


def _at_least_float32(points: Tensor) -> Tensor:
    if points.ndim != 2 or not points.is_floating_point():
        raise ValueError(f"rows must be a 2-D float tensor, got {points.dtype} of shape {tuple(points.shape)}")
    return points.float() if points.dtype.itemsize < 4 else points


def _centred(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The rows about the mean of the last tensor, in float64 (float32 where the device has no float64)."""
    wide = [rows if rows.device.type == "mps" else rows.double() for rows in tensors]
    centre = wide[-1].mean(0) if len(wide[-1]) else 0.0
    return tuple(rows - centre for rows in wide)


def _pull(grad: Tensor, distances: Tensor, *rows: Tensor) -> Tensor:
    """Gradient of each distance over that distance: the factor of a_i - b_j; 0 where they coincide."""
    if not distances.numel():
        return grad
    radius = torch.stack([part.square().sum(1).max() for part in rows]).max().sqrt()
    rounding = torch.finfo(radius.dtype).eps
    noise = (min(1e6 * rounding, rounding**0.5) * radius).to(distances.dtype)
    return (grad / torch.maximum(distances, noise)).masked_fill_(distances == 0, 0.0)


def _subtracted_pairs(points: Tensor) -> Tensor:
    """Pair distances by differences, rows never expanded to (n, n, d)."""
    if points.device.type in ("cpu", "cuda"):
        return torch.pdist(points)
    above = torch.ones(len(points), len(points), dtype=torch.bool, device=points.device).triu(1)
    return torch.cdist(points, points, compute_mode=_EXACT)[above]


def _product(a: Tensor, b: Tensor) -> Tensor:
    """float32 distances by one float64 product; the few pairs that cancel are subtracted instead."""
    near, far = _centred(a, b)
    size = near.square().sum(1)[:, None] + far.square().sum(1)
    square = size.addmm(near, far.T, alpha=-2)
    rounding = torch.finfo(torch.float64).eps * a.shape[1] ** 0.5
    row, column = torch.nonzero(square < 1e7 * rounding * size, as_tuple=True)
    distances = square.clamp_(min=0).sqrt_().to(a.dtype)
    for start in range(0, len(row), len(b) + 1):  # at most a row's worth of differences at once
        i, j = row[start : start + len(b) + 1], column[start : start + len(b) + 1]
        distances[i, j] = (a[i] - b[j]).norm(dim=1)
    return distances
