"""Gaussian filters of batches, against SciPy's of single images, and within augmentation."""

import pytest
import torch
from scipy.ndimage import gaussian_filter

from medgauge.core.seeding import generator
from medgauge.data.images.augment import AugmentSettings, apply, draw
from medgauge.data.images.filters import sharpened, smoothed

PAPER = AugmentSettings(rotation=20, scale=(0.7, 1.3), shift=0.05, gamma=(0.7, 1.5), sharpening=1, blur=1.5, noise=0.05)


def batch(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=generator(0), dtype=torch.float64)


@pytest.mark.parametrize("space", [(17, 19), (9, 11, 13)])
def test_each_image_is_smoothed_by_its_own_gaussian(space: tuple[int, ...]) -> None:
    images, sigma = batch(3, 2, *space), torch.tensor([0.7, 0.0, 1.5])
    made = smoothed(images, sigma)
    for image, own, of in zip(images, made, sigma.tolist(), strict=True):
        for channel, wanted in zip(image, own, strict=True):
            expected = gaussian_filter(channel.numpy(), of, mode="nearest")
            torch.testing.assert_close(wanted, torch.from_numpy(expected), atol=1e-6, rtol=0)  # sigma is a float32


def test_sharpening_adds_what_a_gaussian_takes_away() -> None:
    images, strength = batch(2, 1, 8, 9, 10), torch.tensor([0.0, 0.8])
    made = sharpened(images, strength)
    torch.testing.assert_close(made[0], images[0])
    own = images[1, 0].numpy()
    expected = own + 0.8 * (own - gaussian_filter(own, 1.0, mode="nearest"))
    torch.testing.assert_close(made[1, 0], torch.from_numpy(expected), atol=1e-6, rtol=0)


def test_nothing_is_touched_where_all_are_off() -> None:
    images = batch(2, 1, 8, 8)
    assert smoothed(images, torch.zeros(2)) is images
    assert sharpened(images, torch.zeros(2)) is images


def test_the_ranges_of_volumes_are_drawn_evenly_and_again_from_their_seed() -> None:
    drawn = draw(PAPER, 4000, 3, generator(1, "augmentation", 5))
    for value, low, high in (
        (drawn.zoom, 0.7, 1.3), (drawn.gamma, 0.7, 1.5), (drawn.sharpening, 0, 1), (drawn.blur, 0, 1.5),
    ):  # fmt: skip
        assert low <= float(value.min()) < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < float(value.max()) <= high
        assert float(value.mean()) == pytest.approx((low + high) / 2, abs=0.02 * (high - low))
    assert torch.equal(draw(PAPER, 4000, 3, generator(1, "augmentation", 5)).blur, drawn.blur)


def test_what_was_drawn_before_is_the_same_with_further_changes_on() -> None:
    plain = AugmentSettings(rotation=20, shift=0.05, noise=0.05)
    first, second = (draw(one, 6, 3, generator(2)) for one in (plain, PAPER))
    for name in ("angle", "shift", "noise", "seed"):
        assert torch.equal(getattr(first, name), getattr(second, name))


def test_a_case_is_changed_alike_whatever_else_is_in_its_batch() -> None:
    images = batch(4, 1, 8, 9, 10).float()
    drawn = draw(PAPER, 4, 3, generator(3))
    whole = apply(images, drawn)
    assert bool((whole != images).any(dim=(1, 2, 3, 4)).all())
    for rows in ([0, 1], [3], [2, 0]):
        torch.testing.assert_close(apply(images[rows], drawn.take(rows)), whole[rows], atol=1e-6, rtol=0)
    assert torch.equal(apply(images, drawn), whole)


def test_ranges_that_are_none() -> None:
    with pytest.raises(ValueError, match=r"scale must be two rising numbers > 0, got \(1.3, 0.7\)"):
        AugmentSettings(scale=(1.3, 0.7))
    assert AugmentSettings(blur=1.0).kinds() == {"intensity"}
    assert AugmentSettings(scale=(0.7, 1.3)).kinds() == {"scale"}
