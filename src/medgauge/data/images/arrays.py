"""Images in NumPy files: ``.npy`` is memory-mapped, an array in an ``.npz`` is unpacked once a process.

Axes of one image (after the row is taken): (h, w) grey; (h, w, 3) or (h, w, 4) colour, the last axis being channels
when it is 3 or 4 and both others are larger than 4; (1, h, w) grey; any other (d, h, w) a volume; (1, d, h, w) and
(d, h, w, 3 or 4) volumes. Colour with the channels in front is refused, for it looks like a volume of three slices.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np

from medgauge.core.errors import InputError
from medgauge.data.images.image import ALPHA_DROPPED, ImageSource, RawImage


def read_array(source: ImageSource) -> RawImage:
    """Read one image, or one row of a stack of images, from an .npy or .npz file; no spacing."""
    state = source.path.stat()
    array = _opened(source.path, source.key, state.st_mtime_ns, state.st_size)
    if source.index is not None:
        if not 0 <= source.index < len(array):
            raise InputError(f"{source.text} asks for row {source.index}, but the array has rows 0 to {len(array) - 1}")
        array = array[source.index]
    return _channels_first(array, source)


@lru_cache(maxsize=4)
def _opened(path: Path, key: str | None, changed: int, size: int) -> np.ndarray[Any, Any]:
    """The array of a file; the time of change and the size make an overwritten file another entry."""
    try:
        if path.suffix.lower() == ".npy":
            array = _mapped(path, key)
        else:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:  # np.load leaks it on damage
                array = archive[_key_of(path, archive.files, key)]
    except (ValueError, OSError, EOFError, BadZipFile, ZlibError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not a NumPy file of numbers, or is truncated; save it anew with numpy") from error
    if array.ndim < 2:
        raise InputError(f"{path} holds an array of shape {array.shape}, not images")
    return array


def _mapped(path: Path, key: str | None) -> np.ndarray[Any, Any]:
    if key:
        raise InputError(f"{path}#{key} names an array, but an .npy file holds only one; write {path.name}#[row]")
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


def _channels_first(array: np.ndarray[Any, Any], source: ImageSource) -> RawImage:
    shape = array.shape
    if array.ndim in (3, 4) and shape[-1] in (3, 4) and min(shape[:-1]) > 4:
        notes = (ALPHA_DROPPED,) if shape[-1] == 4 else ()
        return RawImage(np.moveaxis(array[..., :3], -1, 0), None, notes)
    if array.ndim in (3, 4) and shape[0] == 1:
        return RawImage(array)
    if array.ndim == 3 and shape[0] == 3 and min(shape[1:]) > 4:
        raise InputError(f"{source.text} is {shape}: colour must be stored with the channels last, (rows, columns, 3)")
    if array.ndim in (2, 3):
        return RawImage(array[None])
    hint = "; name a row, as in file.npz#images[0]" if source.index is None else ""
    raise InputError(f"{source.text} is an array of shape {shape}, not one image{hint}")
