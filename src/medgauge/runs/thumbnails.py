"""Thumbnails of the cases that the report shows."""

from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.data.images.cache import prepare_images
from medgauge.report import thumbnails_needed
from medgauge.report.reading import typed_table
from medgauge.runfolder import RunFolder, write_whole
from medgauge.study import Study
from medgauge.study.decide import decide_image, prepare_settings


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
    for row in rows:
        write_thumbnail(folder, row, study.images.array[row], study.images.scale)


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
    for place in (place for place in range(len(rows)) if place not in unread):
        write_thumbnail(folder, rows[place], images.array[place], images.scale)


def write_thumbnail(folder: RunFolder, row: int, array: np.ndarray[Any, Any], scale: float) -> None:
    """A PNG of at most 128 pixels; of a volume its middle slice."""
    from PIL import Image

    if array.ndim == 4:
        array = array[:, array.shape[1] // 2]
    eight = (np.asarray(array, dtype=np.float64) / scale * 255).round().clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(eight[0] if eight.shape[0] == 1 else np.moveaxis(eight[:3], 0, -1))
    picture.thumbnail((128, 128))
    write_whole(folder.inner("thumbnails") / f"{row}.png", lambda part: picture.save(part, format="PNG"))
