"""Files of the cases in this folder, each with its right value."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.readers import read_image
from medgauge.data.tables.table import read_table

HERE = Path(__file__).parent


def read(name: str) -> RawImage:
    return read_image(ImageSource(HERE / name))


def test_png_exif_orientation() -> None:
    assert read("png_exif_orientation/a.png").array.shape == (1, 64, 48)


def test_tiff_float64() -> None:
    image = read("tiff_float64/a.tif")
    assert image.array.dtype == np.float64
    np.testing.assert_array_equal(image.array[0], tifffile.imread(HERE / "tiff_float64" / "a.tif"))


def test_tiff_orientation_scrambled() -> None:
    plain, packed = read("tiff_orientation_scrambled/plain.tif"), read("tiff_orientation_scrambled/lzw.tif")
    assert plain.array.shape == (1, 64, 48)
    np.testing.assert_array_equal(plain.array, packed.array)
    stored = tifffile.imread(HERE / "tiff_orientation_scrambled" / "plain.tif")
    np.testing.assert_array_equal(plain.array[0], np.rot90(stored, -1))  # orientation 6: a quarter turn clockwise


def test_nifti_2d_turned_or_not() -> None:
    flat, thick = (read(f"nifti_2d_turned_or_not/{name}.nii.gz") for name in ("xy", "xy1"))
    np.testing.assert_array_equal(flat.array, thick.array)
    assert flat.spacing == thick.spacing


def test_nifti_gzip_damage() -> None:
    assert read("nifti_gzip_damage/good.nii.gz").array.shape == (1, 16, 16, 16)
    with pytest.raises(InputError, match="is truncated or damaged"):
        read("nifti_gzip_damage/bad.nii.gz")


def test_nifti_names() -> None:
    plain, packed = read("nifti_names/plain.nii.gz"), read("nifti_names/gz.nii")
    assert plain.array.shape == packed.array.shape == (1, 6, 8, 10)
    with pytest.raises(InputError, match="is truncated or damaged"):
        read("nifti_names/cut.nii.gz")


def test_nifti_nan_background() -> None:
    place = HERE / "nifti_nan_background" / "a.nii.gz"
    with pytest.raises(InputError, match=r"48 pixels that are not a number \(NaN\).*--image.nan 0"):
        read_image(ImageSource(place))
    stored = np.asarray(nibabel.load(place).dataobj)
    image = read_image(ImageSource(place), nan=0.0)
    np.testing.assert_array_equal(np.sort(image.array, axis=None), np.sort(np.nan_to_num(stored), axis=None))
    assert image.notes[-1] == "NaN read as 0"


def test_array_channel_last_one() -> None:
    place = HERE / "array_channel_last_one"
    stack = np.load(place / "stack.npy")
    assert stack.shape == (40, 16, 16, 1)
    table, problems = read_table(
        place / "cases.csv", image=None, label=["mm"], group="patient", array=str(place / "stack.npy"), index="row"
    )
    assert not problems
    for row, source in enumerate(table.image):
        np.testing.assert_array_equal(read_image(source).array, stack[row, :, :, 0][None])
