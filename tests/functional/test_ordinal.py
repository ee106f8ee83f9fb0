import math

import pytest
import torch

from medgauge.functional.ordinal import check_thresholds, expected_level, threshold_levels


@pytest.mark.parametrize(
    ("thresholds", "levels"),
    [
        ([0.5, 1.5, 2.5, 3.5], [0, 1, 2, 3, 4]),
        ([7.0], [6.5, 7.5]),
        ([0.0, 1.0, 5.0], [-0.5, 0.5, 3.0, 7.0]),
        ([1e9, 1e9 + 1], [1e9 - 0.5, 1e9 + 0.5, 1e9 + 1.5]),
    ],
)
def test_levels_are_midpoints_and_half_a_spacing_beyond(thresholds: list[float], levels: list[float]) -> None:
    assert threshold_levels(thresholds) == tuple(levels)


def test_thresholds_must_rise() -> None:
    assert check_thresholds([1, 2]) == (1.0, 2.0)
    for wrong in ([], [1.0, 1.0], [math.nan], [-math.inf, 0.0]):
        with pytest.raises(ValueError, match="thresholds must be finite, rising and at least one"):
            check_thresholds(wrong)


def test_value_is_the_sum_over_levels_of_chance_times_level() -> None:
    """Independent: chances of the levels themselves, by differences."""
    logits = torch.randn(5, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    levels = (-1.0, 0.5, 2.0, 7.0)
    above = torch.nn.functional.pad(torch.sigmoid(logits).cumprod(-1), (1, 1), value=0.0)
    above[..., 0] = 1.0
    expected = ((above[..., :-1] - above[..., 1:]) * torch.tensor(levels, dtype=torch.float64)).sum(-1)
    torch.testing.assert_close(expected_level(logits, levels, "corn"), expected, rtol=1e-12, atol=1e-12)
    chances = torch.sigmoid(logits)
    expected = levels[0] + 1.5 * chances[..., 0] + 1.5 * chances[..., 1] + 5.0 * chances[..., 2]
    torch.testing.assert_close(expected_level(logits, levels, "binary"), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["binary", "corn"])
def test_certain_logits_give_a_level_and_finite_gradients(kind: str) -> None:
    logits = torch.tensor([[[1e4, 1e4, -1e4]]], requires_grad=True)
    value = expected_level(logits, (0.0, 1.0, 2.0, 3.0), kind)  # type: ignore[arg-type]  # from parametrize
    value.sum().backward()
    assert value.item() == 2
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_half_logits_are_decoded_in_float32() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = expected_level(torch.zeros(1, 1, 1).bfloat16(), (256.0, 259.0), "binary")
    assert value.dtype == torch.float32
    assert value.item() == 257.5


def test_wrong_numbers_and_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="levels must be one more than logits, got 2 for 2"):
        expected_level(torch.zeros(1, 1, 2), (0.0, 1.0), "binary")
    with pytest.raises(ValueError, match="kind must be one of binary, corn, got coral"):
        expected_level(torch.zeros(1, 1, 1), (0.0, 1.0), "coral")  # type: ignore[arg-type]  # the mistake
