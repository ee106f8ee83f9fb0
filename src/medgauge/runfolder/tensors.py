"""Tensors of a run folder, read by what each must be: number of axes, type of numbers, and whether gaps may be in it."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from medgauge.runfolder.folder import RunFolder


class TensorForm(NamedTuple):
    """What a tensor must be.

    Args:
        axes: their number.
        dtype: of its numbers.
        gaps: whether NaN, a missing label, may be in it; infinity never may.
        needed: whether it must be there.
    """

    axes: int
    dtype: torch.dtype = torch.float32
    gaps: bool = False
    needed: bool = True


EMBEDDINGS = {
    "row": TensorForm(1, torch.int64),
    "embedding": TensorForm(2),
    "prediction": TensorForm(2, needed=False),
    "logits": TensorForm(3, gaps=True, needed=False),
}
"""Of embeddings.safetensors."""
GALLERY = {
    **{name: form for name, form in EMBEDDINGS.items() if name != "row"},
    "label": TensorForm(2, torch.float64, gaps=True),
    "divisor": TensorForm(1, torch.float64, needed=False),
}
"""Of gallery.safetensors."""
KNOWN = {
    name: TensorForm(2, torch.float64, gaps=name == "val_label")
    for name in ("covariates", "val_covariates", "val_label")
}
"""Of predictors.safetensors."""


def read_checked(
    folder: RunFolder, name: str, forms: Mapping[str, TensorForm], *, same_rows: bool = True
) -> dict[str, Tensor]:
    """Tensors of a safetensors file; those that have no form are left out.

    Raises:
        InputError: the file is missing or damaged, or a tensor is missing or is not what it must be.

    Args:
        folder: the run folder.
        name: of the file.
        forms: by name.
        same_rows: whether all must have as many rows.
    """
    there = folder.read_tensors(name)
    missing = [key for key, form in forms.items() if form.needed and key not in there]
    if missing:
        raise folder.broken(name, f"it has no {missing[0]}")
    found = {key: there[key] for key in forms if key in there}
    for key, tensor in found.items():
        wrong = _wrong(tensor, forms[key])
        if wrong:
            raise folder.broken(name, f"{key} {wrong}")
    rows = {key: len(tensor) for key, tensor in found.items()}
    if same_rows and len(set(rows.values())) > 1:
        raise folder.broken(name, f"rows must be equal, got {rows}")
    return found


def _wrong(tensor: Tensor, form: TensorForm) -> str:
    """What is wrong with a tensor, in words; empty where nothing is."""
    if tensor.ndim != form.axes:
        return f"must have {form.axes} axes, got {tensor.ndim}"
    if tensor.dtype != form.dtype:
        return f"must be numbers of {str(form.dtype).removeprefix('torch.')}, got {str(tensor.dtype).removeprefix('torch.')}"
    if not tensor.is_floating_point():
        return ""
    return not_finite(tensor, gaps=form.gaps)


def not_finite(tensor: Tensor, *, gaps: bool = False) -> str:
    """What to say of a tensor of floats that holds NaN or infinity; empty where all are finite (or, with gaps, NaN)."""
    good = tensor.isfinite() | tensor.isnan() if gaps else tensor.isfinite()
    return "" if bool(good.all()) else f"holds {int((~good).sum())} numbers that are not finite"
