import pytest
import torch

from medgauge.losses import OrdinalRegressionLoss
from medgauge.models.ordinal import OrdinalHead

GRADES = [0.5, 1.5, 2.5, 3.5]


@pytest.mark.parametrize("kind", ["binary", "corn"])
def test_shapes_and_parts_by_hand(kind: str) -> None:
    head = OrdinalHead(6, 2, GRADES, kind)  # type: ignore[arg-type]  # from parametrize
    embedding = torch.randn(5, 6)
    prediction, logits = head(embedding)
    assert logits.shape == (5, 2, 4)
    torch.testing.assert_close(logits[:, 1], embedding @ head.linear.weight[4:].T + head.linear.bias[4:])
    above = torch.sigmoid(logits) if kind == "binary" else torch.sigmoid(logits).cumprod(-1)
    torch.testing.assert_close(prediction, above.sum(-1))  # levels 0 to 4, a step apart
    assert head.targets == 2
    assert head.levels == (0, 1, 2, 3, 4)


@pytest.mark.parametrize("kind", ["binary", "corn"])
def test_a_description_builds_it_again(kind: str) -> None:
    head = OrdinalHead(6, 2, GRADES, kind)  # type: ignore[arg-type]  # from parametrize
    assert head.describe() == {"name": "ordinal", "thresholds": GRADES, "kind": kind}
    settings = {key: value for key, value in head.describe().items() if key != "name"}
    again = OrdinalHead(6, 2, **settings)  # type: ignore[arg-type]  # from a description
    again.load_state_dict(head.state_dict())
    embedding = torch.randn(3, 6)
    torch.testing.assert_close(again(embedding), head(embedding), rtol=0, atol=0)


@pytest.mark.parametrize("kind", ["binary", "corn"])
def test_learns_grades(kind: str) -> None:
    torch.manual_seed(0)
    label = torch.arange(5.0).repeat(6)[:, None]
    embedding = torch.cat([label, label.square() / 4], dim=1) + 0.01 * torch.randn(30, 2)
    head, term = OrdinalHead(2, 1, GRADES, kind), OrdinalRegressionLoss(GRADES, kind)  # type: ignore[arg-type]  # from parametrize
    optimiser = torch.optim.Adam(head.parameters(), lr=0.3)
    for _ in range(300):
        optimiser.zero_grad()
        term(head(embedding)[1], label).backward()
        optimiser.step()
    assert (head(embedding)[0] - label).abs().max() < 0.3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_and_half_weights_give_float32(dtype: torch.dtype) -> None:
    head, embedding = OrdinalHead(6, 2, GRADES), torch.randn(5, 6)
    with torch.autocast("cpu", dtype=dtype):
        found = head(embedding)
    torch.testing.assert_close(found, head(embedding), rtol=0, atol=0)
    prediction, logits = OrdinalHead(6, 2, GRADES).to(dtype)(embedding)
    assert prediction.dtype == logits.dtype == torch.float32


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="embedding and targets must be >= 1, got 4 and 0"):
        OrdinalHead(4, 0, GRADES)
    with pytest.raises(ValueError, match="thresholds must be finite, rising"):
        OrdinalHead(4, 1, [1.0, 0.0])
    with pytest.raises(ValueError, match="kind must be one of binary, corn, got coral"):
        OrdinalHead(4, 1, GRADES, "coral")  # type: ignore[arg-type]  # the mistake
