"""The head's output as a predictor."""

from collections.abc import Sequence
from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.batch import Gallery, LabelCoding
from medgauge.inference.evidence import Reading
from medgauge.inference.predictor import coding_or_identity, label_spread, mean_errors, plain


class HeadPredictor:
    """The decoded output of the model's head. Nothing is tuned, and no case stands behind a value: no evidence.

    Training cases near the query may be shown beside it, as similar cases that were not used for the value.

    - Shape: as ``Predictor``.
    - Raises: ValueError if there is no prediction to decode.

    Args:
        coding: turns normalised label units into original ones; None if they are the same.
    """

    def __init__(self, coding: LabelCoding | None = None) -> None:
        self.coding = coding_or_identity(coding)
        self.validation_mae = self.validation_score = float("nan")

    def fit(self, gallery: Gallery, validation: Gallery | None = None) -> Self:
        """Score on ``validation``, with the spread of the gallery's labels."""
        self.validation_mae = self.validation_score = float("nan")
        if validation is not None:
            value = self.predict(validation.embedding, validation.prediction, times=validation.times).value
            error = (value - validation.label.double().cpu()).abs()
            spread = label_spread(gallery.label.double().cpu())
            scores = mean_errors(error.nansum(0), (~error.isnan()).sum(0), spread)
            self.validation_mae, self.validation_score = float(scores.mae), float(scores.score)
        return self

    def predict(
        self,
        embedding: Float[Tensor, "q d"],
        prediction: Float[Tensor, "q t"] | None = None,
        *,
        times: Float[Tensor, " q"] | None = None,
        group: Sequence[str] | None = None,
    ) -> Reading:
        """Decode ``prediction``; embedding and group have no part in it."""
        if prediction is None:
            raise ValueError("prediction must be given: the model has no head, or its output was not passed on")
        if len(prediction) != len(embedding):
            raise ValueError(f"prediction must have {len(embedding)} rows, got {len(prediction)}")
        prediction = prediction.detach().cpu().to(torch.float64)
        return Reading(self.coding.decode(prediction, None if times is None else times.cpu()), None)

    def to_dict(self) -> dict[str, object]:
        """Kind and validation errors."""
        return {
            "kind": "head",
            "validation_mae": plain(self.validation_mae),
            "validation_score": plain(self.validation_score),
        }
