"""Files that a write left half done when its process was killed."""

import os
import re
from pathlib import Path

PART = re.compile(r"\..+\.(\d+)\.part")  # as folder.write_whole names them: the file, the number of the process


def is_part(path: Path) -> bool:
    """Whether it is a file of an unfinished write, and so nobody's result."""
    return PART.fullmatch(path.name) is not None and path.is_file() and not path.is_symlink()


def sweep_parts(folder: Path) -> None:
    """Remove the unfinished files of processes that have ended from a run folder, its checkpoints and thumbnails."""
    for place in (folder, folder / "checkpoints", folder / "thumbnails"):
        if place.is_symlink() or not place.is_dir():
            continue
        for path in place.glob(".*.part"):
            found = PART.fullmatch(path.name)
            if found and is_part(path) and _has_ended(int(found.group(1))):
                path.unlink(missing_ok=True)


def _has_ended(process: int) -> bool:
    """Whether no process of that number runs here; where that cannot be asked, False."""
    if os.name == "nt" or process < 1:  # there a signal 0 ends the process; a number below 1 means several
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:  # somebody else's, and running
        return False
    return False
