"""The losses side by side on three public data sets, with `medgauge compare`.

python benchmarks/comparison_study.py prepare | run | table      (run can be stopped and goes on; --only hc18 | lidc | retina)

``prepare`` makes tables and arrays of the shared data (environment variable MEDGAUGE_SHARED, or ../shared/data beside the
project) in a scratch folder; HC18 comes with medgauge. ``run`` compares; ``table`` writes docs/comparison.md from the JSON
in benchmarks/results/. See docs/comparison.md for what was held equal.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = Path(os.environ.get("MEDGAUGE_SCRATCH", Path.home() / ".cache" / "medgauge" / "comparison"))
EXTENT = (
    4,
    24,
    24,
)  # voxels kept of every nodule: 98.5 % of the cut-outs have as many slices, so padding tells no size


def shared() -> Path:
    return Path(os.environ.get("MEDGAUGE_SHARED", ROOT.parent / "shared" / "data"))


def prepare_lidc(home: Path) -> None:
    """Central 4 x 24 x 24 mm of each nodule, (z, y, x): a common extent, since the padding gives the size away."""
    images = np.load(shared() / "lidc_nodules" / "volumes.npz")["images"].transpose(0, 3, 2, 1)
    table = pandas.read_csv(shared() / "lidc_nodules" / "labels.csv", dtype={"patient_id": str})
    start = [(whole - kept) // 2 for whole, kept in zip(images.shape[1:], EXTENT, strict=True)]
    box = tuple(slice(first, first + kept) for first, kept in zip(start, EXTENT, strict=True))
    cut = images[(slice(None), *box)]
    filled = (cut > 0).mean(axis=(1, 2, 3))
    known = table["malignancy_mean"].notna().to_numpy()
    seen = np.corrcoef(filled[known], table["malignancy_mean"][known])[0, 1]
    whole = np.corrcoef((images > 0).mean(axis=(1, 2, 3))[known], table["malignancy_mean"][known])[0, 1]
    print(f"lidc: correlation of the filled share with malignancy {whole:.3f} before, {seen:.3f} after masking")
    home.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(home / "volumes.npz", images=cut)
    kept = table.loc[known, ["index", "patient_id", "malignancy_mean"]]
    kept.to_csv(home / "cases.csv", index=False)


def prepare_retina(home: Path) -> None:
    """Training and validation images of RetinaMNIST in one table; patients are not identified in the file."""
    stored = np.load(shared() / "retinamnist" / "retinamnist.npz")
    images = np.concatenate([stored["train_images"], stored["val_images"]])
    grade = np.concatenate([stored["train_labels"], stored["val_labels"]])[:, 0]
    home.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(home / "images.npz", images=images)
    pandas.DataFrame({"index": range(len(grade)), "grade": grade}).to_csv(home / "cases.csv", index=False)


def prepare() -> None:
    prepare_lidc(SCRATCH / "lidc")
    prepare_retina(SCRATCH / "retina")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("prepare",))
    given = parser.parse_args()
    {"prepare": prepare}[given.what]()


if __name__ == "__main__":
    main()
