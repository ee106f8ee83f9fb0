"""Features of all images of a study, read once by an encoder that is not trained, and kept in the cache."""

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import torch
from jaxtyping import Float32

from medgauge.core.errors import InputError
from medgauge.core.faults import not_written
from medgauge.core.version import __version__
from medgauge.data.cases import CaseArrays
from medgauge.models import Encoder

FORMAT = 1  # raise when features change, so that older entries are not used
ENDING = ".features"
PIXELS = 2**21  # of one batch
MEASURED = 8  # images that tell how long all take
Features = Float32[np.ndarray, "n f"]


def frozen_features(
    encoder: Encoder, arrays: CaseArrays, cache: Path, progress: Callable[[int, int], None] | None = None
) -> Features:
    """What the encoder, in evaluation mode, gives for each image, (n, f).

    An entry of the cache is named by the pixels, the encoder and its weights; one that does not fit its digest is made anew.

    Raises:
        InputError: features are not finite or the same for all images, or the cache cannot be written.
    """
    place = cache / f"{_key(encoder, arrays)}{ENDING}"
    kept = _read(place, (len(arrays), encoder.features))
    if kept is not None:
        return kept
    found = _computed(encoder.eval(), arrays, progress)
    if not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found).all(1))[0])
        raise InputError(
            f"the encoder {encoder.description['name']} gives numbers that are not finite for image {row + 1}; look at its pixels, or "
            "choose another encoder (represent.source)"
        )
    if len(found) > 1 and (found == found[0]).all():
        raise InputError(
            f"the encoder {encoder.description['name']} gives the same features for all {len(found)} images; look at their pixels "
            "(image.window), or choose another encoder (represent.source)"
        )
    _write(place, found)
    return found


def feature_seconds(encoder: Encoder, arrays: CaseArrays, cache: Path) -> float:
    """Seconds in which :func:`frozen_features` reads all images here, measured on a few; 0 where they are in the cache."""
    if (cache / f"{_key(encoder, arrays)}{ENDING}").is_file():
        return 0.0
    rows = np.unique(np.linspace(0, len(arrays) - 1, MEASURED).round().astype(np.int64)).tolist()
    with torch.inference_mode():
        encoder.eval()(arrays.batch(rows[:1]).image)  # the first call sets things up
        begun = time.monotonic()
        encoder(arrays.batch(rows).image)
    return (time.monotonic() - begun) * len(arrays) / len(rows)


def _computed(encoder: Encoder, arrays: CaseArrays, progress: Callable[[int, int], None] | None) -> Features:
    pixels = int(np.prod(arrays.array.shape[1:]))
    size, parts = max(1, min(64, PIXELS // pixels)), []
    with torch.inference_mode():
        for start in range(0, len(arrays), size):
            rows = range(start, min(start + size, len(arrays)))
            parts.append(encoder(arrays.batch(rows).image).float().numpy())
            if progress is not None:
                progress(rows.stop, len(arrays))
    return np.concatenate(parts)


def _key(encoder: Encoder, arrays: CaseArrays) -> str:
    """A name made of all that decides the features."""
    about = [FORMAT, __version__, encoder.description, arrays.array.shape, str(arrays.array.dtype), arrays.scale]
    made = hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode())
    for name, tensor in encoder.state_dict().items():
        made.update(name.encode())
        made.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    for image in arrays.array:
        made.update(np.ascontiguousarray(image).data)
    return made.hexdigest()[:32]


def _read(place: Path, wanted: tuple[int, int]) -> Features | None:
    """The entry, if there is one of that shape that fits its digest."""
    try:
        with place.open("rb") as file:
            digest, shape = (file.readline(200).decode().strip() for _ in range(2))
            content = file.read()
        sides = tuple(int(side) for side in shape.split())
    except (OSError, ValueError):
        return None
    whole = hashlib.sha256(content).hexdigest() == digest and sides == wanted
    return np.frombuffer(content, dtype="<f4").reshape(sides).copy() if whole else None


def _write(place: Path, features: np.ndarray[Any, Any]) -> None:
    content = np.ascontiguousarray(features, dtype="<f4").tobytes()
    part = place.with_name(f"{place.name}.{uuid4().hex}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        head = f"{hashlib.sha256(content).hexdigest()}\n{' '.join(map(str, features.shape))}\n"
        part.write_bytes(head.encode() + content)
        os.replace(part, place)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise InputError(f"the cache folder {not_written(place.parent, error)} (data.cache)") from error
