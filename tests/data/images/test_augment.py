"""Augmentation against SciPy, and that it never falsifies a label."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform

from medgauge.core.batch import Batch
from medgauge.core.errors import InputError
from medgauge.core.seeding import generator
from medgauge.data.images.augment import AugmentSettings, Drawn, apply, augment_batch, check_label_safety, draw

EVERYTHING = AugmentSettings(
    flip=(-1, -2), rotation=20, shift=0.1, scale=0.2, brightness=0.1, contrast=0.2, gamma=0.2, noise=0.05
)


def images(count: int, *space: int) -> torch.Tensor:
    return torch.rand(count, 1, *space, generator=generator(0, "images"))


def exactly(ndim: int, kinds: set[str], **values: torch.Tensor) -> Drawn:
    """What changes nothing, but for the given values."""
    base = draw(AugmentSettings(), 1, ndim, generator(0))
    return Drawn(**{**vars(base), **values, "kinds": frozenset(kinds)})


class TestDraw:
    def test_same_seed_same_numbers(self) -> None:
        first, second = (draw(EVERYTHING, 8, 2, generator(1, "augment", 7)) for _ in range(2))
        other = draw(EVERYTHING, 8, 2, generator(1, "augment", 8))
        assert torch.equal(first.angle, second.angle)
        assert not torch.equal(first.angle, other.angle)

    def test_numbers_stay_in_their_range(self) -> None:
        drawn = draw(EVERYTHING, 4000, 2, generator(0))
        for value, least, most in (
            (drawn.angle, -math.radians(20), math.radians(20)),
            (drawn.shift, -0.1, 0.1),
            (drawn.zoom, 1 / 1.2, 1.2),
            (drawn.gamma, 1 / 1.2, 1.2),
            (drawn.brightness, -0.1, 0.1),
            (drawn.contrast, -0.2, 0.2),
            (drawn.noise, 0, 0.05),
        ):
            assert least - 1e-6 <= float(value.min()) < float(value.max()) <= most + 1e-6
            assert float(value.max()) > least + 0.95 * (most - least)
        assert 0.45 < float(drawn.flipped.float().mean()) < 0.55
        assert abs(float(drawn.zoom.log().mean())) < 0.01

    def test_turning_one_on_leaves_the_others(self) -> None:
        alone = draw(AugmentSettings(rotation=20), 8, 2, generator(3))
        assert torch.equal(alone.angle, draw(EVERYTHING, 8, 2, generator(3)).angle)

    def test_only_the_named_axes_are_flipped(self) -> None:
        drawn = draw(AugmentSettings(flip=(-1,)), 100, 3, generator(0))
        assert drawn.flipped.any(dim=0).tolist() == [False, False, True]

    def test_slices_cannot_be_flipped_in_2d(self) -> None:
        with pytest.raises(InputError, match="-3"):
            draw(AugmentSettings(flip=(-3,)), 4, 2, generator(0))

    def test_two_processes_agree_with_one(self) -> None:
        image = images(6, 9, 12)
        drawn = draw(EVERYTHING, 6, 2, generator(0))
        whole = apply(image, drawn)
        for rank in range(2):
            rows = list(range(rank, 6, 2))
            torch.testing.assert_close(apply(image[rows], drawn.take(rows)), whole[rows], rtol=0, atol=1e-6)


class TestApply:
    def test_all_off_is_the_same_tensor(self) -> None:
        image = images(3, 8, 8)
        assert apply(image, draw(AugmentSettings(), 3, 2, generator(0))) is image

    def test_replayed_exactly_and_input_unchanged(self) -> None:
        image = images(4, 16, 24)
        before = image.clone()
        drawn = draw(EVERYTHING, 4, 2, generator(0))
        first = apply(image, drawn)
        assert torch.equal(first, apply(image, drawn))
        assert torch.equal(image, before)
        assert not torch.equal(first, image)
        assert 0 <= float(first.min()) <= float(first.max()) <= 1

    @pytest.mark.parametrize("kinds", [{"flip"}, {"flip", "rotation"}])
    def test_flips(self, kinds: set[str]) -> None:
        """Alone they are exact; with the rest on, by the interpolation, they are the same."""
        image = images(1, 5, 8)
        for flipped, expected in (
            ([False, True], image.flip(3)),
            ([True, False], image.flip(2)),
            ([True, True], image.flip(2, 3)),
        ):
            drawn = exactly(2, kinds, flipped=torch.tensor([flipped]))
            torch.testing.assert_close(apply(image, drawn), expected, rtol=0, atol=0 if kinds == {"flip"} else 1e-5)

    def test_quarter_turn_of_a_wide_image(self) -> None:
        """Turned in pixels: the middle square of a wide image turns into itself, unsheared."""
        image = torch.zeros(1, 1, 7, 13)
        square = images(1, 7, 7)
        image[..., 3:10] = square
        drawn = exactly(2, {"rotation"}, angle=torch.tensor([[math.pi / 2]]))
        made = apply(image, drawn)
        close = [torch.allclose(made[0, 0, :, 3:10], torch.rot90(square[0, 0], turns), atol=1e-5) for turns in (1, 3)]
        assert any(close)

    def test_equals_scipy(self) -> None:
        """Rotation, zoom, shift and flip at once against SciPy's affine transform, built from the description."""
        image = images(1, 21, 33)
        angle, zoom, shift = 0.3, 1.15, np.array([0.1, -0.07])
        drawn = exactly(
            2,
            {"rotation", "shift", "scale", "flip"},
            angle=torch.tensor([[angle]]),
            zoom=torch.tensor([zoom]),
            shift=torch.tensor(shift[None], dtype=torch.float32),
            flipped=torch.tensor([[False, True]]),
        )
        forward = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * zoom @ np.diag([1, -1])
        inverse = np.linalg.inv(forward)
        middle = (np.array([21, 33]) - 1) / 2
        offset = middle - inverse @ (middle + shift * np.array([21, 33]))
        expected = affine_transform(image[0, 0].double().numpy(), inverse, offset, order=1, mode="grid-constant")
        np.testing.assert_allclose(apply(image, drawn)[0, 0].numpy(), expected, atol=1e-4)

    def test_equals_scipy_in_3d(self) -> None:
        image = images(1, 9, 11, 13)
        angles, zoom = (0.2, -0.3, 0.4), 0.9
        drawn = exactly(3, {"rotation", "scale"}, angle=torch.tensor([angles]), zoom=torch.tensor([zoom]))
        forward = np.eye(3)
        for (first, second), angle in zip([(1, 2), (0, 2), (0, 1)], angles, strict=True):
            one = np.eye(3)
            one[first, first] = one[second, second] = np.cos(angle)
            one[first, second], one[second, first] = -np.sin(angle), np.sin(angle)
            forward = one @ forward
        inverse = np.linalg.inv(forward * zoom)
        middle = (np.array([9, 11, 13]) - 1) / 2
        expected = affine_transform(
            image[0, 0].double().numpy(), inverse, middle - inverse @ middle, order=1, mode="grid-constant"
        )
        np.testing.assert_allclose(apply(image, drawn)[0, 0].numpy(), expected, atol=1e-4)

    def test_enlarging_changes_lengths_by_the_zoom(self) -> None:
        image = torch.zeros(1, 1, 64, 96)
        image[..., 22:42, 33:63] = 1
        made = apply(image, exactly(2, {"scale"}, zoom=torch.tensor([1.25])))
        assert float(made[0, 0].sum(0).max()) == pytest.approx(20 * 1.25, abs=0.15)
        assert float(made[0, 0].sum(1).max()) == pytest.approx(30 * 1.25, abs=0.15)

    def test_intensities(self) -> None:
        image = images(1, 8, 8) * 0.2 + 0.4
        drawn = exactly(
            2,
            {"intensity"},
            contrast=torch.tensor([0.5]),
            brightness=torch.tensor([0.1]),
            gamma=torch.tensor([1.3]),
        )
        expected = ((image - image.mean()) * 1.5 + image.mean() + 0.1) ** 1.3
        torch.testing.assert_close(apply(image, drawn), expected)

    def test_noise_belongs_to_the_image(self) -> None:
        image = torch.full((4, 1, 50, 50), 0.5)
        drawn = draw(AugmentSettings(noise=0.1), 4, 2, generator(0))
        made = apply(image, drawn) - image
        assert torch.equal(apply(image[2:3], drawn.take([2])) - 0.5, made[2:3])
        torch.testing.assert_close(made.flatten(1).std(dim=1), drawn.noise, rtol=0.06, atol=1e-3)

    def test_wrong_count_or_axes(self) -> None:
        with pytest.raises(ValueError, match="3 images"):
            apply(images(3, 8, 8), draw(EVERYTHING, 2, 2, generator(0)))
        with pytest.raises(ValueError, match="shape"):
            apply(images(2, 8, 8, 8), draw(EVERYTHING, 2, 2, generator(0)))

    @pytest.mark.gpu
    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
    def test_on_the_device_of_the_image(self) -> None:
        image = images(2, 8, 8).cuda()
        assert apply(image, draw(EVERYTHING, 2, 2, generator(0))).device == image.device


class TestSizes:
    def batch(self) -> Batch:
        return Batch(
            image=images(3, 8, 8),
            label=torch.ones(3, 1),
            row=torch.arange(3),
            covariates=torch.tensor([[1.0, 0.2], [0.0, 0.3], [1.0, 0.4]]),
        )

    def test_pixel_size_is_divided_by_the_zoom(self) -> None:
        batch = self.batch()
        drawn = draw(AugmentSettings(scale=0.2), 3, 2, generator(0))
        made = augment_batch(batch, drawn, size_columns=[1])
        assert batch.covariates is not None
        assert made.covariates is not None
        torch.testing.assert_close(made.covariates[:, 1] * drawn.zoom, batch.covariates[:, 1])
        assert torch.equal(made.covariates[:, 0], batch.covariates[:, 0])
        assert batch.covariates[0, 1] == pytest.approx(0.2)

    def test_a_length_stays_right(self) -> None:
        """Pixels divisor pixel size is the same length before and after."""
        image = torch.zeros(1, 1, 64, 64)
        image[..., 22:42, 12:52] = 1
        batch = Batch(image, torch.tensor([[20.0]]), torch.arange(1), covariates=torch.tensor([[0.5]]))
        made = augment_batch(batch, exactly(2, {"scale"}, zoom=torch.tensor([1.2])), size_columns=[0])
        assert made.covariates is not None
        length = made.image[0, 0].sum(1).max() * made.covariates[0, 0]
        assert float(length) == pytest.approx(40 * 0.5, abs=0.1)

    def test_times_that_are_sizes_are_divided_too(self) -> None:
        batch = replace(self.batch(), divisor=torch.tensor([0.2, 0.3, 0.4], dtype=torch.float64))
        drawn = draw(AugmentSettings(scale=0.2), 3, 2, generator(0))
        made, kept = augment_batch(batch, drawn, divisor_is_size=True), augment_batch(batch, drawn)
        assert made.divisor is not None
        torch.testing.assert_close(made.divisor * drawn.zoom.double(), batch.divisor)
        assert kept.divisor is batch.divisor

    def test_off_leaves_the_batch(self) -> None:
        batch = self.batch()
        made = augment_batch(batch, draw(AugmentSettings(), 3, 2, generator(0)), size_columns=[1])
        assert made.image is batch.image
        assert made.covariates is batch.covariates


class TestLabelSafety:
    @pytest.mark.parametrize(
        ("name", "settings"),
        [
            ("flip", AugmentSettings(flip=(-1,))),
            ("rotation", AugmentSettings(rotation=5)),
            ("scale", AugmentSettings(scale=0.1)),
            ("shift", AugmentSettings(shift=0.1)),
            ("intensity", AugmentSettings(gamma=0.1)),
            ("intensity", AugmentSettings(noise=0.1)),
        ],
    )
    def test_what_changes_the_label_is_refused(self, name: str, settings: AugmentSettings) -> None:
        with pytest.raises(InputError, match=f"augmentation {name}"):
            check_label_safety(settings, [name], [])
        check_label_safety(AugmentSettings(), [name], [])
        check_label_safety(settings, [other for other in ("flip", "rotation") if other != name], [])

    def test_scale_passes_with_a_pixel_size(self) -> None:
        check_label_safety(AugmentSettings(scale=0.1), ["scale"], ["pixel_size_mm"])
        with pytest.raises(InputError, match="flip"):
            check_label_safety(AugmentSettings(flip=(-1,)), ["flip"], ["pixel_size_mm"])

    def test_unknown_names_get_the_nearest(self) -> None:
        with pytest.raises(InputError, match="did you mean rotation"):
            check_label_safety(AugmentSettings(), ["rotaton"], [])


@pytest.mark.parametrize("wrong", [{"rotation": -1.0}, {"scale": math.nan}, {"flip": (0,)}, {"contrast": 1.0}])
def test_wrong_settings_raise(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AugmentSettings(**wrong)
