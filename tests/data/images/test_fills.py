"""Numbers that stand for no intensity: the ends of float types, GDAL's nodata, one number far below all others."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import tifffile

from medgauge.core.errors import InputError
from medgauge.data.images.facts import image_facts
from medgauge.data.images.fills import FILLED, far_below_notes, far_off_notes, without_fills
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.prepare import PrepareSettings, find_window, prepare
from medgauge.data.images.readers import read_image

RNG = np.random.default_rng(0)
CORNER = (slice(0, 3), slice(0, 4))


def with_corner(value: float, kind: str = "f4") -> np.ndarray[Any, Any]:
    """Intensities between 0 and 1 but for a corner of 3 x 4."""
    array = RNG.uniform(0, 1, (20, 30)).astype(kind)
    array[CORNER] = value
    return array


def read(path: Path) -> RawImage:
    return read_image(ImageSource(path))


FLOAT_ENDS = [
    ("f4", float(np.finfo(np.float32).min)), ("f4", float(np.finfo(np.float32).max)), ("f8", -1.7e308), ("f8", 1e300),
    ("f8", -3.4028234663852886e38), ("f4", 9.969209968386869e36),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), FLOAT_ENDS)
def test_the_ends_of_a_float_type_are_no_intensity(tmp_path: Path, kind: str, value: float) -> None:
    array = with_corner(value, kind)
    np.save(tmp_path / "a.npy", array)
    tifffile.imwrite(tmp_path / "a.tif", array)
    nibabel.save(nibabel.Nifti1Image(array.T[..., None], np.diag([-1, -1, 1, 1])), tmp_path / "a.nii.gz")
    inside = np.ones_like(array, dtype=bool)
    inside[CORNER] = False
    for name in ("a.npy", "a.tif", "a.nii.gz"):
        image = read(tmp_path / name)
        assert image.padding is not None
        np.testing.assert_array_equal(~image.padding, inside)
        assert image.notes == (FILLED,)
        low, high = find_window([image])
        assert 0 <= low < high <= 1
        for settings in (
            PrepareSettings(window=(0.0, 1.0)), PrepareSettings(grey="image_percentiles"), PrepareSettings(grey="image_zscore"),
        ):  # fmt: skip
            made = prepare(image, settings).array[0]
            assert (made[~inside] == 0).all()
            assert made[inside].std() > 0.1
    assert image_facts([ImageSource(tmp_path / "a.npy")]).each[0].high <= 1


def test_large_numbers_that_are_intensities_stay() -> None:
    image = RawImage(np.array([[[1e29, -1e29, 3.0]]]))
    assert without_fills(image) is image


def test_one_channel_makes_a_pixel_padding_and_padding_stays() -> None:
    array = np.array([[[1.0, 2.0, 3.0]], [[4.0, 1e38, 6.0]]])
    image = without_fills(RawImage(array, padding=np.array([[False, False, True]])))
    assert image.padding is not None
    np.testing.assert_array_equal(image.padding, [[False, True, True]])
    np.testing.assert_array_equal(image.array, [[[1, 0, 3]], [[4, 0, 6]]])


def test_nothing_but_fills_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.full((9, 9), -3.4e38, np.float32))
    with pytest.raises(InputError, match="holds nothing but padding; replace it or leave the case out"):
        read(tmp_path / "a.npy")


NODATA = [
    ("f4", -9999.0, "-9999"), ("f4", 0.1, "0.1"), ("f4", np.nan, "nan"), ("f8", -np.inf, "-inf"), ("i2", -32768, "-32768"),
    ("u2", 65535, "65535"), ("u1", 0, " 0 "), ("f4", float(np.finfo(np.float32).min), "-3.4028234663852886e+38"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "text"), NODATA)
@pytest.mark.parametrize("mark", [1, 6])
def test_the_declared_nodata_of_a_tiff_is_no_intensity(
    tmp_path: Path, kind: str, value: float, text: str, mark: int
) -> None:
    array = RNG.integers(20, 90, (20, 30)).astype(kind)
    array[CORNER] = value
    tifffile.imwrite(
        tmp_path / "a.tif", array, metadata=None, extratags=[(42113, 2, 0, text, True), (274, 3, 1, mark, True)]
    )
    image = read(tmp_path / "a.tif")
    expected = np.zeros((20, 30), bool)
    expected[CORNER] = True
    assert image.padding is not None
    np.testing.assert_array_equal(image.padding, expected if mark == 1 else np.rot90(expected, -1))
    assert "nodata (GDAL_NODATA) taken as no intensity" in image.notes
    assert image.intensities.min() >= 20
    assert image.intensities.max() < 90


def test_white_is_zero_keeps_nodata_and_a_value_that_no_pixel_has_is_none(tmp_path: Path) -> None:
    array = RNG.integers(20, 90, (20, 30), dtype=np.uint8)
    array[CORNER] = 7
    for text, count in (("7", 12), ("300", None), ("-9999", None)):
        tifffile.imwrite(
            tmp_path / "a.tif", array, photometric="miniswhite", metadata=None, extratags=[(42113, 2, 0, text, True)]
        )
        padding = read(tmp_path / "a.tif").padding
        assert (None if padding is None else padding.sum()) == count
    tifffile.imwrite(tmp_path / "a.tif", array, metadata=None, extratags=[(42113, 2, 0, "none", True)])
    with pytest.raises(InputError, match="a nodata value .GDAL_NODATA. that is no number; correct the tag"):
        read(tmp_path / "a.tif")


@pytest.mark.parametrize(("kind", "value"), [("f4", -9999), ("i2", -9999), ("i2", -32768), ("f8", -1e20)])
def test_one_number_far_below_all_others_is_noted(tmp_path: Path, kind: str, value: float) -> None:
    array = RNG.integers(-1024, 3000, (20, 30)).astype(kind)
    array[CORNER] = value
    np.save(tmp_path / "a.npy", array)
    image = read(tmp_path / "a.npy")
    assert image.padding is None
    assert image.notes == (
        f"pixels of {value:.6g}, far below all others (if they hold no intensity, save NaN there and fit with image.nan, "
        "or fit with image.window)",
    )


@pytest.mark.parametrize(
    "values",
    [
        [-1000, -1000, *range(0, 3000, 7)],  # air, and nearer than the others are to each other
        [-9999, *range(100)],  # once
        [0, 0, *range(30000, 30100)],  # a background
        [-5, -5, 3, 3],  # two numbers
        [-9999] * 5,
        [-9999, -9999, -9000, *range(-9500, 3000, 5)],
    ],
)
def test_other_low_numbers_are_not_noted(values: list[int]) -> None:
    assert far_below_notes(RawImage(np.array([[values]], np.int16))) == ()


@pytest.mark.parametrize(("kind", "value"), [("f4", 9999), ("u2", 65535), ("i2", 32767), ("f8", 1e20)])
def test_one_number_far_above_all_others_is_noted(tmp_path: Path, kind: str, value: float) -> None:
    array = RNG.integers(0, 1000, (20, 30)).astype(kind)
    array[CORNER] = value
    np.save(tmp_path / "a.npy", array)
    assert read(tmp_path / "a.npy").notes == (
        f"pixels of {value:.6g}, far above all others (if they hold no intensity, save NaN there and fit with image.nan, "
        "or fit with image.window)",
    )


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("i2", [3071, 3071, *range(-1000, 2900, 7)]),  # metal, and nearer than the others are to each other
        ("i2", [30000, *range(1000)]),  # one of a thousand: windows end below it
        ("u1", [255, 255, 255, *range(100)]),  # 8 bits have one window in all images
        ("i2", [900, 900, *[0] * 300]),  # two numbers
        ("i2", [0, 0, *range(-3000, -2000)]),  # nothing where others are below 0
    ],
)
def test_other_high_numbers_are_not_noted(kind: str, values: list[int]) -> None:
    assert far_off_notes(RawImage(np.array([[values]], kind))) == ()


def test_signed_numbers_read_as_unsigned_are_noted(tmp_path: Path) -> None:
    signed = RNG.integers(-1024, 3000, (20, 30)).astype(np.int16)
    np.save(tmp_path / "a.npy", signed)
    assert read(tmp_path / "a.npy").notes == ()
    np.save(tmp_path / "a.npy", signed.view(np.uint16))
    assert read(tmp_path / "a.npy").notes == (
        "numbers in two groups more than 32768 apart, as signed numbers that are read as unsigned (save them signed),",
    )
    np.save(tmp_path / "a.npy", RNG.integers(0, 65536, (20, 30)).astype(np.uint16))
    assert read(tmp_path / "a.npy").notes == ()
