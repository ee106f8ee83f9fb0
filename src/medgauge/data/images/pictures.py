"""PNG, JPEG, TIFF and BMP, through MONAI's PILReader."""

from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource, RawImage

GREY_MODES = ("L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
ALPHA_DROPPED = "alpha channel dropped"
DEPTH_REDUCED = "16-bit colour read as 8-bit"
TURNED = "turned upright as the camera's mark says"


def read_picture(source: ImageSource) -> RawImage:
    """Read a picture: grey (1, h, w) in 8, 16 or 32 bits, or colour (3, h, w) in 8 bits; no spacing.

    Palettes become colour, 1-bit becomes 0 and 255, alpha is dropped. Resolution marks (dpi) are about printing, not
    about the patient, and are ignored.
    """
    from monai.data.image_reader import PILReader
    from PIL import Image, UnidentifiedImageError

    reader = PILReader(reverse_indexing=False)
    try:
        picture = reader.read(source.path)
    except UnidentifiedImageError:
        raise InputError(
            f"{source.path} is not a PNG, JPEG, TIFF or BMP image; replace it or leave the case out"
        ) from None
    except Image.DecompressionBombError:
        raise InputError(f"{source.path} has too many pixels; make it smaller before") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{source.path} cannot be opened as an image; replace it or leave the case out") from error
    with picture:
        _refuse_frames(picture, source)
        try:
            plain, notes = _plain(picture)
            array, _ = reader.get_data(plain)
        except (OSError, SyntaxError, ValueError, IndexError, EOFError) as error:
            raise InputError(f"{source.path} is truncated or damaged; replace it or leave the case out") from error
    array = _sixteen_bit(array) if picture.format == "PNG" else array
    return RawImage(array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0), None, notes)


def _refuse_frames(picture: Any, source: ImageSource) -> None:
    """Raise for a stack of frames; the second frame of a camera's MPO file is only a preview."""
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":
        raise InputError(f"{source.path} has {frames} frames; save the one that counts, or a volume as NIfTI or NumPy")


def _plain(picture: Any) -> tuple[Any, tuple[str, ...]]:
    """The picture as grey or RGB, upright, and what was changed."""
    from PIL import ImageOps

    notes = []
    mode = picture.mode
    if mode not in GREY_MODES and _is_deep(picture):
        notes.append(DEPTH_REDUCED)
    picture.load()
    if picture.format in ("JPEG", "MPO") and picture.getexif().get(0x0112, 1) != 1:
        picture = ImageOps.exif_transpose(picture)
        notes.append(TURNED)
    if mode in ("LA", "La", "RGBA", "RGBa", "PA") or (mode == "P" and "transparency" in picture.info):
        notes.append(ALPHA_DROPPED)
    if mode in GREY_MODES:
        return picture, tuple(notes)
    return picture.convert("L" if mode in ("1", "LA", "La") else "RGB"), tuple(notes)


def _is_deep(picture: Any) -> bool:
    """Whether a colour file has 16 bits a channel, which Pillow reads as 8."""
    if picture.format == "PNG":
        picture.fp.seek(24)
        deep = bool(picture.fp.read(1) == b"\x10")
        picture.fp.seek(0)
        return deep
    bits = getattr(picture, "tag_v2", {}).get(258, (8,))
    return bool(max(bits if isinstance(bits, tuple) else (bits,)) > 8)


def _sixteen_bit(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A 16-bit PNG as uint16 also where Pillow gives 32-bit integers."""
    return array.astype(np.uint16) if array.dtype == np.int32 else array
