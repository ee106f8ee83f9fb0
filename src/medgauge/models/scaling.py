"""Labels to normalised label units and back."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.checks import check_choice
from medgauge.core.errors import InputError
from medgauge.core.words import counted
from medgauge.models.coding import Coding

ScalingKind = Literal["zscore", "min_max", "log2", "none"]


class LabelScaling(Coding):
    """Scaling of each target, fitted on the training labels, kept in float64 and inverted at prediction.

    ``zscore`` gives mean 0 and standard deviation 1 (over the observed labels, not n - 1); ``min_max`` gives 0
    to 1; ``log2`` is the z-score of log2(1 + label); ``none`` leaves labels as they are. Missing labels (NaN) stay NaN.
    With ``divisor`` (the covariate of ``label_times``) the label is divided by it first, and multiplied by it last.

    - Shape: label and value (n, t); divisor (n,). The result has the dtype of the input; in between all is float64.
    - Raises: InputError for labels or divisor that cannot be scaled; ValueError before ``fit`` and for other shapes.
    - Source: labels z-scored in training: Chao et al., MICCAI 2022 (bone age); log2 of the Agatston score: there too.
    - Departs: a score of 0, unmentioned there, becomes log2(1 + 0) = 0; log2 labels get a z-score, not (v - 6.5) / 2.

    Args:
        kind: one of the four above, for all targets.
    """

    centre: Tensor
    spread: Tensor
    timed: Tensor

    def __init__(self, kind: ScalingKind = "zscore") -> None:
        super().__init__()
        check_choice("kind", kind, get_args(ScalingKind))
        self.kind = kind
        self.register_buffer("centre", torch.zeros(0, dtype=torch.float64))
        self.register_buffer("spread", torch.ones(0, dtype=torch.float64))
        self.register_buffer("timed", torch.tensor(False))

    @property
    def targets(self) -> int:
        """Number of targets; 0 before ``fit``."""
        return self.centre.numel()

    @property
    def divides(self) -> bool:
        """Whether it was fitted with what labels are divided by."""
        return bool(self.timed)

    def fit(
        self,
        label: Float[Tensor, "n t"],
        divisor: Float[Tensor, " n"] | None = None,
        names: Sequence[str] | None = None,
    ) -> "LabelScaling":
        """Take centre and spread from the training labels (original units); ``names``: the targets, for messages."""
        values = self._forwards(label, divisor)
        shown = list(names) if names is not None else [f"target {place}" for place in range(values.shape[1])]
        pairs = [self._statistics(column, name) for column, name in zip(values.unbind(dim=1), shown, strict=True)]
        self.centre = torch.stack([centre for centre, _ in pairs]).to(self.centre.device)
        self.spread = torch.stack([spread for _, spread in pairs]).to(self.centre.device)
        self.timed = torch.tensor(divisor is not None)
        return self

    def encode(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None = None) -> Float[Tensor, "n t"]:
        """Original units to normalised label units."""
        self._check(label, divisor)
        centre, spread = self.centre.to(label.device), self.spread.to(label.device)
        return ((self._forwards(label, divisor) - centre) / spread).to(label.dtype)

    def decode(self, value: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None = None) -> Float[Tensor, "n t"]:
        """Normalised label units to original units."""
        self._check(value, divisor)
        label = value.double() * self.spread.to(value.device) + self.centre.to(value.device)
        if self.kind == "log2":
            label = torch.expm1(label * math.log(2))
        if divisor is not None:
            label = label * _factor(divisor, label)
        return label.to(value.dtype)

    def transformed(
        self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None = None
    ) -> Float[Tensor, "n t"]:
        """Labels or decoded predictions before centring: log2(1 + label), else the label; over ``divisor``."""
        value = label.double() if divisor is None else label.double() / _factor(divisor, label)
        return (torch.log1p(value) / math.log(2) if self.kind == "log2" else value).to(label.dtype)

    def _forwards(self, label: Tensor, divisor: Tensor | None) -> Tensor:
        if label.ndim != 2 or not label.is_floating_point():
            raise ValueError(f"label must be a 2-D float tensor, got {label.dtype} of shape {tuple(label.shape)}")
        if self.kind == "log2" and bool((label < 0).any()):
            raise InputError(
                f"log2 scaling needs labels >= 0, and {float(label[label < 0].min()):g} is among them; "
                "correct the table or choose zscore scaling."
            )
        return self.transformed(label.double(), divisor)

    def _statistics(self, column: Tensor, name: str) -> tuple[Tensor, Tensor]:
        """Centre and spread of one target."""
        seen = column[~torch.isnan(column)]
        if seen.numel() == 0:
            raise InputError(
                f"the label {name} is missing in all {column.numel()} training cases; give at least two values."
            )
        if bool(torch.isinf(seen).any()):
            raise InputError(f"the label {name} is infinite in a training case; correct the table.")
        if self.kind == "none":
            return torch.zeros_like(seen[0]), torch.ones_like(seen[0])
        lowest, highest = seen.min(), seen.max()
        if self.kind == "min_max":
            centre, spread = lowest, highest - lowest
        else:
            centre = seen.mean()
            spread = (seen - centre).square().mean().sqrt()
        if lowest == highest or spread == 0:
            raise InputError(
                f"the label {name} is constant ({float(lowest):g} in all {seen.numel()} training cases that have it); "
                "there is nothing to learn: check the label column."
            )
        return centre, spread

    def _check(self, label: Tensor, divisor: Tensor | None) -> None:
        if self.targets == 0:
            raise ValueError("the label scaling is not fitted: call fit(label) with the training labels first")
        if label.ndim != 2 or label.shape[1] != self.targets:
            raise ValueError(f"label must have shape (n, {self.targets}), got {tuple(label.shape)}")
        if bool(self.timed) != (divisor is not None):
            state = "with" if self.timed else "without"
            raise ValueError(f"divisor must be given as at fit: the scaling was fitted {state} divisor")

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Take the number of targets from the saved state, which must be numbers, a spread > 0 for each."""
        centre, spread = (state_dict.get(f"{prefix}{name}", self.centre) for name in ("centre", "spread"))
        if centre.ndim != 1 or centre.shape != spread.shape or not bool(centre.isfinite().all()):
            raise ValueError("centre and spread of the label scaling must be a finite number for each target")
        if not bool((spread.isfinite() & (spread > 0)).all()):
            raise ValueError("spread of the label scaling must be > 0 and finite")
        for name in ("centre", "spread"):
            if prefix + name in state_dict:
                setattr(self, name, torch.zeros_like(state_dict[prefix + name], device=self.centre.device))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def _apply(self, fn: Any, recurse: bool = True) -> "LabelScaling":
        """Move with the module, but stay float64: ``half()`` must not round the labels' scale.

        ``timed`` stays on the CPU: it is read at each step, and no step must wait for a device.
        """
        centre, spread, timed = self.centre, self.spread, self.timed
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.timed = timed
        self.centre, self.spread = centre.to(self.centre.device), spread.to(self.spread.device)
        return self


def _factor(divisor: Tensor, label: Tensor) -> Tensor:
    """``divisor`` as a float64 column beside the labels."""
    if divisor.shape != label.shape[:1]:
        raise ValueError(f"divisor must have shape ({label.shape[0]},), got {tuple(divisor.shape)}")
    wrong = ~(torch.isfinite(divisor) & (divisor > 0))
    if bool(wrong.any()):
        first, others = int(torch.nonzero(wrong)[0]), int(wrong.sum()) - 1
        more = f" (and wrong in {counted(others, 'other')})" if others else ""
        raise InputError(
            f"the covariate that labels are divided by (--label-times) must be a number > 0 in every case, and is "
            f"{float(divisor[first]):g} in the case at place {first}{more}; correct the table or leave --label-times out."
        )
    return divisor.double().to(label.device).unsqueeze(1)
