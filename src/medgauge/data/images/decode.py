"""Decodes and prepares many images into one array, a few at a time."""

import errno
import hashlib
import math
import os
import shutil
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from medgauge.core.errors import InputError
from medgauge.data.images.boxes import is_cut
from medgauge.data.images.facts import ImageFact, fact_of
from medgauge.data.images.grey import grey_notes
from medgauge.data.images.image import ImageSource, RawImage, square_notes
from medgauge.data.images.masks import Mask, open_mask
from medgauge.data.images.prepare import PrepareSettings, prepare, zooms_of
from medgauge.data.images.readers import quiet, read_image

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class PreparedImages:
    """Images as the model gets them, and what was found while reading them.

    - Shape: array (n, c, *size), uint8 when every image has 8 bits, else float32 in [0, 1]; a row that could not be
      read is zero; scale: what to divide by to be in [0, 1]; zoom (n,) float64: the physical size of a pixel is divided
      by it; digests: n texts, equal for equal decoded pixels ("" where unreadable); notes: sentences with counts;
      problems: (row, sentence) of each image that could not be read; facts: what each file is like, None where unreadable.
    """

    array: np.ndarray[Any, Any]
    zoom: np.ndarray[Any, np.dtype[np.float64]]
    digests: list[str]
    notes: list[str]
    problems: list[tuple[int, str]]
    scale: float
    facts: list[ImageFact | None]

    def __len__(self) -> int:
        return len(self.array)


class _Row(NamedTuple):
    array: np.ndarray[Any, Any]
    zoom: float
    digest: str
    notes: tuple[str, ...]
    eight_bit: bool
    fact: ImageFact


def _read_row(source: ImageSource, settings: PrepareSettings) -> _Row | str:
    """One prepared image, or the sentence that says why not."""
    try:
        raw = read_image(source, nan=settings.nan)
        mask = _mask_of(source, raw, settings)
    except InputError as error:
        return str(error)
    try:
        array, zoom = prepare(raw, settings, None if mask is None else mask.inside)
    except InputError as error:
        return f"{source.text}: {error}"
    eight_bit = raw.array.dtype == np.uint8 and settings.grey == "set" and settings.window in (None, (0.0, 255.0))
    notes = (
        *raw.notes,
        *grey_notes(raw, settings.grey),
        *(square_notes(raw.spacing) if settings.spacing is None else ()),
    )
    if mask is not None:
        notes = (*notes, *mask.notes, *_cut_notes(mask, raw, settings))
    return _Row(array, zoom, _digest(raw, mask), notes, eight_bit, fact_of(raw))


def _mask_of(source: ImageSource, raw: RawImage, settings: PrepareSettings) -> Mask | None:
    """The mask that an image is cut around, None where none is asked for."""
    if settings.around != "mask":
        return None
    if source.mask is None:
        raise InputError(f"{source.text} has no mask to be cut around; name it in the column of data.mask")
    return open_mask(source.mask, raw, settings.mask_label)


def _cut_notes(mask: Mask, raw: RawImage, settings: PrepareSettings) -> tuple[str, ...]:
    """What is said of a mask that its box does not hold."""
    size = settings.size or ()
    if not is_cut(mask.inside, size, zooms_of(raw, settings)):
        return ()
    return (f"mask larger than its box of {' x '.join(map(str, size))} (image.size) and cut",)


def _digest(raw: RawImage, mask: Mask | None) -> str:
    """A text that two images share when their decoded pixels are equal, and their masks where there are any."""
    made = hashlib.sha256(f"{raw.array.dtype.str}{raw.array.shape}".encode())
    made.update(raw.array.data)
    if mask is not None:
        made.update(np.packbits(mask.inside).data)
    return made.hexdigest()[:32]


def _rows(sources: Sequence[ImageSource], settings: PrepareSettings, workers: int) -> Generator[_Row | str]:
    """The rows in order, a few ahead of need where there are workers."""
    if workers < 1:
        yield from (_read_row(source, settings) for source in sources)
        return
    with quiet(), ThreadPoolExecutor(workers) as pool:
        waiting = iter(sources)
        ahead = [pool.submit(_read_row, source, settings) for source in islice(waiting, 4 * workers)]
        while ahead:
            yield ahead.pop(0).result()
            ahead += [pool.submit(_read_row, source, settings) for source in islice(waiting, 1)]


class _DeeperImageError(Exception):
    """An image with more than 8 bits came after the array was made for 8 bits."""


def decode_images(
    sources: Sequence[ImageSource],
    settings: PrepareSettings,
    file: Path | None,
    workers: int,
    progress: Progress | None,
) -> PreparedImages:
    """All rows in an array in memory, or in ``file`` (memory-mapped); 8 bits if that holds all, else float32.

    - Raises: InputError if the disk has no room. What is wrong with an image is a problem, not an exception.
    """
    try:
        return _filled(sources, settings, file, workers, progress, eight_bit=True)
    except _DeeperImageError:
        return _filled(sources, settings, file, workers, progress, eight_bit=False)


def _filled(
    sources: Sequence[ImageSource],
    settings: PrepareSettings,
    file: Path | None,
    workers: int,
    progress: Progress | None,
    *,
    eight_bit: bool,
) -> PreparedImages:
    count = len(sources)
    array: np.ndarray[Any, Any] | None = None
    zoom, digests, notes, problems = np.ones(count), [""] * count, Counter[str](), []
    facts: list[ImageFact | None] = [None] * count
    with closing(_rows(sources, settings, workers)) as rows:
        for row, read in enumerate(rows):
            if progress is not None:
                progress(row + 1, count)
            if isinstance(read, str):
                problems.append((row, read))
                continue
            if array is None:
                eight_bit = eight_bit and read.eight_bit
                array, first = _empty(file, (count, *read.array.shape), eight_bit), sources[row]
            if read.array.shape != array.shape[1:]:
                problems.append((row, _other_shape(sources[row], read.array.shape, first, array.shape[1:])))
                continue
            if eight_bit and not read.eight_bit:
                raise _DeeperImageError
            array[row] = np.rint(read.array * 255.0) if eight_bit else read.array
            zoom[row], digests[row], facts[row] = read.zoom, read.digest, read.fact
            notes.update(read.notes)
    if array is None:
        array = np.zeros((count, 1, *(settings.size or (1, 1))), dtype=np.uint8)
    said = [f"{note} in {many} image{'' if many == 1 else 's'}" for note, many in notes.items()]
    return PreparedImages(array, zoom, digests, said, problems, 255.0 if array.dtype == np.uint8 else 1.0, facts)


def _empty(file: Path | None, shape: tuple[int, ...], eight_bit: bool) -> np.ndarray[Any, Any]:
    dtype = np.uint8 if eight_bit else np.float32
    if file is None:
        return np.zeros(shape, dtype)
    wanted, free = math.prod(shape) * np.dtype(dtype).itemsize, shutil.disk_usage(file.parent).free
    if wanted > free:
        raise InputError(
            f"the prepared images need {wanted / 1e9:.1f} GB, but {file.parent.parent} has {free / 1e9:.1f} GB free; "
            "make room, name another cache folder or set a smaller image.size"
        )
    mapped: np.ndarray[Any, Any] = np.lib.format.open_memmap(file, mode="w+", dtype=dtype, shape=shape)
    _hold(file)
    return mapped


def _hold(file: Path) -> None:
    """Let the disk give all the blocks of a file now: a memory map that finds none later ends the process.

    Raises:
        OSError: there is no space.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    with file.open("r+b") as handle:
        try:
            os.posix_fallocate(handle.fileno(), 0, file.stat().st_size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):  # disks that cannot promise it
                raise


def _other_shape(source: ImageSource, shape: tuple[int, ...], first: ImageSource, usual: tuple[int, ...]) -> str:
    setting = "image.channels" if shape[0] != usual[0] else "image.size"
    ours, theirs = (" x ".join(map(str, sides)) for sides in (shape, usual))
    return f"{source.text} is {ours} (channels first), but {first.text} is {theirs}; set {setting}"
