import pytest
import torch

from medgauge.core.batch import Cases
from medgauge.core.task import Predictor
from medgauge.inference import HeadPredictor
from medgauge.inference.predictor import absolute_error
from medgauge.models.scaling import LabelScaling

NAN = float("nan")
NAMES = ["a", "b", "c"]
LABEL = torch.tensor([[1.0, 100.0], [2.0, 200.0], [3.0, NAN]], dtype=torch.float64)


def _gallery(prediction: torch.Tensor | None = None) -> Cases:
    return Cases(torch.zeros(3, 2), LABEL, NAMES, NAMES, prediction=prediction)


def test_value_is_the_decoded_prediction_without_evidence() -> None:
    coding = LabelScaling("min_max").fit(LABEL)
    predictor: Predictor = HeadPredictor(coding).fit(_gallery())
    prediction = torch.tensor([[0.5, 0.0], [2.0, 1.5], [0.0, 0.0]])
    reading = predictor.read(_gallery(prediction).take(torch.tensor([0, 1])))
    assert reading.value.tolist() == [[2.0, 100.0], [5.0, 250.0]]
    assert reading.value.dtype == torch.float64
    assert reading.evidence is None


def test_times_multiplies() -> None:
    divisor = torch.tensor([2.0, 3.0]).double()
    cases = Cases(torch.zeros(2, 2), LABEL[:2, :1], NAMES[:2], NAMES[:2], prediction=torch.ones(2, 1), divisor=divisor)
    reading = HeadPredictor().read(cases)
    assert reading.value.tolist() == [[2.0], [3.0]]


def test_validation_errors_over_observed_labels() -> None:
    validation = _gallery(torch.tensor([[2.0, 150.0], [2.0, 200.0], [3.0, 0.0]]))
    predictor = HeadPredictor().fit(_gallery(), validation, absolute_error)
    assert predictor.validation.tolist() == pytest.approx([1 / 3, 25])
    assert HeadPredictor().fit(_gallery()).validation.isnan().all()
    assert predictor.tuned == {}


def test_a_missing_prediction_raises() -> None:
    with pytest.raises(ValueError, match="prediction must be given"):
        HeadPredictor().read(_gallery())
