"""Where the pictures are that a table names: files, and rows of array files."""

import functools
import os
import re
from collections.abc import Sequence
from pathlib import Path

from medgauge.data.images.image import ImageSource
from medgauge.data.tables.missing import trim

NPZ = re.compile(r"(?P<path>.+\.npz)#(?P<key>[^\[\]#]+)(?:\[(?P<index>\d+)\])?", re.IGNORECASE | re.DOTALL)
_NPY = re.compile(r"(?P<path>.+\.npy)#?\[(?P<index>\d+)\]", re.IGNORECASE | re.DOTALL)
_SERIES = re.compile(r"(?P<path>.+)#(?P<key>\d+(?:\.\d+){3,})", re.DOTALL)
_DRIVE = re.compile(r"[A-Za-z]:(?:\\|$)")
_SCHEME = re.compile(r"[a-z][a-z\d+.-]+:")

MOST_USED = 0.9
"""Share of the rows from 1 to the last one that cases use, from where row 0 is missed."""


def picture_cell(cell: str, folder: Path) -> str:
    """The path in a cell: as it stands there if such a file exists, else without blanks at its ends."""
    bare = trim(cell)
    return cell if cell != bare and bare and os.path.lexists(folder / cell) else bare


def image_source(text: str, folder: Path) -> ImageSource:
    """Where the picture named in a cell is; a relative path starts at ``folder``.

    A file, a row of an array file, a folder with a DICOM series, or ``FOLDER#SeriesInstanceUID``.
    """
    series = _SERIES.fullmatch(text)
    if series is not None and (folder / series["path"]).is_dir():
        return ImageSource(folder / series["path"], series["key"])
    found = NPZ.fullmatch(text) or _NPY.fullmatch(text)
    if found is None:
        return ImageSource(folder / text, None, None)
    parts, row = found.groupdict(), found.groupdict()["index"]
    return ImageSource(_array_path(folder, parts["path"]), parts.get("key"), None if row is None else int(row))


@functools.lru_cache(maxsize=64)
def _array_path(folder: Path, text: str) -> Path:
    """One path for the many rows of an array file."""
    return folder / text


def path_hint(path: Path) -> str:
    """What can be done with a path where no file is, in brackets; no text where nothing is known of it.

    >>> path_hint(Path("/data/images/a\\\\1.png"))
    ' (write / in place of \\\\)'
    """
    if os.name != "nt" and any(map(_DRIVE.match, path.parts)):
        return " (a path of another machine: copy the images to this one, and write paths relative to the table)"
    if scheme := next(filter(_SCHEME.fullmatch, path.parts), ""):
        return f" (write the path of a file alone, without {scheme}//)"
    if "\\" in path.name:
        return " (write / in place of \\)"
    near = _other_case(path.parent).get(path.name.casefold())
    return (
        ""
        if near is None
        else f" (there is {near} beside it: write the name in capitals and small letters as the file's)"
    )


@functools.lru_cache(maxsize=64)
def _other_case(folder: Path) -> dict[str, str]:
    """Names of the files of a folder by themselves in small letters; none where it cannot be read."""
    try:
        return {name.casefold(): name for name in os.listdir(folder)}
    except OSError:
        return {}


def index_notes(sources: Sequence[ImageSource]) -> list[str]:
    """A note where the rows of the one array file seem to be counted from 1: nearly all are used, and row 0 is not.

    >>> file = Path("volumes.npy")
    >>> index_notes([ImageSource(file, None, row) for row in (1, 2, 3)])[0][:52]
    'no case has row 0 of volumes.npy, and cases have row'
    >>> index_notes([ImageSource(file, None, row) for row in (0, 1, 2)])
    []
    """
    rows = {source.index for source in sources if source.index is not None}
    if len(rows) < 2 or min(rows) != 1 or len(rows) < MOST_USED * max(rows):
        return []
    if len({source[:2] for source in sources}) > 1:
        return []
    name = sources[0].path.name
    return [
        f"no case has row 0 of {name}, and cases have rows 1 to {max(rows)}: rows are counted from 0; if these are counted from "
        "1, each case has the picture of the next one: subtract 1"
    ]
