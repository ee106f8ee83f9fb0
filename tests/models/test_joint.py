"""Heads and codings side by side."""

import pytest
import torch

from medgauge.models.heads import LinearHead
from medgauge.models.joint import JointCoding, JointHead
from medgauge.models.ordinal import OrdinalHead
from medgauge.models.ranks import GradeRanks
from medgauge.models.scaling import LabelScaling


def test_each_head_fills_its_own_columns() -> None:
    torch.manual_seed(0)
    linear, short, long = LinearHead(3, 2), OrdinalHead(3, 1, (0.5,), "binary"), OrdinalHead(3, 1, (0.5, 1.5), "corn")
    joint, embedding = JointHead([linear, short, long]), torch.randn(5, 3)
    prediction, logits = joint(embedding)
    assert joint.targets == 4
    assert logits is not None
    assert logits.shape == (5, 4, 2)
    torch.testing.assert_close(prediction[:, :2], linear(embedding))
    for column, head in ((2, short), (3, long)):
        value, own = head(embedding)
        torch.testing.assert_close(prediction[:, [column]], value)
        torch.testing.assert_close(logits[:, [column], : own.shape[2]], own)
    assert bool(logits[:, :2].isnan().all())
    assert bool(logits[:, 2, 1].isnan().all())
    assert not bool(logits[:, 3].isnan().any())


def test_without_logits_there_are_none() -> None:
    prediction, logits = JointHead([LinearHead(3, 1), LinearHead(3, 2)])(torch.zeros(2, 3))
    assert prediction.shape == (2, 3)
    assert logits is None


def test_one_head_is_not_joined() -> None:
    with pytest.raises(ValueError, match="heads must be two or more, got 1"):
        JointHead([LinearHead(3, 1)])


def test_a_number_is_divided_and_a_grade_beside_it_is_not() -> None:
    label, divisor = torch.tensor([[10.0, 0.0], [40.0, 4.0]]).double(), torch.tensor([2.0, 4.0]).double()
    number = LabelScaling("none").fit(label[:, :1], divisor, ["hc"])
    joint = JointCoding([number, GradeRanks().fit([(0.0, 4.0)])], [1, 1])
    assert joint.divides is True
    coded = joint.encode(label, divisor)
    assert coded.tolist() == [[5.0, 0.0], [10.0, 1.0]]
    assert joint.decode(coded, 2 * divisor).tolist() == [[20.0, 0.0], [80.0, 4.0]]


def test_the_state_is_that_of_each() -> None:
    label = torch.tensor([[1.0, 0.0], [5.0, 3.0]]).double()
    fitted = JointCoding(
        [LabelScaling("zscore").fit(label[:, :1], None, ["age"]), GradeRanks().fit([(0.0, 3.0)])], [1, 1]
    )
    empty = JointCoding([LabelScaling("zscore"), GradeRanks()], [1, 1])
    empty.load_state_dict(fitted.state_dict())
    assert empty.divides is False
    torch.testing.assert_close(empty.encode(label), torch.tensor([[-1.0, 0.0], [1.0, 1.0]]).double())
