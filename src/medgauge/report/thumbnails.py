"""Pictures of a run folder as the page holds them: decoded and written anew, so that nothing but their pixels goes in."""

import io
import warnings

from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder

LARGEST = 300
"""Pixels along a side, as ``runs.thumbnails`` makes them: 128, of a volume three planes of 96 side by side."""
MODES = ("L", "LA", "RGB")


def read_thumbnail(folder: RunFolder, name: str) -> bytes:
    """A thumbnail as PNG, made of its pixels alone.

    Raises:
        InputError: it is no PNG of a thumbnail's size and kind.
    """
    from PIL import Image

    content = folder.read_bytes(name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
                if max(picture.size) > LARGEST or picture.mode not in MODES:
                    raise ValueError(f"{picture.mode}, {picture.width} x {picture.height} pixels")
                pixels = Image.frombytes(picture.mode, picture.size, picture.tobytes())
    except Exception as error:  # Pillow raises many kinds
        raise InputError(
            f"{folder / name} is no thumbnail (a PNG, grey or RGB, of at most {LARGEST} x {LARGEST} pixels); give "
            "`medgauge report --no-images`, or the same `medgauge fit` command again"
        ) from error
    again = io.BytesIO()
    pixels.save(again, format="PNG")
    return again.getvalue()
