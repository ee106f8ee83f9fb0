"""Density weights: golden numbers, a slow loop, SciPy's density, and labels that have no weights."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d
from scipy.stats import gaussian_kde
from torch import Tensor

from medgauge.core.errors import InputError
from medgauge.samplers import BalancedBatchSampler, density_weights, effective_size

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "density_weights.json").read_text())


def weeks() -> Tensor:
    return torch.cat([torch.full((count,), float(week)) for week, count in GOLDEN["count"].items()])


def skewed(count: int = 400, seed: int = 0) -> Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).exp() * 10 - 4


def slow_loop(
    label: list[float], scheme: str, smoothing: str, kernel: str, width: float, size: int, sigma: float
) -> list[float]:
    """Count, transform, smooth, invert and scale, one bin at a time."""
    place = [math.floor(value / width) for value in label]
    density = {bin_: float(place.count(bin_)) for bin_ in range(min(place), max(place) + 1)}
    for bin_, count in density.items():
        density[bin_] = math.sqrt(count) if scheme == "sqrt_inverse" else min(max(count, 5.0), 1000.0)
    if smoothing == "lds":
        half = size // 2
        window = [math.exp(-(k**2) / (2 * sigma**2)) for k in range(-half, half + 1)]
        if kernel == "published":
            answer = gaussian_filter1d([float(k == half) for k in range(size)], sigma)
            window = list(answer / answer.max())
        density = {
            bin_: sum(window[half + k] * density.get(bin_ + k, 0.0) for k in range(-half, half + 1)) for bin_ in density
        }
    weight = [1 / density[bin_] for bin_ in place]
    return [one * len(weight) / sum(weight) for one in weight]


@pytest.mark.parametrize("smoothing", ["lds", "none"])
def test_golden_numbers(smoothing: Any) -> None:
    weight = density_weights(weeks(), smoothing=smoothing)
    assert len(GOLDEN[smoothing]) == 13
    for week, expected in GOLDEN[smoothing].items():
        found = weight[weeks() == float(week)]
        assert found.tolist() == pytest.approx([expected] * GOLDEN["count"][week], abs=1e-4)


@pytest.mark.parametrize("scheme", ["inverse", "sqrt_inverse"])
@pytest.mark.parametrize(
    ("smoothing", "kernel", "width", "size", "sigma"),
    [
        ("none", "published", 1.0, 5, 2.0),
        ("lds", "published", 1.0, 5, 2.0),
        ("lds", "gaussian", 1.0, 5, 2.0),
        ("lds", "published", 0.7, 9, 1.0),
        ("lds", "gaussian", 25.0, 31, 3.0),  # a kernel wider than the labels' range
    ],
)
def test_equals_a_slow_loop(scheme: Any, smoothing: Any, kernel: Any, width: float, size: int, sigma: float) -> None:
    label = skewed()
    assert label.min() < 0  # bins below 0 too
    found = density_weights(label, scheme, smoothing, kernel, width, size, sigma)
    expected = slow_loop(label.tolist(), scheme, smoothing, kernel, width, size, sigma)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_kernel_density_equals_scipy() -> None:
    label = skewed()
    inverse = gaussian_kde(label.numpy())(label.numpy()) ** -0.5
    found = density_weights(label, "sqrt_inverse", "kernel_density")
    np.testing.assert_allclose(found.numpy(), inverse / inverse.mean(), rtol=1e-10)


@pytest.mark.parametrize("count", [400, 3000])
def test_inverse_kernel_density_is_a_count_under_the_kernel_that_is_clipped(count: int) -> None:
    label = skewed(count).numpy()
    width = gaussian_kde(label).covariance[0, 0] ** 0.5
    under = np.exp(-((label[:, None] - label) ** 2) / (2 * width**2)).sum(1)
    assert under.min() < 5
    assert (under.max() > 1000) == (count == 3000)
    expected = 1 / np.clip(under, 5, 1000)
    found = density_weights(torch.from_numpy(label), "inverse", "kernel_density")
    np.testing.assert_allclose(found.numpy(), expected / expected.mean(), rtol=1e-10)


def outlying() -> Tensor:
    """600 labels, the last of which is 12 standard deviations away."""
    label = torch.randn(600, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    return torch.cat([label[:-1], label[:-1].mean(0, keepdim=True) + 12 * label[:-1].std()])


def test_one_outlier_does_not_take_all_the_weight() -> None:
    """A fifth of a case's worth is the most that one label may have, since five is the least count."""
    weight = density_weights(outlying(), "inverse", "kernel_density")
    assert weight[599] == weight.max()
    assert 5 < weight[599] < 25  # 591 where nothing is clipped
    assert effective_size(weight) > 60  # 1.03


@pytest.mark.parametrize("one_per_group", [False, True])
def test_one_outlier_is_not_in_every_batch(one_per_group: bool) -> None:
    sampler = BalancedBatchSampler(
        outlying(), 16, by="density", group=[*range(600)], one_per_group=one_per_group, seed=0
    )
    share = sum(599 in sampler.global_batch(step) for step in range(600)) / 600
    assert 0.1 < share < 0.5  # 0.99 where nothing is clipped; 0.027 with equal chances
    assert sampler.effective == pytest.approx(effective_size(density_weights(outlying(), "inverse", "kernel_density")))


def test_effective_size() -> None:
    assert effective_size(torch.full((7,), 3.0)) == pytest.approx(7, rel=1e-12)
    assert effective_size(torch.tensor([1.0, 0.0, 0.0])) == 1
    assert effective_size(torch.tensor([1.0, 2.0, 3.0])) == pytest.approx(36 / 14, rel=1e-12)


@pytest.mark.parametrize("smoothing", ["none", "lds", "kernel_density"])
def test_rare_labels_weigh_more_and_the_mean_is_one(smoothing: Any) -> None:
    label = torch.cat([torch.full((90,), 30.2), torch.full((9,), 40.1), torch.full((1,), 50.3)])
    for scheme in ("inverse", "sqrt_inverse"):
        weight = density_weights(label, scheme, smoothing)  # type: ignore[arg-type]  # one of both
        assert weight.dtype == torch.float64
        assert weight.mean().item() == pytest.approx(1, rel=1e-13)  # two sums of 100 numbers, in any order
        assert weight[0] < weight[90] < weight[99]


def test_a_bin_is_the_floor_of_label_by_width() -> None:
    label = torch.tensor([25.2, 25.7, 25.999, 26.0, -0.5, -1.0, 0.3, 0.2, 0.9], dtype=torch.float64)
    whole = density_weights(label, smoothing="none")
    assert whole[0] == whole[1] == whole[2] != whole[3]
    assert whole[4] == whole[5] != whole[6]  # -0.5 and -1 share bin -1
    assert whole[6] == whole[7] == whole[8]
    tenth = density_weights(torch.tensor([0.3, 0.2, 0.5], dtype=torch.float64), smoothing="none", bin_width=0.1)
    assert tenth[0] == tenth[1] < tenth[2]  # 0.3 / 0.1 is 2.9999999999999996: the floor is taken as it is


def test_missing_labels_weigh_one_and_change_no_other() -> None:
    label = skewed(50)
    holed = torch.cat([label[:20], torch.tensor([torch.nan, torch.nan]), label[20:]])
    for smoothing in ("none", "lds", "kernel_density"):
        weight = density_weights(holed, smoothing=smoothing)  # type: ignore[arg-type]  # one of the three
        assert weight[20:22].tolist() == [1, 1]
        kept = torch.cat([weight[:20], weight[22:]])
        assert torch.equal(kept, density_weights(label, smoothing=smoothing))  # type: ignore[arg-type]  # one of the three


def test_one_column_is_the_same_and_several_are_refused() -> None:
    label = skewed(60)
    assert torch.equal(density_weights(label[:, None]), density_weights(label))
    with pytest.raises(InputError, match="^one target is needed, got 2: "):
        density_weights(torch.rand(5, 2))
    for wrong in (torch.rand(5, 1, 1), torch.tensor(1.0), torch.rand(5, 0)):
        with pytest.raises(ValueError, match=r"^label must have shape \(n,\) or \(n, 1\)"):
            density_weights(wrong)


@pytest.mark.parametrize("smoothing", ["none", "lds", "kernel_density"])
def test_labels_far_from_zero_keep_their_weights(smoothing: Any) -> None:
    label = (skewed() * 8).round() / 8  # a sum with 1e9 is exact
    found = density_weights(label + 1e9, smoothing=smoothing)
    torch.testing.assert_close(found, density_weights(label, smoothing=smoothing), rtol=1e-9, atol=0)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ([25.2, 25.7, 25.0], "^density weights need labels in at least two bins, and the 3 labels are in fewer; use a"),
        ([7.0], "^density weights need labels in at least two bins, and the 1 labels"),
        ([math.nan, math.nan], "^density weights need labels in at least two bins, and the 0 labels"),
        ([], "^density weights need labels in at least two bins, and the 0 labels"),
    ],
)
def test_one_bin_has_no_weights(label: list[float], message: str) -> None:
    for smoothing in ("none", "lds"):
        with pytest.raises(InputError, match=message):
            density_weights(torch.tensor(label), smoothing=smoothing)  # type: ignore[arg-type]  # one of both


@pytest.mark.parametrize("label", [[25.2] * 5, [math.nan], [7.0], []])
def test_equal_labels_have_no_density(label: list[float]) -> None:
    with pytest.raises(InputError, match="^density weights need at least two different labels"):
        density_weights(torch.tensor(label), smoothing="kernel_density")


def test_labels_without_end_are_refused() -> None:
    for smoothing in ("lds", "kernel_density"):
        with pytest.raises(InputError, match="^labels must be finite, or missing; at least one is infinite$"):
            density_weights(torch.tensor([1.0, 2.0, math.inf]), smoothing=smoothing)  # type: ignore[arg-type]
    wide = torch.tensor([-1.7e308, 0.0, 1.7e308], dtype=torch.float64)
    with pytest.raises(InputError, match="range of ordinary numbers"):
        density_weights(wide, smoothing="kernel_density")
    with pytest.raises(InputError, match="^density weights allow 10000000 bins, and the labels span inf;"):
        density_weights(wide)


def test_more_bins_than_memory_are_refused() -> None:
    label = torch.tensor([0.0, 1.0, 2e9])
    with pytest.raises(
        InputError, match=r"^density weights allow 10000000 bins, and the labels span 2e\+09; use a larger"
    ):
        density_weights(label)
    assert density_weights(label, bin_width=1e6).isfinite().all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scheme": "root"}, "^scheme must be one of inverse, sqrt_inverse, got root$"),
        ({"smoothing": "fds"}, "^smoothing must be one of none, lds, kernel_density, got fds$"),
        ({"kernel": "laplace"}, "^kernel must be one of published, gaussian, got laplace$"),
        ({"bin_width": 0.0}, "^bin_width must be finite and > 0, got 0.0$"),
        ({"bin_width": math.nan}, "^bin_width must be finite and > 0, got nan$"),
        ({"kernel_size": 4}, "^kernel_size must be odd and >= 1, got 4$"),
        ({"sigma": 0.0}, "^sigma must be finite and > 0, got 0.0$"),
    ],
)
def test_refuses_settings_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        density_weights(weeks(), **settings)
