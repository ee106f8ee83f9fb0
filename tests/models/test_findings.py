"""The head of findings is built again from its description; the coding changes nothing."""

import torch

from medgauge.models.description import ONE_HEAD
from medgauge.models.findings import FindingCoding, FindingHead


def test_the_prediction_is_the_chance_of_the_logits() -> None:
    head = FindingHead(3, 2)
    prediction, logits = head(torch.randn(4, 3))
    assert logits.shape == (4, 2, 1)
    torch.testing.assert_close(prediction, 1 / (1 + torch.exp(-logits[:, :, 0])))
    assert head.describe() == {"name": "findings"}
    assert set(head.describe()) == set(ONE_HEAD["findings"][0])


def test_half_precision_is_widened() -> None:
    prediction, logits = FindingHead(3, 2).to(torch.bfloat16)(torch.randn(4, 3))
    assert prediction.dtype == logits.dtype == torch.float32


def test_the_coding_changes_nothing() -> None:
    label = torch.tensor([[0.0], [1.0], [torch.nan]])
    coding = FindingCoding()
    assert not coding.divides
    assert coding.encode(label, torch.ones(3)) is label
    assert coding.decode(label) is label
    assert coding.state_dict() == {}
