"""Compressed bytes: whole, with their checksums, and never much more than what was announced."""

import bz2
import gzip
import io
import os
import zlib
from pathlib import Path

from medgauge.core.errors import InputError

GZIP = b"\x1f\x8b"
SURPLUS = 2**26  # bytes after what is wanted that are looked through, since the checksum comes at the end
PIECE = 2**22
DEFLATE_MOST = 1040  # times: deflate cannot make more of a byte
DAMAGE = (ValueError, OSError, EOFError, zlib.error, MemoryError, OverflowError)  # what damaged bytes end in


def unpacked_start(data: bytes, wanted: int) -> bytes:
    """The first bytes of a gzip file, at most ``wanted``, of as much as is there; no checksum is looked at."""
    return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, wanted)


def unpacked(data: bytes, wanted: int) -> bytes:
    """The first ``wanted`` bytes of what a gzip or bzip2 file holds, after the checksums of the whole file fitted.

    - Raises: one of DAMAGE where the file is damaged, cut off, shorter, or longer by more than SURPLUS.
    """
    if data[:2] == GZIP and wanted > DEFLATE_MOST * len(data):
        raise EOFError("shorter than announced")
    packed = gzip.GzipFile(fileobj=io.BytesIO(data)) if data[:2] == GZIP else bz2.BZ2File(io.BytesIO(data))
    with packed:
        found = packed.read(wanted)
        if len(found) < wanted:
            raise EOFError("shorter than announced")
        rest = SURPLUS
        while piece := packed.read(PIECE):
            rest -= len(piece)
            if rest < 0:
                raise ValueError("much longer than announced")
    return found


def check_memory(size: int, path: Path) -> None:
    """Raise InputError where an array of ``size`` bytes is larger than half of this machine's memory."""
    if size > memory() // 2:
        raise InputError(
            f"{path} says that its pixels take {size / 1e9:,.0f} GB, too much for this machine's memory; replace it, or save "
            "it smaller"
        )


def memory() -> int:
    """Bytes of memory of this machine; where the system does not tell, 2 ** 36."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**36
