"""A thumbnail goes into the page as its pixels alone, and only if it is one."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from medgauge.core.errors import InputError
from medgauge.report.thumbnails import read_thumbnail
from medgauge.runfolder import RunFolder

SECRET = b"-----BEGIN OPENSSH PRIVATE KEY-----"


def png(mode: str = "L", size: tuple[int, int] = (5, 4), format: str = "PNG") -> bytes:
    out = io.BytesIO()
    info = PngInfo()
    info.add_text("Comment", SECRET.decode())
    Image.new(mode, size).save(out, format=format, **({"pnginfo": info} if format == "PNG" else {}))
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    (tmp_path / "thumbnails").mkdir()
    return RunFolder(tmp_path)


def put(folder: RunFolder, content: bytes) -> str:
    (folder / "thumbnails/0.png").write_bytes(content)
    return "thumbnails/0.png"


@pytest.mark.parametrize("channels", [(), (2,), (3,)])
def test_the_pixels_stay_as_they_are_and_nothing_else_does(folder: RunFolder, channels: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (128, 100, *channels), dtype=np.uint8)
    out, info = io.BytesIO(), PngInfo()
    info.add_text("Comment", SECRET.decode())
    Image.fromarray(pixels).save(out, format="PNG", pnginfo=info)
    assert SECRET in out.getvalue()
    content = read_thumbnail(folder, put(folder, out.getvalue() + SECRET))
    assert SECRET not in content
    with Image.open(io.BytesIO(content)) as picture:
        np.testing.assert_array_equal(np.asarray(picture), pixels)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        SECRET,
        png()[:60],
        png()[:40] + b"xxxx" + png()[44:],
        png(format="GIF"),
        png("RGB", format="JPEG"),
        png(size=(301, 1)),
        png(size=(20_000, 20_000)),
        png("RGBA"),
        png("P"),
        png("I;16"),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
)
def test_what_is_no_thumbnail_is_refused(folder: RunFolder, content: bytes) -> None:
    with pytest.raises(InputError, match=r"thumbnails/0\.png is no thumbnail .*--no-images"):
        read_thumbnail(folder, put(folder, content))
