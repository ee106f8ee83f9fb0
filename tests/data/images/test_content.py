"""Files whose name says one format and whose bytes say another."""

import gzip
from pathlib import Path
from typing import Any

import nibabel
import nrrd
import numpy as np
import pytest
from PIL import Image

from medgauge.core.errors import InputError
from medgauge.data.images.content import other_content
from medgauge.data.images.image import ENDINGS, ImageSource, ending
from medgauge.data.images.readers import read_image
from tests.data.images.test_dicom import saved

GREY = np.arange(64, dtype=np.uint8).reshape(8, 8)


def written(folder: Path, name: str) -> Path:
    """An image of that format."""
    path = folder / name
    if path.suffix == ".dcm":
        return saved(path, GREY.astype(np.uint16))
    if path.suffix == ".nrrd":
        nrrd.write(str(path), GREY)
    elif path.suffix == ".npy":
        np.save(path, GREY)
    elif ".nii" in name:
        nibabel.save(nibabel.Nifti1Image(np.stack([GREY] * 3).astype(np.int16), np.eye(4)), path)  # type: ignore[no-untyped-call]
    else:
        Image.fromarray(GREY).save(path)
    return path


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("a.dcm", "DICOM"), ("a.nrrd", "NRRD"), ("a.npy", "NumPy"), ("a.nii", "NIfTI"), ("a.nii.gz", "NIfTI"),
        ("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.tif", "TIFF"),
    ],
)  # fmt: skip
def test_what_a_file_is_and_the_ending_that_it_needs_are_told(tmp_path: Path, name: str, called: str) -> None:
    data = written(tmp_path, name).read_bytes()
    pictures = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"}
    dicom, arrays, nifti = {".dcm", ".dicom", ".ima"}, {".npy", ".npz"}, {".nii", ".nii.gz"}
    own = next(family for family in (pictures, dicom, arrays, nifti, {".nrrd"}) if ending(tmp_path / name) in family)
    for other in (*ENDINGS, ".xyz", ""):
        path = tmp_path / f"b{other}"
        path.write_bytes(data)
        if other in own or (called == "DICOM" and other not in ENDINGS):
            assert other_content(path, ending(path)) == ""
            continue
        with pytest.raises(InputError) as told:
            read_image(ImageSource(path))
        assert (
            str(told.value) == f"{path} is a {called} file by its content; give it the ending {ending(tmp_path / name)}"
        )


def test_a_dicom_file_that_is_a_tiff_file_too_is_what_its_name_says(tmp_path: Path) -> None:
    path = written(tmp_path, "a.dcm")
    path.write_bytes(b"II*\0" + path.read_bytes()[4:])
    np.testing.assert_array_equal(read_image(ImageSource(path)).array[0], GREY)


@pytest.mark.parametrize(
    "data", [b"\x1f\x8b" + b"x" * 20, gzip.compress(b"no header", mtime=0), b"12", b"id,path\n" * 90]
)
def test_what_the_first_bytes_do_not_tell_is_left_to_the_reader(tmp_path: Path, data: Any) -> None:
    for suffix in (".png", ".nii.gz", ""):
        (tmp_path / f"a{suffix}").write_bytes(data)
        assert other_content(tmp_path / f"a{suffix}", suffix) == ""
