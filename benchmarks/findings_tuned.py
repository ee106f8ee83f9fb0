"""Losses for findings with the whole network trained on: lite0 on nih_cxr1000, folds by patient and seeds.

python benchmarks/findings_tuned.py seconds                             (of a step and of a reading)
python benchmarks/findings_tuned.py run --work FOLDER [--minutes N]     (prints what is left to do; goes on from FOLDER)
python benchmarks/findings_tuned.py run --work FOLDER --only NAME …     (of some methods, for processes side by side)
python benchmarks/findings_tuned.py table --work FOLDER                 (JSON, and docs/methods/dual-weighted.md between its marks)

The plan stands in docs/methods/dual-weighted.md. Values of every fit are kept in FOLDER, figures in
benchmarks/results/findings_tuned.json. One thread; on a GPU where there is one.
"""

import argparse
import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import machine, write_between
from findings_figures import Pool, difference, drawn_figures, draws_of, macro, regions_of, said
from findings_study import BCE, FULL, HERE, SETS, Length, Method, keep, mean_auc, methods
from findings_study import with_method as with_learning
from lightning_fabric import Fabric
from loss_power import EQUAL, FOLDS, TRIAL_SEED, Memory

from medgauge.core.display import Display
from medgauge.fitting.parts import Parts, build_parts
from medgauge.fitting.train import build_trainer
from medgauge.metrics.comparison import ends, holm
from medgauge.recipes.read import build_recipe, load_values, override
from medgauge.study import Study, load_study
from medgauge.study.embedding import embed
from medgauge.study.folds import fold_study
from medgauge.training.divergence import Diverged
from medgauge.training.loop import Stopped, Trainer, Validation

DATA, SEEDS = "nih_cxr1000", 3
OUT = HERE / "results" / "findings_tuned.json"
LENGTH = Length("tuned", 128, 6, (0.003, 0.001), {})
"""Sixteen passes over the training cases; the encoder has a tenth of the rate."""
SECONDS = 118.0  # a fit, one core
NAMES = (FULL, BCE, "asymmetric", "full, shuffled")
PRIMARY = ((FULL, BCE), (FULL, "asymmetric"), (FULL, "full, shuffled"))


@cache
def loaded() -> Study:
    """All cases, in folds, for an encoder that is trained on."""
    changes: dict[str, Any] = {**EQUAL, **SETS[DATA], "represent.name": "tuned"}
    return load_study(build_recipe(override(load_values("finding"), changes)))


def known() -> dict[str, Method]:
    """The methods that are compared, by name."""
    return {one.name: one for one in methods() if one.name in NAMES}


def with_method(fold: int, name: str, rate: float, seed: int) -> Study:
    """A fold's study with a method, a rate and the seed of weights and batches."""
    study = fold_study(loaded(), fold)
    changed = with_learning(study, known()[name], DATA, LENGTH, rate, seed)
    return replace(changed, recipe=replace(changed.recipe, represent=study.recipe.represent))


def logits(parts: Parts, study: Study, split: str) -> torch.Tensor:
    """What the head says of the cases of a split, (n, t)."""
    found = embed(parts.model, parts.arrays, study.table, study.rows(split), recipe=study.recipe).logits
    if found is None:
        raise ValueError("the head gives no logits")
    return found[:, :, 0]


def prepared(study: Study) -> tuple[Parts, Trainer, Memory]:
    """A fit that has not begun, whose readings rank the validation cases by the mean ROC-AUC of the findings."""
    parts, keeper = build_parts(study), Memory()
    trainer = build_trainer(study, parts, Fabric(accelerator="auto", devices=1), keeper, Display(shown=False))
    label = torch.from_numpy(study.table.label[study.rows("val")])
    trainer.validate = lambda: Validation(1 - mean_auc(logits(parts, study, "val"), label), {})
    return parts, trainer, keeper


def fit(study: Study) -> tuple[float, np.ndarray[Any, Any]]:
    """The best validation score, and the logits of the fold that was left out by its weights."""
    parts, trainer, keeper = prepared(study)
    score = trainer.fit().best
    if keeper.best is None:
        raise Diverged("no reading had a score")
    parts.model.load_state_dict(keeper.best["model"])
    return score, logits(parts, study, "test").numpy().astype(np.float32)


def tried(work: Path, name: str) -> float:
    """The learning rate of a method: the better validation score in the first fold, kept."""
    file = work / f"{stem(name)}_rates.json"
    scores: dict[str, float] = json.loads(file.read_text()) if file.exists() else {}
    for rate in LENGTH.rates:
        if str(rate) not in scores:
            try:
                scores[str(rate)] = fit(with_method(0, name, rate, TRIAL_SEED))[0]
            except Diverged:
                scores[str(rate)] = float("inf")
            file.write_text(json.dumps(scores))
            print(file.name, scores, round(time.process_time()), flush=True)
    return min(LENGTH.rates, key=lambda rate: scores[str(rate)])


def stem(name: str) -> str:
    """The name of a method in names of files."""
    return name.replace(", ", "-").replace(" ", "-")


def file_of(work: Path, name: str, seed: int, fold: int) -> Path:
    """Where the values of a fit are kept."""
    return work / f"{stem(name)}_{seed}_{fold}.npz"


def run(work: Path, minutes: float, names: Sequence[str] = NAMES) -> None:
    """Every fit whose file is not there yet, until the time is up; a seed of all methods before the next."""
    work.mkdir(parents=True, exist_ok=True)
    jobs = [
        (seed, fold, name)
        for seed, fold, name in itertools.product(range(SEEDS), range(FOLDS), names)
        if not file_of(work, name, seed, fold).exists()
    ]
    rates = sum(not (work / f"{stem(name)}_rates.json").exists() for name in names) * len(LENGTH.rates)
    end = time.monotonic() + 60 * minutes
    print(f"about {(len(jobs) + rates) * SECONDS / 60:.0f} core-minutes are left", flush=True)
    try:
        for seed, fold, name in jobs:
            if time.monotonic() > end:
                break
            start, rate = time.process_time(), tried(work, name)
            study = with_method(fold, name, rate, seed)
            score, values = fit(study)
            file, seconds = file_of(work, name, seed, fold), time.process_time() - start
            keep(file, values[None], study, rate=rate, scores=[score], seconds=seconds)
            print(file.name, round(time.process_time()), flush=True)
    except Stopped:
        print("stopped; the same command goes on from the fit that was not done")
    if len(names) == len(NAMES):
        OUT.write_text(json.dumps(figures(work), indent=1) + "\n")


def pooled(work: Path, name: str) -> Pool | None:
    """All fits of a method, or None where one is missing."""
    files = [file_of(work, name, seed, fold) for seed, fold in itertools.product(range(SEEDS), range(FOLDS))]
    if not all(file.exists() for file in files):
        return None
    label = loaded().table.label
    values, folds = torch.full((SEEDS, *label.shape), torch.nan), torch.full((len(label),), -1)
    seconds, rates = 0.0, []
    for seed, fold in itertools.product(range(SEEDS), range(FOLDS)):
        part = np.load(file_of(work, name, seed, fold))
        rows, about = torch.from_numpy(part["rows"]).long(), json.loads(str(part["said"]))
        values[seed, rows], folds[rows] = torch.from_numpy(part["values"])[0], fold
        seconds += about["seconds"]
        rates.append(about["rate"])
    return Pool(values, folds, seconds, rates)


def figures(work: Path) -> dict[str, Any]:
    """Macro figures of every method that is done, by region, and the paired differences."""
    study = loaded()
    label = torch.from_numpy(study.table.label)
    times, fits = draws_of(list(study.table.group), SEEDS)
    regions, drawn = regions_of(label), dict[str, dict[str, torch.Tensor]]()
    named = {region: [study.table.target[one] for one in kept] for region, kept in regions.items()}
    found: dict[str, Any] = {"machine": machine(), "regions": named, "methods": {}, "differences": {}}
    for name in NAMES:
        pool = pooled(work, name)
        if pool is None:
            continue
        each = drawn_figures(pool, label, times)
        drawn[name] = {
            f"{key} {region}": macro(each[key], fits, kept) for key in each for region, kept in regions.items()
        }
        found["methods"][name] = {
            "figures": {
                key: {"value": float(one[0]), "ci95": ends(one[1:, None])[0].tolist()}
                for key, one in drawn[name].items()
            },
            "seconds": pool.seconds,
            "rates": pool.rates,
        }
    done = [(one, other) for one, other in PRIMARY if one in drawn and other in drawn]
    for one, other in done:
        found["differences"][f"{one} - {other}"] = {
            key: difference(drawn[one][key], drawn[other][key]) for key in drawn[one]
        }
    for key in ("ap all", "auc all"):
        for apart, p in zip(
            found["differences"].values(), holm([one[key]["p"] for one in found["differences"].values()]), strict=True
        ):
            apart[key]["p_holm"] = p
    return found


def table(work: Path) -> None:
    """Write the JSON and the page."""
    found = figures(work)
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    write_between("dual-weighted.md", "findings, tuned", rows(found))


def rows(found: dict[str, Any]) -> list[str]:
    """A method a row, then the differences."""
    regions = [one for one in ("all", "many", "medium", "few") if one in found["regions"]]
    heads = ["method", *(f"{key} {region}" for key in ("mAP", "AUC") for region in regions)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, one in found["methods"].items():
        cells = [f"{one['figures'][f'{key} {region}']['value']:.3f}" for key in ("ap", "auc") for region in regions]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    heads = ["difference", "mAP (95 %)", "p (Holm)", "smallest to be shown", "AUC (95 %)", "p (Holm)"]
    lines += ["", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, one in found["differences"].items():
        precision, area = one["ap all"], one["auc all"]
        cells = [said(precision), f"{precision['p_holm']:.3f}", f"{precision['smallest']:.3f}"]
        lines.append(f"| {name.replace(' - ', ' less ')} | {' | '.join(cells)} | {said(area)} | {area['p_holm']:.3f} |")
    return lines


def seconds() -> None:
    """Print the processor seconds of a training step and of a reading of the validation cases."""
    for name in NAMES:
        study = with_method(0, name, LENGTH.rates[0], TRIAL_SEED)
        training = replace(study.recipe.training, steps=6, evaluations=1)
        parts, trainer, _ = prepared(replace(study, recipe=replace(study.recipe, training=training)))
        begun = time.process_time()
        logits(parts, study, "val")
        read = time.process_time()
        trainer.fit()
        step = (time.process_time() - read - (read - begun)) / 6
        print(f"{name}: {step:.2f} a step, {read - begun:.2f} a reading", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("seconds", "run", "table"))
    parser.add_argument("--work", type=Path)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME")
    parser.add_argument("--minutes", type=float, default=1e9)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.what == "seconds":
        seconds()
    elif asked.work is None:
        parser.error("--work FOLDER is needed")
    elif asked.what == "run":
        run(asked.work, asked.minutes, asked.only)
    else:
        table(asked.work)


if __name__ == "__main__":
    main()
