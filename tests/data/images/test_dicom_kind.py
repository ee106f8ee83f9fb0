"""The kind of image that a DICOM header says."""

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from medgauge.data.images.dicom_kind import kind_of
from medgauge.data.images.facts import fact_of, fact_of_values
from tests.data.images.test_dicom_units import read, saved


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({}, ""),
        ({"Modality": "MR"}, "MR"),
        ({"Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]}, "CT"),
        ({"Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "CT localizer"),
        ({"Modality": "MR", "ImageType": "LOCALIZER"}, "MR localizer"),
        ({"Modality": "DX", "PresentationIntentType": "FOR PROCESSING"}, "CR or DX for processing"),
        ({"Modality": "DX", "PresentationIntentType": "FOR PRESENTATION"}, "CR or DX"),
        ({"Modality": "CR"}, "CR or DX"),
        ({"Modality": "DOE JANE", "PresentationIntentType": "FOR PROCESSING"}, ""),
    ],
)
def test_words(tags: dict[str, Any], words: str) -> None:
    dataset = Dataset()
    for name, value in tags.items():
        setattr(dataset, name, value)
    assert kind_of(dataset) == words


def test_a_file_hands_it_on(tmp_path: Path) -> None:
    image = read(saved(tmp_path / "a.dcm", Modality="MR", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]))
    assert fact_of(image).kind == image.kind == "MR localizer"
    assert fact_of_values(list(fact_of(image))) == fact_of(image)
