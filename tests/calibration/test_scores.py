"""Ranked scores, and one drawn case a group."""

import math
from fractions import Fraction

import pytest
import torch

from medgauge.calibration.scores import (
    check_level,
    check_targets,
    groups_needed,
    known_scale,
    one_a_group,
    ranked_score,
    residual_scores,
)

NAN = float("nan")


@pytest.mark.parametrize("level", ["0.5", "0.55", "0.8", "0.9", "0.95", "0.99"])
def test_the_quantile_is_finite_from_as_many_groups_on_as_are_needed(level: str) -> None:
    exact, needed = Fraction(level), groups_needed(float(level))
    assert needed == math.ceil(exact / (1 - exact))
    for count in range(1, 130):
        scores = [float(score) for score in range(1, count + 1)]
        rank = math.ceil((count + 1) * exact)
        assert ranked_score(scores, float(level)) == (rank if rank <= count else math.inf)
        assert (ranked_score(scores, float(level)) < math.inf) == (count >= needed)


def test_each_group_gives_one_of_its_scores_whatever_their_order() -> None:
    score = torch.tensor([5.0, 1.0, 2.0, NAN, 9.0, NAN])
    group = ["a", "b", "b", "b", "c", "d"]
    seen = set()
    for seed in range(40):
        drawn = one_a_group(score, group, seed, 0)
        assert len(drawn) == 3
        assert drawn == sorted(drawn)
        assert {5.0, 9.0} < set(drawn)
        order = torch.tensor([2, 5, 1, 4, 0, 3])
        assert one_a_group(score[order], [group[row] for row in order.tolist()], seed, 0) == drawn
        seen |= set(drawn)
    assert seen == {1.0, 2.0, 5.0, 9.0}


def test_a_residual_is_missing_where_value_or_label_is() -> None:
    found = residual_scores(torch.tensor([[1.0], [NAN], [3.0]]), torch.tensor([[4.0], [1.0], [NAN]]), ["a", "b", "c"])
    assert found.dtype == torch.float64
    assert found[0].item() == 3
    assert found[1:].isnan().all()
    with pytest.raises(ValueError, match="group must name the group of each of the 1 cases, got 2 names"):
        residual_scores(torch.zeros(1, 1), torch.zeros(1, 1), ["a", "b"])


def test_a_scale_divides_the_residual_and_must_be_above_0() -> None:
    value, label, scale = torch.tensor([[1.0, 5.0]]), torch.tensor([[4.0, 1.0]]), torch.tensor([[2.0, 0.5]])
    assert residual_scores(value, label, ["a"], scale).tolist() == [[1.5, 8.0]]
    assert known_scale(value, None, scaled=False).tolist() == [[1.0, 1.0]]
    for wrong in (0.0, -1.0, math.inf):
        with pytest.raises(ValueError, match="scale must be > 0 and finite"):
            known_scale(value, torch.tensor([[1.0, wrong]]), scaled=True)
    with pytest.raises(ValueError, match="scale must be given"):
        known_scale(value, None, scaled=True)
    with pytest.raises(ValueError, match="scale must not be given"):
        known_scale(value, scale, scaled=False)
    with pytest.raises(ValueError, match="same shape|scale"):
        known_scale(value, scale[:, :1], scaled=True)


def test_levels_and_shapes_are_checked() -> None:
    for level in (0.0, 1.0, NAN):
        with pytest.raises(ValueError, match="level"):
            check_level(level)
    check_level(0.5)
    check_targets(torch.zeros(3, 2), 2)
    with pytest.raises(ValueError, match=r"value must have shape \(n, 1\), got \(3, 2\)"):
        check_targets(torch.zeros(3, 2), 1)
