"""Where rows and columns of DICOM images run."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medgauge.data.images.dicom_orientation import direction_of
from medgauge.data.images.facts import fact_of
from medgauge.data.images.image import RawImage


def of(cosines: object) -> str:
    dataset = Dataset()
    dataset.ImageOrientationPatient = cosines
    return direction_of(dataset)


@pytest.mark.parametrize(
    ("cosines", "words"),
    [
        ([1, 0, 0, 0, 1, 0], "the left and the back"),
        ([-1, 0, 0, 0, -1, 0], "the right and the front"),
        ([0, 1, 0, 0, 0, -1], "the back and the feet"),
        ([1, 0, 0, 0, 0, 1], "the left and the head"),
        ([0.95, 0.3122, 0, -0.3122, 0.95, 0], "the left and the back"),
        ([0.8, 0.6, 0, -0.6, 0.8, 0], ""),
        ([1, 0, 0, 1, 0, 0], ""),
        ([1, 0, 0], ""),
        (None, ""),
    ],
)
def test_words_are_those_of_the_axes_to_the_left_the_back_and_the_head(cosines: object, words: str) -> None:
    assert of(cosines) == words
    assert fact_of(RawImage(np.zeros((1, 2, 2), np.uint8), direction=words)).direction == words


def test_an_enhanced_image_says_it_in_its_functional_groups() -> None:
    plane, group, dataset = Dataset(), Dataset(), Dataset()
    plane.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    group.PlaneOrientationSequence = [plane]
    dataset.SharedFunctionalGroupsSequence = [group]
    assert direction_of(dataset) == "the left and the feet"
    assert direction_of(Dataset()) == ""


@pytest.mark.parametrize(
    ("letters", "words"),
    [
        (["L", "F"], "the left and the feet"),
        (["R", "FP"], "the right and the feet"),
        (["A", "H"], "the front and the head"),
        (["L", "R"], ""),
        (["L"], ""),
        (["", "F"], ""),
        ([], ""),
    ],
)
def test_letters_count_where_no_cosines_are_given_but_not_of_mammograms(letters: list[str], words: str) -> None:
    dataset = Dataset()
    dataset.PatientOrientation = letters
    assert direction_of(dataset) == words
    dataset.Modality = "MG"
    assert direction_of(dataset) == ""
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    assert direction_of(dataset) == "the left and the back"
