"""Scales of greys of single images, against values worked out by hand and by SciPy."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from medgauge.core.errors import InputError
from medgauge.data.images.cache import prepare_images
from medgauge.data.images.grey import MOST_VALUES, NO_BACKGROUND, body, own_window, usual_ends
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.prepare import PrepareSettings, prepare

RAMP = np.arange(201, dtype=np.int16).reshape(1, 3, 67) * 7 - 100  # percentile p lies at 2 p: -100 + 14 p


def test_percentiles_of_a_ramp() -> None:
    assert usual_ends(RawImage(RAMP)) == (pytest.approx(-93), pytest.approx(1293))
    prepared = prepare(RawImage(RAMP), PrepareSettings(grey="image_percentiles")).array
    assert prepared[0, 0, :2].tolist() == [0.0, 0.0]
    assert prepared[0, 2, -2:].tolist() == [1.0, 1.0]
    assert prepared[0, 1, 33] == pytest.approx(0.5)  # the middle of the ramp


def test_a_factor_and_an_offset_change_nothing() -> None:
    image = np.random.default_rng(0).gamma(2.0, 50.0, (1, 20, 30))
    for grey in ("image_percentiles", "image_zscore"):
        settings = PrepareSettings(grey=grey)
        first = prepare(RawImage(image), settings).array
        np.testing.assert_allclose(prepare(RawImage(image * 3000 + 17), settings).array, first, atol=1e-5)
        assert first.std() > 0.1


def test_a_z_score_is_mapped_from_four_deviations() -> None:
    image = np.random.default_rng(1).normal(40.0, 5.0, (1, 25, 25))
    wanted = (stats.zscore(image, axis=None) + 4) / 8
    np.testing.assert_allclose(prepare(RawImage(image), PrepareSettings(grey="image_zscore")).array, wanted, atol=1e-5)


def test_padding_is_on_no_scale() -> None:
    padding = np.zeros((3, 67), dtype=bool)
    padding[0] = True
    image = RAMP.copy()
    image[0, 0] = -32768
    inside = RawImage(RAMP[:, 1:])
    for grey in ("image_percentiles", "image_zscore"):
        assert own_window(RawImage(image, padding=padding), grey) == pytest.approx(own_window(inside, grey))
        assert (prepare(RawImage(image, padding=padding), PrepareSettings(grey=grey)).array[0, 0] == 0).all()


@pytest.mark.parametrize("value", [0.0, -1e9, 3e12])
def test_an_image_of_one_value_is_black(value: float) -> None:
    for grey in ("image_percentiles", "image_zscore"):
        assert (prepare(RawImage(np.full((1, 4, 4), value)), PrepareSettings(grey=grey)).array == 0).all()


def test_large_images_are_thinned() -> None:
    values = np.random.default_rng(2).random((1, 1500, 1500))
    assert values.size > 2 * MOST_VALUES
    assert usual_ends(RawImage(values)) == (pytest.approx(0.005, abs=5e-4), pytest.approx(0.995, abs=5e-4))


def test_a_scale_of_each_image_needs_no_window_and_takes_none() -> None:
    with pytest.raises(InputError, match="no natural range"):
        prepare(RawImage(RAMP), PrepareSettings())
    with pytest.raises(ValueError, match="window and grey image_percentiles exclude each other"):
        PrepareSettings(grey="image_percentiles", window=(0.0, 1.0))
    with pytest.raises(
        ValueError,
        match="grey must be one of set, image_percentiles, image_zscore, body_percentiles, body_zscore, got 'own'",
    ):
        PrepareSettings(grey="own")  # type: ignore[arg-type]


def test_the_background_of_a_brain_counts_on_no_scale_of_the_body() -> None:
    brain = np.random.default_rng(1).normal(500, 50, 300)
    image = np.concatenate([np.zeros(700), brain]).reshape(1, 10, 10, 10)
    low, high = own_window(RawImage(image), "body_percentiles")
    assert (low, high) == (pytest.approx(np.percentile(brain, 0.5)), pytest.approx(np.percentile(brain, 99.5)))
    low, high = own_window(RawImage(image), "body_zscore")
    np.testing.assert_allclose((low, high), brain.mean() + np.array([-4, 4]) * brain.std())
    made = prepare(RawImage(image), PrepareSettings(grey="body_zscore")).array.reshape(-1)
    assert (made[:700] == 0).all()
    np.testing.assert_allclose(made[700:], (stats.zscore(brain) + 4) / 8, atol=1e-6)


def test_an_image_without_a_background_is_all_body() -> None:
    image = np.arange(1000.0).reshape(1, 10, 10, 10)
    for without, whole in (("body_percentiles", "image_percentiles"), ("body_zscore", "image_zscore")):
        assert own_window(RawImage(image), without) == own_window(RawImage(image), whole)  # type: ignore[arg-type]
    assert own_window(RawImage(np.zeros((1, 4, 4, 4))), "body_percentiles") == (0.0, 1.0)


def head(noise: float, factor: float = 1.0) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """A drawn MR of magnitudes (1, 20, 32, 32) with Rician noise in air and tissue, and where the tissue is."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in (20, 32, 32)), indexing="ij")
    radius = np.sqrt((x / 0.7) ** 2 + (y / 0.8) ** 2 + (z / 0.9) ** 2)
    signal, random = np.where(radius < 1, 600.0, 0.0) + np.where(radius < 0.7, 300.0, 0.0), np.random.default_rng(3)
    noisy = np.hypot(signal + random.normal(0, noise, signal.shape), random.normal(0, noise, signal.shape))
    return np.round(noisy * factor).astype(np.uint16)[None], radius < 1


@pytest.mark.parametrize("factor", [0.02, 1.0, 40.0])
def test_the_noise_of_air_counts_on_no_scale_of_the_body(factor: float) -> None:
    image, inside = head(30, factor)
    tissue = image[0][inside]
    assert body(RawImage(image)).size == pytest.approx(tissue.size, rel=0.01)
    low, high = own_window(RawImage(image), "body_percentiles")
    assert (low, high) == pytest.approx(tuple(np.percentile(tissue, (0.5, 99.5))), rel=0.05)
    mean, deviation = tissue.mean(), tissue.std()
    got = own_window(RawImage(image), "body_zscore")
    assert got == pytest.approx((mean - 4 * deviation, mean + 4 * deviation), abs=0.1 * deviation)
    padding = np.zeros(inside.shape, bool)
    padding[:, :16] = True
    padded = RawImage(image, padding=padding)
    assert body(padded).size == pytest.approx(inside[:, 16:].sum(), rel=0.02)


def test_noise_as_strong_as_the_body_and_tissue_up_to_the_corners_are_all_body(tmp_path: Path) -> None:
    loud, tissue = head(300)[0], head(30)[0][:, 6:14, 10:22, 10:22]
    for image in (loud, tissue):
        assert body(RawImage(image)).size == image.size
    np.save(tmp_path / "a.npy", loud[0])
    np.save(tmp_path / "b.npy", head(30)[0][0])
    settings = PrepareSettings(grey="body_zscore")
    sources = [ImageSource(tmp_path / name) for name in ("a.npy", "b.npy")]
    assert f"{NO_BACKGROUND} in 1 image" in prepare_images(sources, settings, cache_dir=None).notes
