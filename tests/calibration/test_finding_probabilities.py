"""What is said of findings."""

import torch

from medgauge.calibration.finding_probabilities import FindingProbabilities
from medgauge.core.task import Observed

NAN = float("nan")


def test_a_finding_is_called_present_from_one_half_on() -> None:
    value, label = torch.tensor([[0.5], [0.4], [0.9], [NAN]]), torch.tensor([[1.0], [1.0], [NAN], [0.0]])
    sure = FindingProbabilities(0.9)
    stated = sure.apply(Observed(value.double(), label.double(), list("abcd")))
    assert stated["positive"].flatten().tolist() == [True, False, True, False]
    assert stated["covered"].flatten().tolist() == [True, False, False, True]
    assert sure.cells(stated, 0) == [[1], [0], [1], [""]]
