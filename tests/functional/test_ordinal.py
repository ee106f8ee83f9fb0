import math
from decimal import Decimal, localcontext

import pytest
import scipy.special
import torch
from torch import Tensor

from medgauge.functional.ordinal import check_thresholds, expected_level, level_probabilities, threshold_levels


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


def logits_of(*shape: int, scale: float = 2.0) -> Tensor:
    return scale * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def exact_chances(logits: list[float], kind: str) -> list[float]:
    """The definition in decimal numbers of 100 digits, one level after the other."""
    with localcontext() as context:
        context.prec = 100
        chances = [1 / (1 + (-Decimal(one)).exp()) for one in logits]
        above, least = [Decimal(1)], Decimal(1)
        for chance in chances:
            least = least * chance if kind == "corn" else min(least, chance)
            above.append(least)
        above.append(Decimal(0))
        return [float(one - other) for one, other in zip(above, above[1:], strict=False)]


@pytest.mark.parametrize("kind", ["binary", "corn"])
@pytest.mark.parametrize("scale", [1.0, 5.0, 60.0])
def test_chances_of_levels_equal_the_definition_in_exact_numbers(kind: str, scale: float) -> None:
    logits = logits_of(20, 2, 4, scale=scale).clamp(-60, 60)
    logits[0, 0], logits[1, 0], logits[2, 0] = 60.0, -60.0, torch.tensor([60.0, 60.0, -60.0, -60.0])
    found = level_probabilities(logits, kind)  # type: ignore[arg-type]  # from parametrize
    assert found.shape == (20, 2, 5)
    assert (found >= 0).all()
    torch.testing.assert_close(found.sum(-1), torch.ones(20, 2, dtype=torch.float64), rtol=0, atol=1e-14)
    expected = torch.tensor([[exact_chances(one, kind) for one in row] for row in logits.tolist()], dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_binary_chances_that_fall_are_differences_of_scipys_sigmoids() -> None:
    logits = logits_of(30, 2, 4).sort(-1, descending=True).values
    above = scipy.special.expit(logits.numpy())
    found = level_probabilities(logits, "binary").numpy()
    for place in range(5):
        higher = above[..., place - 1] if place else 1.0
        lower = above[..., place] if place < 4 else 0.0
        assert found[..., place] == pytest.approx(higher - lower, abs=1e-14)


def test_a_rising_chance_leaves_its_level_none() -> None:
    logits = torch.tensor([[[0.0, 3.0, -1.0]]], dtype=torch.float64)
    half, low = 0.5, 1 / (1 + math.e)
    assert level_probabilities(logits, "binary")[0, 0].tolist() == pytest.approx([half, 0, half - low, low], abs=1e-15)


@pytest.mark.parametrize("kind", ["binary", "corn"])
def test_the_mean_of_the_levels_is_the_expected_level(kind: str) -> None:
    logits, levels = logits_of(40, 2, 3), (-1.0, 0.5, 2.0, 7.0)
    falling = logits.sort(-1, descending=True).values
    for given in [logits, falling] if kind == "corn" else [falling]:
        mean = (level_probabilities(given, kind) * torch.tensor(levels, dtype=torch.float64)).sum(-1)  # type: ignore[arg-type]  # from parametrize
        torch.testing.assert_close(mean, expected_level(given, levels, kind), rtol=1e-12, atol=1e-12)  # type: ignore[arg-type]  # from parametrize
    if kind == "binary":
        mean = (level_probabilities(logits, kind) * torch.tensor(levels, dtype=torch.float64)).sum(-1)
        assert (mean <= expected_level(logits, levels, kind) + 1e-12).all()
        assert (mean < expected_level(logits, levels, kind) - 1e-3).any()


@pytest.mark.parametrize("kind", ["binary", "corn"])
def test_chances_have_finite_gradients(kind: str) -> None:
    logits = logits_of(3, 2, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda given: level_probabilities(given, kind), logits)  # type: ignore[arg-type]  # from parametrize
    for hard in ([60.0, 60.0, -60.0], [-60.0, 60.0, 60.0], [0.0, 0.0, 0.0], [1e4, -1e4, 1e4]):
        extreme = torch.tensor([[hard]], dtype=torch.float64, requires_grad=True)
        level_probabilities(extreme, kind)[..., 1].sum().backward()  # type: ignore[arg-type]  # from parametrize
        assert extreme.grad is not None
        assert extreme.grad.isfinite().all()


def test_chances_of_half_logits_one_threshold_and_wrong_shapes() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = level_probabilities(torch.zeros(1, 1, 1).bfloat16(), "binary")
    assert found.dtype == torch.float32
    assert found.tolist() == [[[0.5, 0.5]]]
    assert level_probabilities(torch.zeros(0, 2, 3), "corn").shape == (0, 2, 4)
    for wrong in (torch.zeros(2, 3), torch.zeros(2, 1, 0)):
        with pytest.raises(ValueError, match="logits must be of shape"):
            level_probabilities(wrong, "corn")
    with pytest.raises(ValueError, match="kind must be one of binary, corn, got coral"):
        level_probabilities(torch.zeros(1, 1, 1), "coral")  # type: ignore[arg-type]  # the mistake
