"""The cases of a run in memory: from row numbers to a batch, quickly."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medgauge.core.batch import Batch
from medgauge.data.images.cache import PreparedImages


@dataclass(frozen=True)
class CaseArrays:
    """Prepared images with the labels and covariates beside them, row for row.

    - Shape: array (n, c, *space) as in ``PreparedImages``; label (n, t) float64 in original units, NaN = missing;
      covariates (n, q) float64 or None; divisor (n,) float64 or None, what labels are divided by before scaling;
      weight (n,) and region (n,) of the cases in the objective, or None.
    - Raises: ValueError if the numbers of rows differ.
    """

    array: np.ndarray[Any, Any]
    scale: float
    label: np.ndarray[Any, np.dtype[np.float64]]
    covariates: np.ndarray[Any, np.dtype[np.float64]] | None = None
    divisor: np.ndarray[Any, np.dtype[np.float64]] | None = None
    weight: np.ndarray[Any, np.dtype[np.float64]] | None = None
    region: np.ndarray[Any, np.dtype[np.int64]] | None = None

    def __post_init__(self) -> None:
        count = len(self.array)
        given = {
            "label": self.label,
            "covariates": self.covariates,
            "divisor": self.divisor,
            "weight": self.weight,
            "region": self.region,
        }
        for name, value in given.items():
            if value is not None and len(value) != count:
                raise ValueError(f"{name} must have {count} rows like the images, got {len(value)}")
        if self.label.ndim != 2:
            raise ValueError(f"label must be 2-D (cases, targets), got shape {self.label.shape}")

    def __len__(self) -> int:
        return len(self.label)

    def batch(self, rows: Sequence[int], device: torch.device | str = "cpu") -> Batch:
        """The cases of ``rows`` (in that order, repeats allowed) on a device: images in [0, 1], labels as they are."""
        places = np.asarray(rows, dtype=np.int64)
        image = torch.from_numpy(self.array[places]).to(device, non_blocking=True)
        return Batch(
            image=image.float() / self.scale if self.scale != 1.0 else image,
            label=torch.from_numpy(self.label[places]).to(device),
            row=torch.from_numpy(places).to(device),
            covariates=None if self.covariates is None else _single(self.covariates, places).to(device),
            divisor=None if self.divisor is None else torch.from_numpy(self.divisor[places]).to(device),
            weight=None if self.weight is None else _single(self.weight, places).to(device),
            region=None if self.region is None else torch.from_numpy(self.region[places]).to(device),
        )


def make_cases(
    images: PreparedImages,
    label: np.ndarray[Any, Any],
    covariates: np.ndarray[Any, Any] | None = None,
    divisor: np.ndarray[Any, Any] | None = None,
) -> CaseArrays:
    """Put images, labels and covariates together.

    Args:
        images: one a row of ``label``.
        label: (n, t) in original units.
        covariates: (n, q), or None.
        divisor: (n,), or None.
    """
    covariates, divisor = (
        None if part is None else np.asarray(part, dtype=np.float64) for part in (covariates, divisor)
    )
    array = np.asarray(images.array)  # a plain view: indexing a memmap object is slower
    return CaseArrays(array, images.scale, np.asarray(label, dtype=np.float64), covariates, divisor)


def _single(values: np.ndarray[Any, Any], rows: np.ndarray[Any, Any]) -> Tensor:
    return torch.from_numpy(values[rows].astype(np.float32))
