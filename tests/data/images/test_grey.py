"""Scales of greys of single images, against values worked out by hand and by SciPy."""

import numpy as np
import pytest
from scipy import stats

from medgauge.core.errors import InputError
from medgauge.data.images.grey import MOST_VALUES, own_window, usual_ends
from medgauge.data.images.image import RawImage
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
    for body, whole in (("body_percentiles", "image_percentiles"), ("body_zscore", "image_zscore")):
        assert own_window(RawImage(image), body) == own_window(RawImage(image), whole)  # type: ignore[arg-type]
    assert own_window(RawImage(np.zeros((1, 4, 4, 4))), "body_percentiles") == (0.0, 1.0)
