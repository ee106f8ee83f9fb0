"""Kernels against SciPy, golden numbers, and settings that cannot be."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from medgauge.functional.kernels import published_kernel, truncated_kernel

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "density_weights.json").read_text())


@pytest.mark.parametrize("sigma", [0.1, 1.0, 2.0, 7.3])
@pytest.mark.parametrize("size", [1, 3, 5, 9, 31])
def test_published_kernel_equals_scipys_filter_of_an_impulse(size: int, sigma: float) -> None:
    impulse = np.zeros(size)
    impulse[size // 2] = 1
    answer = gaussian_filter1d(impulse, sigma=sigma, mode="reflect")
    np.testing.assert_allclose(published_kernel(size, sigma).numpy(), answer / answer.max(), rtol=1e-12, atol=1e-300)


def test_golden_numbers() -> None:
    published = published_kernel(5, 2.0)
    assert published.tolist() == pytest.approx(GOLDEN["published_kernel_5_2"], abs=5e-7)
    assert (published / published.sum()).tolist() == pytest.approx(GOLDEN["published_kernel_5_2_sum_1"], abs=5e-7)
    assert truncated_kernel(5, 2.0).tolist() == pytest.approx(GOLDEN["truncated_kernel_5_2"], abs=5e-7)


def test_both_agree_where_the_borders_are_far() -> None:
    torch.testing.assert_close(published_kernel(9, 1.0), truncated_kernel(9, 1.0), rtol=0, atol=1e-15)
    assert (published_kernel(5, 1.0) - truncated_kernel(5, 1.0)).abs().max() > 0.01


@pytest.mark.parametrize("make", [published_kernel, truncated_kernel])
def test_refuses_kernels_that_cannot_be(make: Callable[[int, float], Tensor]) -> None:
    for size in (0, 4, -1):
        with pytest.raises(ValueError, match=f"^kernel_size must be odd and >= 1, got {size}$"):
            make(size, 1.0)
    for sigma in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"^sigma must be finite and > 0, got {sigma}$"):
            make(5, sigma)
