"""Chances from decision values against a slow search, and Platt's sigmoid."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from medgauge.functional.margins import scaled_margins


def drawn(seed: int, classes: int, count: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    draw = np.random.default_rng(seed)
    place = draw.integers(0, classes, count)
    decision = draw.normal(0, 1, (count, classes)) + 1.5 * np.eye(classes)[place]
    return torch.from_numpy(decision), torch.from_numpy(place)


def test_two_classes_have_platts_sigmoid() -> None:
    decision, place = drawn(0, 2)
    margin = (decision[:, 1] - decision[:, 0]).numpy()
    present = place.numpy() == 1
    above, below = (present.sum() + 1) / (present.sum() + 2), 1 / ((~present).sum() + 2)
    target = np.where(present, above, below)

    def loss(ab: np.ndarray) -> float:
        chance = 1 / (1 + np.exp(-(ab[0] * margin + ab[1])))
        return -(target * np.log(chance) + (1 - target) * np.log(1 - chance)).sum()

    wanted = minimize(loss, [1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10}).x
    slope, offset = scaled_margins(torch.stack([torch.zeros(60).double(), torch.from_numpy(margin)], 1), place)
    assert slope == pytest.approx(wanted[0], rel=1e-3)
    assert float(offset[1] - offset[0]) == pytest.approx(wanted[1], abs=1e-3)


def test_one_slope_and_offsets_of_several_classes_are_near_the_classes() -> None:
    decision, place = drawn(1, 3)
    decision[:, 2] += 4.0  # as classes that weigh the same have it
    slope, offset = scaled_margins(decision, place)
    chance = (slope * decision + offset).softmax(-1)
    shares = torch.bincount(place).double() / len(place)
    torch.testing.assert_close(chance.mean(0), shares, rtol=0, atol=0.03)
    assert float(offset.sum()) == pytest.approx(0, abs=1e-9)
    right = torch.nn.functional.nll_loss(chance.log(), place)
    for other, shift in (
        (slope * 0.7, offset),
        (slope * 1.4, offset),
        (slope, offset + torch.tensor([0.3, 0.0, -0.3])),
    ):
        assert torch.nn.functional.nll_loss((other * decision + shift).softmax(-1).log(), place) > right - 0.01


def test_values_that_say_the_opposite_say_nothing_and_perfect_ones_are_finite() -> None:
    decision, place = drawn(2, 2)
    slope, offset = scaled_margins(-decision, place)
    assert slope == 0
    assert float(offset[1] - offset[0]) == pytest.approx(
        float(torch.log((place == 1).sum() / (place == 0).sum())), abs=0.1
    )
    slope, _ = scaled_margins(torch.nn.functional.one_hot(place, 2).double(), place)
    assert np.isfinite(slope)
