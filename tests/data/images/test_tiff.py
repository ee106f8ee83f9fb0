"""TIFF: what tifffile writes is what is read, for every sample type; orientation; what is refused."""

import struct
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.readers import read_image

TYPES = ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8")
RNG = np.random.default_rng(0)


def read(path: Path) -> RawImage:
    return read_image(ImageSource(path))


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    assert path.name in str(caught.value)
    return str(caught.value)


def values(kind: str) -> np.ndarray[Any, Any]:
    """Values over the whole range of a type, (37, 53)."""
    if kind[0] == "f":
        return RNG.normal(0, 100, (37, 53)).astype(kind)
    return RNG.integers(0, 256, (37, 53 * np.dtype(kind).itemsize), dtype=np.uint8).view(kind)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("compression", [None, "zlib", "lzma"])
def test_grey_of_every_type_equals_what_tifffile_reads(tmp_path: Path, kind: str, compression: str | None) -> None:
    path, array = tmp_path / "a.tif", values(kind)
    for tile, big, order in product((None, (16, 32)), (False, True), "<>"):
        tifffile.imwrite(
            path, array, photometric="minisblack", compression=compression, tile=tile, bigtiff=big, byteorder=order,
            rowsperstrip=None if tile else 11, metadata=None,
        )  # fmt: skip
        image = read(path)
        np.testing.assert_array_equal(image.array[0], tifffile.imread(path))
        assert image.array.dtype == ("f4" if kind == "f2" else kind)
        assert image.notes == ()


@pytest.mark.parametrize("kind", ["u1", "u2", "i1", "i2", "u4", "i4"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_horizontal_differences(tmp_path: Path, kind: str, order: str) -> None:
    array = values(kind)
    for tile in (None, (16, 32)):
        tifffile.imwrite(
            tmp_path / "a.tif", array, photometric="minisblack", compression="zlib", predictor=True, byteorder=order,
            tile=tile, metadata=None,
        )  # fmt: skip
        np.testing.assert_array_equal(read(tmp_path / "a.tif").array[0], array)


def strip(array: np.ndarray[Any, Any], data: bytes, *more: tuple[int, int, int]) -> bytes:
    """A little-endian TIFF of one strip, written by hand: (tag, kind, value) of what is not the default."""
    height, width = array.shape
    tags = {256: (4, width), 257: (4, height), 258: (3, 8 * array.dtype.itemsize), 259: (3, 1), 262: (3, 1),
            273: (4, 0), 277: (3, 1), 278: (4, height), 279: (4, len(data))}  # fmt: skip
    tags |= {tag: (kind, value) for tag, kind, value in more}
    tags[273] = (4, 8 + 2 + 12 * len(tags) + 4)
    entries = [struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in sorted(tags.items())]
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + b"".join(entries) + bytes(4) + data


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
def test_float_differences(tmp_path: Path, kind: str) -> None:
    """Adobe's Technical Note 3: each row's bytes by significance, most significant first, then differences of bytes."""
    import zlib

    array, rows = values(kind), []
    for row in array:
        planes = b"".join(bytes(number[place] for number in np.split(np.frombuffer(row.astype(f">{kind}").tobytes(), "u1"), 53)) for place in range(array.itemsize))  # fmt: skip  # noqa: E501
        rows.append(bytes([planes[0], *((planes[at] - planes[at - 1]) % 256 for at in range(1, len(planes)))]))
    data = zlib.compress(b"".join(rows))
    (tmp_path / "a.tif").write_bytes(strip(array, data, (259, 3, 8), (317, 3, 3), (339, 3, 3)))
    np.testing.assert_array_equal(read(tmp_path / "a.tif").array[0], array.astype("f4") if kind == "f2" else array)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits"])
@pytest.mark.parametrize("kind", ["u1", "u2", "i4", "f4"])
def test_compressions_of_libtiff(tmp_path: Path, compression: str, kind: str) -> None:
    array = values(kind)
    Image.fromarray(array).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_array_equal(read(tmp_path / "a.tif").array[0], array)


def test_white_is_zero_is_mirrored_by_the_bits_that_the_file_declares(tmp_path: Path) -> None:
    for kind, stored, seen in (
        ("u1", [0, 1, 255], [255, 254, 0]),
        ("u1", [0, 1, 30], [255, 254, 225]),
        ("i1", [-128, 0, 20], [127, -1, -21]),
        ("u2", [0, 1, 65535], [65535, 65534, 0]),
        ("u2", [5, 1, 4095], [65530, 65534, 61440]),
        ("i2", [-32768, 0, 32767], [32767, -1, -32768]),
        ("i2", [-1024, 0, 1000], [1023, -1, -1001]),
        ("u4", [0, 9], [2**32 - 1, 2**32 - 10]),
        ("i4", [-5, 9], [4, -10]),
        ("u8", [0, 1, 2**64 - 1], [2**64 - 1, 2**64 - 2, 0]),
        ("i8", [-5, 9], [4, -10]),
    ):
        tifffile.imwrite(tmp_path / "a.tif", np.array([stored], kind), photometric="miniswhite")
        image = read(tmp_path / "a.tif")
        np.testing.assert_array_equal(image.array[0, 0], np.array(seen, kind))
        assert image.notes == ("white-is-zero grey inverted, so that white is high",)


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "u4", "i8"])
def test_a_grey_of_white_is_zero_is_one_number_in_all_images(tmp_path: Path, kind: str) -> None:
    seen = []
    for others in ([0, 3], [20, 100], [99, 101]):
        array = np.array([[77, *others]], kind)
        extra = [(281, "H", 1, max(others), True)]  # MaxSampleValue, which section 8 gives no part in how it looks
        tifffile.imwrite(tmp_path / "a.tif", array, photometric="miniswhite", extratags=extra)
        seen.append(int(read(tmp_path / "a.tif").array[0, 0, 0]))
    assert len(set(seen)) == 1


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("resolution", "told"), [((100, 50), True), ((100, 100), False), (None, False)])
def test_pixels_that_are_not_square_are_told(
    tmp_path: Path, big: bool, order: str, resolution: tuple[int, int] | None, told: bool
) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", np.ones((4, 5), "u2"), bigtiff=big, byteorder=order, resolution=resolution, metadata=None
    )
    assert [note[:21] for note in read(tmp_path / "a.tif").notes] == ["pixels are not square"] * told


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_white_is_zero_of_floats_is_refused(tmp_path: Path, kind: str, compression: str | None) -> None:
    array = np.array([[-1.5, 0, 2]], kind)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="miniswhite", compression=compression)
    said = refused(tmp_path / "a.tif")
    assert "float grey" in said
    assert "save it as black-is-zero" in said


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("photometric", [0, 1])
def test_few_bits_are_spread_over_eight(tmp_path: Path, bits: int, photometric: int) -> None:
    array = RNG.integers(0, 2**bits, (5, 11), dtype=np.uint8)
    packed = [np.packbits(((row[:, None] >> np.arange(bits)[::-1]) & 1).ravel()).tobytes() for row in array]
    (tmp_path / "a.tif").write_bytes(strip(array, b"".join(packed), (258, 3, bits), (262, 3, photometric)))
    spread = {1: [0, 255], 2: [0, 85, 170, 255], 4: list(range(0, 256, 17))}[bits]
    expected = np.array(spread if photometric else spread[::-1], np.uint8)[array]
    np.testing.assert_array_equal(read(tmp_path / "a.tif").array[0], expected)


def test_bits_of_each_byte_may_be_reversed(tmp_path: Path) -> None:
    array = np.array([[1, 0, 0, 0, 0, 0, 0, 0, 0, 1]], np.uint8)
    (tmp_path / "a.tif").write_bytes(strip(array, bytes([0b00000001, 0b00000010]), (258, 3, 1), (266, 3, 2)))
    np.testing.assert_array_equal(read(tmp_path / "a.tif").array[0], array * 255)


@pytest.mark.parametrize("samples", [3, 4])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_colour_in_any_layout(tmp_path: Path, samples: int, kind: str) -> None:
    array = RNG.integers(0, 256, (37, 53, samples * np.dtype(kind).itemsize), dtype=np.uint8).view(kind)
    expected = np.moveaxis(array[..., :3], -1, 0)
    for planar, tile, big, order in product(("contig", "separate"), (None, (16, 32)), (False, True), "<>"):
        tifffile.imwrite(
            tmp_path / "a.tif", np.moveaxis(array, -1, 0) if planar == "separate" else array, photometric="rgb",
            planarconfig=planar, tile=tile, bigtiff=big, byteorder=order, metadata=None,
            extrasamples=["unassalpha"] if samples == 4 else None,
        )  # fmt: skip
        image = read(tmp_path / "a.tif")
        np.testing.assert_array_equal(image.array, expected)
        assert image.array.dtype == kind
        assert image.notes == (("alpha channel dropped",) if samples == 4 else ())


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_fourth_channel_that_is_not_said_to_be_alpha_is_no_alpha(tmp_path: Path, compression: str | None) -> None:
    array = RNG.integers(0, 256, (32, 48, 4), dtype=np.uint8)
    tifffile.imwrite(
        tmp_path / "a.tif", array, photometric="rgb", extrasamples=["unspecified"], metadata=None, compression=compression,
    )  # fmt: skip
    with pytest.raises(
        InputError, match=r"of four channels, of which the last is not said to be transparency.*first three"
    ):
        read(tmp_path / "a.tif")


SEEN = {  # what is stored as [[1, 2, 3], [4, 5, 6]], by orientation, drawn by hand from TIFF 6's table
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[4, 1], [5, 2], [6, 3]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[3, 6], [2, 5], [1, 4]],
}
STORED = np.array(SEEN[1], np.uint8)


@pytest.mark.parametrize("mark", SEEN)
@pytest.mark.parametrize("form", ["plain", "lzw", "deep", "colour", "palette", "png", "png16", "jpeg"])
def test_orientation_is_the_same_in_every_format(tmp_path: Path, mark: int, form: str) -> None:
    big = STORED.repeat(16, axis=0).repeat(16, axis=1) * 40  # so that JPEG keeps the blocks apart
    path = tmp_path / f"a.{'jpg' if form == 'jpeg' else form[:3] if form.startswith('png') else 'tif'}"
    array = big.astype(np.uint16) if form in ("deep", "png16") else np.stack([big] * 3, 2) if form == "colour" else big
    picture = Image.fromarray(array)
    if form == "palette":
        picture = picture.convert("P")
    exif = Image.Exif()
    exif[0x0112] = mark
    if path.suffix == ".tif":
        picture.save(path, tiffinfo={0x0112: mark}, compression="tiff_lzw" if form == "lzw" else "raw")
    else:
        picture.save(path, exif=exif)
    image = read(path)
    np.testing.assert_allclose(image.array[0, 8::16, 8::16] / 40, SEEN[mark], atol=0.1)
    assert image.notes == (() if mark == 1 else ("turned upright as the camera's mark says",))


def test_pages_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 8, 8)), photometric="minisblack")
    assert "has 3 frames" in refused(tmp_path / "a.tif")
    tifffile.imwrite(
        tmp_path / "b.tif", np.zeros((8, 8), np.uint16), description="ImageJ=1.53\nimages=5\n", metadata=None
    )
    assert "has 5 frames" in refused(tmp_path / "b.tif")


@pytest.mark.parametrize(
    ("array", "how", "said"),
    [
        (
            np.zeros((8, 8), np.complex64),
            {},
            "64-bit complex grey (not compressed), which is not read; save its magnit",
        ),
        (np.zeros((8, 8, 3), np.float32), {"photometric": "rgb"}, "32-bit float colour (not compressed), which is not"),
        (
            np.zeros((8, 8, 2), np.uint8),
            {"photometric": "minisblack", "planarconfig": "contig"},
            "2 channels of 8-bit whole grey",
        ),
    ],
)
def test_kinds_that_are_not_read_are_named(
    tmp_path: Path, array: np.ndarray[Any, Any], how: dict[str, str], said: str
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", array, **how)  # type: ignore[arg-type]
    assert said in refused(tmp_path / "a.tif")


def test_a_compression_that_is_not_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(strip(np.zeros((4, 4), np.uint8), b"\0" * 30, (259, 3, 34712)))
    assert "8-bit whole grey (JPEG 2000), which is not read; save it as" in refused(tmp_path / "a.tif")


def test_truncated_anywhere(tmp_path: Path) -> None:
    for compression in (None, "zlib"):
        tifffile.imwrite(tmp_path / "whole.tif", values("f8"), compression=compression, metadata=None)
        whole = (tmp_path / "whole.tif").read_bytes()
        for share in (0.05, 0.3, 0.6, 0.95):
            (tmp_path / "a.tif").write_bytes(whole[: int(len(whole) * share)])
            assert "truncated or damaged" in refused(tmp_path / "a.tif")


def test_a_flipped_bit_of_deflate_is_found(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", values("u2"), compression="zlib", metadata=None)
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[len(data) // 2] ^= 4
    (tmp_path / "a.tif").write_bytes(data)
    assert "truncated or damaged" in refused(tmp_path / "a.tif")


def test_a_bomb_is_a_sentence(tmp_path: Path) -> None:
    tiny = np.zeros((2, 2), np.uint8)
    (tmp_path / "a.tif").write_bytes(strip(tiny, b"\0" * 4, (256, 4, 2**31), (257, 4, 2**31), (278, 4, 2**31)))
    assert "too many pixels" in refused(tmp_path / "a.tif")


def test_half_floats_are_single(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.full((3, 3), 60000, np.float16))
    assert read(tmp_path / "a.npy").array.dtype == np.float32
