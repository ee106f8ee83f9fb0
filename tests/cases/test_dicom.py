"""DICOM files of the kinds that people report, with the values that are right (see README.md of the cases)."""

from pathlib import Path

import numpy as np
import pytest

from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.prepare import PrepareSettings, prepare
from medgauge.data.images.readers import read_image
from medgauge.recipes.read import build_recipe
from medgauge.study import load_study
from medgauge.study.study import Study

HERE = Path(__file__).parent


def read(case: str) -> RawImage:
    return read_image(ImageSource(HERE / case / "a.dcm"))


def study_of(case: str, tmp_path: Path) -> Study:
    data = {"table": str(HERE / case / "cases.csv"), "image": "path", "label": ["mm"], "group": "patient"}
    return load_study(build_recipe({"data": {**data, "cache": str(tmp_path)}}))


def test_an_enhanced_image_of_one_frame_has_its_rescale_and_size() -> None:
    image = read("dicom_enhanced_one_frame")
    assert (image.array.min(), image.array.max(), image.spacing) == (-1024, 2756, (0.5, 0.7))


def test_a_radiograph_has_the_size_at_the_detector() -> None:
    image = read("dicom_imager_spacing")
    assert image.spacing == (0.143, 0.143)
    assert image.notes == ("pixel size is the one at the detector, not in the patient (Imager Pixel Spacing)",)


def test_a_data_set_without_preamble_is_read() -> None:
    image = read("dicom_no_preamble")
    assert image.array.shape == (1, 8, 8)
    assert (image.array.min(), image.array.max()) == (0, 3780)


def test_padding_is_in_no_window_and_is_the_lower_end(tmp_path: Path) -> None:
    study = study_of("ct_padding", tmp_path)
    low, high = study.recipe.image.window
    assert low == pytest.approx(-1030, abs=15)
    assert high == pytest.approx(60, abs=15)
    assert "padding (Pixel Padding Value) taken as no intensity in 5 images" in study.notes  # every eighth of 40
    padded = read_image(ImageSource(HERE / "ct_padding" / "c00.dcm"))
    assert padded.padding is not None
    assert padded.padding.sum() == 24  # one row of 24
    assert (padded.array[0][padded.padding] == -32768).all()
    prepared = prepare(padded, PrepareSettings(window=(low, high))).array[0]
    assert (prepared[padded.padding] == 0).all()
    assert prepared.max() > 0.99


def test_inverted_radiographs_have_the_greys_of_the_others(tmp_path: Path) -> None:
    """A quarter is MONOCHROME1; its header says 16 bits and its data have 12."""
    study = study_of("mono1_bits_stored", tmp_path)
    array = study.images.array.reshape(40, -1)
    inverted = np.array(
        [image.path.name in {f"m{row:02}.dcm" for row in range(0, 40, 4)} for image in study.table.image]
    )
    assert inverted.sum() == 10
    assert "MONOCHROME1 inverted as 65535 - value in 10 images" in study.notes
    assert any(
        note.startswith("MONOCHROME1 inverted by more bits (Bits Stored) than its pixels use") for note in study.notes
    )
    assert study.recipe.image.grey == "image_percentiles"  # ranges lie apart
    for part in (0, 50, 100):
        usual, turned = (np.percentile(array[chosen], part, axis=1) for chosen in (~inverted, inverted))
        assert abs(np.median(usual) - np.median(turned)) < 0.03
