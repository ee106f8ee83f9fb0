"""What the header of a PNG file says of its depth, which Pillow does not tell."""

from pathlib import Path
from typing import NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"


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
