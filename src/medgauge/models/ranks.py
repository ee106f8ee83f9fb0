"""Grades to ranks among the training levels and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.models.coding import Coding


class GradeRanks(Coding):
    """The rank of a grade among the levels of the training labels: 0 for the lowest, 1 for the next, and so on.

    Between two levels ranks are interpolated, and beyond the outer ones they go on by one a grade, so that values that
    are no level have a rank too and come back from it.

    - Shape: label and value (n, t); the result has the dtype of the input, in between all is float64.
    - Raises: ValueError before ``fit``.
    """

    levels: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("levels", torch.zeros(0, 0, dtype=torch.float64))

    @property
    def divides(self) -> bool:
        """Grades are never divided by a covariate."""
        return False

    def fit(self, levels: Sequence[Sequence[float]]) -> "GradeRanks":
        """Take the levels of each target, rising; a target with fewer of them has NaN behind."""
        width = max(map(len, levels))
        rows = [[*map(float, of), *[torch.nan] * (width - len(of))] for of in levels]
        self.levels = torch.tensor(rows, dtype=torch.float64, device=self.levels.device)
        return self

    def encode(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None = None) -> Float[Tensor, "n t"]:
        """Grades to ranks."""
        columns = [
            _bent(column, known, torch.arange(len(known), dtype=torch.float64, device=known.device))
            for column, known in zip(label.double().unbind(1), self._known(label), strict=True)
        ]
        return torch.stack(columns, dim=1).to(label.dtype)

    def decode(self, value: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None = None) -> Float[Tensor, "n t"]:
        """Ranks to grades."""
        columns = [
            _bent(column, torch.arange(len(known), dtype=torch.float64, device=known.device), known)
            for column, known in zip(value.double().unbind(1), self._known(value), strict=True)
        ]
        return torch.stack(columns, dim=1).to(value.dtype)

    def _known(self, label: Tensor) -> list[Tensor]:
        """The levels of each target."""
        if label.ndim != 2 or label.shape[1] != len(self.levels) or not len(self.levels):
            raise ValueError(f"label must have shape (n, {len(self.levels)}) after fit, got {tuple(label.shape)}")
        return [row[~row.isnan()].to(label.device) for row in self.levels]

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Take the number of targets and levels from the saved state."""
        if f"{prefix}levels" in state_dict:
            _check_levels(state_dict[f"{prefix}levels"])
            self.levels = torch.zeros_like(state_dict[f"{prefix}levels"], device=self.levels.device)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def _apply(self, fn: Any, recurse: bool = True) -> "GradeRanks":
        """Move with the module, but stay float64."""
        levels = self.levels
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.levels = levels.to(self.levels.device)
        return self


def _check_levels(levels: Tensor) -> None:
    """Raise unless there are rising levels for each target, with NaN behind the last."""
    for row in levels if levels.ndim == 2 else [levels.flatten()[:0]]:
        known = row[~row.isnan()]
        if (
            not len(known)
            or not bool(known.isfinite().all() & (known.diff() > 0).all())
            or bool(row[: len(known)].isnan().any())
        ):
            raise ValueError("levels of the grades must be finite and rising, one or more for each target")


def _bent(value: Float[Tensor, " n"], given: Float[Tensor, " k"], wanted: Float[Tensor, " k"]) -> Float[Tensor, " n"]:
    """The line through the points (given, wanted), of slope 1 beyond the outer ones; NaN stays NaN."""
    inside = value.clamp(given[0], given[-1])
    place = torch.searchsorted(given, inside.contiguous(), right=True).clamp(1, max(len(given) - 1, 1))
    if len(given) == 1:
        return wanted[0] + (value - given[0])
    low, high = given[place - 1], given[place]
    share = (inside - low) / (high - low)
    return wanted[place - 1] + share * (wanted[place] - wanted[place - 1]) + (value - inside)
