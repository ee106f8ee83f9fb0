"""Whole writes: every file of medgauge's passes here, and appears whole or not at all; what killed writes left is removed."""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from medgauge.core.faults import not_written

PART = re.compile(r"\..+\.(\d+)\.part")  # as write_whole names them: the file, the number of the process


def write_whole(path: Path, write: Callable[[Path], None], *, new: bool = False) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then put it in its place in one step.

    Args:
        path: the file.
        write: fills the file whose path it is given.
        new: never over a file that is there.

    Raises:
        FileExistsError: with ``new``, another process was first.
        InputError: the system refuses it: no space, no permission, a file where a folder must be.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)  # a link of that name would be written through
        write(temporary)
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        put_in_place(temporary, path, new=new)
    except OSError as error:
        if new and path.is_file():
            raise FileExistsError(path) from error
        raise not_written(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def put_in_place(temporary: Path, path: Path, *, new: bool) -> None:
    """Give a whole file its name."""
    if new:
        try:
            os.link(temporary, path)
            return
        except FileExistsError:
            raise
        except OSError:  # a file system without links; the lock of the folder must do
            if path.exists():
                raise FileExistsError(path) from None
    temporary.replace(path)


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
