"""Thumbnails of the cases that the report shows."""

from typing import Any

import numpy as np

from medgauge.report import thumbnails_needed
from medgauge.runfolder import RunFolder, write_whole
from medgauge.study import Study


def write_thumbnails(folder: RunFolder, study: Study) -> None:
    """Write the thumbnails that the report shows."""
    import pandas

    frame = pandas.read_csv(folder / "predictions.csv", dtype={"id": str, "group": str})
    gallery = pandas.read_csv(folder / "gallery.csv", dtype={"id": str, "group": str})
    for row in sorted(thumbnails_needed(frame, gallery)):
        write_thumbnail(folder, row, study.images.array[row], study.images.scale)


def write_thumbnail(folder: RunFolder, row: int, array: np.ndarray[Any, Any], scale: float) -> None:
    """A PNG of at most 128 pixels; of a volume its middle slice."""
    from PIL import Image

    if array.ndim == 4:
        array = array[:, array.shape[1] // 2]
    eight = (np.asarray(array, dtype=np.float64) / scale * 255).round().clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(eight[0] if eight.shape[0] == 1 else np.moveaxis(eight[:3], 0, -1))
    picture.thumbnail((128, 128))
    write_whole(folder.inner("thumbnails") / f"{row}.png", lambda part: picture.save(part, format="PNG"))
