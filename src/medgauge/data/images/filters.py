"""Gaussian filters of a batch of images, each with a width of its own."""

import torch
from jaxtyping import Float
from torch import Tensor

CUT = 4.0
"""Standard deviations at which a Gaussian is cut off, as SciPy does it."""


def smoothed(image: Float[Tensor, "n c *space"], sigma: Float[Tensor, " n"]) -> Float[Tensor, "n c *space"]:
    """The images smoothed by Gaussians of ``sigma`` pixels along every axis; beyond its border an image goes on as at it.

    The same whatever else is in the batch; the very same tensor where all are 0.
    """
    if not bool((sigma > 0).any()):
        return image
    shape = image.shape
    for axis in range(2, image.ndim):
        lines = image.movedim(axis, -1)
        mixed = lines.reshape(shape[0], -1, shape[axis]) @ _mixing(sigma, shape[axis]).to(image)
        image = mixed.reshape(lines.shape).movedim(-1, axis)
    return image.contiguous()  # noise is drawn in the order of memory


def sharpened(image: Float[Tensor, "n c *space"], strength: Float[Tensor, " n"]) -> Float[Tensor, "n c *space"]:
    """The images with ``strength`` times what a Gaussian of one pixel takes away from them added."""
    if not bool((strength > 0).any()):
        return image
    wide = strength.to(image).reshape(-1, *[1] * (image.ndim - 1))
    return image + wide * (image - smoothed(image, torch.ones_like(strength)))


def _mixing(sigma: Tensor, side: int) -> Tensor:
    """Matrices (n, side, side) from the pixels of a line to smoothed ones: products of these are faster than convolutions."""
    kernels = _gaussians(sigma)
    away = torch.arange(kernels.shape[1]) - kernels.shape[1] // 2
    seen = (torch.arange(side)[:, None] + away).clamp(0, side - 1)
    wide = (len(sigma), side, kernels.shape[1])
    mixing = torch.zeros(len(sigma), side, side, dtype=kernels.dtype)
    return mixing.scatter_add_(2, seen.expand(wide), kernels[:, None].expand(wide)).transpose(1, 2)


def _gaussians(sigma: Tensor) -> Tensor:
    """Kernels (n, 2 r + 1) of one sum, each cut off at its own width; one of a sigma of 0 changes nothing."""
    half = (CUT * sigma + 0.5).floor()
    places = torch.arange(-int(half.max()), int(half.max()) + 1, dtype=torch.float64)
    away = places[None].abs()
    spread = sigma.double()[:, None].clamp(min=1e-6)
    kernels = torch.where(away <= half[:, None], torch.exp(-0.5 * (away / spread) ** 2), 0.0)
    return kernels / kernels.sum(1, keepdim=True)
