"""All images of a run, decoded and prepared once, as one array on disk that is memory-mapped.

The key is made of the contents of the files, the rows asked for and the settings: a moved folder finds its cache again,
a changed pixel does not. An entry is a folder: the array, facts of the images (facts.json), and a seal with the digests
of both. It is written under a name of its own and renamed when whole, so neither a kill nor a second process at the same
work can leave half an entry behind that is later taken for a whole one. What does not fit its seal is made anew.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from uuid import uuid4

import numpy as np

from medgauge.core.errors import InputError
from medgauge.core.faults import not_written
from medgauge.core.version import __version__
from medgauge.data.images.decode import PreparedImages, Progress, decode_images
from medgauge.data.images.facts import fact_of_values
from medgauge.data.images.image import ImageSource, ending
from medgauge.data.images.prepare import PrepareSettings

__all__ = ["PreparedImages", "prepare_images"]

FORMAT = 22  # raise when decoding or preparing changes, so that older caches are not used
ARRAY, FACTS, SEAL = "images.npy", "facts.json", "sha256.txt"
ABANDONED = 24 * 3600.0  # seconds after which a half-written cache is removed


def prepare_images(
    sources: Sequence[ImageSource],
    settings: PrepareSettings,
    *,
    cache_dir: Path | None,
    workers: int = 0,
    progress: Progress | None = None,
) -> PreparedImages:
    """Decode and prepare all images, or map them from the cache.

    An image that cannot be read is a problem, never an exception; with problems nothing is cached, since a missing
    codec can be installed. Without ``size`` the first readable image gives the size, and one of another is a problem.

    Args:
        sources: one image a case.
        settings: the same for all.
        cache_dir: folder of the caches, made if missing; None: keep the array in memory.
        workers: threads that decode beside the caller's; the result does not depend on it.
        progress: called with (done, all) while decoding; never when the cache is found.

    Raises:
        InputError: the folder of the caches cannot be made or written.
    """
    if not sources:
        raise ValueError("sources must hold at least one image, got none")
    if cache_dir is None:
        return decode_images(sources, settings, None, workers, progress)
    place = cache_dir / _key(sources, settings)
    whole = _is_whole(place)
    if whole:
        return _mapped(place)
    damaged = whole is False
    if damaged:
        _remove(place)
    part = cache_dir / f"{place.name}.{uuid4().hex}.part"
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(cache_dir)
        part.mkdir()
        made = decode_images(sources, settings, part / ARRAY, workers, progress)
        made = made if made.problems else _published(made, part, place)
    except OSError as error:
        raise InputError(f"the cache folder {not_written(cache_dir, error)} (data.cache)") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    told = [f"the cache entry {place} was damaged; its images were decoded anew"] if damaged else []
    return replace(made, notes=[*made.notes, *told])


def _key(sources: Sequence[ImageSource], settings: PrepareSettings) -> str:
    """A name made of the contents of the files and folders, each read once, and of all that decides the result."""
    read = [one for source in sources for one in (source, source.mask if settings.around == "mask" else None)]
    contents = {path: _content(path) for path in dict.fromkeys(one.path for one in read if one is not None)}
    made = hashlib.sha256(json.dumps([FORMAT, __version__, asdict(settings)], sort_keys=True).encode())
    for one in read:
        told = None if one is None else [contents[one.path], ending(one.path), one.key, one.index]
        made.update(json.dumps(told).encode())
    return made.hexdigest()[:32]


def _content(path: Path) -> str:
    try:
        if path.is_dir():
            return " ".join(f"{part.name} {_content(part)}" for part in sorted(path.iterdir()) if part.is_file())
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"


def _published(made: PreparedImages, part: Path, place: Path) -> PreparedImages:
    """Write what goes with the array, then rename the folder; where another process was first, its folder is used."""
    if isinstance(made.array, np.memmap):
        made.array.flush()
    facts = {"zoom": made.zoom.tolist(), "digests": made.digests, "notes": made.notes, "scale": made.scale}
    _write(part / FACTS, json.dumps(facts | {"facts": made.facts}))
    _write(part / SEAL, _seal(part, place.name))
    mapped = _mapped(part)
    try:
        os.replace(part, place)
    except OSError:
        if not _is_whole(place):
            raise
        return _mapped(place)
    return mapped


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _seal(folder: Path, name: str) -> str:
    """What SEAL holds of an entry of that name: digests of its files.

    - Raises: OSError if a file cannot be read.
    """
    lines = [name]
    for file in (ARRAY, FACTS):
        with (folder / file).open("rb") as content:
            lines.append(f"{hashlib.file_digest(content, 'sha256').hexdigest()}  {file}")
    return "\n".join(lines) + "\n"


def _is_whole(place: Path) -> bool | None:
    """Whether the entry fits its seal; None if there is none."""
    if not os.path.lexists(place):
        return None
    try:
        return place.is_dir() and (place / SEAL).read_bytes() == _seal(place, place.name).encode()
    except OSError:
        return False


def _mapped(place: Path) -> PreparedImages:
    """The entry at ``place``, which fits its seal."""
    facts = json.loads((place / FACTS).read_text(encoding="utf-8"))
    array = np.load(place / ARRAY, mmap_mode="r")
    zoom = np.array(facts["zoom"], dtype=np.float64)
    each = [None if values is None else fact_of_values(values) for values in facts["facts"]]
    return PreparedImages(array, zoom, facts["digests"], facts["notes"], [], facts["scale"], each)


def _remove(place: Path) -> None:
    """Remove a damaged entry, whatever stands in its place.

    - Raises: InputError if it cannot be removed.
    """
    away = place.with_name(f"{place.name}.{uuid4().hex}.part")
    try:
        place.rename(away)
        if away.is_dir() and not away.is_symlink():
            shutil.rmtree(away)
        else:
            away.unlink()
    except FileNotFoundError:  # another process was first
        return
    except OSError as error:
        raise InputError(
            f"the cache entry {place} is damaged and cannot be removed ({error.strerror}); "
            "remove it, or name another cache folder (data.cache)"
        ) from error


def _remove_abandoned(cache_dir: Path) -> None:
    """Remove what killed processes left half-written more than a day ago."""
    for part in cache_dir.glob("*.part"):
        try:
            old = time.time() - part.stat().st_mtime > ABANDONED
        except OSError:
            continue
        if old:
            shutil.rmtree(part, ignore_errors=True)
