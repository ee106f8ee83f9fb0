"""Small pictures for the report."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medgauge.report import thumbnails_needed
from medgauge.report.reading import read_run
from medgauge.runfolder import RunFolder
from medgauge.runs.fitted import Fit
from medgauge.runs.thumbnails import write_thumbnail, write_thumbnails
from medgauge.study import Study


def seen(folder: Path, array: np.ndarray, scale: float) -> np.ndarray:
    write_thumbnail(RunFolder(folder), 3, array, scale)
    return np.asarray(Image.open(folder / "thumbnails" / "3.png"))


def test_a_picture_keeps_its_grey_values(tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    np.testing.assert_array_equal(seen(tmp_path, array, 255.0), array[0])
    found = seen(tmp_path, np.array([[[0.0, 0.2, 1.0]]], dtype=np.float32), 1.0)
    assert found.tolist() == [[0, 51, 255]]


def test_colours_stay(tmp_path: Path) -> None:
    colour = np.stack([np.full((2, 2), shade, dtype=np.uint8) for shade in (1, 2, 3)])
    assert seen(tmp_path, colour, 255.0)[0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(("size", "small"), [((400, 200), (128, 64)), ((60, 50), (60, 50))])
def test_no_side_is_longer_than_128(tmp_path: Path, size: tuple[int, int], small: tuple[int, int]) -> None:
    assert seen(tmp_path, np.zeros((1, *size), dtype=np.uint8), 255.0).shape == small


def test_the_cases_of_the_report_have_one(copy: Path, fit: Fit, study: Study) -> None:
    write_thumbnails(RunFolder(copy), study)
    rows = {int(path.stem) for path in (copy / "thumbnails").iterdir()}
    view = read_run(copy)
    assert rows == thumbnails_needed(view.predictions, view.gallery) > thumbnails_needed(view.predictions)
    for row in list(rows)[:3]:
        own = study.images.array[row, 0] / study.images.scale * 255
        np.testing.assert_array_equal(np.asarray(Image.open(copy / "thumbnails" / f"{row}.png")), own.round())
    assert len(fit.gallery_rows) >= len(rows & set(fit.gallery_rows)) > 0
