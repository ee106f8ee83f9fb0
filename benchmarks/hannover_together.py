"""A number and findings of hannover_cxr in one model, beside two models of one kind each, on frozen features.

python benchmarks/hannover_together.py run --work FOLDER [--minutes N]   (prints what is left to do; goes on from FOLDER)
python benchmarks/hannover_together.py table --work FOLDER               (JSON, and docs/findings.md between its marks)

The plan stands in docs/findings.md, above the figures. Values of every fit are kept in FOLDER, figures in
benchmarks/results/hannover_together.json, written at the end of each run too. One thread.
"""

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from common import machine, write_between
from findings_figures import Pool, difference, drawn_figures, draws_of, macro, said
from findings_study import keep
from frozen_features import HERE, SHARED
from loss_power import EQUAL, FOLDS, TRIAL_SEED, Trained, arrays_of, trained

from medgauge.core.batch import Cases
from medgauge.fitting.parts import build_parts
from medgauge.fitting.train import tune
from medgauge.inference.tuned import Tuned
from medgauge.metrics.comparison import ends
from medgauge.metrics.findings import case_log_loss
from medgauge.models import Encoder
from medgauge.recipes.read import build_recipe, load_values, override
from medgauge.study import Study, load_study
from medgauge.study.features import frozen_features
from medgauge.study.folds import fold_study
from medgauge.study.loading import cache_folder
from medgauge.tasks import Tasks
from medgauge.training.divergence import Diverged
from medgauge.training.loop import Stopped

OUT, PAGE = HERE / "results" / "hannover_together.json", HERE.parent / "docs" / "findings.md"
NUMBER, FINDINGS = "crp_mg_l", ["icu_at_exam", "ap_view", "ldh_high"]
PARTITIONS, SEEDS, RATES, SECONDS = 3, 5, (0.003, 0.0003, 0.001), 1.0  # a fit, one core
TOGETHER, ALONE = "together", {"number": [NUMBER], "findings": FINDINGS}
MODELS = {TOGETHER: [NUMBER, *FINDINGS], **ALONE}
TERMS = {
    "number": {"factor": 1.0, "task": "number", "term": {"class_path": "PointwiseLoss", "init_args": {"kind": "l1"}}},
    "findings": {"factor": 1.0, "task": "finding", "term": {"class_path": "BinaryCrossEntropyLoss", "init_args": {}}},
}
FIGURES = {"mae": "error of crp_mg_l, mg/l", "log_loss": "log loss of the findings", "auc": "ROC-AUC of the findings"}


@cache
def loaded(partition: int) -> Study:
    """All cases with all labels, in the folds of a partition."""
    changes: dict[str, Any] = {
        **EQUAL,
        "training.steps": 200,
        "training.evaluations": 5,
        "data.table": str(SHARED / "hannover_cxr" / "labels.csv"),
        "data.image": "path",
        "data.label": MODELS[TOGETHER],
        "data.kind": dict.fromkeys(FINDINGS, "finding"),
        "data.missing": -1,
        "data.group": "patient_id",
        "objective": TERMS,
        "prediction.predictor": "head",
        "seed": partition,
    }
    return load_study(build_recipe(override(load_values("finding"), changes)))


@cache
def features_of() -> np.ndarray[Any, Any]:
    """Features of all images."""
    parts = build_parts(fold_study(loaded(0), 0))
    return frozen_features(cast(Encoder, parts.model.encoder), parts.arrays, cache_folder("auto"))


def of_model(study: Study, model: str) -> Study:
    """A fold's study with the labels of a model alone; cases without any of them are in no split."""
    kept = [study.table.target.index(name) for name in MODELS[model]]
    table = replace(study.table, label=study.table.label[:, kept], target=MODELS[model])
    kinds = {name: kind for name, kind in study.recipe.data.kind.items() if name in MODELS[model]}
    terms = {name: term for name, term in study.recipe.objective.items() if model in (TOGETHER, name)}
    recipe = replace(study.recipe, data=replace(study.recipe.data, label=MODELS[model], kind=kinds), objective=terms)
    known = ~np.isnan(table.label).all(1)
    splits = [split if known[row] or split == "test" else "unused" for row, split in enumerate(study.splits)]
    return replace(study, table=table, recipe=recipe, splits=splits)


def with_rate(study: Study, rate: float, seed: int) -> Study:
    """With a learning rate, and the seed of weights and batches."""
    recipe = study.recipe
    represent = replace(recipe.represent, name="scratch", source="auto")
    optimiser = replace(recipe.optimiser, learning_rate=rate)
    return replace(study, recipe=replace(recipe, seed=seed, represent=represent, optimiser=optimiser))


def judge(tasks: Tasks, gallery: Cases, validation: Cases) -> tuple[list[Tuned], float]:
    """The predictors of each kind, and the mean over the kinds of the heads' validation scores."""
    read = tune(tasks, gallery, validation, "head")
    return read, sum(one.score for one in read) / len(read)


def values_of(made: Trained) -> np.ndarray[Any, Any]:
    """What the heads say of the fold's cases, (n, t)."""
    cases, found = made.cases("test"), []
    for one in made.read:
        own = cases.of(made.tasks.places[one.task.name], divides=one.task.coding.divides)
        found.append(one.predictors["head"].read(own).value)
    return torch.cat(found, 1).numpy().astype(np.float32)


def fit_bundle(model: str, partition: int, fold: int, file: Path) -> None:
    """Trials and a fit a seed of a model in one outer training part; kept in ``file``."""
    start, whole = time.process_time(), fold_study(loaded(partition), fold)
    study, scores = of_model(whole, model), []
    arrays = arrays_of(study, features_of())
    for rate in RATES:
        try:
            scores.append(trained(with_rate(study, rate, TRIAL_SEED), arrays, judge).score)
        except Diverged:
            scores.append(float("inf"))
    rate = RATES[scores.index(min(scores))]
    values = [values_of(trained(with_rate(study, rate, seed), arrays, judge)) for seed in range(SEEDS)]
    keep(file, np.stack(values), whole, rate=rate, scores=scores, seconds=time.process_time() - start)


def jobs(work: Path) -> Iterator[tuple[str, int, int, Path]]:
    """Model, partition, fold and file."""
    for partition, fold, model in itertools.product(range(PARTITIONS), range(FOLDS), MODELS):
        yield model, partition, fold, work / f"{model}_{partition}_{fold}.npz"


def run(work: Path, minutes: float) -> None:
    """Every job whose file is not there yet, until the time is up."""
    work.mkdir(parents=True, exist_ok=True)
    todo, end = [one for one in jobs(work) if not one[-1].exists()], time.monotonic() + 60 * minutes
    print(f"about {len(todo) * (len(RATES) + SEEDS) * SECONDS / 60:.0f} core-minutes are left", flush=True)
    for model, partition, fold, file in todo:
        if time.monotonic() > end:
            return
        try:
            fit_bundle(model, partition, fold, file)
        except Stopped:
            print(f"stopped in {file.name}; the same command goes on from there")
            return
        print(file.name, round(time.process_time()), flush=True)
    OUT.write_text(json.dumps(figures(work), indent=1) + "\n")


def pooled(work: Path, model: str, partition: int) -> Pool:
    """What a model's fits say of all cases, by the folds that left them out."""
    count = len(loaded(partition).table)
    values, folds = torch.full((SEEDS, count, len(MODELS[model])), torch.nan), torch.full((count,), -1)
    seconds, rates = 0.0, []
    for of, place, fold, file in jobs(work):
        if (of, place) == (model, partition):
            part = np.load(file)
            rows, about = torch.from_numpy(part["rows"]).long(), json.loads(str(part["said"]))
            values[:, rows], folds[rows] = torch.from_numpy(part["values"]), fold
            seconds += about["seconds"]
            rates.append(about["rate"])
    return Pool(values, folds, seconds, rates)


def drawn_means(each: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """Means (r, b) over the cases (r, n) that have a value, each counted as often as a draw says."""
    known = ~each[0].isnan()
    return each[:, known] @ times[known].to(each.dtype) / times[known].sum(0)


def drawn(pool: Pool, names: list[str], label: torch.Tensor, times: torch.Tensor) -> dict[str, torch.Tensor]:
    """Figures (t, r, b) of each column of a model."""
    found: dict[str, torch.Tensor] = {}
    if NUMBER in names:
        place = names.index(NUMBER)
        found["mae"] = drawn_means((pool.values[..., place] - label[:, place]).abs(), times)[None]
    if FINDINGS[0] in names:
        first = names.index(FINDINGS[0])
        values, truth = pool.values[..., first:], label[:, first:]
        loss = [case_log_loss(values[..., one], truth[:, one]) for one in range(len(FINDINGS))]
        found["log_loss"] = torch.stack([drawn_means(one, times) for one in loss])
        found["auc"] = drawn_figures(replace(pool, values=values), truth, times)["auc"]
    return found


def constant(partition: int) -> Pool:
    """The median of the training numbers and the rates of the training findings, as values of one fit."""
    study, whole = loaded(partition), torch.from_numpy(loaded(partition).table.label)
    values, folds = torch.full((SEEDS, *whole.shape), torch.nan, dtype=torch.float64), torch.full((len(whole),), -1)
    for fold in range(FOLDS):
        part = fold_study(study, fold)
        train = whole[[*part.rows("train"), *part.rows("val")]]
        values[:, part.rows("test")] = torch.cat([train[:, :1].nanmedian(0).values, train[:, 1:].nanmean(0)])
        folds[part.rows("test")] = fold
    return Pool(values, folds, 0.0, [])


def figures(work: Path) -> dict[str, Any]:
    """Every figure of each model, and one model less the two, paired by drawn patients and fits."""
    study = loaded(0)
    label = torch.from_numpy(study.table.label)
    times, fits = draws_of(list(study.table.group), PARTITIONS * SEEDS)
    found: dict[str, Any] = {"machine": machine(), "models": {}, "differences": {}}
    each: dict[str, dict[str, torch.Tensor]] = {}
    for model, names in {**MODELS, "constant": MODELS[TOGETHER]}.items():
        columns = [study.table.target.index(name) for name in names]
        pools = [constant(one) if model == "constant" else pooled(work, model, one) for one in range(PARTITIONS)]
        parts = [drawn(pool, names, label[:, columns], times) for pool in pools]
        whole = {key: torch.cat([part[key].double() for part in parts], 1) for key in parts[0]}
        each[model] = {key: macro(one, fits.double(), list(range(len(one)))) for key, one in whole.items()}
        single = {f"{key} {name}": macro(one, fits.double(), [place]) for key, one in whole.items() if len(one) > 1
                  for place, name in enumerate(FINDINGS)}  # fmt: skip
        found["models"][model] = {
            "figures": {
                key: {"value": float(one[0]), "ci95": ends(one[1:, None])[0].tolist()}
                for key, one in {**each[model], **single}.items()
            },
            "seconds": sum(pool.seconds for pool in pools),
            "rates": [pool.rates for pool in pools],
        }
    for model in ALONE:
        for key, one in each[model].items():
            found["differences"][key] = difference(each[TOGETHER][key], one)
    return found


def table(work: Path) -> None:
    """Write the JSON and the page."""
    found = figures(work)
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    write_between(PAGE, "together", rows(found))


def rows(found: dict[str, Any]) -> list[str]:
    """A figure a row."""
    heads = ["", "one model", "two models", "one less two (95 %)", "smallest to be shown", "constant"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for key, name in FIGURES.items():
        alone = next(model for model in ALONE if key in found["models"][model]["figures"])
        digits = 1 if key == "mae" else 3
        one, two, none = (found["models"][of]["figures"][key]["value"] for of in (TOGETHER, alone, "constant"))
        apart = found["differences"][key]
        cells = [f"{one:.{digits}f}", f"{two:.{digits}f}", said(apart), f"{apart['smallest']:.{digits}f}"]
        lines.append(f"| {name} | {' | '.join(cells)} | {'0.5' if key == 'auc' else f'{none:.{digits}f}'} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=1e9)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.what == "run":
        run(asked.work, asked.minutes)
    else:
        table(asked.work)


if __name__ == "__main__":
    main()
