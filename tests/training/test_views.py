"""A step of two views: rows, weights and no label."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from medgauge.core.batch import Batch
from medgauge.losses import NegativeCosineLoss, VICRegLoss
from medgauge.models.scaling import LabelScaling
from medgauge.training.objective import Objective
from medgauge.training.step import read_step
from medgauge.training.views import read_views


class Views(NamedTuple):
    projection: Tensor
    twin: Tensor


class Both(nn.Module):
    def forward(self, image: Tensor, view: Tensor) -> Views:
        return Views(torch.cat([image, view]), torch.cat([view, image]))


class One(nn.Module):
    def forward(self, image: Tensor, view: Tensor) -> Views:
        return Views(image, view)


def batch() -> Batch:
    draw = torch.Generator().manual_seed(0)
    image, view = torch.rand(3, 4, generator=draw), torch.rand(3, 4, generator=draw)
    weight = torch.tensor([1.0, 1.5, 3.0])
    return Batch(image, torch.full((3, 1), float("nan")), torch.tensor([7, 8, 9]), weight=weight, view=view)


def test_both_directions_repeat_weights_and_rows() -> None:
    step = read_step(Both(), batch(), LabelScaling(), 0.5, guided=False)
    assert step.label.shape == (6, 0)
    assert step.weight is not None
    assert step.weight.tolist() == [1.0, 1.5, 3.0] * 2
    assert step.row is not None
    assert step.row.tolist() == [7, 8, 9] * 2
    given, cosine = batch(), nn.CosineSimilarity()
    assert given.view is not None
    each = -cosine(given.image, given.view) * torch.tensor([1.0, 1.5, 3.0])
    loss = Objective({"similarity": (NegativeCosineLoss(), 1.0)})(step)["total"]
    torch.testing.assert_close(loss, each.sum() / 5.5)


def test_one_direction_keeps_them() -> None:
    step = read_step(One(), batch(), LabelScaling(), 0.5, guided=False)
    assert step.label.shape == (3, 0)
    torch.testing.assert_close(read_views(One(), batch(), 0.5).twin, step.twin)
    assert bool(Objective({"agree": (VICRegLoss(), 1.0)})(step)["total"].isfinite())
