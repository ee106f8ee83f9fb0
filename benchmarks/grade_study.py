"""Grade against number on the same grades: error, agreement and how well sets and intervals hold in each true grade.

python benchmarks/grade_study.py develop | run | table      (each can be stopped and goes on; --only idrid | retina)

Fundus photographs of IDRiD and RetinaMNIST (environment variable MEDGAUGE_SHARED, or ../shared/data beside the project).
``develop`` chooses the objective of the recipe ``grade`` on one validation split of a seed that ``run`` does not use.
``run`` reads every case out of fold, three folds, three seeds, as a grade (recipe grade) and as a number (recipe default),
with equal encoder, steps, batches and rate. ``table`` writes the tables of docs/methods/grades.md from the JSON in
benchmarks/results/. Neither set names patients, so that both eyes of one may be on both sides.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import torch
from common import machine, write_between

import medgauge
from medgauge.metrics import accuracy, mae, quadratic_kappa, within_one

HERE = Path(__file__).resolve().parent
OUT = HERE / "results" / "grade_study.json"
SCRATCH = Path(os.environ.get("MEDGAUGE_SCRATCH", tempfile.gettempdir())) / "medgauge_grades"
SEEDS, FOLDS, TUNING = (0, 1, 2), 3, 1000
EQUAL = {
    "model.encoder.width": 0.5,
    "training.steps": 600,
    "training.batch_size": 32,
    "training.evaluations": 6,
    "augmentation.flip": ["rows", "columns"],
}
CORN = {"class_path": "OrdinalRegressionLoss", "init_args": {"thresholds": "ranks", "kind": "corn"}}
BINARY = {"class_path": "OrdinalRegressionLoss", "init_args": {"thresholds": "ranks", "kind": "binary"}}
ISOMETRY = {"class_path": "RMLoss", "init_args": {"sigma": 1.0, "alpha": 0.1, "momentum": 0.9, "mining": True}}
L1 = {"class_path": "PointwiseLoss", "init_args": {"kind": "l1"}}
OBJECTIVES = {
    "corn": {"grade": {"term": CORN}},
    "binary": {"grade": {"term": BINARY}},
    "corn_rm": {"grade": {"term": CORN}, "isometry": {"term": ISOMETRY}},
    "binary_rm": {"grade": {"term": BINARY}, "isometry": {"term": ISOMETRY}},
    "corn_rm_l1": {"grade": {"term": CORN}, "isometry": {"term": ISOMETRY}, "error": {"term": L1}},
}


def shared() -> Path:
    return Path(os.environ.get("MEDGAUGE_SHARED", HERE.parent.parent / "shared" / "data"))


def data(name: str) -> dict[str, Any]:
    """Columns of one set; a table of RetinaMNIST's training and validation images is made first."""
    if name == "idrid":
        table = shared() / "idrid" / "labels.csv"
        return {"table": str(table), "image": "path", "label": "dr_grade", "no_groups": True}
    home = SCRATCH / "retina"
    if not (home / "cases.csv").exists():
        stored = np.load(shared() / "retinamnist" / "retinamnist.npz")
        home.mkdir(parents=True, exist_ok=True)
        np.savez(home / "images.npz", images=np.concatenate([stored["train_images"], stored["val_images"]]))
        grade = np.concatenate([stored["train_labels"], stored["val_labels"]])[:, 0]
        pandas.DataFrame({"index": range(len(grade)), "dr_grade": grade}).to_csv(home / "cases.csv", index=False)
    array = {"array": "images.npz#images", "index": "index"}
    return {"table": str(home / "cases.csv"), **array, "label": "dr_grade", "no_groups": True}


def size(name: str) -> dict[str, Any]:
    return {"image.size": [64, 64], "image.fit": "resize"} if name == "idrid" else {}


def figures(value: torch.Tensor, label: torch.Tensor) -> dict[str, float]:
    named = {"mae": mae, "quadratic_kappa": quadratic_kappa, "accuracy": accuracy, "within_one": within_one}
    return {name: float(figure(value[:, None], label[:, None])[0]) for name, figure in named.items()}


def by_grade(frame: pandas.DataFrame) -> dict[str, dict[str, float]]:
    """Coverage of the intervals of a number and how many whole grades they hold, in each true grade and over all."""
    lower, upper = (frame[f"{end}_dr_grade"].to_numpy() for end in ("lower", "upper"))
    label = frame["label_dr_grade"].to_numpy()
    inside = (lower <= label) & (label <= upper)
    held = np.sum([(lower <= grade) & (grade <= upper) for grade in range(5)], axis=0)
    rows = {str(grade): label == grade for grade in range(5)} | {"all": label == label}
    return {
        name: {"n": int(of.sum()), "coverage": float(inside[of].mean()), "size": float(held[of].mean())}
        for name, of in rows.items()
    }


def read() -> dict[str, Any]:
    return json.loads(OUT.read_text()) if OUT.exists() else {"machine": machine(), "develop": {}, "run": {}}


def keep(part: str, name: str, entry: dict[str, Any]) -> None:
    found = read()
    found[part][name] = entry
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    print(name, {key: round(of, 4) for key, of in entry.items() if isinstance(of, float)}, flush=True)


def develop(only: str | None) -> None:
    for dataset in [only] if only else ("idrid", "retina"):
        for name, objective in OBJECTIVES.items():
            entry = f"{dataset} {name}"
            if entry in read()["develop"]:
                continue
            shares = {"train": 0.7, "val": 0.15, "calibration": 0.15}
            run = medgauge.fit(
                {"objective": objective},
                **data(dataset),
                kind={"dr_grade": "grade"},
                out=SCRATCH / "develop" / entry.replace(" ", "-"),
                changes={**EQUAL, **size(dataset), "seed": TUNING, "data.shares": shares},
                report=False,
            )
            block = run.results["val"]["dr_grade"]
            keep("develop", entry, {key: block[key] for key in ("predictor", "mae", "quadratic_kappa", "accuracy")})


def run(only: str | None) -> None:
    for seed in SEEDS:
        for dataset in [only] if only else ("idrid", "retina"):
            for kind in ("grade", "number"):
                entry = f"{dataset} {kind} {seed}"
                if entry not in read()["run"]:
                    keep("run", entry, one(dataset, kind, seed))


def one(dataset: str, kind: str, seed: int) -> dict[str, Any]:
    made = medgauge.fit(
        None,
        **data(dataset),
        kind={"dr_grade": kind},
        folds=FOLDS,
        out=SCRATCH / "run" / f"{dataset}-{kind}-{seed}",
        changes={**EQUAL, **size(dataset), "seed": seed},
        report=False,
    )
    block, frame = made.results["out_of_fold"]["dr_grade"], pandas.read_csv(made.folder / "predictions.csv")
    value, label = (torch.tensor(frame[f"{name}_dr_grade"].to_numpy()) for name in ("value", "label"))
    entry: dict[str, Any] = {
        "predictor": block["predictor"],
        "seconds": made.results["seconds"],
        **figures(value, label),
    }
    entry["median_mae"] = block["baselines"]["median"]["mae"]
    if kind == "number":
        return entry | {"holds": by_grade(frame)}
    said = block["set"]
    parts = {name: {key: of[key] for key in ("n", "coverage", "size")} for name, of in said["by_grade"].items()}
    return entry | {"holds": {**parts, "all": {key: said[key] for key in ("n", "coverage", "size")}}}


def table() -> None:
    """Means over the seeds with their standard deviations."""
    found, lines = read()["run"], []
    for dataset, title in (("idrid", "IDRiD, 405 photographs"), ("retina", "RetinaMNIST, 1,200 photographs")):
        lines += [f"{title}, out of fold; mean ± standard deviation over {len(SEEDS)} seeds.", ""]
        names = ["mae", "quadratic_kappa", "accuracy", "within_one"]
        lines += ["| read as | MAE | kappa | accuracy | within one |", "| --- | --- | --- | --- | --- |"]
        runs = {kind: [found[f"{dataset} {kind} {seed}"] for seed in SEEDS] for kind in ("grade", "number")}
        for kind, entries in runs.items():
            cells = [
                f"{statistics.mean(one[key] for one in entries):.3f} ± {statistics.stdev(one[key] for one in entries):.3f}"
                for key in names
            ]
            lines.append(f"| {kind} | {' | '.join(cells)} |")
        lines += [f"| always the median | {runs['grade'][0]['median_mae']:.3f} | | | |", ""]
        lines += [
            "Share of the cases whose true grade is in the 90 % set (grade) or interval (number), and in brackets how"
        ]
        lines += ["many grades it holds, by true grade:", ""]
        lines += ["| read as | all | 0 | 1 | 2 | 3 | 4 |", "| --- | --- | --- | --- | --- | --- | --- |"]
        for kind, entries in runs.items():
            parts = [[one["holds"][grade] for one in entries] for grade in ("all", *map(str, range(5)))]
            cells = [
                f"{100 * statistics.mean(of['coverage'] for of in part):.0f} % ({statistics.mean(of['size'] for of in part):.1f})"
                for part in parts
            ]
            lines.append(f"| {kind} | {' | '.join(cells)} |")
        lines.append("")
    write_between("grades.md", "tables", lines[:-1])


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["develop", "run", "table"])
    parser.add_argument("--only", choices=["idrid", "retina"])
    asked = parser.parse_args()
    sys.exit({"develop": lambda: develop(asked.only), "run": lambda: run(asked.only), "table": table}[asked.command]())
