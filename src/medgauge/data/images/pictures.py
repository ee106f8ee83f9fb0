"""PNG, JPEG and BMP by Pillow; TIFF by ``data.images.tiff``, and by Pillow where that one leaves it."""

import io
import lzma
import struct
import zlib
from contextlib import suppress
from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.data.images.image import ALPHA_DROPPED, DEPTH_REDUCED, ImageSource, RawImage, shape_notes
from medgauge.data.images.jpeg import check_jpeg
from medgauge.data.images.orientation import turned_notes, upright
from medgauge.data.images.png import GREY_ALPHA, Header, check_png, png_header
from medgauge.data.images.tiff import read_plain
from medgauge.data.images.tiff_tags import ACROSS, DOWN, MAGICS, Tags, read_tags
from medgauge.data.images.tiff_whole import check_blocks

PRINT_COLOURS = "print colours (CMYK) turned to red, green and blue"
SHORT_PALETTE = "palette of 0 to 255 read as such, where TIFF has 0 to 65535"
ORIENTATION = 0x0112
GREY = ("L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
TO_GREY = ("1", "LA", "La")
TO_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "YCbCr", "CMYK")
CHECKS = {"PNG": check_png, "JPEG": check_jpeg, "MPO": check_jpeg}
"""What finds that a file is not whole, by Pillow's name of its format: Pillow reads missing rows as black."""
DAMAGE = (
    OSError, SyntaxError, ValueError, IndexError, EOFError, KeyError, TypeError, OverflowError, struct.error, zlib.error,
    lzma.LZMAError,
)  # fmt: skip


def read_picture(source: ImageSource) -> RawImage:
    """Read a picture: grey (1, h, w) or colour (3, h, w) with the file's own number type; of OME's and ImageJ's
    TIFFs the spacing too.

    Palettes become colour, 1-bit becomes 0 and 255, other grey of less than 8 bits is spread over 0 to 255, alpha is
    dropped. An orientation mark is followed. Resolution marks (dpi) are about printing, not about the patient, and are
    not followed (where they say that pixels are not square, that is told), nor are gamma and colour profiles.
    """
    header = png_header(source.path)
    if header is not None:
        return _by_pillow(source, header=header)
    with source.path.open("rb") as file:
        start = file.read(4)
    if start in MAGICS:
        tags = read_tags(source)
        plain = read_plain(source, tags)
        return _by_pillow(source, tags=tags) if plain is None else plain
    return _by_pillow(source)


def _by_pillow(source: ImageSource, header: Header | None = None, tags: Tags | None = None) -> RawImage:
    from PIL import Image, UnidentifiedImageError

    try:
        picture = Image.open(source.path if tags is None else _unturned(source, tags))
    except UnidentifiedImageError:
        if tags is not None:
            raise InputError(f"{source.path} is a TIFF of {tags.words}, which is not read; {tags.remedy}") from None
        if header is not None:
            raise InputError(f"{source.path} is truncated or damaged; replace it or leave the case out") from None
        raise InputError(
            f"{source.path} is not a PNG, JPEG, TIFF or BMP image; replace it or leave the case out"
        ) from None
    except Image.DecompressionBombError:
        raise InputError(f"{source.path} has too many pixels; make it smaller before") from None
    except DAMAGE as error:
        raise InputError(f"{source.path} cannot be opened as an image; replace it or leave the case out") from error
    with picture:
        _refuse(picture, source, tags)
        try:
            if picture.format in CHECKS:
                CHECKS[picture.format](source.path.read_bytes())
            if tags is not None:
                with source.path.open("rb") as file:
                    check_blocks(file, tags)
            _check_palette(picture, source)
            return _decoded(picture, source, header, tags)
        except InputError:
            raise
        except Image.DecompressionBombError:
            raise InputError(f"{source.path} has too many pixels; make it smaller before") from None
        except DAMAGE as error:
            raise InputError(f"{source.path} is truncated or damaged; replace it or leave the case out") from error


def _refuse(picture: Any, source: ImageSource, tags: Tags | None) -> None:
    """Raise for frames (the second frame of a camera's MPO file is only a preview) and for colours of other kinds."""
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":
        raise InputError(f"{source.path} has {frames} frames; save the one that counts, or a volume as NIfTI or NumPy")
    if picture.mode not in (*GREY, *TO_GREY, *TO_COLOUR):
        what = f"a {picture.format} of {tags.words if tags else picture.mode}"
        raise InputError(f"{source.path} is {what}, which is not read; save it as grey or as 8-bit colour")


def _check_palette(picture: Any, source: ImageSource) -> None:
    """Raise for pixels of colours that the palette does not have, which decoders make black."""
    if picture.mode != "P" or picture.format not in ("PNG", "BMP"):
        return
    order, colours = picture.palette.getdata()
    known, largest = len(colours) // len(order), int(np.asarray(picture).max())
    if largest >= known:
        raise InputError(
            f"{source.path} has pixels of colour {largest}, and its palette has {known} colours from 0 on; save it anew"
        )


def _check_alpha(picture: Any, colours: np.ndarray[Any, Any], source: ImageSource) -> None:
    """Raise where colours (h, w) or (h, w, 3) are of one value and transparency is not: it is the picture."""
    if "A" not in picture.getbands():
        return
    low, high = picture.getchannel("A").getextrema()
    if low != high and bool((colours == colours[:1, :1]).all()):
        raise InputError(
            f"{source.path} has its picture in the alpha channel, and colours of one single value; save the alpha channel as grey"
        )


def _deep(picture: Any, source: ImageSource, header: Header) -> np.ndarray[Any, Any]:
    """Grey (h, w) or colour (h, w, 3) of a PNG of 16 bits with colour or alpha, of which Pillow gives the upper eight bits.

    It gives the lower ones if it is told that these come first, and all four bytes of grey and alpha as four channels.
    """
    from PIL import Image

    with Image.open(source.path) as other:
        raw = {"LA;16B": "RGBA", "RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}
        other.tile = [tile._replace(args=raw[str(tile.args)]) for tile in other.tile]
        bytes_ = np.asarray(other).astype(np.uint16)
    if header.colour == GREY_ALPHA:
        return bytes_[..., 0] << 8 | bytes_[..., 1]
    return np.asarray(picture)[..., :3].astype(np.uint16) << 8 | bytes_[..., :3]


def _decoded(picture: Any, source: ImageSource, header: Header | None, tags: Tags | None) -> RawImage:
    """The pixels, turned upright, and what was changed."""
    mode, notes = picture.mode, []
    if tags is not None and max(tags.bits) > 8:
        notes.append(DEPTH_REDUCED)
    if mode == "CMYK":
        notes.append(PRINT_COLOURS)
    picture.load()
    mark = int(picture.getexif().get(ORIENTATION, 1)) if tags is None else tags.orientation  # a PNG has it at its end
    if mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in picture.info:
        notes.append(ALPHA_DROPPED)
    grey = mode in TO_GREY or (header is not None and header.colour == GREY_ALPHA)
    array = np.asarray(picture if mode in GREY else picture.convert("L" if grey else "RGB"))
    if tags is not None and mode == "P" and (colours := tags.eight_bit_palette) is not None:
        array = np.array(colours, np.uint8)[np.asarray(picture)]
        notes.append(SHORT_PALETTE)
    if header is not None and array.dtype == np.int32:
        array = array.astype(np.uint16)  # 16-bit grey, which some versions of Pillow give as 32-bit
    if header is not None and header.depth == 16 and header.colour != 0:
        array = _deep(picture, source, header)
    _check_alpha(picture, array, source)
    array = upright(array, mark)
    spacing = None if tags is None else tags.spacing
    notes += [*turned_notes(mark), *(shape_notes(*_resolution(picture, tags)) if spacing is None else ())]
    return RawImage(array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0), spacing, tuple(notes))


def _resolution(picture: Any, tags: Tags | None) -> tuple[float, float]:
    """Pixels along a row and along a column in one unit of length, whichever that is; 0 where it is not said."""
    if tags is not None:
        return tags.resolution
    exif = picture.getexif()
    exact = [picture.info.get(name) for name in ("jfif_density", "aspect")]
    # of Exif's two resolutions Pillow's dpi has the first alone
    for pair in (*exact, (exif.get(ACROSS), exif.get(DOWN)), picture.info.get("dpi")):
        with suppress(TypeError, ValueError, ZeroDivisionError):
            across, down = map(float, pair)
            return across, down
    return 0.0, 0.0


def _unturned(source: ImageSource, tags: Tags) -> io.BytesIO:
    """A TIFF without its orientation mark: some versions of Pillow follow it, and wrongly in memory-mapped files."""
    data = bytearray(source.path.read_bytes())
    if tags.orientation_at is not None:
        data[tags.orientation_at : tags.orientation_at + 2] = (1).to_bytes(2, "little" if tags.order == "<" else "big")
    return io.BytesIO(data)
