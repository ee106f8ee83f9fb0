"""Frozen features against a network from scratch at 25, 50, 100, 200 and more labelled groups, on the same unseen folds.

python benchmarks/label_curves.py run [--only SET] [--folds N]     (can be stopped and goes on)
python benchmarks/label_curves.py table                            (writes docs/accuracy.md)

Sets and settings of the network are those of ablation.py (recipe l1, encoder small, half as wide, 300 steps); frozen is the
recipe of that name on the same images. Labelled groups are those that are trained on and validated with, nested. Every case
is development data. Environment variables as there.
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from ablation import SETS
from comparison_study import ROOT, SCRATCH, prepare_lidc

import medgauge
from medgauge.core.errors import InputError
from medgauge.fitting.stamp import make_recipe
from medgauge.study import load_study

RESULTS = Path(__file__).parent / "results" / "label_curves.json"
PAGE = ROOT / "docs" / "accuracy.md"
SIZES = (25, 50, 100, 200, 400)
RECIPES = {"scratch": "l1", "frozen": "frozen"}
TRAINED = ("optimiser", "training", "augmentation", "model")
"""Sections that a network which is not trained has no use for."""


def settings(data: str, name: str, fold: int, fraction: float) -> dict[str, Any]:
    """Of one fit."""
    own = {
        place: value for place, value in SETS[data].items() if name == "scratch" or place.split(".")[0] not in TRAINED
    }
    return {**own, "data.fold": fold, "data.fraction": fraction}


def labelled(data: str, name: str, fold: int) -> int:
    """Groups that are trained on or validated with where all are."""
    study = load_study(make_recipe(RECIPES[name], changes=settings(data, name, fold, 1.0)))
    return len({study.table.group[row] for split in ("train", "val") for row in study.rows(split)})


def fit(data: str, name: str, fold: int, fraction: float) -> dict[str, Any]:
    """Errors on the fold that was left out."""
    folder, start = Path(tempfile.mkdtemp(prefix="medgauge-curves-")), time.process_time()
    changes = settings(data, name, fold, fraction)
    try:
        fitted = partial(medgauge.fit, RECIPES[name], test=True, images=False, report=False)
        try:
            run = fitted(out=folder / "run", changes=changes)
        except InputError:  # fewer than 32 cases to train with
            run = fitted(out=folder / "half", changes={**changes, "training.batch_size": 16})
        block = run.results["test"][changes["data.label"][0]]
        return {
            "mae": block["mae"],
            "median_mae": block["baselines"]["median"]["mae"],
            "core_seconds": round(time.process_time() - start, 1),
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read() -> dict[str, Any]:
    return dict(json.loads(RESULTS.read_text())) if RESULTS.exists() else {}


def run(sets: list[str], folds: int) -> None:
    """What is missing, fold by fold."""
    if not (SCRATCH / "lidc" / "cases.csv").exists():
        prepare_lidc(SCRATCH / "lidc")
    for fold in range(folds):
        for data in sets:
            for name in ("frozen", "scratch"):
                whole = labelled(data, name, fold)
                for size in [one for one in SIZES if one < whole] + [whole]:
                    key = f"{data} | {name} | {size if size != whole else 'all'} | fold {fold}"
                    if key in read():
                        continue
                    found = fit(data, name, fold, min(1.0, size / whole)) | {"groups": size}
                    RESULTS.write_text(json.dumps({**read(), key: found}, indent=1, sort_keys=True) + "\n")
                    print(key, found["mae"], found["core_seconds"], flush=True)


def rows() -> list[str]:
    """A row a set and way: mean error over the folds that both ways have, at each number of groups."""
    state, heads = read(), [*map(str, SIZES), "all"]
    lines = [f"| set | folds | median | | {' | '.join(heads)} |", "|---" * (len(heads) + 4) + "|"]
    for data in SETS:
        for name in RECIPES:
            cells, median, count = list[str](), "", 0
            for size in heads:
                keys = [[f"{data} | {one} | {size} | fold {fold}" for one in RECIPES] for fold in range(9)]
                known = [fold for fold, both in enumerate(keys) if all(key in state for key in both)]
                found = [state[f"{data} | {name} | {size} | fold {fold}"] for fold in known]
                cells.append(f"{statistics.mean(one['mae'] for one in found):.3g}" if found else "")
                if found:
                    median, count = f"{statistics.mean(one['median_mae'] for one in found):.3g}", len(found)
            if count:
                lines.append(f"| {data} | {count} | {median} | {name} | {' | '.join(cells)} |")
    return lines


def table() -> None:
    """Write the page between its marks."""
    head, mark, rest = PAGE.read_text(encoding="utf-8").partition("<!-- label_curves -->\n")
    _, end, tail = rest.partition("<!-- end of label_curves -->")
    if not mark or not end:
        raise ValueError(f"{PAGE} has no marks")
    PAGE.write_text(f"{head}{mark}\n" + "\n".join(rows()) + f"\n\n{end}{tail}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("--only", choices=tuple(SETS), action="append")
    parser.add_argument("--folds", type=int, default=3)
    given = parser.parse_args()
    if given.what == "table":
        table()
    else:
        run(given.only or list(SETS), given.folds)


if __name__ == "__main__":
    main()
