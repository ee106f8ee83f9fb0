"""Chances of classes, their log loss, and the classes as strata."""

import math

import pytest
import torch

from medgauge.functional.classes import ClassStrata, class_log_loss, likeliest, one_hot

NAN = math.nan


def test_log_loss_is_a_slow_loop() -> None:
    draw = torch.Generator().manual_seed(0)
    chance = torch.rand(3, 5, 2, 4, generator=draw).softmax(-1)
    chance[:, 0, 0] = torch.tensor([0.0, 1.0, 0.0, 0.0])
    label = torch.randint(0, 4, (5, 2), generator=draw).double()
    label[0, 0], label[1, 1] = 0, NAN
    found = class_log_loss(chance, label)
    for m in range(3):
        for n in range(5):
            for t in range(2):
                if math.isnan(label[n, t]):
                    assert found[m, n, t].isnan()
                else:
                    own = max(float(chance[m, n, t, int(label[n, t])]), 0.001)
                    assert found[m, n, t].item() == pytest.approx(-math.log(own), rel=1e-6)


def test_a_class_beyond_the_chances_has_none() -> None:
    loss = class_log_loss(torch.tensor([[[0.5, 0.5]]]), torch.tensor([[2.0]]))
    assert loss.item() == pytest.approx(math.log(1000))


def test_the_likeliest_of_equal_ones_is_the_first_and_of_none_there_is_none() -> None:
    chance = torch.tensor([[[0.4, 0.4, 0.2]], [[0.1, 0.2, 0.7]], [[NAN] * 3]])
    assert likeliest(chance)[:2].flatten().tolist() == [0.0, 2.0]
    assert likeliest(chance)[2].isnan().all()


def test_certain_chances_are_the_labels() -> None:
    label = torch.tensor([[2.0, 0.0], [NAN, 1.0]])
    torch.testing.assert_close(likeliest(one_hot(label, 3)), label.double(), equal_nan=True)
    assert class_log_loss(one_hot(label, 3), label).nan_to_num(0.0).abs().max() == 0


def test_strata_are_the_classes_of_all_columns() -> None:
    strata = ClassStrata((("AP", "PA"), ("F", "M", "PA")))
    assert strata.names == ["AP", "PA", "F", "M"]
    label = torch.tensor([[1.0, 0.0], [NAN, 2.0]])
    assert strata.of(label).tolist() == [[1, 2], [-1, 1]]
    with pytest.raises(ValueError, match="label must have 2 columns"):
        strata.of(label[:, :1])
