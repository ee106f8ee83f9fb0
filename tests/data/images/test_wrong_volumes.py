"""Volumes that no network can read, one sentence each; series of slices are in test_dicom_series.py, masks in test_masks.py."""

from pathlib import Path
from typing import Any

import nibabel as nib
import nrrd
import numpy as np

from medgauge.data.images.cache import prepare_images
from medgauge.data.images.image import ImageSource
from medgauge.data.images.prepare import PrepareSettings

RNG = np.random.default_rng(0)


def told(folder: Path, array: np.ndarray[Any, Any]) -> str:
    """What is said of a volume of a run that reads 4 x 5 x 6 voxels."""
    nib.save(nib.Nifti1Image(array, np.eye(4)), folder / "a.nii.gz")
    return problem(folder / "a.nii.gz")


def problem(path: Path) -> str:
    settings = PrepareSettings(size=(4, 5, 6), fit="pad_or_crop", window=(0.0, 1.0))
    ((row, what),) = prepare_images([ImageSource(path)], settings, cache_dir=None).problems
    assert (row, path.name in what, "\n" in what) == (0, True, False)
    return what


def test_a_volume_of_one_slice(tmp_path: Path) -> None:
    words = (
        "the image is 2-D (5 x 6), but image.size has 3 numbers, for 3-D images; a volume of one slice is 2-D: name the whole "
        "volume, or leave the case out"
    )
    assert words in told(tmp_path, RNG.random((6, 5, 1)))
    nrrd.write(str(tmp_path / "a.nrrd"), RNG.random((6, 5, 1)))
    assert words in problem(tmp_path / "a.nrrd")


def test_voxels_that_are_not_a_number(tmp_path: Path) -> None:
    array = RNG.random((6, 5, 4))
    array[0, 0, :2] = np.nan
    what = told(tmp_path, array)
    assert (
        "has 2 pixels that are not a number (NaN), as some programs write a background; say what to read there" in what
    )
    assert "--image.nan 0" in what


def test_a_nifti_of_four_axes(tmp_path: Path) -> None:
    assert "is 6 x 5 x 4 x 7, not one 2-D or 3-D image; save one volume a file" in told(
        tmp_path, RNG.random((6, 5, 4, 7))
    )
