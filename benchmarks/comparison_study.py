"""The losses side by side on three public data sets, with `medgauge compare`.

python benchmarks/comparison_study.py prepare | run | table      (run can be stopped and goes on; --only hc18 | lidc | retina)

``prepare`` makes tables and arrays of the shared data (environment variable MEDGAUGE_SHARED, or ../shared/data beside the
project) in a scratch folder; HC18 comes with medgauge. ``run`` compares; ``table`` writes docs/comparison.md from the JSON
in benchmarks/results/. See docs/comparison.md for what was held equal.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas

RESULTS = Path(__file__).parent / "results"
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


DATA: dict[str, dict[str, Any]] = {
    "hc18": {
        "data.table": "bundled:hc18",
        "data.label": ["hc_mm"],
        "data.group": "patient_id",
        "data.label_times": "pixel_size_mm",
        "augmentation.flip": ["rows", "columns"],
        "augmentation.scale": 0.2,
        "training.steps": 400,
    },
    "lidc": {
        "data.table": str(SCRATCH / "lidc" / "cases.csv"),
        "data.array": "volumes.npz#images",
        "data.index": "index",
        "data.label": ["malignancy_mean"],
        "data.group": "patient_id",
        "augmentation.flip": ["rows", "columns", "depth"],
        "augmentation.rotation": 0.0,
        "augmentation.scale": 0.0,
        "training.steps": 300,
    },
    "retina": {
        "data.table": str(SCRATCH / "retina" / "cases.csv"),
        "data.array": "images.npz#images",
        "data.index": "index",
        "data.label": ["grade"],
        "data.no_groups": True,
        "augmentation.flip": ["rows", "columns"],
        "training.steps": 400,
    },
}
EQUAL = {
    "model.encoder.width": 0.5,
    "optimiser.learning_rate": 0.02,
    "training.batch_size": 32,
    "training.evaluations": 8,
}
METHODS = [
    "l1", "weighted_l1", "rm", "rm_l1", "pearson", "pearson_spearman", "ranksim", "jocorank_individual", "jocorank_global",
    "jocorank_peer", "jocorank", "balanced_mse", "rnc",
]  # fmt: skip
L1 = {"class_path": "PointwiseLoss", "init_args": {"kind": "l1"}}
RM = {"class_path": "RMLoss", "init_args": {"sigma": 1.0}}
PEARSON = {"class_path": "RobustPearsonLoss", "init_args": {}}
WEIGHTED = {"scheme": "sqrt_inverse", "smoothing": "kernel_density"}
CANDIDATES: dict[str, dict[str, Any]] = {  # for the default: what may be combined, judged on calibration cases
    "l1": {"objective": {"error": L1}},
    "weighted l1": {"objective": {"error": L1}, "weights": WEIGHTED},
    "rm + l1": {"objective": {"isometry": RM, "error": L1}},
    "rm + weighted l1": {"objective": {"isometry": RM, "error": L1}, "weights": WEIGHTED},
    "pearson + l1": {"objective": {"correlation": PEARSON, "error": L1}},
    "rm + pearson": {"objective": {"isometry": RM, "correlation": PEARSON}},
    "rm + weighted pearson": {"objective": {"isometry": RM, "correlation": PEARSON}, "weights": WEIGHTED},
    "rm + pearson + l1": {"objective": {"isometry": RM, "correlation": PEARSON, "error": L1}},
    "rm + weighted pearson + l1": {
        "objective": {"isometry": RM, "correlation": PEARSON, "error": L1},
        "weights": WEIGHTED,
    },
}
DEVELOPMENT_SEEDS = range(2000, 2004)


def read(name: str) -> dict[str, Any]:
    path = RESULTS / f"{name}.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def develop_one(job: tuple[str, str, int]) -> dict[str, Any]:
    """One run of a candidate for the default; its MAE on calibration cases. The test split is not read."""
    import torch

    import medgauge
    from medgauge.recipes.read import load_values

    torch.set_num_threads(1)
    data, candidate, seed = job
    wanted = CANDIDATES[candidate]
    values = {
        **load_values("l1"),
        "objective": {name: {"factor": 1.0, "term": term} for name, term in wanted["objective"].items()},
        "weights": wanted.get("weights", {}),
    }
    changes = {**EQUAL, **DATA[data], "seed": seed, "data.test_seed": 0}
    with tempfile.TemporaryDirectory() as folder:
        run = medgauge.fit(values, out=Path(folder) / "run", changes=changes, images=False, report=False)
        cases = pandas.read_csv(Path(folder) / "run" / "predictions.csv")
        (target,) = run.targets
        cases = cases[cases["split"] == "calibration"]
        error = (cases[f"value_{target}"] - cases[f"label_{target}"]).abs()
        region = cases[f"region_{target}"]
        return {
            "mae": float(error.mean()),
            **{f"{name}_mae": float(error[region == name].mean()) for name in ("many", "medium", "few")},
            "predictor": run.results["val"][target]["predictor"],
            "seconds": run.results["seconds"],
        }


def develop(names: list[str], workers: int, candidates: list[str]) -> None:
    """The candidates on all data sets; the file grows run by run."""
    jobs = [
        (data, candidate, seed)
        for seed, data, candidate in itertools.product(DEVELOPMENT_SEEDS, names, candidates)
        if f"{data} | {candidate} | {seed}" not in read("default_development")
    ]
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for job, found in zip(jobs, pool.map(develop_one, jobs), strict=True):
            state = read("default_development")
            state[" | ".join(map(str, job))] = found
            (RESULTS / "default_development.json").write_text(json.dumps(state, indent=1, sort_keys=True) + "\n")
            print(*job, round(found["mae"], 4), round(found["few_mae"], 4), round(found["seconds"], 1), flush=True)


def run(names: list[str], workers: int) -> None:
    """`medgauge compare` on each data set; JSON and cases are copied to the results as they grow."""
    for name in names:
        out = SCRATCH / f"compare_{name}"
        changes = {**EQUAL, **DATA[name]}
        flags = [f"--{place}={json.dumps(value)}" for place, value in changes.items()]
        command = [sys.executable, "-m", "medgauge", "compare", "l1", "--losses", ",".join(METHODS), "--seeds", "5"]
        command += ["--trials", "3", "--workers", str(workers), "--out", str(out), *flags]
        try:
            subprocess.run(command, check=True)
        finally:
            keep(name, out)


def keep(name: str, out: Path) -> None:
    """Copy comparison.json without the folder of the tables."""
    if (out / "comparison.json").exists():
        text = (out / "comparison.json").read_text(encoding="utf-8").replace(f"{SCRATCH}{os.sep}", "")
        (RESULTS / f"comparison_{name}.json").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("prepare", "develop", "run"))
    parser.add_argument("--only", choices=tuple(DATA))
    parser.add_argument("--candidate", choices=tuple(CANDIDATES), action="append", help="of develop; again for several")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    names = [given.only] if given.only else list(DATA)
    {
        "prepare": prepare,
        "develop": lambda: develop(names, given.workers, given.candidate or list(CANDIDATES)),
        "run": lambda: run(names, given.workers),
    }[given.what]()


if __name__ == "__main__":
    main()
