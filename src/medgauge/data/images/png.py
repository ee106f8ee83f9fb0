"""PNG: what its header says of its depth, and whether the file is whole, neither of which Pillow tells."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel, by the colour type."""
PALETTE, GREY_ALPHA = 3, 4
PASSES = ((0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1))
"""First row, step between rows, first column, step between columns of each pass of an interlaced file (Adam7)."""
PIECE = 2**20
SURPLUS = 2**26  # bytes after the last row that are looked through, since the checksum comes at the end


class Header(NamedTuple):
    """Bits a channel, and the colour type: 0 grey, 2 colour, 3 palette, 4 grey with alpha, 6 colour with alpha."""

    depth: int
    colour: int


def png_header(path: Path) -> Header | None:
    """The header of a PNG file; None where there is none.

    - Source: PNG 3, section 11.2.1 (IHDR).
    """
    with path.open("rb") as file:
        start = file.read(26)
    return Header(start[24], start[25]) if len(start) == 26 and start.startswith(SIGNATURE) else None


def check_png(data: bytes) -> None:
    """Raise where a PNG is not whole: all its chunks with their checksums to the last, a palette, and pixels for every row.

    - Raises: ValueError or zlib.error.
    - Source: PNG 3, sections 5 (chunks), 8 (passes), 10 (zlib stream), 11.2.2 (PLTE).
    """
    header, unpacker, found, colours = memoryview(b""), zlib.decompressobj(), 0, False
    for kind, content in _chunks(data):
        if kind == b"IHDR":
            header = content
        elif kind == b"PLTE":
            colours = True
        elif kind == b"IDAT":
            waiting: bytes | memoryview = content
            while waiting and not unpacker.eof:
                found += len(unpacker.decompress(waiting, PIECE))
                waiting = unpacker.unconsumed_tail
                if found > _wanted(header) + SURPLUS:
                    raise ValueError("many more pixels than the header says")
    while not unpacker.eof and (rest := unpacker.decompress(unpacker.unconsumed_tail, PIECE)):
        found += len(rest)
    if not unpacker.eof or found < _wanted(header):
        raise ValueError("the pixels end before the last row")
    if header[9] == PALETTE and not colours:
        raise ValueError("no palette")


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Kind and content of each chunk; raises ValueError where one is damaged, or the last is missing."""
    view, at, kind = memoryview(data), len(SIGNATURE), b""
    while kind != b"IEND":
        size = int.from_bytes(view[at : at + 4], "big")
        end = at + 8 + size
        kind = bytes(view[at + 4 : at + 8])
        if end + 4 > len(view):
            raise ValueError("a chunk is cut off")
        if zlib.crc32(view[at + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            raise ValueError("a chunk does not fit its checksum")
        yield kind, view[at + 8 : end]
        at = end + 4


def _wanted(header: memoryview) -> int:
    """Bytes of all rows, each with its byte of filter."""
    if len(header) != 13 or header[9] not in SAMPLES:
        raise ValueError("no header")
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    bits, total = SAMPLES[header[9]] * header[8], 0
    for top, down, left, across in PASSES if header[12] else ((0, 1, 0, 1),):
        rows, columns = -(-(height - top) // down), -(-(width - left) // across)
        total += max(rows, 0) * (1 + -(-columns * bits // 8)) if columns > 0 else 0
    return total
