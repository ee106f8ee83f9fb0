"""Whether a JPEG is whole: decoders fill up in silence what a file does not hold."""

import re

START, SCAN, END = b"\xff\xd8", 0xDA, 0xD9
ALONE = {0x01, *range(0xD0, 0xD9)}
"""Markers without a length."""
MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)


def check_jpeg(data: bytes) -> None:
    """Raise where a JPEG has no mark of its end after its last scan.

    - Raises: ValueError.
    - Source: ITU-T T.81, annex B (markers, and the bytes stuffed into scans).
    """
    at, scanned = len(START), False
    while found := MARKER.search(data, at):
        kind = found[1][0]
        if kind == END and scanned:
            return
        scanned |= kind == SCAN
        at = found.end() + (0 if kind in ALONE else max(2, int.from_bytes(data[found.end() : found.end() + 2], "big")))
    raise ValueError("the file ends before its mark of the end")
