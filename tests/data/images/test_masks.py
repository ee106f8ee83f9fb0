"""Masks: files by nibabel, pynrrd, NumPy and Pillow; what lies on its image, and the sentence for what does not."""

from pathlib import Path
from typing import Any

import nibabel as nib
import nrrd
import numpy as np
import pytest
from PIL import Image

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.masks import NO_PLACE, SEVERAL, WHOLE, Mask, open_mask, read_mask
from medgauge.data.images.readers import read_image

SHAPE = (5, 6, 7)  # x, y, z
AFFINE = np.diag([-1.0, -1.0, 2.0, 1.0])  # x to the right, y to the front, of NIfTI's RAS
AFFINE[:3, 3] = [30.0, 40.0, -50.0]


def nifti(path: Path, array: np.ndarray[Any, Any], affine: np.ndarray[Any, Any] | None = AFFINE) -> Path:
    image = nib.Nifti1Image(array, affine)
    if affine is None:
        image.header.set_zooms((1.0, 1.0, 2.0))
    nib.save(image, path)
    return path


def labels() -> np.ndarray[Any, Any]:
    mask = np.zeros(SHAPE, np.uint8)
    mask[1, 2, 3], mask[4, 5, 6], mask[0, 0, 0] = 1, 2, 2
    return mask


@pytest.fixture
def image(tmp_path: Path) -> RawImage:
    rng = np.random.default_rng(0)
    return read_image(ImageSource(nifti(tmp_path / "image.nii.gz", rng.normal(size=SHAPE))))


def opened(path: Path, image: RawImage, label: int | None = None) -> Mask:
    return open_mask(ImageSource(path), image, label)


def refused(path: Path, image: RawImage, label: int | None = None) -> str:
    with pytest.raises(InputError) as caught:
        opened(path, image, label)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def places(inside: np.ndarray[Any, Any]) -> list[tuple[int, ...]]:
    return [tuple(map(int, place)) for place in np.argwhere(inside)]


def test_the_affine_of_a_volume_leads_from_its_voxels_to_millimetres_of_dicom(tmp_path: Path) -> None:
    affine = np.array([[0, 0, 3.0, 5], [-2.0, 0, 0, 6], [0, 1.0, 0, 7], [0, 0, 0, 1]])
    array = np.arange(210.0).reshape(SHAPE)
    image = read_image(ImageSource(nifti(tmp_path / "a.nii", array, affine)))
    assert image.affine is not None
    for place in np.ndindex(SHAPE):  # every voxel stands where the file says, in RAS
        right, front, head = (affine @ [*place, 1])[:3]
        z, y, x = np.argwhere(image.array[0] == array[place])[0]
        np.testing.assert_allclose(image.affine @ [z, y, x, 1], [-right, -front, head, 1])


def test_labels_are_read_in_the_axes_of_the_image(tmp_path: Path, image: RawImage) -> None:
    path = nifti(tmp_path / "mask.nii.gz", labels())
    assert places(opened(path, image, 1).inside) == [(3, 2, 1)]
    assert places(opened(path, image, 2).inside) == [(0, 0, 0), (6, 5, 4)]
    assert opened(path, image, 2).notes == ()
    assert np.array_equal(read_mask(ImageSource(path), image, 2), opened(path, image, 2).inside)


def test_without_a_label_all_count_and_that_is_said(tmp_path: Path, image: RawImage) -> None:
    mask = opened(nifti(tmp_path / "mask.nii.gz", labels()), image)
    assert places(mask.inside) == [(0, 0, 0), (3, 2, 1), (6, 5, 4)]
    assert mask.notes == (SEVERAL,)
    assert opened(nifti(tmp_path / "whole.nii.gz", np.full(SHAPE, 255, np.uint8)), image).notes == (WHOLE,)


def test_a_mask_stored_with_other_axes_is_turned_onto_its_image(tmp_path: Path, image: RawImage) -> None:
    flipped = AFFINE.copy()
    flipped[0] = [1.0, 0, 0, 26.0]  # x from the other end: 30 - 4
    path = nifti(tmp_path / "mask.nii.gz", labels()[::-1].copy(), flipped)
    assert places(opened(path, image, 1).inside) == [(3, 2, 1)]


def test_nrrd_and_nifti_lie_on_one_another(tmp_path: Path, image: RawImage) -> None:
    header = {
        "space": "left-posterior-superior",
        "space directions": np.diag([1.0, 1.0, 2.0]),
        "space origin": [-30.0, -40.0, -50.0],
    }
    nrrd.write(str(tmp_path / "mask.nrrd"), labels(), header)
    assert places(opened(tmp_path / "mask.nrrd", image, 1).inside) == [(3, 2, 1)]
    nrrd.write(str(tmp_path / "off.nrrd"), labels(), {**header, "space origin": [-30.0, -40.0, -41.0]})
    assert "lies up to 9 mm off its image (origin or directions differ)" in refused(tmp_path / "off.nrrd", image)
    nrrd.write(
        str(tmp_path / "no.nrrd"), labels(), {"space": header["space"], "space directions": np.diag([1.0, 1, 2])}
    )
    assert opened(tmp_path / "no.nrrd", image, 1).notes == (NO_PLACE,)


def test_another_geometry_is_refused(tmp_path: Path, image: RawImage) -> None:
    cut = nifti(tmp_path / "cut.nii.gz", labels()[..., 1:])
    assert "is a mask of 6 x 6 x 5 voxels, and its image has 7 x 6 x 5; resample" in refused(cut, image)
    coarse = nifti(tmp_path / "coarse.nii.gz", labels(), AFFINE @ np.diag([1, 1, 1.5, 1]))
    assert "is a mask of 3 x 1 x 1 mm a voxel, and its image has 2 x 1 x 1 mm" in refused(coarse, image)
    moved = AFFINE.copy()
    moved[0, 3] += 0.5
    half = nifti(tmp_path / "half.nii.gz", labels(), moved)
    assert "lies up to 0.5 mm off its image" in refused(half, image)
    moved[0, 3] = AFFINE[0, 3] + 0.05
    assert places(opened(nifti(tmp_path / "near.nii.gz", labels(), moved), image, 1).inside) == [(3, 2, 1)]


def test_what_is_no_mask_is_refused(tmp_path: Path, image: RawImage) -> None:
    assert "is an empty mask" in refused(nifti(tmp_path / "a.nii", np.zeros(SHAPE, np.uint8)), image)
    path = nifti(tmp_path / "b.nii", labels())
    assert "is a mask without the label 3; it has 1, 2: correct data.mask_label" in refused(path, image, 3)
    soft = np.where(labels() > 0, 0.37, 0.0)
    assert "holds 0.37, and labels of a mask are whole numbers" in refused(nifti(tmp_path / "c.nii", soft), image)
    assert "holds -1," in refused(nifti(tmp_path / "d.nii", -labels().astype(np.int16).clip(0, 1)), image)
    assert "holds nan," in refused(nifti(tmp_path / "e.nii", np.where(labels() > 0, 1, np.nan)), image)
    assert "does not exist" in refused(tmp_path / "f.nii", image)


def test_an_image_given_as_mask_is_refused(tmp_path: Path) -> None:
    every, image, path = np.arange(512).reshape(8, 8, 8), RawImage(np.zeros((1, 8, 8, 8))), tmp_path / "a.npy"
    np.save(path, every.clip(max=255))
    assert opened(path, image).inside.sum() == 511
    np.save(path, every.clip(max=256))
    assert "holds 256 values above 0, as an image does; name the mask's file" in refused(path, image)
    assert places(opened(path, image, 9).inside) == [(0, 1, 1)]


def test_a_mask_of_a_volume_says_of_a_slice_that_it_is_one(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", labels())
    words = "its image is one slice or picture; name the whole volume, of a DICOM series its folder"
    assert words in refused(path, RawImage(np.zeros((1, 6, 5))))


def test_a_mask_without_directions_does_not_lie_on_an_image_with_them(tmp_path: Path, image: RawImage) -> None:
    np.save(tmp_path / "mask.npy", labels().T)
    assert "is a mask without directions, and its image is turned" in refused(tmp_path / "mask.npy", image)
    plain = nifti(tmp_path / "mask.nii", labels(), None)
    assert opened(plain, image, 2).notes == (NO_PLACE,)


def test_array_masks_lie_on_array_images(tmp_path: Path) -> None:
    mask = np.zeros((2, 7, 6, 5), bool)
    mask[1, 3, 2, 1] = True
    np.savez(tmp_path / "masks.npz", masks=mask)
    image = RawImage(np.zeros((1, 7, 6, 5), np.float32))
    assert places(read_mask(ImageSource(tmp_path / "masks.npz", "masks", 1), image)) == [(3, 2, 1)]
    assert places(read_mask(ImageSource(tmp_path / "masks.npz", "masks", 1), image, 1)) == [(3, 2, 1)]


def test_pictures_are_masks_of_pictures(tmp_path: Path) -> None:
    picture = np.zeros((8, 9), np.uint8)
    picture[2, 3] = 255
    Image.fromarray(picture).save(tmp_path / "mask.png")
    Image.fromarray(np.stack([picture] * 3, axis=-1)).save(tmp_path / "grey.png")
    Image.fromarray(np.stack([picture, picture, picture // 2], axis=-1)).save(tmp_path / "colour.png")
    image = RawImage(np.zeros((3, 8, 9), np.uint8))
    assert places(opened(tmp_path / "mask.png", image, 255).inside) == [(2, 3)]
    assert places(opened(tmp_path / "grey.png", image).inside) == [(2, 3)]
    assert "is a mask of 3 channels, or of colours; save one" in refused(tmp_path / "colour.png", image)
