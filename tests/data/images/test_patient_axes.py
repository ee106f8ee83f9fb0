"""Where axes of volumes and slices run, and which are turned by chance."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.patient_axes import BETWEEN
from medgauge.data.images.readers import read_image


def saved(path: Path, shape: tuple[int, ...], axes: np.ndarray) -> RawImage:
    affine = np.eye(4)
    affine[:3, :3] = axes
    nibabel.save(nibabel.Nifti1Image(np.random.default_rng(0).integers(0, 99, shape, dtype=np.int16), affine), path)
    return read_image(ImageSource(path))


@pytest.mark.parametrize("first", [0, 1, 2])
@pytest.mark.parametrize(
    ("degrees", "told"), [(0, False), (30, False), (44, True), (46, True), (-46, True), (60, False)]
)
def test_axes_about_halfway_between_two_directions_are_told(
    tmp_path: Path, degrees: float, told: bool, first: int
) -> None:
    turn = np.eye(3)
    second = (first + 1) % 3
    angle = np.radians(degrees)
    turn[first, [first, second]] = np.cos(angle), -np.sin(angle)
    turn[second, [first, second]] = np.sin(angle), np.cos(angle)
    assert saved(tmp_path / "a.nii", (4, 5, 6), turn * [2, 3, 5]).notes == ((BETWEEN,) if told else ())


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (-1, -1, 1)])
@pytest.mark.parametrize(
    ("thin", "words"),
    [(2, "the left and the back"), (1, "the left and the head"), (0, "the back and the head")],
)
def test_a_slice_has_the_directions_that_it_is_turned_to(
    tmp_path: Path, thin: int, words: str, signs: tuple[int, ...]
) -> None:
    shape = [5, 6, 7]
    shape[thin] = 1
    assert saved(tmp_path / "a.nii", tuple(shape), np.diag(signs) * 2.0).direction == words
    assert saved(tmp_path / "b.nii", (5, 6, 7), np.diag(signs) * 2.0).direction == ""
