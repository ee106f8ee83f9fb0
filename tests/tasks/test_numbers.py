"""Numbers hold the contract of kinds, and what is theirs alone."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from medgauge.core.errors import InputError
from medgauge.models.heads import DistributionHead, LinearHead
from medgauge.models.ordinal import OrdinalHead
from medgauge.tasks.numbers import Numbers
from medgauge.tasks.settings import Bins, HeadSettings
from tests.contracts import TaskContract

NAN = float("nan")


class TestNumbers(TaskContract):
    def make(self) -> Numbers:
        return Numbers.make(["age"], HeadSettings(), "zscore")

    def labels(self) -> Tensor:
        draw = torch.Generator().manual_seed(0)
        known = 40 + 15 * torch.randn(80, 1, generator=draw, dtype=torch.float64)
        return torch.cat([known, torch.tensor([[NAN], [NAN]])])

    def bad(self) -> list[tuple[Tensor, str]]:
        return [
            (torch.full((4, 1), 3.0), "label age: is 3 in all 4 labelled cases"),
            (torch.full((4, 1), NAN), "label age: is missing in all 4 cases; correct it, or leave the column out"),
            (torch.tensor([[1.0], [float("inf")], [2.0]]), "label age is infinite"),
        ]

    def settings(self) -> object:
        return SimpleNamespace(level=0.8, correction="none", age_gap=False, interval="label_conditional")


def test_the_score_is_the_error_over_that_of_the_training_median() -> None:
    task = Numbers.make(["age"], HeadSettings(), "zscore").fit(torch.tensor([[1.0], [2.0], [9.0]]).double(), None)
    label, value = torch.tensor([[2.0], [6.0]]).double(), torch.tensor([[3.0], [5.0]]).double()
    assert task.score(value, label) == pytest.approx(1 / 2)
    assert task.score(torch.full((2, 1), 2.0), label) == pytest.approx(1)
    assert task.relative(torch.tensor([3.0]), torch.tensor([[2.0], [2.0]])) == 3.0  # the median has no error here


def test_the_head_is_the_one_asked_for() -> None:
    label = torch.arange(6.0, dtype=torch.float64)[:, None]

    def head(settings: HeadSettings) -> object:
        return Numbers.make(["age"], settings, "zscore").fit(label, None).head(4)

    assert isinstance(head(HeadSettings()), LinearHead)
    assert isinstance(head(HeadSettings("ordinal", (-0.5, 0.5))), OrdinalHead)
    assert head(HeadSettings("none")) is None
    made = head(HeadSettings("distribution", bins=Bins(-3, 5, 16)))
    assert isinstance(made, DistributionHead)
    assert made.describe() == {"name": "distribution", "low": -3.0, "high": 5.0, "bins": 16}
    with pytest.raises(InputError, match="model.head distribution needs a DistributionLoss in the objective"):
        head(HeadSettings("distribution"))
    with pytest.raises(InputError, match="needs an OrdinalRegressionLoss in the objective"):
        head(HeadSettings("ordinal"))
    with pytest.raises(InputError, match="needs thresholds in its OrdinalRegressionLoss"):
        head(HeadSettings("ordinal", "ranks"))


def test_log_labels_have_their_errors_in_that_unit_too() -> None:
    label = torch.tensor([[1.0], [7.0]]).double()
    task = Numbers.make(["cac"], HeadSettings(), "log2").fit(label, None)
    found = task.further(torch.tensor([[3.0], [7.0]]).double(), label, 0)["transformed"]
    assert isinstance(found, dict)
    assert found["unit"] == "log2(1 + label)"
    assert found["mae"] == pytest.approx(0.5)
    assert Numbers.make(["age"], HeadSettings(), "zscore").fit(label, None).further(label, label, 0) == {}


def test_labels_beyond_the_bins_are_told_and_those_within_are_not() -> None:
    label = torch.cat([torch.arange(98.0), torch.tensor([NAN, 100.0])])[
        :, None
    ].double()  # one is 1.76 sd off, none more

    def notes(settings: HeadSettings, more: float) -> list[str]:
        whole = torch.cat([label, torch.tensor([[more]]).double()])
        return Numbers.make(["age"], settings, "zscore").fit(whole, None).notes(whole, None)

    assert notes(HeadSettings("distribution", bins=Bins()), 50.0) == []
    assert notes(HeadSettings(), 1000.0) == []
    (told,) = notes(HeadSettings("distribution", bins=Bins()), 1000.0)  # 9.5 standard deviations
    assert told.startswith(
        "age: 1 of 101 training labels lie beyond the bins of the distribution head (-4 to 4 after scaling)"
    )
