"""Opens the files of a run folder, which may come from somebody else: no links, nothing but files, none of any size."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medgauge.core.errors import InputError

AGAIN = "give the same `medgauge fit` again, or have the folder sent again"
"""What to do about a file that is damaged."""
PRETRAIN_AGAIN = "give the same `medgauge pretrain` with another --out, or have the folder sent again"
"""The same of a pretraining: a finished one is not made again where it is."""
MOST_BYTES = {
    ".yaml": 2**20,
    ".json": 2**28,
    ".csv": 2**31,
    ".png": 2**20,
    ".html": 2**31,
    ".safetensors": 2**35,
    ".ckpt": 2**35,
}
"""The largest file of each kind that is read whole."""


def plain_file(root: Path, name: str) -> Path:
    """The path of a file of a run folder; ``root`` itself may be a link, since the user named it.

    Raises:
        FileNotFoundError: it is not there.
        InputError: it or a folder on the way is a symbolic link, it is no file, or it is larger than such a file is.
    """
    path = inner_path(root, name)
    try:
        found = os.lstat(path)
    except NotADirectoryError as error:
        raise FileNotFoundError(str(error)) from error
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "no file"
        raise InputError(f"{path} is {what}; remove it, then {AGAIN}")
    most = MOST_BYTES.get(path.suffix, 2**20)
    if found.st_size > most:
        raise InputError(f"{path} has {found.st_size} bytes, and a run's has at most {most}; {AGAIN}")
    return path


def inner_path(root: Path, name: str) -> Path:
    """The path of a file or folder in a run folder, whether it is there or not.

    Raises:
        InputError: the name leads out of the folder, or it or a folder on the way is a symbolic link.
    """
    parts = Path(name).parts
    if not parts or ".." in parts or Path(name).is_absolute():
        raise InputError(f"{name!r} is no name of a file in {root}")
    path = root
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise InputError(
                f"{path} is a symbolic link, which is not followed in a run folder; put the file itself in its place"
            )
    return path


def read_whole(root: Path, name: str) -> bytes:
    """The bytes of a file of a run folder.

    Raises:
        FileNotFoundError: it is not there.
        InputError: it is no plain file of that folder, too large, or cannot be read.
    """
    path = plain_file(root, name)
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); {AGAIN}") from error


@contextmanager
def said_of_pretraining() -> Iterator[None]:
    """Errors about files of a run folder that name ``medgauge fit`` name ``medgauge pretrain``, with what helps there."""
    try:
        yield
    except InputError as error:
        said = str(error).replace(AGAIN, PRETRAIN_AGAIN).replace("`medgauge fit`", "`medgauge pretrain`")
        raise InputError(said) from error
