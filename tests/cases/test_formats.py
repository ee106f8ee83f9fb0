"""Files of the cases in this folder, each with its right value."""

from pathlib import Path

import numpy as np
import tifffile

from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.readers import read_image

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
