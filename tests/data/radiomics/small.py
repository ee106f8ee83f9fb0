"""A small volume with a mask, and the library that measures it."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

WITHOUT = "without radiomics: pip install 'medgauge[radiomics]' needs a C compiler"
STEPS = (0.8, 1.0, 2.5)
"""Millimetres a voxel along x, y and z of the file."""


def need_library() -> None:
    pytest.importorskip("radiomics", reason=WITHOUT)


def ball(shape: tuple[int, ...], radius: float) -> NDArray[np.bool_]:
    """An ellipsoid, not in the middle, with a bump."""
    axes = np.meshgrid(*(np.arange(side) - side / 2 + 0.7 for side in shape), indexing="ij")
    scales = np.array([1.0, 0.8, 0.6])[: len(shape)]
    inside: NDArray[np.bool_] = sum((axis * scale) ** 2 for axis, scale in zip(axes, scales, strict=True)) < radius**2
    inside[tuple(side // 2 for side in shape[:-1])] = True
    return inside


def volume(seed: int = 0, shape: tuple[int, ...] = (12, 14, 9)) -> NDArray[np.int16]:
    return np.random.default_rng(seed).normal(60, 80, shape).round().astype(np.int16)


def write(path: Path, array: NDArray[Any], steps: tuple[float, ...] = STEPS, turned: bool = False) -> Path:
    """A NIfTI file of (x, y, z); turned: its axes run to the right and the front, as nibabel's own do, else as DICOM's."""
    signs = np.array([1, 1, 1]) if turned else np.array([-1, -1, 1])
    nibabel.save(nibabel.Nifti1Image(array, np.diag([*(signs * np.array(steps)), 1.0])), path)
    return path
