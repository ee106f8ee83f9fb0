"""Features of a case: image and mask read, features made, or taken from the cache of what was made before."""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from medgauge.core.errors import InputError
from medgauge.core.words import counted
from medgauge.data.images.image import ImageSource, RawImage, ending
from medgauge.data.images.masks import open_mask
from medgauge.data.images.readers import read_image
from medgauge.data.radiomics.extractor import RadiomicsSettings, extract, grey_levels

FORMAT = 1  # raise when reading or extracting changes, so that older entries are not used
NO_SIZE = "no voxel size in the file, taken as 1 mm: lengths, areas and volumes are of voxels,"


class CaseWork(NamedTuple):
    """What a process needs to make the features of one case.

    Args:
        image: where the image is.
        mask: where its mask is; None: the table names none.
        settings: of the features.
        nan: what pixels that are no numbers are read as; None: they are refused.
        versions: of the packages that decide values, part of the key of the cache.
        cache: folder of what was made before; None: nothing is kept.
    """

    image: ImageSource
    mask: ImageSource | None
    settings: RadiomicsSettings
    nan: float | None
    versions: Mapping[str, str]
    cache: Path | None


class CaseFeatures(NamedTuple):
    """The features of one case, or the sentence that says why there are none.

    Args:
        values: by name; none where there is a reason.
        reason: why there are none; "" where there are some.
        notes: what was read otherwise than it stands in the files.
        greys: grey levels within the mask.
        size: millimetres of the shortest side of a voxel; NaN where the file does not say.
    """

    values: dict[str, float]
    reason: str = ""
    notes: tuple[str, ...] = ()
    greys: int = 0
    size: float = math.nan


def case_features(work: CaseWork) -> CaseFeatures:
    """The features of a case; whatever is wrong with it is a reason and never an exception."""
    try:
        place = None if work.cache is None or work.mask is None else work.cache / f"{_key(work, work.mask)}.json"
        held = None if place is None else _held(place)
        if held is not None:
            return held
        made = _made(work)
        if place is not None:
            _keep(place, made)
        return made
    except InputError as error:
        return CaseFeatures({}, str(error))
    except MemoryError:
        return CaseFeatures(
            {}, f"{work.image.text} needs more memory than there is; run fewer --workers, or leave the case out"
        )
    except Exception as error:  # the library has errors of many kinds
        kind = f"{type(error).__module__.partition('.')[0]}: {type(error).__name__}"
        return CaseFeatures(
            {}, f"no features can be made of {work.image.text} ({kind}); check image and mask, or leave the case out"
        )


def placed_features(row: int, work: CaseWork) -> tuple[int, CaseFeatures]:
    """The features of a case with its place; here, so that a worker imports no more than this needs."""
    return row, case_features(work)


def _made(work: CaseWork) -> CaseFeatures:
    """The features of a case from its files.

    Raises:
        InputError: a file that cannot be read, a mask that does not lie on the image, or what has no features.
    """
    if work.mask is None:
        raise InputError("the table names no mask; name one, or leave the case out")
    raw = read_image(work.image, nan=work.nan)
    mask = open_mask(work.mask, raw, work.settings.mask_label)
    try:
        grey = _grey(raw, mask.inside)
        if work.settings.spacing and raw.spacing is None:
            raise InputError(
                "the file does not say the size of its voxels, so it cannot be resampled; leave --spacing out"
            )
        spacing = raw.spacing or (1.0,) * grey.ndim
        values = extract(grey, mask.inside, spacing, work.settings)
    except InputError as error:
        raise InputError(f"{work.image.text}: {error}") from error
    said = () if raw.spacing is not None else (NO_SIZE,)
    greys = grey_levels(grey, mask.inside, work.settings.bin_width)
    size = math.nan if raw.spacing is None else float(min(raw.spacing))
    return CaseFeatures(values, "", (*raw.notes, *mask.notes, *said), greys, size)


def _grey(raw: RawImage, inside: NDArray[np.bool_]) -> NDArray[Any]:
    """The intensities (d, h, w) or (h, w) of an image of one channel, or of equal ones.

    Raises:
        InputError: it has colours, or the mask covers pixels without an intensity.
    """
    if not (raw.array == raw.array[:1]).all():
        raise InputError(f"it has {len(raw.array)} channels, and features are of one; save one channel")
    empty = 0 if raw.padding is None else int((raw.padding & inside).sum())
    if empty:
        raise InputError(
            f"the mask covers {counted(empty, 'voxel')} of padding, which {'has' if empty == 1 else 'have'} no intensity; correct the mask"
        )
    grey: NDArray[Any] = raw.array[0]
    return grey


def _key(work: CaseWork, mask: ImageSource) -> str:
    """A name made of the contents of both files, the rows asked for, and all that decides the values."""
    what = [FORMAT, dict(work.versions), asdict(work.settings), work.nan]
    for path, key, index in (work.image[:3], mask[:3]):
        state = path.stat() if path.exists() else None
        told = _content(path, state.st_mtime_ns, state.st_size) if state is not None else "nothing"
        what += [told, ending(path), key, index]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]


@lru_cache(maxsize=16)
def _content(path: Path, changed: int, size: int) -> str:
    """The digest of a file, or of a folder's files; the time of change and the size make an overwritten file another entry."""
    made = hashlib.sha256()
    for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if one.is_file():
            with one.open("rb") as file:
                made.update(hashlib.file_digest(file, "sha256").digest())
    return made.hexdigest()


def _held(place: Path) -> CaseFeatures | None:
    """What was made before; None where there is nothing, or nothing whole."""
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
        values = {str(name): float(value) for name, value in found["values"].items()}
        size = math.nan if found["size"] is None else float(found["size"])
        return CaseFeatures(values, "", tuple(map(str, found["notes"])), int(found["greys"]), size) if values else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _keep(place: Path, made: CaseFeatures) -> None:
    """Write an entry, whole or not at all; a cache that cannot be written stops nothing."""
    part = place.with_name(f"{place.name}.{uuid4().hex}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        held = {"values": made.values, "notes": made.notes, "greys": made.greys}
        held["size"] = None if math.isnan(made.size) else made.size
        part.write_text(json.dumps(held), encoding="utf-8")
        os.replace(part, place)
    except OSError:
        with suppress(OSError):
            part.unlink()
