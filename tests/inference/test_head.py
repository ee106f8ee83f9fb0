import json

import pytest
import torch

from medgauge.core.batch import Gallery
from medgauge.inference import HeadPredictor, Predictor
from medgauge.models.scaling import LabelScaling

NAN = float("nan")
NAMES = ["a", "b", "c"]
LABEL = torch.tensor([[1.0, 100.0], [2.0, 200.0], [3.0, NAN]], dtype=torch.float64)


def _gallery(prediction: torch.Tensor | None = None) -> Gallery:
    return Gallery(torch.zeros(3, 2), LABEL, NAMES, NAMES, prediction=prediction)


def test_value_is_the_decoded_prediction_without_evidence() -> None:
    coding = LabelScaling("min_max").fit(LABEL)
    predictor: Predictor = HeadPredictor(coding).fit(_gallery())
    reading = predictor.predict(torch.zeros(2, 2), torch.tensor([[0.5, 0.0], [2.0, 1.5]]), group=["a", "b"])
    assert reading.value.tolist() == [[2.0, 100.0], [5.0, 250.0]]
    assert reading.value.dtype == torch.float64
    assert reading.evidence is None


def test_times_multiplies() -> None:
    reading = HeadPredictor().predict(torch.zeros(2, 2), torch.ones(2, 1), times=torch.tensor([2.0, 3.0]).double())
    assert reading.value.tolist() == [[2.0], [3.0]]


def test_validation_errors_over_observed_labels() -> None:
    validation = _gallery(torch.tensor([[2.0, 150.0], [2.0, 200.0], [3.0, 0.0]]))
    predictor = HeadPredictor().fit(_gallery(), validation)
    assert predictor.validation_mae == pytest.approx((1 / 3 + 25) / 2)
    assert predictor.validation_score == pytest.approx((1 / 3 / (2 / 3) ** 0.5 + 25 / 50) / 2)
    assert json.loads(json.dumps(predictor.to_dict()))["validation_mae"] == predictor.validation_mae
    assert HeadPredictor().fit(_gallery()).to_dict()["validation_mae"] is None


def test_a_missing_prediction_raises() -> None:
    with pytest.raises(ValueError, match="prediction must be given"):
        HeadPredictor().predict(torch.zeros(1, 2))
    with pytest.raises(ValueError, match="prediction must have 1 rows, got 2"):
        HeadPredictor().predict(torch.zeros(1, 2), torch.zeros(2, 1))
