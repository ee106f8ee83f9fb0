"""PNG and JPEG: values by hand or by Pillow; damage; no heavy library for pictures and arrays."""

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.png import png_header
from medgauge.data.images.readers import read_image


def read(path: Path) -> RawImage:
    return read_image(ImageSource(path))


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    assert path.name in str(caught.value)
    return str(caught.value)


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def png(width: int, rows: list[bytes], depth: int, colour: int, *more: bytes, interlace: int = 0) -> bytes:
    """A PNG by hand; ``more`` are chunks before the pixels."""
    header = width.to_bytes(4, "big") + len(rows).to_bytes(4, "big") + bytes([depth, colour, 0, 0, interlace])
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = [chunk(b"IHDR", header), *more, chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


GAMMA = chunk(b"gAMA", (100_000).to_bytes(4, "big"))


@pytest.mark.parametrize(
    ("depth", "rows", "expected"),
    [
        (1, [b"\xa0", b"\x40"], [[255, 0, 255], [0, 255, 0]]),
        (2, [b"\x1b", b"\xe4"], [[0, 85, 170], [255, 170, 85]]),
        (4, [b"\x01\xf0", b"\x8a\x30"], [[0, 17, 255], [136, 170, 51]]),
        (8, [b"\0\1\2", b"\xfd\xfe\xff"], [[0, 1, 2], [253, 254, 255]]),
        (16, [b"\0\1\1\0\xff\xff", b"\0\0\x12\x34\0\2"], [[1, 256, 65535], [0, 0x1234, 2]]),
    ],
)
@pytest.mark.parametrize("before", [(), (GAMMA,)], ids=["plain", "gamma"])
def test_grey_of_every_depth(
    tmp_path: Path, depth: int, rows: list[bytes], expected: list[list[int]], before: tuple[bytes, ...]
) -> None:
    (tmp_path / "a.png").write_bytes(png(3, rows, depth, 0, *before))
    image = read(tmp_path / "a.png")
    assert image.array.dtype == (np.uint16 if depth == 16 else np.uint8)
    np.testing.assert_array_equal(image.array[0], expected)
    assert image.notes == ()


@pytest.mark.parametrize(
    ("depth", "row", "mark"), [(8, b"\0\1\2", b"\0\1"), (16, b"\0\0\0\1\0\2", b"\0\1"), (1, b"\xa0", b"\0\0")]
)
def test_a_transparent_grey_is_said(tmp_path: Path, depth: int, row: bytes, mark: bytes) -> None:
    (tmp_path / "a.png").write_bytes(png(3, [row], depth, 0, chunk(b"tRNS", mark)))
    assert read(tmp_path / "a.png").notes == ("alpha channel dropped",)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palette(tmp_path: Path, depth: int) -> None:
    colours = chunk(b"PLTE", bytes([10, 20, 30, 40, 50, 60]))
    row = {1: b"\x40", 2: b"\x10", 4: b"\x01", 8: b"\0\1"}[depth]
    (tmp_path / "a.png").write_bytes(png(2, [row], depth, 3, colours))
    np.testing.assert_array_equal(read(tmp_path / "a.png").array, [[[10, 40]], [[20, 50]], [[30, 60]]])


@pytest.mark.parametrize(("colour", "samples"), [(2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_are_all_read_beside_colours_and_alpha(tmp_path: Path, colour: int, samples: int) -> None:
    stored = np.random.default_rng(0).integers(0, 4096, (6, 5, samples)).astype(">u2")
    (tmp_path / "a.png").write_bytes(png(5, [row.tobytes() for row in stored], 16, colour))
    image = read(tmp_path / "a.png")
    assert image.array.dtype == np.uint16
    np.testing.assert_array_equal(image.array, np.moveaxis(stored[..., : 1 if samples == 2 else 3], -1, 0))
    assert image.notes == (() if samples == 3 else ("alpha channel dropped",))


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_a_picture_in_the_alpha_channel_alone_is_refused(tmp_path: Path, mode: str) -> None:
    picture = Image.new(mode, (3, 2), (7,) * len(mode))
    picture.save(tmp_path / "a.png")
    assert read(tmp_path / "a.png").notes == ("alpha channel dropped",)
    picture.putalpha(Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3)))
    picture.save(tmp_path / "a.png")
    with pytest.raises(InputError, match="has its picture in the alpha channel, and colours of one single value; save"):
        read(tmp_path / "a.png")


def test_interlaced(tmp_path: Path) -> None:
    """Adam7: the passes of 2 x 2 pixels are (0, 0), then (0, 1), then the second row."""
    header = bytes([0, 0, 0, 2, 0, 0, 0, 2, 8, 0, 0, 0, 1])
    passes = zlib.compress(b"\0\x0a" + b"\0\x14" + b"\0\x1e\x28")
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", passes) + chunk(b"IEND", b"")
    )
    np.testing.assert_array_equal(read(tmp_path / "a.png").array, [[[10, 20], [30, 40]]])


@pytest.mark.parametrize("upside_down", [True, False])
def test_bmp_by_hand(tmp_path: Path, upside_down: bool) -> None:
    """Rows from the bottom up unless the height is negative, blue first, each row filled up to four bytes."""
    colour = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    rows = b"".join(row[:, ::-1].tobytes() + b"\0" for row in (colour[::-1] if upside_down else colour))
    header = struct.pack("<IiiHHIIiiII", 40, 5, 4 if upside_down else -4, 1, 24, 0, len(rows), 0, 0, 0, 0)
    (tmp_path / "a.bmp").write_bytes(b"BM" + struct.pack("<IHHI", 54 + len(rows), 0, 0, 54) + header + rows)
    np.testing.assert_array_equal(read(tmp_path / "a.bmp").array, np.moveaxis(colour, -1, 0))


UNLIKE = "pixels are not square by the file's resolution marks, which are not followed: shapes stay as stored"


@pytest.mark.parametrize(
    ("across", "down", "unit", "told"),
    [(2000, 4000, 1, True), (1, 2, 0, True), (2835, 2835, 1, False), (2835, 2834, 1, False), (0, 5, 0, False)],
)
def test_a_png_whose_pixels_are_not_square_says_so(
    tmp_path: Path, across: int, down: int, unit: int, told: bool
) -> None:
    marks = chunk(b"pHYs", struct.pack(">IIB", across, down, unit))
    (tmp_path / "a.png").write_bytes(png(4, [bytes(4)] * 3, 8, 0, marks))
    image = read(tmp_path / "a.png")
    assert image.notes == ((UNLIKE,) if told else ())
    assert (image.array.shape, image.spacing) == ((1, 3, 4), None)


@pytest.mark.parametrize("dpi", [(204, 98), (72, 72)])
@pytest.mark.parametrize("name", ["a.jpg", "a.tif", "a.bmp", "fax.tif", "exif.jpg"])
def test_other_pictures_too(tmp_path: Path, name: str, dpi: tuple[int, int]) -> None:
    picture = Image.new("1" if name == "fax.tif" else "L", (16, 8))
    if name == "exif.jpg":  # Exif's resolution, and no other
        marks = Image.Exif()
        marks.update({282: float(dpi[0]), 283: float(dpi[1]), 296: 2})
        picture.save(tmp_path / name, exif=marks)
        whole = (tmp_path / name).read_bytes()
        at = whole.index(b"JFIF\0")
        (tmp_path / name).write_bytes(whole[: at - 4] + whole[at + 14 :])
    else:
        picture.save(tmp_path / name, dpi=dpi, **({"compression": "group4"} if name == "fax.tif" else {}))
    assert read(tmp_path / name).notes == ((UNLIKE,) if dpi[0] != dpi[1] else ())


def test_animated_is_refused(tmp_path: Path) -> None:
    first, second = (Image.fromarray(np.full((8, 8), grey, np.uint8)) for grey in (0, 9))
    first.save(tmp_path / "a.png", save_all=True, append_images=[second])
    assert "2 frames" in refused(tmp_path / "a.png")


@pytest.mark.parametrize("where", [0.3, 0.5, 0.9])
def test_a_flipped_bit_is_found(tmp_path: Path, where: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[int(len(data) * where)] ^= 1
    (tmp_path / "a.png").write_bytes(data)
    assert "truncated or damaged" in refused(tmp_path / "a.png")


def test_a_png_that_is_only_a_start(tmp_path: Path) -> None:
    whole = png(3, [b"\0\1\2"], 8, 0)
    for cut in (8, 20, 33, 45):
        (tmp_path / "a.png").write_bytes(whole[:cut])
        message = refused(tmp_path / "a.png")
        assert "is not a PNG" in message or "truncated or damaged" in message or "cannot be opened" in message


def test_the_header_of_a_png(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(1, [b"\0\1\2\3"], 16, 4))
    assert png_header(tmp_path / "a.png") == (16, 4)
    (tmp_path / "a.txt").write_text("no PNG at all, but longer than a header")
    assert png_header(tmp_path / "a.txt") is None


def smooth(height: int, width: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return (np.add.outer(np.arange(height), np.arange(width)) * 2).astype(np.uint8)


def test_grey_jpeg_is_near_what_was_saved(tmp_path: Path) -> None:
    Image.fromarray(smooth(48, 64)).save(tmp_path / "a.jpg", quality=95)
    image = read(tmp_path / "a.jpg")
    assert image.array.shape == (1, 48, 64)
    np.testing.assert_allclose(image.array[0], smooth(48, 64), atol=4)  # quality 95 rounds by up to 2 a coefficient


def test_print_colours_of_a_jpeg_are_turned_and_said(tmp_path: Path) -> None:
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[..., 0] = 255  # full cyan: no red
    Image.fromarray(ink, mode="CMYK").save(tmp_path / "a.jpg", quality=95)
    image = read(tmp_path / "a.jpg")
    np.testing.assert_allclose(image.array[:, 8, 8], [0, 255, 255], atol=4)
    assert image.notes == ("print colours (CMYK) turned to red, green and blue",)


def saved_npy(path: Path) -> None:
    np.save(path, smooth(8, 8))


def saved_picture(path: Path) -> None:
    Image.fromarray(smooth(8, 8)).save(path)


@pytest.mark.parametrize(
    ("name", "save"),
    [("a.png", saved_picture), ("a.jpg", saved_picture), ("a.tif", saved_picture), ("a.npy", saved_npy)],
)
def test_no_monai_and_no_torch_for_pictures_and_arrays(tmp_path: Path, name: str, save: Callable[[Path], None]) -> None:
    save(tmp_path / name)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from medgauge.data.images.image import ImageSource\n"
        "from medgauge.data.images.readers import read_image\n"
        "read_image(ImageSource(Path(sys.argv[1])))\n"
        "print(sorted({'monai', 'torch', 'nibabel', 'pydicom', 'pandas'} & set(sys.modules)), len(sys.modules))\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / name)], capture_output=True, text=True, check=True
    )
    heavy, _, count = said.stdout.strip().rpartition(" ")
    assert heavy == "[]"
    assert int(count) < 700, "NumPy and Pillow bring some 350"


def palette_png(path: Path, indices: list[int], colours: bytes | None, depth: int = 8) -> Path:
    """A PNG of one row of palette indices, by hand."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packed = sum(index << (8 - depth - place * depth) for place, index in enumerate(indices)) if depth < 8 else 0
    row = bytes(indices) if depth == 8 else bytes([packed])
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", len(indices), 1, depth, 3, 0, 0, 0))]
    parts += [] if colours is None else [chunk(b"PLTE", colours)]
    parts += [chunk(b"IDAT", zlib.compress(b"\0" + row)), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


THREE = bytes([10, 20, 30, 40, 50, 60, 70, 80, 90])


@pytest.mark.parametrize("depth", [2, 8])
def test_a_palette_has_every_colour_that_pixels_name(tmp_path: Path, depth: int) -> None:
    image = read(palette_png(tmp_path / "a.png", [0, 2, 1], THREE, depth))
    np.testing.assert_array_equal(image.array[:, 0].T, [[10, 20, 30], [70, 80, 90], [40, 50, 60]])
    with pytest.raises(
        InputError, match="has pixels of colour 3, and its palette has 3 colours from 0 on; save it anew"
    ):
        read(palette_png(tmp_path / "a.png", [0, 3, 1], THREE, depth))
    with pytest.raises(InputError, match="truncated or damaged"):
        read(palette_png(tmp_path / "a.png", [0, 2, 1], None, depth))


def test_a_bmp_palette_that_is_too_short_is_refused(tmp_path: Path) -> None:
    colours = bytes([30, 20, 10, 0, 60, 50, 40, 0])  # blue, green, red, nothing
    for indices, right in (([0, 1, 1, 0], True), ([0, 2, 1, 0], False)):
        start = 14 + 40 + len(colours)
        header = struct.pack("<IiiHHIIiiII", 40, 4, 1, 1, 8, 0, 4, 0, 0, 2, 0)
        file = struct.pack("<2sIHHI", b"BM", start + 4, 0, 0, start) + header + colours + bytes(indices)
        (tmp_path / "a.bmp").write_bytes(file)
        if right:
            np.testing.assert_array_equal(read(tmp_path / "a.bmp").array[:, 0, 1], [40, 50, 60])
        else:
            with pytest.raises(InputError, match="pixels of colour 2, and its palette has 2 colours"):
                read(tmp_path / "a.bmp")


@pytest.mark.parametrize("most", [255, 65535])
def test_a_tiff_palette_of_eight_bits_is_no_black(tmp_path: Path, most: int) -> None:
    rng = np.random.default_rng(3)
    eight, indices = rng.integers(1, 256, (3, 256)), rng.integers(0, 256, (12, 9), dtype=np.uint8)
    colours = (eight * (257 if most > 255 else 1)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", indices, photometric="palette", colormap=colours, metadata=None)
    image = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.array, eight[:, indices])
    assert image.notes == (() if most > 255 else ("palette of 0 to 255 read as such, where TIFF has 0 to 65535",))
