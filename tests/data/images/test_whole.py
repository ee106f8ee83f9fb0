"""Files that are not whole: cut, zeros at their end, zeros in place of a strip, a stream that ends too early."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image

from medgauge.data.images.decode import decode_images
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.jpeg import check_jpeg
from medgauge.data.images.png import check_png
from medgauge.data.images.prepare import PrepareSettings
from medgauge.data.images.tiff_whole import check_block, inflated
from tests.data.images.test_pictures import chunk, png, read, refused

NOISE = np.random.default_rng(0).integers(1, 256, (64, 80), dtype=np.uint8)
SMOOTH = (np.add.outer(np.arange(64), np.arange(80)) + 1).astype(np.uint8)
SAID = "is truncated or damaged; replace it or leave the case out"


def zero_tail(data: bytes, count: int) -> bytes:
    return data[:-count] + bytes(count)


@pytest.mark.parametrize("grey", [NOISE, SMOOTH], ids=["noise", "smooth"])
@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.8])
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_picture_whose_end_is_zeros(tmp_path: Path, grey: np.ndarray, share: float, ending: str) -> None:  # type: ignore[type-arg]
    path = tmp_path / f"a.{ending}"
    Image.fromarray(grey).save(path)
    whole = path.read_bytes()
    assert read(path).array.shape == (1, 64, 80)
    path.write_bytes(zero_tail(whole, int(len(whole) * share)))
    assert SAID in refused(path)
    path.write_bytes(whole + bytes(100))  # zeros after the end are no matter
    assert read(path).array.shape == (1, 64, 80)


def test_every_chunk_of_a_png_has_its_checksum(tmp_path: Path) -> None:
    whole = png(3, [b"\0\1\2"], 8, 0, chunk(b"tEXt", b"a\0b"))
    for at in (20, whole.index(b"tEXt") + 5, whole.index(b"IDAT") + 6, len(whole) - 1):
        (tmp_path / "a.png").write_bytes(whole[:at] + bytes([whole[at] ^ 8]) + whole[at + 1 :])
        message = refused(tmp_path / "a.png")
        assert SAID in message or "cannot be opened" in message or "is not a PNG" in message
    (tmp_path / "a.png").write_bytes(whole[:-12])
    assert SAID in refused(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("stream", "whole"),
    [
        (zlib.compress(b"\0\1\2\3" * 3), True),
        (zlib.compress(b"\0\1\2\3" * 9), True),
        (zlib.compress(b"\0\1\2\3" * 2), False),
        (zlib.compress(b"\0\1\2\3" * 3)[:-4], False),
        (zlib.compress(b"\0\1\2\3" * 3)[:-1] + b"\0", False),
        (b"", False),
    ],
    ids=["whole", "longer", "a row short", "no checksum", "other checksum", "nothing"],
)
@pytest.mark.parametrize("pieces", [1, 3])
def test_the_stream_of_a_png(stream: bytes, whole: bool, pieces: int) -> None:
    step = max(1, -(-len(stream) // pieces))
    parts = [chunk(b"IDAT", stream[at : at + step]) for at in range(0, len(stream), step)]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 3, 8, 0, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + b"".join(parts) + chunk(b"IEND", b"")
    if whole:
        check_png(data)
    else:
        with pytest.raises((ValueError, zlib.error)):
            check_png(data)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 3), (5, 9), (8, 8), (17, 4)])
def test_interlaced_sizes(width: int, height: int) -> None:
    """Bytes of the passes counted pixel by pixel, in the order of the table in PNG 3, section 8.2."""
    tile = [
        "16462646", "77777777", "56565656", "77777777", "36463646", "77777777", "56565656", "77777777",
    ]  # fmt: skip
    rows: dict[str, dict[int, int]] = {name: {} for name in "1234567"}
    for y in range(height):
        for x in range(width):
            row = rows[tile[y % 8][x % 8]]
            row[y] = row.get(y, 0) + 1
    size = sum(1 + -(-count * 4 // 8) for lines in rows.values() for count in lines.values())
    for short in (0, 1):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 4, 0, 0, 0, 1))
        pixels = chunk(b"IDAT", zlib.compress(bytes(size - short)))
        data = b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")
        if short:
            with pytest.raises(ValueError, match="before the last row"):
                check_png(data)
        else:
            check_png(data)


def test_the_end_of_a_jpeg() -> None:
    for progressive in (False, True):
        file = io.BytesIO()
        Image.fromarray(SMOOTH).save(file, "jpeg", progressive=progressive, restart_marker_blocks=2)
        whole = file.getvalue()
        check_jpeg(whole)
        check_jpeg(whole + bytes(9))
        for cut in (whole[:-2], whole[: len(whole) // 2] + bytes(len(whole) // 2), whole[:20]):
            with pytest.raises(ValueError, match="mark of the end"):
                check_jpeg(cut)


def test_the_end_of_a_thumbnail_is_not_that_of_a_jpeg() -> None:
    file = io.BytesIO()
    Image.fromarray(SMOOTH).save(file, "jpeg", exif=b"Exif\0\0 a thumbnail \xff\xd8\xff\xda\0\2 ... \xff\xd9")
    check_jpeg(file.getvalue())
    with pytest.raises(ValueError, match="mark of the end"):
        check_jpeg(file.getvalue()[:-2])


@pytest.mark.parametrize(
    "compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg", "group4", "lzma", "zstd"]
)
@pytest.mark.parametrize("grey", [NOISE, SMOOTH], ids=["noise", "smooth"])
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_a_strip_whose_end_is_zeros(tmp_path: Path, compression: str, grey: np.ndarray, share: float) -> None:  # type: ignore[type-arg]
    path = tmp_path / "a.tif"
    Image.fromarray(grey > 90 if compression == "group4" else grey).save(path, compression=compression)
    with tifffile.TiffFile(path) as file:
        tags = file.pages[0].tags  # type: ignore[union-attr]
        offset, count = tags[273].value[-1], tags[279].value[-1]
    data = bytearray(path.read_bytes())
    assert read(path).array.shape == (1, 64, 80)
    lost = max(int(count * share), 8)
    data[offset + count - lost : offset + count] = bytes(lost)
    path.write_bytes(data)
    assert SAID in refused(path)


def test_a_palette_in_a_tiff_whose_end_is_zeros(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(SMOOTH).convert("P").save(path, compression="tiff_adobe_deflate")
    with tifffile.TiffFile(path) as file:
        tags = file.pages[0].tags  # type: ignore[union-attr]
        end = tags[273].value[-1] + tags[279].value[-1]
    data = bytearray(path.read_bytes())
    assert read(path).array.shape == (3, 64, 80)
    data[end - 12 : end] = bytes(12)
    path.write_bytes(data)
    assert SAID in refused(path)


def test_blocks() -> None:
    whole = zlib.compress(b"abcd" * 9)
    assert inflated(whole, 8) == b"abcdabcd"
    assert inflated(whole + bytes(30), 36) == b"abcd" * 9
    for cut in (whole[:-1], whole[:4]):
        with pytest.raises(ValueError, match="cut off"):
            inflated(cut, 8)
    check_block(b"\x80\1" + bytes(7) + b"\x40", 32773)
    with pytest.raises(ValueError, match="zeros"):
        check_block(b"\x80\1" + bytes(8) + b"\x40", 5)


@pytest.mark.parametrize("name", ["JPEG2000.dcm", "JPEG-lossy.dcm", "examples_ybr_color.dcm"])
def test_compressed_pixels_of_dicom_whose_end_is_zeros(tmp_path: Path, name: str) -> None:
    found = pydicom.data.get_testdata_file(name, download=False)
    assert found is not None  # it is in the package
    dataset = pydicom.dcmread(str(found))
    frame = pydicom.encaps.get_frame(dataset.PixelData, 0, number_of_frames=int(dataset.get("NumberOfFrames", 1)))
    dataset.NumberOfFrames = 1
    dataset.PixelData = pydicom.encaps.encapsulate([zero_tail(frame, len(frame) // 3 // 2 * 2)])
    dataset.save_as(tmp_path / "a.dcm")
    assert SAID in refused(tmp_path / "a.dcm")


def test_bmp_and_numpy_that_are_cut(tmp_path: Path) -> None:
    Image.fromarray(NOISE).save(tmp_path / "a.bmp")
    np.save(tmp_path / "a.npy", NOISE)
    np.savez(tmp_path / "a.npz", NOISE)
    for name in ("a.bmp", "a.npy", "a.npz"):
        whole = (tmp_path / name).read_bytes()
        assert read(tmp_path / name).array.shape == (1, 64, 80)
        for lost in (1, 90, len(whole) // 2):
            (tmp_path / name).write_bytes(whole[:-lost])
            assert "truncated" in refused(tmp_path / name)


class OddError(Exception):
    """An error of a class that no reader of ours knows."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OddError("patient Miller"),
            "cannot be read and may be damaged (tests: OddError); replace it or leave the case out",
        ),
        (RecursionError("deep"), "cannot be read and may be damaged (builtins: RecursionError); replace it or"),
        (MemoryError(), "needs more memory than there is; save it smaller or leave the case out"),
        (OSError("no words"), SAID.replace(" or leave", ", or leave")),
        (PermissionError(13, "denied"), "cannot be read: there is no permission"),
    ],
)
def test_an_odd_error_of_a_reader_is_a_problem_of_that_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    Image.fromarray(NOISE).save(tmp_path / "good.png")
    Image.fromarray(NOISE).save(tmp_path / "odd.png")
    from medgauge.data.images import pictures

    reads = pictures.read_picture

    def odd(source: ImageSource) -> RawImage:
        if source.path.stem == "odd":
            raise error
        return reads(source)

    monkeypatch.setattr(pictures, "read_picture", odd)
    sources = [ImageSource(tmp_path / "good.png"), ImageSource(tmp_path / "odd.png")]
    found = decode_images(sources, PrepareSettings(size=(8, 8), channels=1), None, 0, None)
    [(row, what)] = found.problems
    assert row == 1
    assert f"{tmp_path / 'odd.png'} {said}" in what
    assert "Miller" not in what


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "a.png")
    assert "is no regular file (a pipe or a device); name an image file" in refused(tmp_path / "a.png")
