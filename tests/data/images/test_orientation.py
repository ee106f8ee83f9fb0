from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from medgauge.data.images.image import ImageSource
from medgauge.data.images.orientation import TURNED, turned_notes, upright
from medgauge.data.images.tiff import read_plain
from medgauge.data.images.tiff_tags import read_tags

PICTURE = np.arange(12, dtype=np.uint8).reshape(3, 4)


@pytest.mark.parametrize("mark", range(1, 9))
def test_marks_turn_as_pillow_turns(mark: int) -> None:
    marked = Image.fromarray(PICTURE)
    marked.getexif()[274] = mark
    expected = np.asarray(ImageOps.exif_transpose(marked))
    assert upright(PICTURE, mark).tolist() == expected.tolist()
    assert turned_notes(mark) == (() if mark == 1 else (TURNED,))


def test_a_mark_without_meaning_turns_nothing() -> None:
    assert upright(PICTURE, 9).tolist() == upright(PICTURE, 0).tolist() == PICTURE.tolist()
    assert turned_notes(0) == turned_notes(9) == ()


def test_tags_and_values_of_a_plain_tiff(tmp_path: Path) -> None:
    values = np.linspace(-3, 4, 12).reshape(3, 4)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack")
    source = ImageSource(tmp_path / "a.tif")
    tags = read_tags(source)
    assert (tags.order, tags.bits[0], tags.samples) == ("<", 64, 1)
    image = read_plain(source, tags)
    assert image is not None
    assert image.array.dtype == np.float64
    assert image.array[0].tolist() == values.tolist()
