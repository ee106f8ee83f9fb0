"""Chances of classes by kernel regression on the indicator of each."""

from dataclasses import replace
from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.evidence import Reading
from medgauge.core.task import Error
from medgauge.functional.classes import class_log_loss, one_hot
from medgauge.inference.kernel_ridge import KernelPredictor
from medgauge.inference.predictor import validation_error


class ClassKernel:
    """Kernel ridge regression of whether a case is of each class, values below 0 taken for 0, made 1 in sum.

    The constant is the one of the smallest log loss of these chances without the own group.

    - Shape: as ``core.task.Predictor`` for one column of classes; values (q, 1, k), no evidence.

    Args:
        classes: how many, k.
    """

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.inner = KernelPredictor()
        self.validation: Float[Tensor, " t"] = torch.empty(0, dtype=torch.float64)

    @property
    def tuned(self) -> dict[str, float]:
        """The constant."""
        return self.inner.tuned

    def fit(self, gallery: Cases, validation: Cases | None = None, error: Error | None = None) -> Self:
        """Fit on the indicators of all classes at once."""
        self.inner.fit(self._indicated(gallery), None, self._error)
        self.validation = validation_error(self.read, 1, validation, error)
        return self

    def restore(self, gallery: Cases, tuned: dict[str, float]) -> Self:
        """With the constant chosen before."""
        self.inner.restore(self._indicated(gallery), tuned)
        return self

    def read(self, cases: Cases) -> Reading:
        """The chance of each class."""
        chance = chances(self.inner.values(cases))[:, None]
        return Reading(chance, None)

    def _indicated(self, cases: Cases) -> Cases:
        return replace(cases, label=one_hot(cases.label.detach().cpu(), self.classes)[:, 0])

    @staticmethod
    def _error(value: Float[Tensor, "n k"], label: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """The log loss of each case, once a class."""
        missing = label.isnan().any(1)
        place = label.nan_to_num(0.0).argmax(1).double().masked_fill(missing, torch.nan)
        return class_log_loss(chances(value)[:, None], place[:, None]).expand(-1, label.shape[1])


def chances(value: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
    """Values below 0 taken for 0 and made 1 in sum; all the same where none is above 0.

    >>> chances(torch.tensor([[-0.5, 0.3, 0.1], [-1.0, 0.0, -2.0]]))
    tensor([[0.0000, 0.7500, 0.2500],
            [0.3333, 0.3333, 0.3333]])
    """
    known = value.clamp(min=0)
    whole = known.sum(1, keepdim=True)
    return torch.where(whole > 0, known / whole, 1 / value.shape[1]).where(
        ~value.isnan().any(1, keepdim=True), torch.nan
    )
