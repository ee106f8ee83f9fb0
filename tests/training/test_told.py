"""Figures beside the terms of an objective."""

import torch

from medgauge.losses import PointwiseLoss
from medgauge.training.objective import Objective
from medgauge.training.told import ToldObjective
from tests.contracts import make_step


def test_figures_stand_behind_the_terms_and_leave_the_sum_alone() -> None:
    step = make_step(5)
    told = {"spread": torch.tensor(0.5)}
    found = ToldObjective({"error": (PointwiseLoss(), 2.0)}, lambda _: told)(step)
    assert list(found) == ["error", "total", "spread"]
    assert found["spread"] == 0.5
    torch.testing.assert_close(found["total"], Objective({"error": (PointwiseLoss(), 2.0)})(step)["total"])
