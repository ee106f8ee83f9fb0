"""The cases of a run in memory: from row numbers to a batch, quickly."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medgauge.core.batch import Batch
from medgauge.data.cache import PreparedImages


@dataclass(frozen=True)
class CaseArrays:
    """Prepared images with the labels and covariates beside them, row for row.

    - Shape: array (n, c, *space) as in ``PreparedImages``; label (n, t) float64 in original units, NaN = missing;
      covariates (n, q) float64 or None; times (n,) float64 or None, what labels are divided by before scaling;
      weight (n,) and region (n,) of the cases in the objective, or None; place (n,) the row of ``array`` of each case,
      None: the same row.
    - Raises: ValueError if the numbers of rows differ.
    """

    array: np.ndarray[Any, Any]
    scale: float
    label: np.ndarray[Any, np.dtype[np.float64]]
    covariates: np.ndarray[Any, np.dtype[np.float64]] | None = None
    times: np.ndarray[Any, np.dtype[np.float64]] | None = None
    place: np.ndarray[Any, np.dtype[np.int64]] | None = None
    weight: np.ndarray[Any, np.dtype[np.float64]] | None = None
    region: np.ndarray[Any, np.dtype[np.int64]] | None = None

    def __post_init__(self) -> None:
        count = len(self.array if self.place is None else self.place)
        given = {
            "label": self.label,
            "covariates": self.covariates,
            "times": self.times,
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
        image = torch.from_numpy(self.array[places if self.place is None else self.place[places]]).to(
            device, non_blocking=True
        )
        return Batch(
            image=image.float() / self.scale if self.scale != 1.0 else image,
            label=torch.from_numpy(self.label[places]).to(device),
            row=torch.from_numpy(places).to(device),
            covariates=None if self.covariates is None else _single(self.covariates, places).to(device),
            times=None if self.times is None else torch.from_numpy(self.times[places]).to(device),
            weight=None if self.weight is None else _single(self.weight, places).to(device),
            region=None if self.region is None else torch.from_numpy(self.region[places]).to(device),
        )


def make_cases(
    images: PreparedImages,
    label: np.ndarray[Any, Any],
    covariates: np.ndarray[Any, Any] | None = None,
    times: np.ndarray[Any, Any] | None = None,
    *,
    rows: Sequence[int] | None = None,
    size_columns: Sequence[int] = (),
    times_is_size: bool = True,
) -> CaseArrays:
    """Put images, labels and covariates together.

    Args:
        images: one a row of ``label``.
        label: (n, t) in original units.
        covariates: (n, q), or None.
        times: (n,), or None.
        rows: the rows to keep, in that order (bad files left out); None: all.
        size_columns: covariates that are the physical size of a pixel: divided by the zoom with which the image was
            resized, so that they are right for the pixels that the model sees.
        times_is_size: whether ``times`` is such a size too.
    """
    zoom = images.zoom
    if covariates is not None:
        covariates = np.array(covariates, dtype=np.float64)
        covariates[:, list(size_columns)] /= zoom[:, None]
    if times is not None:
        times = np.asarray(times, dtype=np.float64) / (zoom if times_is_size else 1.0)
    label = np.asarray(label, dtype=np.float64)
    array = np.asarray(images.array)  # a plain view: indexing a memmap object is slower
    made = CaseArrays(array, images.scale, label, covariates, times)
    return made if rows is None else _kept(made, np.asarray(rows, dtype=np.int64))


def _kept(cases: CaseArrays, rows: np.ndarray[Any, Any]) -> CaseArrays:
    """Some rows; the images stay where they are."""
    covariates, times = (None if value is None else value[rows] for value in (cases.covariates, cases.times))
    return CaseArrays(cases.array, cases.scale, cases.label[rows], covariates, times, place=rows)


def _single(values: np.ndarray[Any, Any], rows: np.ndarray[Any, Any]) -> Tensor:
    return torch.from_numpy(values[rows].astype(np.float32))
