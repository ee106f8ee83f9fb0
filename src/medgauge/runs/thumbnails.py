"""Thumbnails of the cases that the report shows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgauge.core.errors import InputError
from medgauge.data.images.cache import PreparedImages, prepare_images
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.masks import read_mask
from medgauge.data.images.prepare import prepare
from medgauge.data.images.readers import read_image
from medgauge.recipes.schema import Recipe
from medgauge.report import thumbnails_needed
from medgauge.report.reading import typed_table
from medgauge.runfolder import RunFolder, write_whole
from medgauge.runs.planes import three_planes
from medgauge.study import Study
from medgauge.study.decide import decide_image, prepare_settings

HALF = 0.5
"""Share of a voxel within the mask from which it is shown within."""


def write_thumbnails(folder: RunFolder, study: Study) -> None:
    """Write the thumbnails that the report shows."""
    classes = study.recipe.data.classes
    frame, gallery = (
        typed_table(folder, name, ["row"], classes=classes) for name in ("predictions.csv", "gallery.csv")
    )
    rows = sorted(thumbnails_needed(frame, gallery))
    if study.columns:
        _write_beside_features(folder, study, rows)
        return
    _write(folder, study.recipe, study.table.image, study.images, dict(zip(rows, rows, strict=True)))


def _write_beside_features(folder: RunFolder, study: Study, rows: list[int]) -> None:
    """Thumbnails of cases whose features are of a table: of the image files, where the table names any that can be read."""
    data = study.recipe.data
    if data.image is None and data.array is None:
        return
    try:
        recipe = decide_image(study.recipe, study.table, rows)
    except InputError:  # no image can be read, and none is needed
        return
    images = prepare_images([study.table.image[row] for row in rows], prepare_settings(recipe), cache_dir=None)
    unread = {place for place, _ in images.problems}
    _write(folder, recipe, study.table.image, images, {row: at for at, row in enumerate(rows) if at not in unread})


def _write(
    folder: RunFolder, recipe: Recipe, sources: Sequence[ImageSource], images: PreparedImages, places: Mapping[int, int]
) -> None:
    """A thumbnail of each row, whose image is at a place of the prepared ones."""
    for row, place in places.items():
        fact, spacing = images.facts[place], recipe.image.spacing
        if spacing is None and fact is not None:
            spacing = None if fact.spacing is None else list(fact.spacing)
        inside = prepared_mask(sources[row], recipe) if images.array.ndim == 5 else None
        write_thumbnail(folder, row, images.array[place], images.scale, inside=inside, spacing=spacing)


def prepared_mask(source: ImageSource, recipe: Recipe) -> NDArray[np.bool_] | None:
    """The mask of an image (d, h, w), cut and resampled as the image is; None where there is none that can be read."""
    if source.mask is None:
        return None
    settings = prepare_settings(recipe)
    try:
        raw = read_image(source, nan=settings.nan)
        inside = read_mask(source.mask, raw, recipe.data.mask_label)
        plain = replace(settings, window=None, grey="set", channels="keep")
        made = prepare(RawImage(inside[None].astype(np.uint8) * np.uint8(255), raw.spacing), plain, inside)
    except InputError:
        return None
    shown: NDArray[np.bool_] = made.array[0] >= HALF
    return shown


def write_thumbnail(
    folder: RunFolder,
    row: int,
    array: np.ndarray[Any, Any],
    scale: float,
    *,
    inside: NDArray[np.bool_] | None = None,
    spacing: Sequence[float] | None = None,
) -> None:
    """A PNG of at most 128 pixels; of a volume three planes side by side, with the outline of its mask ``inside``."""
    from PIL import Image

    eight = (np.asarray(array, dtype=np.float64) / scale * 255).round().clip(0, 255).astype(np.uint8)
    if array.ndim == 4:
        picture = Image.fromarray(three_planes(eight, inside, spacing))
        write_whole(folder.inner("thumbnails") / f"{row}.png", lambda part: picture.save(part, format="PNG"))
        return
    picture = Image.fromarray(eight[0] if eight.shape[0] == 1 else np.moveaxis(eight[:3], 0, -1))
    picture.thumbnail((128, 128))
    write_whole(folder.inner("thumbnails") / f"{row}.png", lambda part: picture.save(part, format="PNG"))
