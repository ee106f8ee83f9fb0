"""What numbers of DICOM files mean: doses, real-world values, units of PET; mosaics are no picture."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from medgauge.core.errors import InputError
from medgauge.data.images.cache import prepare_images
from medgauge.data.images.dicom_units import NO_PET_UNIT, NOT_MAPPED, has_unit, rescale
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.prepare import PrepareSettings
from medgauge.data.images.readers import read_image

CELLS = np.array([[0, 1, 7], [1000, 40000, 65535]], np.uint16)


def item(**values: Any) -> Dataset:
    made = Dataset()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def saved(path: Path, cells: np.ndarray[Any, Any] = CELLS, **values: Any) -> Path:
    made = item(
        SOPClassUID=pydicom.uid.SecondaryCaptureImageStorage, SOPInstanceUID=generate_uid(), Rows=cells.shape[0],
        Columns=cells.shape[1], SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2", PixelRepresentation=0,
        BitsAllocated=8 * cells.itemsize, BitsStored=8 * cells.itemsize, HighBit=8 * cells.itemsize - 1,
        PixelData=cells.tobytes(), **values,
    )  # fmt: skip
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.save_as(path, enforce_file_format=True)
    return path


def read(path: Path) -> RawImage:
    return read_image(ImageSource(path))


@pytest.mark.parametrize("kind", ["u2", "u4"])
def test_a_dose_is_scaled(tmp_path: Path, kind: str) -> None:
    cells = CELLS.astype(kind) * (1 if kind == "u2" else 60000)
    image = read(saved(tmp_path / "a.dcm", cells, Modality="RTDOSE", DoseUnits="GY", DoseGridScaling="0.00125"))
    expected = np.array([[float(cell) * 0.00125 for cell in row] for row in cells])
    np.testing.assert_array_equal(image.array[0], expected.astype(np.float32))
    assert (image.has_unit, image.notes) == (True, ())


def test_a_rescale_is_before_the_scaling_of_a_dose_and_none_is_0(tmp_path: Path) -> None:
    assert rescale(item(DoseGridScaling="2", RescaleSlope="3", RescaleIntercept="4")) == (3.0, 4.0)
    saved(tmp_path / "a.dcm", DoseGridScaling="0")
    with pytest.raises(InputError, match="a rescale slope of 0"):
        read(tmp_path / "a.dcm")


def mapping(slope: float, intercept: float) -> list[Dataset]:
    return [item(RealWorldValueSlope=slope, RealWorldValueIntercept=intercept)]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"RealWorldValueMappingSequence": mapping(0.01, 0.0)}, (NOT_MAPPED,)),
        ({"RealWorldValueMappingSequence": mapping(1.0, -4.0)}, (NOT_MAPPED,)),
        ({"RealWorldValueMappingSequence": [item(RealWorldValueLUTData=[1.0, 2.0])]}, (NOT_MAPPED,)),
        (
            {"SharedFunctionalGroupsSequence": [item(RealWorldValueMappingSequence=mapping(0.01, 0.0))]},
            (NOT_MAPPED,),
        ),
        ({"RealWorldValueMappingSequence": mapping(1.0, 0.0)}, ()),
        ({"RealWorldValueMappingSequence": mapping(2.0, 1.0), "RescaleSlope": "2", "RescaleIntercept": "1"}, ()),
    ],
)
def test_real_world_values_that_are_not_followed_are_told(
    tmp_path: Path, values: dict[str, Any], said: tuple[str, ...]
) -> None:
    image = read(saved(tmp_path / "a.dcm", **values))
    assert image.notes == said
    np.testing.assert_array_equal(image.array[0], CELLS * 2.0 + 1 if "RescaleSlope" in values else CELLS)


def test_units_of_pet_are_told_with_counts(tmp_path: Path) -> None:
    units = ["BQML", "CNTS", "BQML", "CNTS", "GML", "SECRET", None]
    for row, unit in enumerate(units):
        given = {} if unit is None else {"Units": unit}
        saved(tmp_path / f"{row}.dcm", Modality="PT", RescaleSlope="1.5", RescaleIntercept="0", **given)
    sources = [ImageSource(tmp_path / f"{row}.dcm") for row in range(len(units))]
    made = prepare_images(sources, PrepareSettings(size=(8, 8), window=(0.0, 1e5)), cache_dir=None)
    assert made.notes == [
        "PET in CNTS (Units), and not in BQML, in 2 images",
        "PET in GML (Units), and not in BQML, in 1 image",
        f"{NO_PET_UNIT} in 2 images",
    ]
    facts = [fact for fact in made.facts if fact is not None]
    assert [fact.has_unit for fact in facts] == [True, False, True, False, True, True, True]
    assert not has_unit(item(Modality="PT", Units="PROPCNTS", RescaleSlope="2", RescaleIntercept="0"))


def test_a_mosaic_is_refused(tmp_path: Path) -> None:
    saved(tmp_path / "a.dcm", Modality="MR", ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"])
    with pytest.raises(
        InputError, match="is a mosaic, the slices of a volume side by side in one picture; save the volume"
    ):
        read(tmp_path / "a.dcm")
    assert read(saved(tmp_path / "b.dcm", Modality="MR", ImageType=["ORIGINAL", "PRIMARY"])).array.shape == (1, 2, 3)
