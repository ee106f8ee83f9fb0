"""The tags of a TIFF's first picture, classic and big, in both byte orders."""

import struct
from dataclasses import dataclass, replace
from typing import BinaryIO

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource
from medgauge.data.images.tiff_description import described_size, stated_frames

MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
FORMATS = {1: "B", 2: "s", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
MOST_PAGES = 100_000
WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
DESCRIPTION, OFFSETS, ORIENTATION, SAMPLES, ROWS, COUNTS, PLANAR = 270, 273, 274, 277, 278, 279, 284
ACROSS, DOWN, RATIONAL, UNIT = 282, 283, 5, 296
PREDICTOR, COLOUR_MAP, TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS = 317, 320, 322, 323, 324, 325
EXTRA, FORMAT, DEPTH, NODATA = 338, 339, 32997, 42113
SAMPLE_WORDS = {1: "whole", 2: "signed whole", 3: "float", 4: "untyped", 5: "complex whole", 6: "complex"}
COLOURS = {0: "grey", 1: "grey", 2: "colour", 3: "palette", 4: "mask", 5: "print colour", 6: "YCbCr", 8: "Lab colour"}
CODECS = {
    1: "not compressed",
    2: "CCITT",
    3: "CCITT fax 3",
    4: "CCITT fax 4",
    5: "LZW",
    6: "old JPEG",
    7: "JPEG",
    8: "deflate",
    32773: "PackBits",
    32946: "deflate",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
}


@dataclass(frozen=True)
class Tags:
    """What the tags say.

    Attributes:
        order: ``<`` or ``>``, as NumPy and struct write byte orders.
        values: numbers of each tag; texts have their bytes.
        pages: pictures in the file.
        orientation_at: where in the file the orientation's value is, or None.
    """

    order: str
    values: dict[int, tuple[int, ...]]
    pages: int
    orientation_at: int | None

    def one(self, tag: int, default: int) -> int:
        """The first number of a tag."""
        return self.values.get(tag, (default,))[0]

    @property
    def bits(self) -> tuple[int, ...]:
        """Bits of each sample."""
        return self.values.get(BITS, (1,))

    @property
    def samples(self) -> int:
        """Samples a pixel."""
        return self.one(SAMPLES, 1)

    @property
    def orientation(self) -> int:
        """The orientation mark, 1 where there is none."""
        return self.one(ORIENTATION, 1)

    @property
    def resolution(self) -> tuple[float, float]:
        """Pixels along a row and along a column in one unit of length, whichever that is; 0 where it is not said."""
        across, down = (self.values.get(tag, (0, 1)) for tag in (ACROSS, DOWN))
        return across[0] / max(across[-1], 1), down[0] / max(down[-1], 1)

    @property
    def spacing(self) -> tuple[float, float] | None:
        """Millimetres between rows and between columns of the picture as it is to be seen, where OME or ImageJ says them."""
        size = described_size(self.description, self.resolution, self.one(UNIT, 2))
        return size[::-1] if size is not None and self.orientation in (5, 6, 7, 8) else size

    @property
    def eight_bit_palette(self) -> list[tuple[int, ...]] | None:
        """Red, green and blue of each colour of a palette whose numbers are all below 256, as old writers have them; else None.

        - Source: libtiff's TIFFReadRGBAImage takes such palettes as ones of 8 bits.
        """
        values = self.values.get(COLOUR_MAP, ())
        count = 2 ** self.bits[0]
        if len(values) != 3 * count or max(values) > 255:
            return None
        return [values[colour::count] for colour in range(count)]

    @property
    def description(self) -> str:
        """The text that the writer gave the picture, "" where there is none."""
        return self._text(DESCRIPTION)

    @property
    def nodata(self) -> str:
        """The value of pixels that hold nothing, as GDAL writes it, "" where none is told."""
        return self._text(NODATA).strip()

    def _text(self, tag: int) -> str:
        return bytes(byte for byte in self.values.get(tag, ()) if 0 <= byte < 256).decode("latin-1").rstrip("\0")

    @property
    def words(self) -> str:
        """The kind of its pixels: ``64-bit float grey (LZW)``."""
        bits = "/".join(map(str, dict.fromkeys(self.bits)))
        sample = SAMPLE_WORDS.get(self.one(FORMAT, 1), "unknown")
        colour = COLOURS.get(self.one(PHOTOMETRIC, 1), f"colours of kind {self.one(PHOTOMETRIC, 1)}")
        codec = CODECS.get(self.one(COMPRESSION, 1), f"compression {self.one(COMPRESSION, 1)}")
        return f"{bits}-bit {sample} {colour} ({codec})"

    @property
    def remedy(self) -> str:
        """What to do where that is not read."""
        if self.one(FORMAT, 1) in (5, 6):
            return "save its magnitude as float32"
        grey = self.one(PHOTOMETRIC, 1) in (0, 1)
        return f"save it as {'float32 or 16-bit grey' if grey else '8-bit colour'}, not compressed"


def read_tags(source: ImageSource) -> Tags:
    """The tags of the first picture of a TIFF.

    - Raises: InputError where the tags are cut off or make no sense, or the file has several pictures.
    - Source: TIFF 6.0, section 2; the 64-bit form of libtiff (BigTIFF).
    """
    try:
        with source.path.open("rb") as file:
            tags = _read(file)
    except (struct.error, ValueError, OverflowError, OSError) as error:
        raise InputError(f"{source.path} is truncated or damaged; replace it or leave the case out") from error
    if tags.pages > 1:
        raise InputError(
            f"{source.path} has {tags.pages} frames; save the one that counts, or a volume as NIfTI or NumPy"
        )
    return tags


def _read(file: BinaryIO) -> Tags:
    magic = file.read(4)
    order, big = "<" if magic[:2] == b"II" else ">", b"+" in magic
    file.seek(8 if big else 4)
    at = _numbers(file, f"{order}{'Q' if big else 'I'}")[0]
    values, orientation_at, following = _directory(file, at, order, big)
    seen = {at}
    while following and following not in seen and len(seen) < MOST_PAGES:
        seen.add(following)
        following = _directory(file, following, order, big, skip=True)[2]
    tags = Tags(order, values, len(seen), orientation_at)
    pixels = tags.one(WIDTH, 0) * tags.one(LENGTH, 0) * tags.samples
    return (
        tags
        if tags.pages > 1
        else replace(tags, pages=max(stated_frames(tags.description, pixels), tags.one(DEPTH, 1)))
    )


def _directory(
    file: BinaryIO, at: int, order: str, big: bool, skip: bool = False
) -> tuple[dict[int, tuple[int, ...]], int | None, int]:
    """Values by tag, the place of the orientation, and where the next directory is (0: none)."""
    values: dict[int, tuple[int, ...]] = {}
    place, width = None, 8 if big else 4
    file.seek(at)
    count = _numbers(file, f"{order}{'Q' if big else 'H'}")[0]
    if not 0 < count <= 65535:
        raise ValueError("a directory without tags")
    start, entry = file.tell(), 20 if big else 12
    for number in () if skip else range(count):
        file.seek(start + number * entry)
        tag, kind, many = _numbers(file, f"{order}HH{'Q' if big else 'I'}")
        if kind == RATIONAL and tag in (ACROSS, DOWN) and many == 1:
            if not big:  # whose entries hold the number itself
                file.seek(_numbers(file, f"{order}I")[0])
            pair = file.read(8)
            values |= {tag: struct.unpack(f"{order}II", pair)} if len(pair) == 8 else {}
        if kind not in FORMATS:
            continue
        size = struct.calcsize(FORMATS[kind]) * many
        held = file.tell()
        if size > width:
            held = _numbers(file, f"{order}{'Q' if big else 'I'}")[0]
        file.seek(held)
        data = file.read(size)
        if len(data) < size:
            raise ValueError("a tag is cut off")
        if many:
            values[tag] = tuple(data) if kind == 2 else struct.unpack(f"{order}{many}{FORMATS[kind]}", data)
        place = held if tag == ORIENTATION else place
    file.seek(start + count * entry)
    following = file.read(width)
    return (
        values,
        place,
        int.from_bytes(following, "little" if order == "<" else "big") if len(following) == width else 0,
    )


def _numbers(file: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))
