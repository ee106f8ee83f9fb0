"""Draws with unequal chances, and what samplers of labelled cases have in common."""

import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.samplers.weighted_draw import check_enough, group_codes, weighted_draw


def test_pairs_are_drawn_as_often_as_their_chances_say() -> None:
    """Chances 1/2, 1/3, 1/6: first and second are together in 1/2 * 2/3 + 1/3 * 3/4 of the draws."""
    log_chance, noise = torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64).log(), torch.Generator().manual_seed(0)
    draws = [weighted_draw(log_chance, 2, noise) for _ in range(4000)]
    assert all(len(set(draw)) == 2 for draw in draws)
    share = sum(set(draw) == {0, 1} for draw in draws) / 4000
    assert abs(share - 7 / 12) < 4 * (7 / 12 * 5 / 12 / 4000) ** 0.5


def test_a_group_is_drawn_once() -> None:
    noise = torch.Generator().manual_seed(0)
    for _ in range(50):
        drawn = weighted_draw(torch.zeros(6, dtype=torch.float64), 3, noise, [0, 0, 0, 1, 1, 2])
        assert len(drawn) == 3
        assert len({[0, 0, 0, 1, 1, 2][place] for place in drawn}) == 3


def test_too_few_cases_or_groups_are_refused() -> None:
    check_enough([0, 0, 1], 3, 9, one_per_group=False, way="balanced")
    with pytest.raises(
        InputError, match="^batch_size 3 is larger than the 2 groups of the 3 training cases with a label;"
    ):
        check_enough([0, 0, 1], 3, 9, one_per_group=True, way="balanced")
    with pytest.raises(InputError, match="^batch_size 4 is larger than the 3 training cases with a label; "):
        check_enough([0, 0, 1], 4, 9, one_per_group=False, way="balanced")
    with pytest.raises(
        InputError, match="^rarest_label batches need labels, and all of the 9 training cases have none$"
    ):
        check_enough([], 4, 9, one_per_group=False, way="rarest_label")


def test_groups_are_numbered_by_their_first_case() -> None:
    assert group_codes(["p2", "p1", "p2", None]) == [0, 1, 0, 2]
