"""The interval score against a slow loop and what it is least for."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from medgauge.metrics import interval_score


def test_one_miss_and_one_hit_by_hand() -> None:
    low, high = torch.tensor([[0.0], [0.0]]), torch.tensor([[10.0], [10.0]])
    assert interval_score(low[:1], high[:1], torch.tensor([[12.0]]), 0.9).item() == pytest.approx(50.0)
    assert interval_score(low, high, torch.tensor([[12.0], [3.0]]), 0.9).item() == pytest.approx(30.0)
    assert interval_score(low[:, 0], high[:, 0], torch.tensor([-1.0, 3.0]), 0.5).item() == pytest.approx(12.0)


def test_equals_a_slow_loop() -> None:
    draw = np.random.default_rng(0)
    low, label = draw.normal(-1, 1, (40, 2)), draw.normal(0, 2, (40, 2))
    high = low + draw.random((40, 2)) * 3
    label[::7, 1] = np.nan
    for target in range(2):
        found = []
        for row in range(40):
            if math.isnan(label[row, target]):
                continue
            a, b, y = low[row, target], high[row, target], label[row, target]
            found.append(b - a + (2 / 0.2) * max(0, a - y) + (2 / 0.2) * max(0, y - b))
        score = interval_score(*map(torch.from_numpy, (low, high, label)), 0.8)
        assert score[target].item() == pytest.approx(np.mean(found), rel=1e-12)


def test_the_true_quantiles_score_best() -> None:
    label = torch.from_numpy(np.random.default_rng(1).normal(0, 1, 20_000))
    end = stats.norm.ppf(0.95)
    scores = {
        wide: float(interval_score(*(torch.full_like(label, side * wide) for side in (-1, 1)), label, 0.9))
        for wide in (0.8 * end, end, 1.25 * end)
    }
    assert min(scores, key=lambda wide: scores[wide]) == end


def test_nothing_said_is_not_passed_over() -> None:
    low, high = torch.tensor([0.0, math.nan]), torch.tensor([1.0, 1.0])
    assert interval_score(low, high, torch.tensor([0.5, 0.5]), 0.9).isnan()
    assert interval_score(low, high, torch.tensor([0.5, math.nan]), 0.9).item() == 1.0
    assert interval_score(torch.tensor([-math.inf]), torch.tensor([1.0]), torch.tensor([0.5]), 0.9).isinf()
    assert interval_score(low, high, torch.tensor([math.nan, math.nan]), 0.9).isnan()
    for level in (0, 1, float("nan")):
        with pytest.raises(ValueError, match="level must be"):
            interval_score(low, high, low, level)
    with pytest.raises(ValueError, match="must have one shape"):
        interval_score(low, high[:, None], low, 0.9)
