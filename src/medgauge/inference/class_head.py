"""The output of a softmax head as a predictor: the chance of each class."""

from collections.abc import Sequence
from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.evidence import Reading
from medgauge.core.task import Error
from medgauge.inference.predictor import validation_error


class SoftmaxReader:
    """Chances of the classes from the logits of a softmax head. Nothing is tuned.

    - Shape: as ``core.task.Predictor``, values (q, t, k); ``validation`` (t,) is the mean error on the validation cases, NaN
      without any.
    - Raises: ValueError if there are no logits.

    Args:
        classes: how many each target has; one with fewer than the head has is given no chance beyond its own.
    """

    def __init__(self, classes: Sequence[int]) -> None:
        self.classes = tuple(classes)
        self.validation: Float[Tensor, " t"] = torch.empty(0, dtype=torch.float64)

    @property
    def tuned(self) -> dict[str, float]:
        """Nothing."""
        return {}

    def fit(self, gallery: Cases, validation: Cases | None = None, error: Error | None = None) -> Self:
        """Take the mean error of ``validation``."""
        self.validation = validation_error(self.read, len(self.classes), validation, error)
        return self

    def restore(self, gallery: Cases, tuned: dict[str, float]) -> Self:
        """As fitted before: there is nothing to take up again."""
        return self

    def read(self, cases: Cases) -> Reading:
        """The chance of each class."""
        if cases.logits is None:
            raise ValueError("logits must be given: the model has no softmax head, or its output was not passed on")
        logits = cases.logits.detach().cpu().double()
        known = torch.arange(logits.shape[2]) < torch.tensor(self.classes)[:, None]
        chance = logits.masked_fill(~known, -torch.inf).softmax(-1)
        return Reading(chance, None, chance)
