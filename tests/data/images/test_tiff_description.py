"""Descriptions of TIFFs by tifffile and ImageJ: pictures without tags of their own, calibrated values."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.readers import read_image
from medgauge.data.images.tiff_description import CALIBRATED, NOT_FOLLOWED, stated_frames

RNG = np.random.default_rng(0)
SHAPE = (12, 9)


def read(path: Path) -> RawImage:
    return read_image(ImageSource(path))


@pytest.mark.parametrize("shape", [(5, *SHAPE), (5, *SHAPE, 3)])
def test_pictures_that_tifffile_writes_without_tags_are_counted(tmp_path: Path, shape: tuple[int, ...]) -> None:
    stack = RNG.integers(0, 256, shape, dtype=np.uint8)
    colour = "rgb" if len(shape) == 4 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", stack, truncate=True, photometric=colour)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert len(file.pages) == 1
    with pytest.raises(InputError, match="has 5 frames; save the one that counts"):
        read(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "a.tif", stack[0], truncate=True, photometric=colour)
    np.testing.assert_array_equal(
        read(tmp_path / "a.tif").array, stack[0][None] if len(shape) == 3 else np.moveaxis(stack[0], -1, 0)
    )


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"shape": [5, 3, 4]}', '{"shape": 5, "truncated": true}', '{"shape": ["a"], "truncated": true}', "[1]",
     "ImageJ=1.53\nimages=many\n", "ImageJ=1.53\nimages=²\n", '{"shape": [3], "truncated": true}'],
)  # fmt: skip
def test_other_descriptions_state_one_picture(text: str) -> None:
    assert stated_frames(text, 12) == 1


LINES = "ImageJ=1.53t\ncf={cf}\nc0={c0}\nc1={c1}\nvunit=Gray Value\nmin=0.0\nmax=1.0\n"


@pytest.mark.parametrize(("kind", "c0", "c1"), [("u2", -32768.0, 1.0), ("u1", 255.0, -1.0), ("u2", -1024.0, 0.5)])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_a_straight_line_of_imagej_is_followed(
    tmp_path: Path, kind: str, c0: float, c1: float, photometric: str
) -> None:
    array = RNG.integers(0, 200, SHAPE).astype(kind)
    text = LINES.format(cf=0, c0=c0, c1=c1)
    tifffile.imwrite(tmp_path / "a.tif", array, description=text, metadata=None, photometric=photometric)
    image = read(tmp_path / "a.tif")
    for row, column in np.ndindex(SHAPE):
        assert image.array[0, row, column] == c0 + c1 * int(array[row, column])
    assert image.notes == (CALIBRATED,)


def test_signed_numbers_keep_their_sign(tmp_path: Path) -> None:
    array = RNG.integers(-3000, 3000, SHAPE).astype(np.int16)
    tifffile.imwrite(tmp_path / "a.tif", array, description=LINES.format(cf=0, c0=-32768.0, c1=1.0), metadata=None)
    np.testing.assert_array_equal(read(tmp_path / "a.tif").array[0], array)


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (LINES.format(cf=1, c0=1.0, c1=2.0), "u1", (NOT_FOLLOWED,)),
        (LINES.format(cf=21, c0="", c1=""), "u1", (NOT_FOLLOWED,)),
        ("ImageJ=1.53t\ncf=21\nvunit=Uncalibrated OD\n", "u1", (NOT_FOLLOWED,)),
        (LINES.format(cf=0, c0="", c1=2.0), "u1", ()),
        (LINES.format(cf="none", c0=1.0, c1=2.0), "u1", ()),
        (LINES.format(cf=20, c0=1.0, c1=2.0), "u1", ()),
        (LINES.format(cf=0, c0=0.0, c1=1.0), "u2", ()),
        (LINES.format(cf=0, c0=1.0, c1=2.0), "f4", ()),  # ImageJ has no other values of floats
        (LINES.format(cf=0, c0=1.0, c1=2.0).replace("vunit", "unit"), "u2", ()),
        (LINES.format(cf=0, c0=1.0, c1=2.0).replace("ImageJ", "Image"), "u2", ()),
    ],
)
def test_other_calibrations_leave_the_numbers(tmp_path: Path, text: str, kind: str, said: tuple[str, ...]) -> None:
    array = RNG.integers(0, 200, SHAPE).astype(kind)
    tifffile.imwrite(tmp_path / "a.tif", array, description=text, metadata=None)
    image = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.array[0], array)
    assert image.notes == said
