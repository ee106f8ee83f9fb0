"""The head's output as a predictor."""

from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.batch import Cases, LabelCoding
from medgauge.core.evidence import Reading
from medgauge.core.task import Error
from medgauge.inference.predictor import coding_or_identity, on_cpu, validation_error


class HeadPredictor:
    """The decoded output of the model's head. Nothing is tuned, and no case stands behind a value: no evidence.

    Training cases near the query may be shown beside it, as similar cases that were not used for the value.

    - Shape: as ``core.task.Predictor``; ``validation`` (t,) is the mean error on the validation cases, NaN without any.
    - Raises: ValueError if there is no prediction to decode.

    Args:
        coding: turns normalised label units into original ones; None if they are the same.
    """

    def __init__(self, coding: LabelCoding | None = None) -> None:
        self.coding = coding_or_identity(coding)
        self.validation: Float[Tensor, " t"] = torch.empty(0, dtype=torch.float64)

    @property
    def tuned(self) -> dict[str, float]:
        """Nothing."""
        return {}

    def fit(self, gallery: Cases, validation: Cases | None = None, error: Error | None = None) -> Self:
        """Take the mean error of ``validation``."""
        self.validation = validation_error(self.read, gallery.label.shape[1], validation, error)
        return self

    def restore(self, gallery: Cases, tuned: dict[str, float]) -> Self:
        """As fitted before: there is nothing to take up again."""
        return self

    def read(self, cases: Cases) -> Reading:
        """Decode ``cases.prediction``."""
        if cases.prediction is None:
            raise ValueError("prediction must be given: the model has no head, or its output was not passed on")
        return Reading(self.coding.decode(cases.prediction.detach().cpu().double(), on_cpu(cases.divisor)), None)
