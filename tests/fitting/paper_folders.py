"""Small collections in the layouts of BraTS 2020 and of NSCLC-Radiomics, drawn: names, tables, geometry and labels of masks."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas
from numpy.typing import NDArray

from tests.data.images.test_dicom import saved

BRAIN, CHEST = (20, 22, 18), (10, 20, 24)
"""Voxels of a head (x, y, z) of 1 mm, and of a chest (z, y, x)."""
STAGES = ("IIIa", "IIIb", "I", "II", "IIIb", "I")
AXIAL = [1.0, 0, 0, 0, 1, 0]
STEP, THICK = 0.977, 3.0


def brats(folder: Path, count: int = 28) -> Path:
    """Cases in folders of four sequences and a mask of labels 1, 2 and 4; high grades have a bright core and no label 1."""
    random, rows = np.random.default_rng(0), list[dict[str, str]]()
    affine = np.diag([-1.0, -1, 1, 1])
    affine[1, 3] = 239
    for at in range(count):
        name, high = f"BraTS20_Training_{at + 1:03d}", at % 2 == 0
        head = _ellipsoid(BRAIN, np.array(BRAIN) / 2, np.array(BRAIN) / 2 - 1)
        middle = np.array(BRAIN) // 2 + random.integers(-2, 3, 3)
        sides = random.uniform(2.2, 4.2, 3)
        tumour, core = (_ellipsoid(BRAIN, middle, sides / share) for share in (1, 1.8))
        seg = np.where(core, 4 if high else 1, np.where(tumour, 2, 0)).astype(np.uint8)
        place = folder / name
        place.mkdir(parents=True)
        for sequence, base in {"flair": 300, "t1": 200, "t1ce": 250, "t2": 280}.items():
            greys = head * (base + random.normal(0, 30, BRAIN)) + 120 * tumour + 200 * (core & high)
            nibabel.save(
                nibabel.Nifti1Image(greys.clip(0).astype(np.int16), affine), place / f"{name}_{sequence}.nii.gz"
            )
        odd = at == 1  # one mask of the collection has another name
        nibabel.save(
            nibabel.Nifti1Image(seg, affine), place / ("W39_1998.09.19_Segm.nii" if odd else f"{name}_seg.nii.gz")
        )
        rows.append({"Grade": "HGG" if high else "LGG", "BraTS_2019_subject_ID": "NA", "BraTS_2020_subject_ID": name})
    pandas.DataFrame(rows).to_csv(folder / "name_mapping.csv", index=False)
    return folder


def nsclc(folder: Path, count: int = 24) -> Path:
    """A CT series, structures and a segmentation a patient, masks of both lungs, and a clinical table, one stage unknown."""
    random, rows = np.random.default_rng(1), list[dict[str, Any]]()
    (folder / "lungs").mkdir(parents=True)
    for at in range(count):
        name, stage = f"LUNG1-{at + 1:03d}", STAGES[at % len(STAGES)]
        lungs = np.zeros(CHEST, np.uint8)
        for label, middle in ((1, 7), (2, 17)):
            lungs[_ellipsoid(CHEST, np.array([5, 10, middle]), random.uniform(3, 4, 3) * (1, 2, 1))] = label
        greys = np.where(lungs > 0, -800, 40) + random.normal(0, 40, CHEST)
        greys[_ellipsoid(CHEST, np.array([5, 10, 7]), np.full(3, {"I": 1.2, "II": 2.0}.get(stage, 3.0)))] = 30
        study = folder / "NSCLC-Radiomics" / name / "09-18-2008-StudyID-NA-69331"
        _series(study / "0.000000-NA-82046", greys, f"1.2.826.0.1.3680043.9.{at + 1}")
        for other in ("0.000000-NA-78236", "300.000000-Segmentation-9.554"):
            (study / other).mkdir()
            (study / other / "1-1.dcm").write_bytes(b"not read")
        affine = np.diag([-STEP, -STEP, THICK, 1])
        affine[:3, 3] = [10, 12, -600]
        nibabel.save(nibabel.Nifti1Image(lungs.transpose(2, 1, 0), affine), folder / "lungs" / f"{name}.nii.gz")
        known = "NA" if at == count - 1 else stage
        rows.append({"PatientID": name, "age": 60.5, "Overall.Stage": known, "deadstatus.event": 1})
    pandas.DataFrame(rows).to_csv(folder / "NSCLC Radiomics Lung1.clinical-version3-Oct-2019.csv", index=False)
    return folder


def _series(folder: Path, greys: NDArray[np.float64], uid: str) -> None:
    folder.mkdir(parents=True)
    for at, cells in enumerate(greys):
        saved(
            folder / f"1-{at + 1:03d}.dcm", (cells + 1024).clip(0).astype(np.uint16), SeriesInstanceUID=uid, Modality="CT",
            ImageOrientationPatient=AXIAL, ImagePositionPatient=[-10.0, -12.0, -600 + THICK * at], PixelSpacing=[STEP, STEP],
            RescaleSlope=1, RescaleIntercept=-1024,
        )  # fmt: skip


def _ellipsoid(shape: tuple[int, ...], middle: NDArray[Any], sides: NDArray[Any]) -> NDArray[np.bool_]:
    """Voxels whose middles lie in an ellipsoid; its middle counts from the edge of the first voxel."""
    places = np.stack(np.indices(shape), axis=-1) + 0.5
    return np.asarray((((places - middle) / sides) ** 2).sum(-1) < 1)
