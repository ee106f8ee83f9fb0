"""Whether the strips and tiles of a compressed TIFF are whole: decoders read what is missing as black, in silence."""

import lzma
import zlib
from typing import BinaryIO

from medgauge.data.images.jpeg import check_jpeg
from medgauge.data.images.tiff_tags import COMPRESSION, COUNTS, FILL_ORDER, OFFSETS, TILE_COUNTS, TILE_OFFSETS, Tags

RAW, DEFLATE, JPEG, LZMA = 1, (8, 32946), 7, 34925
CODES = (4, 5)
"""Group 4 fax and LZW, in which no run of codes is all zeros."""
EMPTY = bytes(8)
"""No block that is compressed ends so: it ends in a mark, a checksum or codes that are not zero."""
PIECE, SURPLUS = 2**20, 2**26  # bytes, and bytes after the last pixel that are looked through for the checksum


def check_blocks(file: BinaryIO, tags: Tags) -> None:
    """Raise where a strip or tile of a compressed file is cut off, empty at its end, or does not fit its checksum.

    - Raises: ValueError, IndexError, zlib.error.
    """
    codec = tags.one(COMPRESSION, 1)
    offsets = tags.values.get(TILE_OFFSETS) or tags.values.get(OFFSETS, ())
    counts = tags.values.get(TILE_COUNTS) or tags.values.get(COUNTS)
    if codec == RAW or counts is None:
        return
    for offset, count in zip(offsets, counts, strict=True):
        file.seek(offset)
        raw = file.read(count)
        if len(raw) < count:
            raise ValueError("a block lies beyond the end of the file")
        check_block(raw, codec)
        if codec in DEFLATE and tags.one(FILL_ORDER, 1) == 1:
            inflated(raw, 0)


def check_block(raw: bytes, codec: int) -> None:
    """Raise where a compressed block is empty, or has nothing at its end; deflate is checked by :func:`inflated`.

    - Raises: ValueError or lzma.LZMAError.
    """
    if not raw or codec in (RAW, *DEFLATE):
        return
    if codec == JPEG:
        check_jpeg(raw)
    elif raw.endswith(EMPTY) or not raw.strip(b"\0") or (codec in CODES and EMPTY in raw):
        raise ValueError("compressed pixels end in zeros")
    if codec == LZMA:
        _check_lzma(raw)


def inflated(raw: bytes, wanted: int) -> bytes:
    """The first ``wanted`` bytes of a block, after the checksum of the whole block fitted.

    - Raises: ValueError or zlib.error.
    """
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(raw, wanted) if wanted else b""
    waiting, rest = unpacker.unconsumed_tail if wanted else raw, SURPLUS
    while not unpacker.eof and rest > 0:
        more = unpacker.decompress(waiting, PIECE)
        if not more and not unpacker.eof:
            break
        waiting, rest = unpacker.unconsumed_tail, rest - (len(more) if wanted else 0)
    if not unpacker.eof:
        raise ValueError("compressed pixels are cut off")
    return data


def _check_lzma(raw: bytes) -> None:
    """As :func:`inflated`, of a container of LZMA, whose end is marked."""
    unpacker, waiting = lzma.LZMADecompressor(lzma.FORMAT_XZ), raw
    while not unpacker.eof:
        more, waiting = unpacker.decompress(waiting, PIECE), b""
        if not more and unpacker.needs_input:
            raise ValueError("compressed pixels are cut off")
