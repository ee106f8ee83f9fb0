"""Siamese pretraining with and without RE on adrenal glands (shapes of 28 x 28 x 28), one seed, the official parts.

python benchmarks/volumes_adrenal.py --work FOLDER       (prints the cost; goes on from FOLDER; then JSON and docs/methods/siamese.md)
python benchmarks/volumes_adrenal.py --work FOLDER --time      (processor seconds a step and a case at 28 and at 64; JSON and page)

The plan stands in docs/methods/siamese.md. One thread.
"""

import argparse
import json
import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas
import torch
from common import machine, write_between
from findings_figures import draws_of
from frozen_features import SHARED
from sklearn.metrics import adjusted_mutual_info_score
from volumes_study import FIGURES, STEPS, VARIANTS, Array, drawn_of, machine_of, scaled, watched

import medgauge
from medgauge.data.radiomics.extractor import RadiomicsSettings, extract
from medgauge.metrics.comparison import ends
from medgauge.training.loop import Trainer

OUT = Path(__file__).resolve().parent / "results" / "volumes_adrenal.json"
SHAPE, NAMES = "shape features", ("SSL", "SSL+RE")
ROWS = (SHAPE, *NAMES, *(f"{one} + {SHAPE}" for one in NAMES))
FILES = {28: "adrenalmnist3d.npz", 64: "adrenalmnist3d_64.npz"}
TIMED = 10
"""Steps whose median is taken; three before them are left out."""


def prepare(work: Path, side: int = 28) -> pandas.DataFrame:
    """The arrays as one file, and the table of cases."""
    work.mkdir(parents=True, exist_ok=True)
    stored = np.load(SHARED / "adrenalmnist3d" / FILES[side])
    images = np.concatenate([stored[f"{part}_images"] for part in ("train", "val")])
    label = np.concatenate([stored[f"{part}_labels"][:, 0] for part in ("train", "val")]).astype(int)
    split = np.repeat(["train", "test"], [len(stored["train_labels"]), len(stored["val_labels"])])
    table = pandas.DataFrame({"index": np.arange(len(label)), "label": label, "split": split})
    if not (work / "volumes.npz").exists():
        np.savez_compressed(work / "volumes.npz", images=images[:, None])
    table[["index", "split"]].to_csv(work / "cases.csv", index=False)
    return table


def shapes(work: Path) -> Array:
    """Shape features of the glands; a shape has no intensities."""
    images = np.load(work / "volumes.npz")["images"][:, 0]
    made = [extract(one, one > 127, (1.0, 1.0, 1.0), RadiomicsSettings()) for one in images]
    return pandas.DataFrame(made).filter(like="_shape_").fillna(0.0).to_numpy(float)


def pretrained(work: Path, name: str, label: Array) -> tuple[Array, list[float]]:
    """Features of all cases, and the agreement of a step's clusters with the label in four parts of the training."""
    recipe, changes = VARIANTS[name]
    given: dict[str, Any] = {"table": work / "cases.csv", "array": "volumes.npz#images", "index": "index"}
    place = work / "pretraining"
    shutil.rmtree(place, ignore_errors=True)
    changed = {**changes, "training.steps": STEPS, "seed": 0, "data.cache": str(work / "cache")}
    with watched(both=False) as seen:
        medgauge.pretrain(recipe, out=place, id="index", changes=changed, split="split", **given)
    medgauge.embed(place, out=work / "part.parquet", id="index", **given)
    shutil.rmtree(place)
    frame = pandas.read_parquet(work / "part.parquet")
    frame = frame.assign(index=frame["index"].astype(int)).set_index("index").sort_index()
    each = np.array([adjusted_mutual_info_score(label[rows], own) for rows, own in seen])
    parts = [float(part.mean()) for part in np.array_split(each, 4)] if len(each) else []
    return frame.select_dtypes("number").to_numpy(float), parts


def kept(work: Path, name: str, label: Array) -> tuple[Array, list[float]]:
    """Features of a name, made once."""
    file = work / f"{name.replace(' ', '-')}.npz"
    if not file.exists():
        start = time.process_time()
        features, parts = (shapes(work), []) if name == SHAPE else pretrained(work, name, label)
        np.savez_compressed(file, features=features, parts=np.array(parts))
        print(name, round(time.process_time() - start), "s", flush=True)
    stored = np.load(file)
    return stored["features"], stored["parts"].tolist()


def run(work: Path) -> None:
    """Features, classifiers, JSON and page."""
    table = prepare(work)
    print("about 5 core-minutes", flush=True)
    label, train = table["label"].to_numpy(), np.flatnonzero(table["split"] == "train")
    test, found = np.flatnonzero(table["split"] == "test"), dict[str, Any]()
    made = {name: kept(work, name, label) for name in (SHAPE, *NAMES)}
    times, _ = draws_of([str(one) for one in test], 1)
    for row in ROWS:
        points = scaled([made[name][0] for name in row.split(" + ")], train)
        fitted = machine_of(points[train], label[train], train)
        guess, score = fitted.predict(points[test]), fitted.decision_function(points[test])
        each = drawn_of(guess, score, label[test], label[test] == 1, guess == 1, np.zeros(len(test), int), times)
        found[row] = {
            key: {"value": float(one[0]), "ci95": ends(one[1:, None])[0].tolist()} for key, one in each.items()
        }
    agreement = {name: made[name][1] for name in NAMES if made[name][1]}
    write({"rows": found, "agreement": agreement, "machine": machine()})


@contextmanager
def steps_timed() -> Iterator[list[float]]:
    """Processor seconds of every step of a training, batch included."""
    seconds, step = list[float](), Trainer._step

    def timed(self: Trainer) -> None:
        start = time.process_time()
        step(self)
        seconds.append(time.process_time() - start)

    with patch.object(Trainer, "_step", timed):
        yield seconds


def timing(work: Path, side: int) -> dict[str, Any]:
    """Seconds a step of 30 cases, without a warm-up, and a case that is embedded, reading included."""
    given: dict[str, Any] = {"table": work / "cases.csv", "array": "volumes.npz#images", "index": "index"}
    table, place, found = prepare(work, side), work / "pretraining", dict[str, Any]()
    for name in NAMES:
        recipe, changes = VARIANTS[name]
        shutil.rmtree(place, ignore_errors=True)
        warmup = {"pretraining.warmup": 0} if name == "SSL+RE" else {}
        changed = {**changes, **warmup, "training.steps": TIMED + 3, "seed": 0, "data.cache": str(work / "cache")}
        with steps_timed() as seconds:
            medgauge.pretrain(recipe, out=place, id="index", changes=changed, split="split", **given)
        found[name] = statistics.median(seconds[3:])
    start = time.process_time()
    medgauge.embed(place, out=work / "part.parquet", id="index", **given)
    shutil.rmtree(place)
    return {
        "seconds_a_step": found,
        "seconds_a_case_embedded": (time.process_time() - start) / len(table),
        "cases": len(table),
        "machine": machine(),
    }


def time_all(work: Path) -> None:
    """The timing of each size, put beside the figures."""
    kept = json.loads(OUT.read_text())
    for side in FILES:
        kept.setdefault("timing", {})[str(side)] = timing(work / str(side), side)
        print(side, json.dumps(kept["timing"][str(side)]["seconds_a_step"]), flush=True)
    write(kept)


def write(found: dict[str, Any]) -> None:
    """JSON and page; a timing that is there stays."""
    kept = json.loads(OUT.read_text()).get("timing", {}) if OUT.exists() else {}
    found = {"timing": kept, **found}
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    lines = [f"| adrenal glands | {' | '.join(FIGURES)} |", "|---" * (1 + len(FIGURES)) + "|"]
    for row, one in found["rows"].items():
        cells = [f"{one[key]['value']:.3f} ({one[key]['ci95'][0]:.3f} to {one[key]['ci95'][1]:.3f})" for key in FIGURES]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    told = [f"{name} {', '.join(f'{one:.3f}' for one in parts)}" for name, parts in found["agreement"].items()]
    lines += ["", f"Agreement of clusters with the class, four parts: {'; '.join(told)}.", *time_lines(found["timing"])]
    write_between("siamese.md", "volumes adrenal", lines)


def time_lines(found: dict[str, Any]) -> list[str]:
    """A table of the sizes that were timed."""
    if not found:
        return []
    heads = [
        "one thread",
        *(f"{name}, s a step of 30" for name in NAMES),
        f"{STEPS} steps with RE, min",
        "embedding, ms a case",
    ]
    lines = ["", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for side, one in found.items():
        steps, embedded = one["seconds_a_step"], 1000 * one["seconds_a_case_embedded"]
        cells = [*(f"{steps[name]:.2f}" for name in NAMES), f"{STEPS * steps['SSL+RE'] / 60:.2g}", f"{embedded:.2g}"]
        lines.append(f"| {side} x {side} x {side} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--time", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    (time_all if asked.time else run)(asked.work.resolve())
