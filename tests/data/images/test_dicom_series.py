"""DICOM series in folders, written by pydicom: where every voxel is, and the sentence for each volume that is none."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from pydicom.uid import generate_uid

from medgauge.core.errors import InputError
from medgauge.data.images.cache import prepare_images
from medgauge.data.images.dicom_series import LOCALIZER, NOT_DICOM, read_series
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.masks import read_mask
from medgauge.data.images.prepare import PrepareSettings
from medgauge.data.images.readers import read_image
from medgauge.data.tables.sources import image_source
from tests.data.images.test_dicom import saved

VOLUME = np.random.default_rng(0).integers(0, 999, (5, 6, 7)).astype(np.uint16)  # z, y, x
AXIAL = [1.0, 0, 0, 0, 1, 0]
ONE, TWO = "1.2.826.0.1.3680043.1", "1.2.826.0.1.3680043.2"


def series(folder: Path, volume: np.ndarray[Any, Any] = VOLUME, *, uid: str = ONE, **more: Any) -> Path:
    """A slice a file, 2.5 mm apart from z = -10, pixels of 0.5 (rows) by 0.8 mm; the names of files are in no order."""
    folder.mkdir(exist_ok=True)
    places = more.pop("places", [-10 + 2.5 * at for at in range(len(volume))])
    shift = more.pop("shift", 0.0)
    for at, (cells, z) in enumerate(zip(volume, places, strict=True)):
        given = {
            "SeriesInstanceUID": uid, "ImageOrientationPatient": AXIAL, "ImagePositionPatient": [3.0, -4.0 + shift * at, z],
            "PixelSpacing": [0.5, 0.8], "Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -1000, **more,
        }  # fmt: skip
        saved(folder / f"{(7 * at) % 11:02d}_{uid[-1]}.dcm", cells, **given)
    return folder


def read(folder: Path, key: str | None = None) -> RawImage:
    return read_image(ImageSource(folder, key))


def refused(folder: Path, key: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, key)
    assert "\n" not in str(caught.value)
    assert "ecret" not in str(caught.value)
    return str(caught.value)


def test_slices_are_put_in_order_by_where_they_are(tmp_path: Path) -> None:
    image = read(series(tmp_path / "ct"))
    np.testing.assert_array_equal(image.array[0], VOLUME.astype(float) - 1000)
    assert image.spacing == pytest.approx((2.5, 0.5, 0.8))
    assert image.has_unit
    assert image.kind == "CT"
    assert image.affine is not None
    np.testing.assert_allclose(image.affine @ [4, 5, 6, 1], [3 + 6 * 0.8, -4 + 5 * 0.5, 0, 1])


def test_a_coronal_series_is_turned_as_a_nifti_file_of_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "mr"
    folder.mkdir()
    for at, cells in enumerate(VOLUME):  # rows run to the left, columns to the feet, slices to the back
        saved(
            folder / f"{at}.dcm", cells, ImageOrientationPatient=[1, 0, 0, 0, 0, -1], PixelSpacing=[0.5, 0.8],
            ImagePositionPatient=[10, 20 + 3 * at, 30],
        )  # fmt: skip
    affine = np.array(
        [[-0.8, 0, 0, -10], [0, 0, -3.0, -20], [0, -0.5, 0, 30], [0, 0, 0, 1]]
    )  # of column, row, slice, in RAS
    nib.save(nib.Nifti1Image(VOLUME.transpose(2, 1, 0), affine), tmp_path / "a.nii")
    image, other = read(folder), read(tmp_path / "a.nii")
    np.testing.assert_array_equal(image.array, other.array)
    assert image.spacing == pytest.approx(other.spacing)
    np.testing.assert_allclose(np.asarray(image.affine), np.asarray(other.affine), atol=1e-5)


def test_padding_is_turned_with_its_slices(tmp_path: Path) -> None:
    cells = VOLUME.copy()
    cells[1, 2, 3] = 2000
    image = read(series(tmp_path / "ct", cells, PixelPaddingValue=2000))
    assert image.padding is not None
    assert np.argwhere(image.padding).tolist() == [[1, 2, 3]]


def test_a_mask_lies_on_its_series(tmp_path: Path) -> None:
    image = read(series(tmp_path / "ct"))
    mask = np.zeros(VOLUME.shape, np.uint8)
    mask[3, 2, 1] = 1
    affine = np.array([[-0.8, 0, 0, -3], [0, -0.5, 0, 4], [0, 0, 2.5, -10], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(mask.transpose(2, 1, 0), affine), tmp_path / "mask.nii")
    assert np.argwhere(read_mask(ImageSource(tmp_path / "mask.nii"), image)).tolist() == [[3, 2, 1]]
    own = series(tmp_path / "mask", mask.astype(np.uint16), RescaleIntercept=0)
    assert np.argwhere(read_mask(ImageSource(own), image)).tolist() == [[3, 2, 1]]


def test_two_series_in_a_folder_are_refused_and_one_can_be_named(tmp_path: Path) -> None:
    folder = series(series(tmp_path / "ct"), VOLUME[:3] + 1, uid=TWO)
    assert (
        "holds 2 DICOM series (of 5, 3 slices); keep one a folder, or name one as FOLDER#SeriesInstanceUID"
        in refused(folder)
    )
    assert read(folder, TWO).array.shape == (1, 3, 6, 7)
    chosen = image_source(f"ct#{ONE}", tmp_path)
    assert (chosen.path, chosen.key) == (folder, ONE)
    np.testing.assert_array_equal(read_image(chosen).array[0], VOLUME.astype(float) - 1000)
    words = "names a SeriesInstanceUID that none of the 2 series of the folder has; correct it"
    assert words in refused(folder, "1.2.3.4")
    whole = PrepareSettings(window=(-1000, 0))
    first, second = (
        prepare_images([ImageSource(folder, key)], whole, cache_dir=tmp_path / "cache").array for key in (ONE, TWO)
    )
    assert first.shape != second.shape


@pytest.mark.parametrize("uid", [ONE, TWO])
def test_a_localizer_in_the_folder_is_left_aside_and_noted(tmp_path: Path, uid: str) -> None:
    folder = series(tmp_path / "ct", ImageType=["ORIGINAL", "PRIMARY", "AXIAL"])
    scout = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}
    series(tmp_path / "scout", VOLUME[:1] + 7, uid=uid, **scout)
    (folder / "scout.dcm").write_bytes((tmp_path / "scout" / f"00_{uid[-1]}.dcm").read_bytes())
    image = read(folder)
    np.testing.assert_array_equal(image.array[0], VOLUME.astype(float) - 1000)
    assert LOCALIZER in image.notes
    alone = read(tmp_path / "scout")
    assert (alone.kind, LOCALIZER in alone.notes) == ("CT localizer", False)


def test_a_missing_slice_is_refused(tmp_path: Path) -> None:
    folder = series(tmp_path / "ct")
    (folder / "03_1.dcm").unlink()  # the third: 7 * 2 = 14 = 3 of 11
    assert "with 1 slice missing: distances of 5 mm among those of 2.5 mm; add what is missing" in refused(folder)


def test_a_doubled_slice_is_refused(tmp_path: Path) -> None:
    folder = series(tmp_path / "ct")
    (folder / "copy.dcm").write_bytes((folder / "00_1.dcm").read_bytes())
    assert "with 1 slice more at a place that another one has, as of several phases or a copy" in refused(folder)


def test_uneven_distances_are_refused(tmp_path: Path) -> None:
    folder = series(tmp_path / "ct", places=[0.0, 2.5, 5.0, 8.2, 10.7])
    assert "with slices at uneven distances, 2.5 to 3.2 mm; resample it to even ones" in refused(folder)
    near = read(series(tmp_path / "near", places=[0.0, 2.5, 5.001, 7.5, 10.0]))  # rounded positions
    assert near.spacing == pytest.approx((2.5, 0.5, 0.8))


def test_slices_that_make_no_volume_are_refused(tmp_path: Path) -> None:
    assert "shifted against one another (a tilted gantry)" in refused(series(tmp_path / "tilted", shift=0.4))
    folder = series(tmp_path / "turned")
    saved(
        folder / "z.dcm", VOLUME[0], SeriesInstanceUID=ONE, ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
        ImagePositionPatient=[0, 0, 0], PixelSpacing=[0.5, 0.8],
    )  # fmt: skip
    assert "with slices in several directions, as of a localizer" in refused(folder)
    folder = series(tmp_path / "sizes")
    series(folder, VOLUME[:1, :4], places=[2.5])
    assert "with slices of several sizes" in refused(folder)
    folder = series(tmp_path / "nowhere", ImagePositionPatient=None)
    assert "a slice (00_1.dcm) that does not say where it is" in refused(folder)


def test_folders_without_a_series_are_refused(tmp_path: Path) -> None:
    (tmp_path / "patient" / "ct").mkdir(parents=True)
    assert "is a folder without DICOM files, and no image file; name the folder in it" in refused(tmp_path / "patient")
    (tmp_path / "patient" / "ct" / "note.txt").write_text("hello")
    assert refused(tmp_path / "patient" / "ct").endswith("is a folder without DICOM files, and no image file")


def test_a_series_of_one_slice_is_a_picture_and_other_files_are_noted(tmp_path: Path) -> None:
    folder = series(tmp_path / "ct", VOLUME[:1])
    (folder / "note.txt").write_text("hello")
    (folder / "DICOMDIR").write_text("hello")
    image = read_series(ImageSource(folder))
    assert (image.array.shape, image.spacing) == ((1, 6, 7), (0.5, 0.8))
    assert NOT_DICOM in image.notes


def test_an_overwritten_slice_is_another_entry_of_the_cache(tmp_path: Path) -> None:
    folder, settings = series(tmp_path / "ct"), PrepareSettings(window=(-1000, 0))
    sources = [ImageSource(folder), ImageSource(folder, generate_uid())]
    first = prepare_images(sources[:1], settings, cache_dir=tmp_path / "cache").array.copy()
    series(tmp_path / "ct", VOLUME[::-1].copy())
    np.testing.assert_array_equal(
        prepare_images(sources[:1], settings, cache_dir=tmp_path / "cache").array, first[:, :, ::-1]
    )
    assert prepare_images(sources[1:], settings, cache_dir=None).problems
