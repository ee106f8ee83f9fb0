"""Images in NumPy files: one array is memory-mapped, an array in an archive is unpacked once a process.

The first bytes tell which it is, not the name.

Axes of one image (after the row is taken): see ``data.images.layout``.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.layout import image_of
from medgauge.data.images.unpack import check_memory

ZIP = b"PK"


def read_array(source: ImageSource) -> RawImage:
    """Read one image, or one row of a stack of images, from an .npy or .npz file; no spacing."""
    state = source.path.stat()
    array = _opened(source.path, source.key, state.st_mtime_ns, state.st_size)
    if source.index is not None:
        if not 0 <= source.index < len(array):
            hint = "; are they counted from 1? Subtract 1" if source.index == len(array) else ""
            last = len(array) - 1
            raise InputError(f"{source.text} asks for row {source.index}, but the array has rows 0 to {last}{hint}")
        array = array[source.index]
    return image_of(array, source)


@lru_cache(maxsize=4)
def _opened(path: Path, key: str | None, changed: int, size: int) -> np.ndarray[Any, Any]:
    """The array of a file; the time of change and the size make an overwritten file another entry."""
    try:
        with path.open("rb") as file:
            start = file.read(2)
        if start != ZIP:
            array = _mapped(path, key)
        else:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:  # np.load leaks it on damage
                name = _key_of(path, archive.files, key)
                sizes = {part.filename: part.file_size for part in archive.zip.infolist()}
                check_memory(sizes.get(f"{name}.npy", 0), path)
                array = archive[name]
            if not isinstance(array, np.ndarray):  # a file of another kind in the archive
                raise ValueError("no array")
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged header is parsed as Python, with as many errors
        raise InputError(f"{path} is not a NumPy file of numbers, or is truncated; save it anew with numpy") from error
    if array.ndim < 2:
        raise InputError(f"{path} holds an array of shape {array.shape}, not images")
    return array


def _mapped(path: Path, key: str | None) -> np.ndarray[Any, Any]:
    if key:
        raise InputError(f"{path}#{key} names an array, but the file holds only one; write {path.name}#[row]")
    array: np.ndarray[Any, Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _key_of(path: Path, keys: list[str], key: str | None) -> str:
    """The array asked for, or the only one there is."""
    if key in keys:
        return str(key)
    if not key and len(keys) == 1:
        return keys[0]
    names = ", ".join(keys) or "none"
    if not key:
        raise InputError(
            f"{path} holds the arrays {names}; say which, as in {path.name}#{keys[0] if keys else 'images'}[0]"
        )
    raise InputError(f"{path} has no array {key!r}; it holds: {names}")
