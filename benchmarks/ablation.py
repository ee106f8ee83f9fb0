"""What each addition to the training is worth: one change at a time against l1, on development folds of three sets.

python benchmarks/ablation.py run [--only SET] [--row ROW]     (can be stopped and goes on)
python benchmarks/ablation.py table                            (writes docs/ablation.md)

The sets are those of comparison_study.py (``prepare`` there first, for lidc) and nih; environment variables as there. Every
case is development data: no figure here is of a test set.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from comparison_study import DATA, ROOT, SCRATCH, prepare_lidc, shared

import medgauge
from medgauge.core.errors import InputError

RESULTS = Path(__file__).parent / "results" / "ablation.json"
FOLDS = 5
EQUAL: dict[str, Any] = {
    "data.folds": FOLDS,
    "model.encoder.width": 0.5,
    "optimiser.learning_rate": 0.02,
    "training.batch_size": 32,
    "training.evaluations": 6,
    "training.checkpoint_seconds": 10_000,
    "augmentation.scale": 0.0,
    "prediction.predictor": "auto",
}
SETS: dict[str, dict[str, Any]] = {
    "hc18": {**DATA["hc18"], **EQUAL, "training.steps": 300},
    "lidc_nodules": {**DATA["lidc"], **EQUAL, "training.steps": 300},
    "nih_cxr1000": {
        "data.table": str(shared() / "nih_cxr1000" / "labels.csv"),
        "data.image": "path",
        "data.label": ["age_years"],
        "data.group": "patient_id",
        "augmentation.flip": ["columns"],
        **EQUAL,
        "training.steps": 300,
    },
}
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "l1": ("l1", {}),
    "ema": ("l1", {"training.ema": True}),
    "patience": ("l1", {"training.patience": 2}),
    "distribution": ("distribution", {}),
    "zoom": ("l1", {"augmentation.scale": 0.2}),
    "cmixup": ("l1", {"augmentation.mixup": True}),
    "average": ("l1", {"prediction.average": "flips"}),
}
ONLY = {"zoom": ("hc18",)}  # where a length and the size of a pixel are known


def fit(data: str, row: str, fold: int) -> dict[str, Any]:
    """One fold of one row: errors on the fold that was left out."""
    recipe, changes = ROWS[row]
    folder, start = Path(tempfile.mkdtemp(prefix="medgauge-ablation-")), time.process_time()
    settings = {**SETS[data], "data.fold": fold, **changes}
    if data == "lidc_nodules" and not (SCRATCH / "lidc" / "cases.csv").exists():
        prepare_lidc(SCRATCH / "lidc")
    try:
        run = medgauge.fit(recipe, out=folder / "run", changes=settings, test=True, images=False, report=False)
        block = run.results["test"][settings["data.label"][0]]
        return {
            "mae": block["mae"],
            "few_mae": block["by_region"]["few"]["mae"],
            "median_mae": block["baselines"]["median"]["mae"],
            "spearman": block["spearman"],
            "n": block["n"],
            "groups": block["groups"],
            "predictor": block["predictor"],
            "best_step": run.results["training"]["best_step"],
            "core_seconds": round(time.process_time() - start, 1),
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read() -> dict[str, Any]:
    return dict(json.loads(RESULTS.read_text())) if RESULTS.exists() else {}


def run(sets: list[str], rows: list[str]) -> None:
    for fold in range(FOLDS):
        for row in rows:
            for data in sets:
                key = f"{data} | {row} | fold {fold}"
                if key in read() or data not in ONLY.get(row, sets):
                    continue
                try:
                    found = fit(data, row, fold)
                except InputError as error:
                    print(f"{key}: {error}", flush=True)
                    continue
                text = json.dumps({**read(), key: found}, indent=1, sort_keys=True) + "\n"
                part = RESULTS.with_suffix(".part")
                part.write_text(text)
                os.replace(part, RESULTS)
                print(key, found["mae"], found["core_seconds"], flush=True)


def gains(data: str, row: str, figure: str = "mae") -> list[float]:
    """In per cent of l1's error on the same fold (``l1 beside ROW`` where it was fitted anew beside it), above 0 = better."""
    state = read()
    named = "l1" if f"{data} | l1 beside {row} | fold 0" not in state else f"l1 beside {row}"
    pairs = [[state.get(f"{data} | {one} | fold {fold}") for one in (named, row)] for fold in range(FOLDS)]
    return [100 * (1 - ours[figure] / base[figure]) for base, ours in pairs if base and ours]


def cell(values: list[float]) -> str:
    if len(values) < 2:
        return "–"
    error = statistics.stdev(values) / len(values) ** 0.5
    return f"{statistics.mean(values):+.1f} ± {error:.1f} ({len(values)})"


def wins(row: str) -> int:
    """On how many sets the mean gain is above one standard error."""
    count = 0
    for data in SETS:
        values = gains(data, row)
        count += len(values) > 1 and statistics.mean(values) > statistics.stdev(values) / len(values) ** 0.5
    return count


def table() -> None:
    """Write docs/ablation.md between its marks."""
    page = ROOT / "docs" / "ablation.md"
    state = read()
    lines = ["| change | " + " | ".join(SETS) + " | above one standard error |", "| --- " * (len(SETS) + 2) + "|"]
    base = [[found for key, found in state.items() if key.startswith(f"{data} | l1 |")] for data in SETS]
    cells = [[statistics.mean(one[name] for one in part) for name in ("mae", "median_mae")] for part in base]
    lines.append(f"| l1 | {' | '.join(f'MAE {ours:.3g} (median {median:.3g})' for ours, median in cells)} | |")
    lines += [
        f"| {row} | {' | '.join(cell(gains(data, row)) for data in SETS)} | {wins(row)} of {len(SETS)} |"
        for row in ROWS
        if row != "l1"
    ]
    head, _, rest = page.read_text(encoding="utf-8").partition("<!-- table -->\n")
    tail = rest.partition("<!-- end -->")[2]
    page.write_text(f"{head}<!-- table -->\n" + "\n".join(lines) + f"\n<!-- end -->{tail}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("--only", choices=tuple(SETS), action="append")
    parser.add_argument("--row", choices=tuple(ROWS), action="append")
    given = parser.parse_args()
    {"run": lambda: run(given.only or list(SETS), given.row or list(ROWS)), "table": table}[given.what]()


if __name__ == "__main__":
    main()
