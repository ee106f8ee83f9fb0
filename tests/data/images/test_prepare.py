"""Preparing against slow loops, and that lengths stay lengths."""

import numpy as np
import pytest
from PIL import Image

from medgauge.core.errors import InputError
from medgauge.data.images.image import RawImage
from medgauge.data.images.prepare import PrepareSettings, find_window, prepare

RANDOM = np.random.default_rng(0)


def eight_bit(*shape: int) -> RawImage:
    return RawImage(RANDOM.integers(0, 256, shape, dtype=np.uint8))


def averaged(array: np.ndarray, factor: int) -> np.ndarray:
    """Means of blocks by a plain loop."""
    rows, columns = array.shape[0] // factor, array.shape[1] // factor
    made = np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            made[row, column] = array[row * factor : (row + 1) * factor, column * factor : (column + 1) * factor].mean()
    return made


class TestWindow:
    def test_8_and_16_bit_have_their_own_range(self) -> None:
        for dtype, top in ((np.uint8, 255), (np.uint16, 65535)):
            raw = RawImage(np.array([[[0, top // 5, top]]], dtype=dtype))
            np.testing.assert_allclose(prepare(raw, PrepareSettings()).array, [[[0, 0.2, 1]]], atol=1e-7)

    @pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
    def test_others_need_a_window(self, dtype: type) -> None:
        with pytest.raises(InputError, match=r"image\.window"):
            prepare(RawImage(np.zeros((1, 4, 4), dtype)), PrepareSettings())

    def test_ct_window_cuts(self) -> None:
        raw = RawImage(np.array([[[-1000, -150, 50, 250, 3000]]], dtype=np.int16))
        np.testing.assert_allclose(prepare(raw, PrepareSettings(window=(-150, 250))).array, [[[0, 0, 0.5, 1, 1]]])

    def test_padding_has_the_lower_end(self) -> None:
        raw = RawImage(np.full((1, 2, 2), 250, np.int16))
        made = prepare(raw, PrepareSettings(size=(4, 4), fit="pad", window=(-150, 250))).array
        assert made.sum() == 4
        assert made[0, 1:3, 1:3].min() == 1

    def test_found_window_is_the_usual_range(self) -> None:
        usual = [RawImage(RANDOM.uniform(-100, 300, (1, 50, 50)).astype(np.float32)) for _ in range(40)]
        odd = RawImage(np.full((1, 50, 50), 1e6, np.float32))
        low, high = find_window([*usual, odd])
        assert -100 <= low < -95
        assert 295 < high <= 300

    def test_found_window_of_8_bit_and_of_a_constant(self) -> None:
        assert find_window([eight_bit(1, 3, 3)]) == (0.0, 255.0)
        assert find_window([RawImage(np.full((1, 3, 3), 7, np.int16))]) == (7.0, 8.0)
        with pytest.raises(ValueError, match="at least one"):
            find_window([])


class TestSize:
    def test_none_keeps_every_pixel(self) -> None:
        raw = eight_bit(3, 5, 7)
        made, zoom = prepare(raw, PrepareSettings())
        np.testing.assert_array_equal(np.rint(made * 255), raw.array)
        assert zoom == 1.0
        assert made.dtype == np.float32

    @pytest.mark.parametrize("factor", [2, 3])
    def test_shrinking_averages_areas(self, factor: int) -> None:
        raw = eight_bit(1, 12, 18)
        made, zoom = prepare(raw, PrepareSettings(size=(12 // factor, 18 // factor)))
        np.testing.assert_allclose(made[0], averaged(raw.array[0] / 255, factor), atol=1e-6)
        assert zoom == pytest.approx(1 / factor)

    def test_shrinking_by_a_fraction_keeps_the_mean(self) -> None:
        raw = eight_bit(1, 50, 50)
        made, zoom = prepare(raw, PrepareSettings(size=(37, 37)))
        assert zoom == pytest.approx(0.74)
        assert made.mean() == pytest.approx(raw.array.mean() / 255, abs=1e-6)

    def test_enlarging_equals_pillows_linear(self) -> None:
        raw = eight_bit(1, 6, 8)
        picture = Image.fromarray(raw.array[0].astype(np.float32) / 255)
        expected = np.asarray(picture.resize((16, 12), Image.Resampling.BILINEAR))
        made, zoom = prepare(raw, PrepareSettings(size=(12, 16)))
        np.testing.assert_allclose(made[0], expected, atol=1e-6)
        assert zoom == 2.0

    @pytest.mark.parametrize("side", [97, 101, 143])
    def test_one_factor_holds_for_all_axes(self, side: int) -> None:
        """A square stays square to a hundredth of a pixel, where rounding the size to whole pixels would not do."""
        array = np.zeros((1, side, 2 * side), np.float32)
        middle, half = side // 2, side // 4
        array[0, middle - half : middle + half, side - half : side + half] = 1
        made, zoom = prepare(RawImage(array), PrepareSettings(size=(33, 64), window=(0, 1)))
        height, width = made[0].sum(axis=0).max(), made[0].sum(axis=1).max()
        assert height == pytest.approx(2 * half * zoom, abs=1e-3)
        assert width == pytest.approx(2 * half * zoom, abs=1e-3)

    def test_resize_pads_what_the_shape_leaves(self) -> None:
        made, zoom = prepare(RawImage(np.full((1, 10, 40), 255, np.uint8)), PrepareSettings(size=(20, 20)))
        assert zoom == 0.5
        assert made[0, 6].max() == made[0, 13].max() == 0
        np.testing.assert_allclose(made[0, 8:12], 1)
        assert made.sum() == pytest.approx(5 * 20)

    def test_stretch_gives_each_axis_its_factor(self) -> None:
        raw = eight_bit(1, 10, 40)
        made, zoom = prepare(raw, PrepareSettings(size=(10, 20), fit="stretch"))
        np.testing.assert_allclose(
            made[0], (raw.array[0, :, ::2] / 255.0 + raw.array[0, :, 1::2] / 255.0) / 2, atol=1e-6
        )
        assert zoom == pytest.approx(np.sqrt(0.5))

    def test_pad_and_crop_move_whole_pixels(self) -> None:
        raw = eight_bit(1, 5, 9)
        made = prepare(raw, PrepareSettings(size=(8, 4), fit="pad_or_crop")).array
        np.testing.assert_array_equal(np.rint(made[0, 1:6] * 255), raw.array[0, :, 2:6])
        assert made[0, 0].max() == made[0, 6:].max() == 0

    @pytest.mark.parametrize(("fit", "said"), [("pad", "larger"), ("crop", "smaller")])
    def test_pad_and_crop_refuse_the_other(self, fit: str, said: str) -> None:
        size = (4, 4) if fit == "pad" else (20, 20)
        with pytest.raises(InputError, match=said):
            prepare(eight_bit(1, 5, 9), PrepareSettings(size=size, fit=fit))  # type: ignore[arg-type]

    def test_volumes(self) -> None:
        raw = eight_bit(1, 8, 12, 16)
        made, zoom = prepare(raw, PrepareSettings(size=(4, 6, 8)))
        blocks = raw.array[0].reshape(4, 2, 6, 2, 8, 2).mean(axis=(1, 3, 5)) / 255
        np.testing.assert_allclose(made[0], blocks, atol=1e-6)
        assert zoom == 0.5

    def test_wrong_number_of_axes(self) -> None:
        with pytest.raises(InputError, match="3-D"):
            prepare(eight_bit(1, 8, 8, 8), PrepareSettings(size=(8, 8)))

    def test_twice_the_same_bits(self) -> None:
        raw = eight_bit(3, 31, 47)
        first, second = (prepare(raw, PrepareSettings(size=(16, 16))).array for _ in range(2))
        assert first.tobytes() == second.tobytes()


class TestSpacing:
    def test_resampled_to_a_spacing(self) -> None:
        raw = RawImage(RANDOM.integers(0, 256, (1, 10, 20, 20), dtype=np.uint8), (4.0, 1.0, 1.0))
        made, zoom = prepare(raw, PrepareSettings(spacing=(2.0, 2.0, 2.0)))
        assert made.shape == (1, 20, 10, 10)
        assert zoom == pytest.approx((2 * 0.5 * 0.5) ** (1 / 3))

    def test_the_canvas_is_kept_beside_it(self) -> None:
        raw = RawImage(np.full((1, 20, 20), 255, np.uint8), (0.5, 0.5))
        made, zoom = prepare(raw, PrepareSettings(size=(16, 16), spacing=(1.0, 1.0), fit="pad_or_crop"))
        assert made.sum() == pytest.approx(100)
        assert zoom == 0.5

    def test_unknown_spacing_is_refused(self) -> None:
        with pytest.raises(InputError, match="does not say the size"):
            prepare(eight_bit(1, 8, 8), PrepareSettings(spacing=(1.0, 1.0)))


class TestChannels:
    def test_grey_is_repeated(self) -> None:
        made = prepare(eight_bit(1, 4, 4), PrepareSettings(channels=3)).array
        assert made.shape == (3, 4, 4)
        assert (made == made[:1]).all()

    def test_colour_to_luminance_as_pillow(self) -> None:
        raw = eight_bit(3, 8, 8)
        expected = np.asarray(Image.fromarray(raw.array.transpose(1, 2, 0).copy()).convert("L")) / 255
        np.testing.assert_allclose(prepare(raw, PrepareSettings(channels=1)).array[0], expected, atol=1 / 255)

    def test_two_channels_are_neither(self) -> None:
        with pytest.raises(InputError, match="2 channels"):
            prepare(eight_bit(2, 4, 4), PrepareSettings(channels=3))


@pytest.mark.parametrize(
    "wrong",
    [
        {"fit": "squeeze"},
        {"size": (64,)},
        {"size": (0, 4)},
        {"window": (5.0, 5.0)},
        {"spacing": (1.0, -1.0)},
        {"spacing": (1.0, 1.0), "size": (4, 4), "fit": "resize"},
        {"channels": 2},
    ],
)
def test_wrong_settings_raise(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PrepareSettings(**wrong)
