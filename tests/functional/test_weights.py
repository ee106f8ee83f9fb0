"""Weights of candidates: of the least log loss they are better than any that are drawn."""

import numpy as np
import pytest
import torch

from medgauge.functional.weights import least_absolute_weights, mixture_weights


@pytest.mark.parametrize("seed", range(3))
def test_mixture_weights_are_better_than_many(seed: int) -> None:
    random = np.random.default_rng(seed)
    chance = random.beta(2, 1, size=(3, 80)) * 0.98 + 0.01
    weights = mixture_weights(torch.from_numpy(chance)).numpy()
    others = random.dirichlet(np.full(3, 0.7), 20000)
    assert weights.sum() == pytest.approx(1)
    assert np.log(weights @ chance).sum() >= np.log(others @ chance).sum(1).max() - 1e-6


def test_a_candidate_that_is_always_better_has_all() -> None:
    chance = torch.tensor([[0.9, 0.8, 0.7], [0.5, 0.4, 0.3]]).double()
    assert mixture_weights(chance).tolist() == pytest.approx([1, 0], abs=1e-6)
    assert mixture_weights(chance[:1]).tolist() == [1]


def test_absolute_errors_that_cancel_share() -> None:
    weights = least_absolute_weights(torch.tensor([[1.0, 1.0], [-1.0, -1.0]]).double())
    assert weights.tolist() == pytest.approx([0.5, 0.5])
