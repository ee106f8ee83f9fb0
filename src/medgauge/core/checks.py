"""Checks of tensors at the doors of terms and metrics; they raise, they never repair."""

import torch
from jaxtyping import Bool
from torch import Tensor


def check_rows(**tensors: Tensor | None) -> None:
    """Raise unless every tensor given is 2-D, floating point, and has the same number of rows (a 1-D one: ``weight``)."""
    rows: dict[str, int] = {}
    for name, tensor in tensors.items():
        if tensor is None:
            continue
        dims = 1 if name == "weight" else 2
        if tensor.ndim != dims or not tensor.is_floating_point():
            raise ValueError(
                f"{name} must be a {dims}-D float tensor, got {tensor.dtype} of shape {tuple(tensor.shape)}"
            )
        rows[name] = tensor.shape[0]
    if len(set(rows.values())) > 1:
        raise ValueError(f"rows must be equal, got {rows}")


def check_same_shape(**tensors: Tensor) -> None:
    """Raise unless all tensors are 2-D floats of one shape: (n, 1) against (n,) is an error, never a broadcast."""
    check_rows(**tensors)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"shapes must be equal, got {shapes}")


def check_weight(weight: Tensor | None) -> None:
    """Raise unless the weights (n,) are finite, none is negative, and not all of them are 0; no weights are fine."""
    if weight is None or weight.numel() == 0:
        return
    least, most = (float(end) for end in torch.aminmax(weight.detach()))
    if not (least >= 0 and 0 < most < float("inf")):
        raise ValueError(f"weight must be finite, >= 0 and not all 0, got values from {least:g} to {most:g}")


def observed_rows(label: Tensor) -> Bool[Tensor, " n"]:
    """Rows whose labels are all there (NaN = missing)."""
    return ~torch.isnan(label).any(dim=1)


def observed(embedding: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of both whose labels are all there."""
    rows = observed_rows(label)
    return embedding[rows], label[rows]
