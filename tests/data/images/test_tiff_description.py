"""Descriptions of TIFFs by tifffile and ImageJ: pictures without tags of their own, calibrated values."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.readers import read_image
from medgauge.data.images.tiff_description import CALIBRATED, NOT_FOLLOWED, described_size, stated_frames

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


@pytest.mark.parametrize(
    ("across", "down", "expected"),
    [
        ((0.5, "mm"), (0.25, "mm"), (0.25, 0.5)),
        ((500.0, "µm"), (2.0, "cm"), (20.0, 0.5)),
        ((500.0, None), (250.0, None), (0.25, 0.5)),
        ((1.0, "pixel"), (1.0, "pixel"), None),
        ((0.0, "mm"), (0.25, "mm"), None),
    ],
)
def test_the_sizes_of_pixels_that_ome_says_are_read(
    tmp_path: Path,
    across: tuple[float, str | None],
    down: tuple[float, str | None],
    expected: tuple[float, float] | None,
) -> None:
    said = {"PhysicalSizeX": across[0], "PhysicalSizeY": down[0]}
    units = {"PhysicalSizeXUnit": across[1], "PhysicalSizeYUnit": down[1]}
    metadata = {"axes": "YX", **said, **{name: unit for name, unit in units.items() if unit}}
    array = RNG.integers(0, 256, (32, 48), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.ome.tif", array, ome=True, metadata=metadata)
    image = read(tmp_path / "a.ome.tif")
    assert image.spacing == (None if expected is None else pytest.approx(expected))
    assert image.notes == ()


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("mm", 1.0), ("cm", 10.0), ("micron", 0.001), ("\\u00B5m", 0.001), ("inch", None), ("pixel", None)],
)
@pytest.mark.parametrize("mark", [1, 6])
def test_the_sizes_of_pixels_of_imagej_are_read_in_units_of_length(
    tmp_path: Path, unit: str, factor: float | None, mark: int
) -> None:
    array = RNG.integers(0, 256, SHAPE, dtype=np.uint8)
    turned = [(274, 3, 1, mark, True)]
    tifffile.imwrite(
        tmp_path / "a.tif", array, imagej=True, resolution=(2.0, 4.0), metadata={"unit": unit}, extratags=turned
    )
    image = read(tmp_path / "a.tif")
    across, down = 0.5, 0.25
    expected = (down, across) if mark == 1 else (across, down)
    assert image.spacing == (None if factor is None else pytest.approx(np.array(expected) * factor))
    assert any("resolution marks" in note for note in image.notes) is (factor is None)


def test_pillow_reads_such_pixels_with_their_size(tmp_path: Path) -> None:
    tags = {270: "ImageJ=1.53\nunit=cm\n", 282: 20.0, 283: 40.0, 296: 1}
    Image.new("L", (16, 8)).save(tmp_path / "a.tif", compression="jpeg", tiffinfo=tags)
    image = read(tmp_path / "a.tif")
    assert (image.spacing, image.notes) == (pytest.approx((0.25, 0.5)), ())


def test_other_resolutions_are_no_sizes() -> None:
    assert described_size("ImageJ=1.53\nunit=mm\n", (2.0, 4.0), 2) is None
    assert described_size("ImageJ=1.53\nunit=mm\n", (0.0, 4.0), 1) is None
    assert described_size("ImageJ=1.53\n", (2.0, 4.0), 1) is None
    assert described_size("scanned at 300 dpi, unit=mm", (2.0, 4.0), 1) is None
    assert described_size('<Pixels PhysicalSizeX="1" PhysicalSizeY="1">', (2.0, 4.0), 1) is None
