"""Grey TIFF of every sample type, and RGB, in strips or tiles, with the compressions that keep every bit."""

import io
import lzma
import struct
import zlib
from typing import Any, BinaryIO, Literal

import numpy as np

from medgauge.core.errors import InputError
from medgauge.data.images.image import ALPHA_DROPPED, ImageSource, RawImage, shape_notes
from medgauge.data.images.mirror import within_bits
from medgauge.data.images.orientation import turned_notes, upright
from medgauge.data.images.tiff_description import CALIBRATED, calibrated
from medgauge.data.images.tiff_tags import (
    COMPRESSION,
    COUNTS,
    EXTRA,
    FILL_ORDER,
    FORMAT,
    LENGTH,
    OFFSETS,
    PHOTOMETRIC,
    PLANAR,
    PREDICTOR,
    ROWS,
    TILE_COUNTS,
    TILE_LENGTH,
    TILE_OFFSETS,
    TILE_WIDTH,
    WIDTH,
    Tags,
)
from medgauge.data.images.tiff_whole import DEFLATE, RAW, check_block, inflated

COLOURS = {0: 1, 1: 1, 2: 3}  # samples of a pixel that are wanted, by photometric interpretation
ALPHA = (1, 2)  # codes of ExtraSamples
NODATA_PADDED = "nodata (GDAL_NODATA) taken as no intensity"
WHITE_IS_ZERO = "white-is-zero grey inverted, so that white is high"
BY_LIBTIFF = (5, 32773, 34925, 50000)
BY_PILLOW = (2, 3, 4, 6, 7)  # fax and JPEG
TYPES = {
    (1, 8): "u1", (1, 16): "u2", (1, 32): "u4", (1, 64): "u8",
    (2, 8): "i1", (2, 16): "i2", (2, 32): "i4", (2, 64): "i8",
    (3, 16): "f2", (3, 32): "f4", (3, 64): "f8",
}  # fmt: skip
PACKED = (1, 2, 4)  # bits of samples that share a byte
REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def read_plain(source: ImageSource, tags: Tags) -> RawImage | None:
    """The image of a grey or RGB TIFF, or None where Pillow has to read it (JPEG, fax, palettes and other colours).

    Grey (1, h, w) keeps the file's number type; samples of 1, 2 and 4 bits are spread over 0 to 255. Colour (3, h, w)
    has 8 or 16 bits. White-is-zero is mirrored by the bits that the file declares, whatever its pixels use, so that one grey
    is one number in all images: section 8 has 0 white and 2^bits - 1 black, and says that MaxSampleValue tells nothing of
    how an image looks. Of signed numbers it is the full range of the type (section 19) that is mirrored. Floats have no
    such end, and no number is their black: white-is-zero of floats is refused. Values that ImageJ has calibrated are no matter
    of display and not mirrored.

    - Raises: InputError where the file is truncated or damaged, or its pixels are of a kind that is not read.
    - Source: TIFF 6.0, sections 3, 8, 14 (predictor 2), 15 (tiles) and 19; Adobe's Technical Note 3 (predictor 3).
    """
    _check_fourth(source, tags)
    codec, plain = tags.one(COMPRESSION, 1), tags.one(FILL_ORDER, 1) == 1
    premultiplied = tags.samples > 1 and tags.one(EXTRA, 0) == 1
    by_pillow = codec in BY_PILLOW or premultiplied or (codec in (*DEFLATE, *BY_LIBTIFF) and not plain)
    if tags.one(PHOTOMETRIC, 1) not in COLOURS or by_pillow:
        if codec == RAW and tags.one(PLANAR, 1) == 2 and max(tags.bits) > 8:  # Pillow reads the planes wrongly
            raise InputError(f"{source.path} is a TIFF of {tags.words} in planes, which is not read; {tags.remedy}")
        return None
    notes = _kind_notes(source, tags)
    try:
        with source.path.open("rb") as file:
            array = _pixels(file, source, tags)
    except (
        OSError,
        ValueError,
        IndexError,
        SyntaxError,
        MemoryError,
        OverflowError,
        struct.error,
        zlib.error,
        lzma.LZMAError,
    ) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{source.path} is truncated or damaged; replace it or leave the case out") from error
    padding = _padding(array, source, tags)
    wanted = COLOURS[tags.one(PHOTOMETRIC, 1)]
    array, said = calibrated(array, tags.description) if wanted == 1 else (array, "")
    notes = (*notes, said) if said else notes
    if tags.one(PHOTOMETRIC, 1) == 0 and said != CALIBRATED:
        array = within_bits(array, array.dtype.itemsize * 8)
        notes = (*notes, WHITE_IS_ZERO)
    array = np.moveaxis(upright(array, tags.orientation), -1, 0)
    spacing = tags.spacing
    marks = shape_notes(*tags.resolution) if spacing is None else ()
    notes = (*notes, *turned_notes(tags.orientation), *marks)
    if padding is None:
        return RawImage(array, spacing, notes)
    return RawImage(array, spacing, (*notes, NODATA_PADDED), upright(padding, tags.orientation))


def _padding(
    array: np.ndarray[Any, Any], source: ImageSource, tags: Tags
) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """Where all samples (h, w, c) are the value that GDAL's tag says is none; None where no pixel is.

    - Source: GDAL, GeoTIFF driver, "Nodata value" (tag 42113, a number as text, which may be nan).
    """
    if not tags.nodata:
        return None
    try:
        value = float(tags.nodata)
    except ValueError:
        raise InputError(f"{source.path} has a nodata value (GDAL_NODATA) that is no number; correct the tag") from None
    if tags.bits[0] in PACKED:
        value *= 255 // (2 ** tags.bits[0] - 1)
    with np.errstate(over="ignore"):
        same = array.dtype.type(value) if array.dtype.kind == "f" else value
    found: np.ndarray[Any, np.dtype[np.bool_]] = (np.isnan(array) if np.isnan(value) else array == same).all(axis=-1)
    return found if found.any() else None


def _check_fourth(source: ImageSource, tags: Tags) -> None:
    """Raise for a fourth channel beside red, green and blue that is not said to be transparency.

    - Source: TIFF 6.0, section 18 (ExtraSamples 1 and 2 are alpha, 0 is not told).
    """
    if tags.one(PHOTOMETRIC, 1) == 2 and tags.samples == 4 and tags.one(EXTRA, 0) not in ALPHA:
        raise InputError(
            f"{source.path} is a TIFF of four channels, of which the last is not said to be transparency (ExtraSamples); save the "
            "first three, or all four as a NumPy array (rows, columns, 4)"
        )


def _kind_notes(source: ImageSource, tags: Tags) -> tuple[str, ...]:
    """Raise for what is not one picture of a known kind; what is dropped of it."""
    sample, bits, wanted = tags.one(FORMAT, 1), tags.bits[0], COLOURS[tags.one(PHOTOMETRIC, 1)]
    alpha = tags.samples == wanted + 1 and (wanted == 3 or tags.one(EXTRA, 0) == 2)
    if tags.samples != wanted and not alpha:
        raise InputError(
            f"{source.path} is a TIFF of {tags.samples} channels of {tags.words}; save the one that counts, or 8-bit colour"
        )
    known = (1 if sample == 4 else sample, bits) in TYPES and (wanted == 1 or (sample in (1, 4) and bits in (8, 16)))
    known |= bits in PACKED and sample == 1 and tags.samples == 1 and tags.one(PREDICTOR, 1) == 1
    known &= tags.one(COMPRESSION, 1) in (RAW, *DEFLATE, *BY_LIBTIFF) and len(set(tags.bits)) == 1
    if not known:
        raise InputError(f"{source.path} is a TIFF of {tags.words}, which is not read; {tags.remedy}")
    if tags.one(PHOTOMETRIC, 1) == 0 and sample == 3:
        raise InputError(
            f"{source.path} is a TIFF of {tags.words} with photometric white-is-zero, which of floats does not say what is "
            "black; save it as black-is-zero, its values turned if low ones are white"
        )
    return (ALPHA_DROPPED,) if alpha else ()


def _pixels(file: BinaryIO, source: ImageSource, tags: Tags) -> np.ndarray[Any, Any]:
    """The stored rows and columns of the wanted samples, (h, w, 1 or 3), in native byte order."""
    from PIL import Image

    height, width = tags.one(LENGTH, 0), tags.one(WIDTH, 0)
    if height < 1 or width < 1:
        raise ValueError("no rows or columns")
    if height * width > 2 * (Image.MAX_IMAGE_PIXELS or height * width):
        raise InputError(f"{source.path} has too many pixels; make it smaller before")
    tiled = TILE_OFFSETS in tags.values
    across = tags.one(TILE_WIDTH, width) if tiled else width
    down = tags.one(TILE_LENGTH, height) if tiled else min(tags.one(ROWS, height), height)
    if min(across, down) < 1 or across * down > 4 * max(height * width, 2**20):
        raise ValueError("blocks of an impossible size")
    offsets = tags.values.get(TILE_OFFSETS if tiled else OFFSETS, ())
    counts = tags.values.get(TILE_COUNTS if tiled else COUNTS) or _only_count(tags, offsets, width, height)
    columns, rows = -(-width // across), -(-height // down)
    wanted = COLOURS[tags.one(PHOTOMETRIC, 1)]
    planes = wanted if tags.one(PLANAR, 1) == 2 else 1
    whole: np.ndarray[Any, Any] | None = None
    for place in range(planes * rows * columns):
        plane, inside = divmod(place, rows * columns)
        top, left = inside // columns * down, inside % columns * across
        lines = down if tiled else min(down, height - top)
        file.seek(offsets[place])
        block = _block(file.read(counts[place]), tags, lines, across)
        if whole is None:
            whole = np.empty((height, width, wanted), block.dtype)
        kept = slice(plane, plane + 1) if planes > 1 else slice(wanted)
        whole[top : top + lines, left : left + across, kept] = block[: height - top, : width - left, :wanted]
    if whole is None:
        raise ValueError("no blocks")
    return whole


def _only_count(tags: Tags, offsets: tuple[int, ...], width: int, height: int) -> tuple[int, ...]:
    """The bytes of the only strip of an uncompressed file, which old writers do not tell."""
    if len(offsets) != 1 or tags.one(COMPRESSION, 1) != RAW:
        raise ValueError("the lengths of the strips are missing")
    return (-(-width * tags.bits[0] * tags.samples // 8) * height,)


def _block(raw: bytes, tags: Tags, lines: int, across: int) -> np.ndarray[Any, Any]:
    """The samples of one strip or tile, (lines, across, samples)."""
    bits = tags.bits[0]
    samples = 1 if tags.one(PLANAR, 1) == 2 else tags.samples
    row = -(-across * samples * bits // 8)
    data = _unpacked(raw, tags.one(COMPRESSION, 1), row, lines)
    if tags.one(FILL_ORDER, 1) == 2:
        data = data.translate(REVERSED)
    bytes_ = np.frombuffer(data, np.uint8, count=row * lines).reshape(lines, row)
    if bits in PACKED:
        parts = np.unpackbits(bytes_, axis=1).reshape(lines, -1, bits)
        spread = (parts * (1 << np.arange(bits))[::-1]).sum(axis=2) * (255 // (2**bits - 1))
        grey: np.ndarray[Any, Any] = spread[:, :across, None].astype(np.uint8)
        return grey
    sample = 1 if tags.one(FORMAT, 1) == 4 else tags.one(FORMAT, 1)
    kind = np.dtype(tags.order + TYPES[sample, bits])
    values = _unpredicted(bytes_, kind, tags.one(PREDICTOR, 1), samples)
    return values.astype(kind.newbyteorder("=")).reshape(lines, across, samples)


def _unpredicted(
    bytes_: np.ndarray[Any, Any], kind: np.dtype[Any], predictor: int, samples: int
) -> np.ndarray[Any, Any]:
    """Values (lines, across * samples) of rows of bytes."""
    lines = len(bytes_)
    if predictor == 1:
        return bytes_.view(kind)
    if predictor == 2:
        whole = np.dtype(f"{kind.byteorder}u{kind.itemsize}") if kind.itemsize > 1 else np.dtype("u1")
        steps = bytes_.view(whole).astype(whole.newbyteorder("=")).reshape(lines, -1, samples)
        return np.cumsum(steps, axis=1, dtype=steps.dtype).reshape(lines, -1).view(kind.newbyteorder("="))
    if predictor == 3 and kind.kind == "f":
        steps = bytes_.reshape(lines, -1, samples)
        planes = np.cumsum(steps, axis=1, dtype=np.uint8).reshape(lines, kind.itemsize, -1)
        return np.ascontiguousarray(planes.swapaxes(1, 2)).reshape(lines, -1).view(kind.newbyteorder(">"))
    raise ValueError(f"predictor {predictor}")


def _unpacked(raw: bytes, codec: int, row: int, lines: int) -> bytes:
    """The bytes of ``lines`` rows of ``row`` bytes."""
    if codec == RAW:
        return raw
    if codec in DEFLATE:
        return inflated(raw, row * lines)
    check_block(raw, codec)
    return _by_libtiff(raw, codec, row, lines)


def _by_libtiff(raw: bytes, codec: int, row: int, lines: int) -> bytes:
    """Unpacked by Pillow's libtiff, to which the bytes are given as a picture of 8-bit grey."""
    from PIL import Image

    entries: list[tuple[int, Literal[3, 4], int]] = [
        (WIDTH, 4, row), (LENGTH, 4, lines), (258, 3, 8), (COMPRESSION, 3, codec), (PHOTOMETRIC, 3, 1),
        (OFFSETS, 4, 8 + 2 + 9 * 12 + 4), (277, 3, 1), (ROWS, 4, lines), (COUNTS, 4, len(raw)),
    ]  # fmt: skip
    directory = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    file = io.BytesIO(b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4) + raw)
    with Image.open(file) as picture:
        return picture.tobytes()
