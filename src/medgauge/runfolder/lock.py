"""One process at a time works on a folder: an advisory lock that ends with its process, also when that is killed."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from medgauge.core.errors import InputError
from medgauge.core.faults import not_written
from medgauge.runfolder.parts import sweep_parts

_held: set[tuple[str, int]] = set()  # folders that a thread of this process works on


@contextmanager
def held(folder: Path, *, wanted: bool = True, say: Callable[[str], None] | None = None) -> Iterator[None]:
    """Make the folder, and keep it for the calling thread; inside one that it keeps already, nothing more is asked.

    What killed writes left in it is removed, and a folder that was made and stays empty. On file systems without locks nothing is kept.

    Args:
        folder: made if missing.
        wanted: False for the further processes of one run.
        say: told that another process works on the folder, and then waited until it has ended; None: that is an error.

    Raises:
        InputError: another process works on it, or it cannot be made.
    """
    key = (str(folder.resolve()), threading.get_ident())
    if not wanted or key in _held or (folder.exists() and not folder.is_dir()):
        yield
        return
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(folder, error) from error
    with _locked(folder, say):
        sweep_parts(folder)
        _held.add(key)
        try:
            yield
        finally:
            _held.discard(key)
            if made:
                with suppress(OSError):
                    folder.rmdir()  # where nothing was written into it


@contextmanager
def _locked(folder: Path, say: Callable[[str], None] | None) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows, where folders cannot be locked so
        yield
        return
    try:
        place = os.open(folder, os.O_RDONLY)
    except OSError:  # no permission; what is written next tells so
        yield
        return
    try:
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if say is None:
                raise InputError(f"another process works on {folder}; wait until it has ended") from error
            say(f"another process works on {folder}; this one goes on when it has ended")
            fcntl.flock(place, fcntl.LOCK_EX)
        except OSError:  # no locks on this file system
            pass
        yield
    finally:
        os.close(place)
