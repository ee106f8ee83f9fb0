"""The losses with power: neck and head on frozen features of three sets, over partitions and seeds.

python benchmarks/loss_power.py run [--minutes N] [--only SET]     (can be stopped and goes on from its JSON)
python benchmarks/loss_power.py table                              (writes docs/loss_power.md between its marks)

The plan stands in docs/loss_power.md, above the figures. Sets and features are those of frozen_features.py (environment
variable MEDGAUGE_SHARED as there); features come from the user's cache folder, or are read once. One thread.
"""

import argparse
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pandas
import torch
from lightning_fabric import Fabric

import medgauge
from medgauge.comparing.plan import laid_over
from medgauge.comparing.trials import factors
from medgauge.core.batch import Cases
from medgauge.core.errors import InputError
from medgauge.core.seeding import derive_seed
from medgauge.data.cases import CaseArrays, make_cases
from medgauge.evaluation.space import choose_graph, space_block
from medgauge.fitting.parts import build_parts, fit_tasks
from medgauge.fitting.represent import ReadFeatures
from medgauge.fitting.sampling import augmented_batch, build_sampler, case_regions, case_weights
from medgauge.fitting.train import tune
from medgauge.functional.regions import LabelRegions
from medgauge.inference import KernelPredictor
from medgauge.inference.tuned import Tuned
from medgauge.metrics.comparison import ends, holm, paired_p, verdict
from medgauge.metrics.crossed import crossed_means
from medgauge.models import Encoder, Model
from medgauge.models.necks import CovariateNeck
from medgauge.models.standardised import StandardisedNeck
from medgauge.recipes.build import build_objective, build_schedule
from medgauge.recipes.read import build_recipe, load_values, override
from medgauge.recipes.schema import Recipe
from medgauge.study import Study, load_study
from medgauge.study.embedding import embed
from medgauge.study.features import frozen_features
from medgauge.study.folds import fold_study
from medgauge.study.loading import cache_folder
from medgauge.tasks import Tasks
from medgauge.training.divergence import Diverged
from medgauge.training.loop import Stopped, Trainer, Validation
from medgauge.training.plan import build_optimiser

HERE = Path(__file__).resolve().parent
OUT = HERE / "results" / "loss_power.json"
SHARED = Path(os.environ.get("MEDGAUGE_SHARED", HERE.parent.parent / "shared" / "data"))
FOLDS, TRIALS, TRIAL_SEED = 5, 3, 1000
PAGE, MARKS = HERE.parent / "docs" / "loss_power.md", ("<!-- loss_power -->\n", "<!-- end of loss_power -->")
DRAWS = 10_000
EQUAL: dict[str, Any] = {
    "represent.name": "frozen",
    "data.folds": FOLDS,
    "data.shares": {"train": 0.64, "val": 0.16, "calibration": 0.0, "test": 0.2},
    "model.embedding": 64,
    "optimiser.learning_rate": 0.003,
    "optimiser.warmup": 10,
    "training.steps": 100,
    "training.batch_size": 64,
    "training.evaluations": 4,
    "training.checkpoint_seconds": 10_000,
}
SETS: dict[str, dict[str, Any]] = {
    "hc18": {
        "data.table": str(SHARED / "hc18" / "labels.csv"),
        "data.image": "path",
        "data.label": ["hc_mm"],
        "data.group": "patient_id",
        "data.covariates": ["pixel_size_mm"],
        "data.label_times": "pixel_size_mm",
    },
    "lidc_nodules": {
        "data.table": str(SHARED / "lidc_nodules" / "labels.csv"),
        "data.array": "volumes.npz#images",
        "data.index": "index",
        "data.label": ["malignancy_mean"],
        "data.group": "patient_id",
        "image.size": [24, 24, 24],
        "image.fit": "crop",
    },
    "nih_cxr1000": {
        "data.table": str(SHARED / "nih_cxr1000" / "labels.csv"),
        "data.image": "path",
        "data.label": ["age_years"],
        "data.group": "patient_id",
    },
}
SCRATCH = "hc18_scratch"
SETS[SCRATCH] = {**SETS["hc18"], "image.size": [64, 96], "image.fit": "pad_or_crop"}
FROM_SCRATCH = ["l1", "rm_l1", "pearson_spearman", "jocorank", "rnc", "distribution"]
"""Recipes whose whole network is trained from random weights, by their own settings but for the steps."""
SCRATCH_STEPS = 600
DIGITS = {"hc18": 2, "lidc_nodules": 4, "nih_cxr1000": 2, SCRATCH: 3}  # of a case's error that are kept
METHODS = ["l1", "rm", "rm_l1", "pearson_spearman", "jocorank", "ranksim", "rnc", "balanced_mse", "distribution"]
LEVELS = ["jocorank_individual", "jocorank_global", "jocorank_peer"]
KERNEL = "kernel_ridge"
USUAL = "rm sigma 0.5 alpha 0.1"
VARIANTS: dict[str, dict[str, Any]] = {
    USUAL: {"sigma": 0.5},
    "rm sigma 0.25 alpha 0.1": {"sigma": 0.25},
    "rm sigma 1 alpha 0.1": {"sigma": 1.0},
    "rm sigma 1.5 alpha 0.1": {"sigma": 1.5},
    "rm sigma inf alpha 0.1": {"sigma": float("inf")},
    "rm sigma 0.5 alpha 0": {"sigma": 0.5, "alpha": 0.0},
    "rm sigma 0.5 alpha 0.2": {"sigma": 0.5, "alpha": 0.2},
    "rm sigma 0.5 alpha 0.3": {"sigma": 0.5, "alpha": 0.3},
    "rm sigma 0.5 alpha 0.1 no mining": {"sigma": 0.5, "mining": False},
}
"""The rows of the ablation of RM-Loss (table 2 of its paper): the recipe rm with these arguments of its loss."""
OF_VARIANTS = ("hc18", "lidc_nodules")
FIRST, ALL = range(3), range(5)  # seeds
# What is run first stands first: seeds, share of the training groups, partition.
BLOCKS: list[tuple[range, float, int]] = [
    (FIRST, 1.0, 0),
    (FIRST, 1.0, 1),
    (FIRST, 0.25, 0),
    (FIRST, 0.1, 0),
    (FIRST, 1.0, 2),
    (FIRST, 1.0, 3),
    *[(ALL, 1.0, partition) for partition in range(4)],
    (ALL, 0.25, 0),
    (ALL, 0.1, 0),
]


class Job(NamedTuple):
    """All fits of one method in one outer training part."""

    data: str
    share: float
    partition: int
    fold: int
    method: str

    @property
    def key(self) -> str:
        return f"{self.data} | {self.share:g} | {self.partition} | {self.fold} | {self.method}"


def jobs(sets: list[str]) -> Iterator[tuple[Job, range]]:
    """In the order of the plan, with the seeds of each; the variants of RM-Loss after the small shares."""
    frozen = [one for one in sets if one != SCRATCH]
    yield from _jobs(BLOCKS[:4], frozen)
    for partition, data, fold, method in itertools.product(
        range(2), [one for one in sets if one in OF_VARIANTS], range(FOLDS), VARIANTS
    ):
        yield Job(data, 1.0, partition, fold, method), FIRST
    if SCRATCH in sets:
        for fold, method in itertools.product(range(FOLDS), FROM_SCRATCH):
            yield Job(SCRATCH, 1.0, 0, fold, method), FIRST
    yield from _jobs(BLOCKS[4:], frozen)


def _jobs(blocks: list[tuple[range, float, int]], sets: list[str]) -> Iterator[tuple[Job, range]]:
    for (seeds, share, partition), data in itertools.product(blocks, sets):
        for methods, fold in itertools.product(([KERNEL, *METHODS], LEVELS), range(FOLDS)):
            for method in methods:
                yield Job(data, share, partition, fold, method), seeds


@dataclass
class Memory:
    """Where a trainer's best weights go: no run folder."""

    best: dict[str, Any] | None = None
    rows: list[Any] = field(default_factory=list)

    def save_checkpoint(self, name: str, state: Mapping[str, Any]) -> None:
        if name == "best.ckpt":
            self.best = dict(state)

    def load_checkpoint(self, name: str) -> dict[str, Any] | None:
        return None

    def write_table(self, name: str, columns: Any, rows: Any) -> None:
        self.rows = list(rows)


@cache
def loaded(data: str, share: float, partition: int) -> Study:
    """All cases of a set, in the folds of a partition."""
    changes = {**EQUAL, **SETS[data], "data.fraction": share, "seed": partition}
    return load_study(build_recipe(override(load_values("l1"), changes)))


@cache
def features_of(data: str) -> np.ndarray[Any, Any]:
    """Features of all images of a set; they depend on neither partition nor share."""
    study = fold_study(loaded(data, 1.0, 0), 0)
    parts = build_parts(study)
    return frozen_features(cast(Encoder, parts.model.encoder), parts.arrays, cache_folder("auto"))


@cache
def method_recipe(name: str, data: str) -> Recipe:
    """The recipe of a method, laid over that of L1."""
    values = laid_over(load_values("l1"), load_values("rm" if name in VARIANTS else name))
    own = {f"objective.isometry.term.init_args.{key}": value for key, value in VARIANTS.get(name, {}).items()}
    return build_recipe(override(values, {**EQUAL, **SETS[data], **own}))


def with_method(study: Study, method: Recipe, rate: float, seed: int) -> Study:
    """A fold's study with a method, a learning rate and the seed of weights and batches; nothing is read any more."""
    recipe = study.recipe
    model = replace(recipe.model, head=method.model.head, neck=method.model.neck, smoothing=method.model.smoothing)
    changed = replace(
        recipe,
        seed=seed,
        objective=method.objective,
        weights=method.weights,
        sampler=method.sampler,
        prediction=method.prediction,
        model=model,
        represent=replace(recipe.represent, name="scratch", source="auto"),
        optimiser=replace(recipe.optimiser, learning_rate=rate),
    )
    return replace(study, recipe=changed)


def arrays_of(study: Study, features: np.ndarray[Any, Any]) -> CaseArrays:
    """Cases whose images are features, standardised by the training cases as kernel ridge regression does."""
    arrays = make_cases(
        study.images, study.table.label, study.covariates if study.covariates.size else None, study.divisor
    )
    raw = torch.from_numpy(features)
    neck = StandardisedNeck(features.shape[1], 0).fit_features(raw[study.rows("train")])
    return replace(arrays, array=neck(raw).numpy(), scale=1.0)


class Trained(NamedTuple):
    """A neck and a head at their best validation score, the cases as they embed them, and what reads them.

    ``read``: the task's predictors, or the one that was judged alone.
    """

    study: Study
    tasks: Tasks
    score: float
    read: Any
    model: Model
    cases: Callable[[str], Cases]
    seconds: float


Judge = Callable[[Tasks, Cases, Cases], tuple[Any, float]]
"""Tasks, training and validation cases -> what reads cases, and its score; smaller is better."""


def by_error(record: str) -> Judge:
    """All predictors of the task, and the validation score of the one of record."""

    def judge(tasks: Tasks, gallery: Cases, validation: Cases) -> tuple[Tuned, float]:
        (read,) = tune(tasks, gallery, validation, record)
        return read, read.score

    return judge


def trained(study: Study, arrays: CaseArrays, judge: Judge | None = None) -> Trained:
    """One fit of neck and head, without a run folder; ``judge``: as the recipe says, or another."""
    start = time.process_time()
    recipe, train = study.recipe, study.rows("train")
    batch = min(int(recipe.training.batch_size), len(train))  # a small share has fewer
    recipe = replace(recipe, training=replace(recipe.training, batch_size=batch))
    study = replace(study, recipe=recipe)
    tasks = fit_tasks(study)
    arrays = replace(arrays, weight=case_weights(study), region=case_regions(study, tasks))
    width = recipe.model.embedding
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(recipe.seed, "weights"))
        covariates = 0 if arrays.covariates is None else arrays.covariates.shape[1]
        neck = CovariateNeck(arrays.array.shape[1], covariates, width, covariate_width=recipe.model.covariate_width)
        if arrays.covariates is not None:
            neck.fit(torch.from_numpy(arrays.covariates[train]))
        model = Model(ReadFeatures(arrays.array.shape[1]), neck, tasks.head(width))
    objective, sampler, keeper = build_objective(recipe, tasks), build_sampler(study), Memory()
    objective.fit_labels(torch.from_numpy(study.table.label[train]))
    fabric = Fabric(accelerator="cpu", devices=1)
    wrapped, optimiser = fabric.setup(model, build_optimiser([model, objective], recipe.optimiser))

    def cases(split: str) -> Cases:
        return embed(model, arrays, study.table, study.rows(split))

    by = judge or by_error(recipe.prediction.predictor)

    def judged() -> tuple[Any, float]:
        return by(tasks, cases("train").observed(), cases("val"))

    trainer = Trainer(
        fabric=fabric,
        model=wrapped,
        objective=objective,
        optimiser=optimiser,
        batch=lambda step: augmented_batch(arrays, study, sampler, train, step, fabric.device, tasks.coding),
        coding=tasks.coding,
        schedule=build_schedule(recipe, len(train)),
        rates=recipe.optimiser,
        validate=lambda: Validation(judged()[1], {}),
        keeper=keeper,
    )
    progress = trainer.fit()
    if keeper.best is None:
        raise InputError("no reading of the validation cases had a score")
    model.load_state_dict(keeper.best["model"])
    return Trained(study, tasks, progress.best, judged()[0], model, cases, time.process_time() - start)


def fit(study: Study, arrays: CaseArrays) -> dict[str, Any]:
    """One fit of neck and head: validation score, and the errors, D5 and RV of the fold that was left out."""
    start = time.process_time()
    made = trained(study, arrays)
    tasks, cases = made.tasks, made.cases
    test, gallery = cases("test").observed(), cases("train").observed()
    reading, *_ = made.read.read(test)
    space: dict[str, Any] = space_block(test, gallery, tasks, choose_graph(cases("val"), tasks))
    return {
        "score": made.score,
        "error": (reading.value - test.label).abs()[:, 0],
        "d5": round(float(space["d5"]), 4),
        "rv": round(float(space["rv"]), 4),
        "predictor": made.read.record,
        "seconds": time.process_time() - start,
    }


def kernel(study: Study, features: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Kernel ridge regression on the same features: all of the outer training part, its constant by leaving groups out."""
    start = time.process_time()
    train = sorted([*study.rows("train"), *study.rows("val")])
    joined = np.concatenate([features, study.covariates], axis=1) if study.covariates.size else features
    whole = Cases(
        embedding=torch.from_numpy(joined.astype(np.float64)),
        label=torch.from_numpy(study.table.label),
        id=study.table.id,
        group=study.table.group,
        divisor=None if study.divisor is None else torch.from_numpy(study.divisor),
    )
    split = replace(study, splits=["train" if row in set(train) else name for row, name in enumerate(study.splits)])
    gallery, test = whole.take(torch.tensor(train)).observed(), whole.take(torch.tensor(study.rows("test"))).observed()
    predictor = KernelPredictor(fit_tasks(split).coding).fit(gallery)
    error = (predictor.read(test).value - test.label).abs()[:, 0]
    return {"error": error, "seconds": time.process_time() - start}


def rates() -> list[float]:
    """The learning rates that every method tries."""
    return [float(f"{EQUAL['optimiser.learning_rate'] * factor:.4g}") for factor in factors(TRIALS)]


def measure(job: Job, seeds: range, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The trials of a method in one outer training part, then a fit a seed with the best of them.

    ``known``: what was measured of it with fewer seeds.
    """
    if job.data == SCRATCH:
        return from_scratch(job, seeds, known or {})
    study, features = fold_study(loaded(job.data, job.share, job.partition), job.fold), features_of(job.data)
    if job.method == KERNEL:
        found = kernel(study, features)
        return {"errors": [rounded(job, found["error"])], "core_seconds": round(found["seconds"], 2)}
    arrays, method = arrays_of(study, features), method_recipe(job.method, job.data)
    entry = dict(known or tried(study, method, arrays))
    fits = [
        fit(with_method(study, method, entry["rate"], seed), arrays) for seed in seeds[len(entry.get("errors", [])) :]
    ]
    for name, one in (("errors", "error"), ("d5", "d5"), ("rv", "rv"), ("predictors", "predictor")):
        more = [rounded(job, found[one]) if name == "errors" else found[one] for found in fits]
        entry[name] = [*entry.get(name, []), *more]
    return entry | {"core_seconds": round(entry["core_seconds"] + sum(found["seconds"] for found in fits), 2)}


def from_scratch(job: Job, seeds: range, known: Mapping[str, Any]) -> dict[str, Any]:
    """Fits of a whole network, one a seed, in a run folder that is thrown away; the first partition."""
    entry = dict(known)
    for seed in seeds[len(entry.get("errors", [])) :]:
        start, own = time.process_time(), {"data.fold": job.fold, "data.test_seed": job.partition, "seed": seed}
        changes = {key: EQUAL[key] for key in ("data.folds", "data.shares")} | SETS[SCRATCH] | own
        changes |= {"training.steps": SCRATCH_STEPS, "training.seconds": 0.0}
        with tempfile.TemporaryDirectory() as folder:
            run = medgauge.fit(job.method, out=Path(folder) / "run", changes=changes, report=False, test=True)
            read, space = pandas.read_csv(Path(folder) / "run" / "predictions.csv"), run.results["test"]["space"]
        read = read[read["split"] == "test"].sort_values("row")
        found: dict[str, Any] = {
            "errors": rounded(job, torch.tensor((read["value_hc_mm"] - read["label_hc_mm"]).abs().to_numpy()))
        }
        found |= {"d5": round(float(space["d5"]), 4), "rv": round(float(space["rv"]), 4)}
        for name, value in found.items():
            entry[name] = [*entry.get(name, []), value]
        entry["core_seconds"] = round(entry.get("core_seconds", 0.0) + time.process_time() - start, 2)
    return entry


def tried(study: Study, method: Recipe, arrays: CaseArrays) -> dict[str, Any]:
    """The learning rate of the best validation score, of equal ones the first; diverged: infinite."""
    scores, spent = [], 0.0
    for rate in rates():
        try:
            found = fit(with_method(study, method, rate, TRIAL_SEED), arrays)
            scores.append(round(found["score"], 4))
            spent += found["seconds"]
        except Diverged:
            scores.append(1e9)
    return {"rate": rates()[scores.index(min(scores))], "scores": scores, "core_seconds": spent}


def rounded(job: Job, error: torch.Tensor) -> list[int]:
    """Errors as whole numbers of the last digit that is kept."""
    return [round(one * 10 ** DIGITS[job.data]) for one in error.tolist()]


def about(data: str, partition: int) -> dict[str, Any]:
    """What the figures need of a set: for each labelled case its group and region; of a partition its fold."""
    study = loaded(data, 1.0, partition)
    label = torch.from_numpy(study.table.label[:, 0])
    seen = (~label.isnan()).tolist()
    codes = {name: code for code, name in enumerate(dict.fromkeys(study.table.group))}
    kept = [row for row, there in enumerate(seen) if there]
    return {
        "group": [codes[study.table.group[row]] for row in kept],
        "region": LabelRegions.fit(label).of(label)[kept].tolist(),
        "fold": [int(study.splits[row].rpartition("-")[2]) for row in kept],
    }


def read() -> dict[str, Any]:
    return dict(json.loads(OUT.read_text())) if OUT.exists() else {"cases": {}, "fits": {}}


def write(state: dict[str, Any]) -> None:
    """Whole or not at all; an entry a line."""
    lines = [f'"{name}": {json.dumps(one)}' for name, one in sorted(state["fits"].items())]
    cases = [f'"{name}": {json.dumps(one)}' for name, one in sorted(state["cases"].items())]
    part = OUT.with_suffix(".part")
    part.write_text('{"cases": {\n' + ",\n".join(cases) + '\n},\n"fits": {\n' + ",\n".join(lines) + "\n}}\n")
    os.replace(part, OUT)


def run(sets: list[str], minutes: float) -> None:
    """Every job that is not in the file yet, until the time is up."""
    state, end = read(), time.monotonic() + 60 * minutes
    for job, seeds in jobs(sets):
        known = state["fits"].get(job.key)
        if known is not None and (job.method == KERNEL or len(known["errors"]) >= len(seeds)):
            continue
        if time.monotonic() > end:
            return
        place = f"{job.data} | {job.partition}"
        if place not in state["cases"]:
            state["cases"][place] = about(job.data, job.partition)
        try:
            found = measure(job, seeds, known)
        except Stopped:
            return
        state["fits"][job.key] = found
        write(state)
        mean = np.mean([np.mean(one) for one in found["errors"]]) / 10 ** DIGITS[job.data]
        print(job.key, f"{mean:.4g}", found.get("rate"), found["core_seconds"], flush=True)


def values(state: Mapping[str, Any], data: str, share: float, method: str, name: str) -> list[list[Any]] | None:
    """A list (partitions, seeds) of what each fit has, folds together; None unless all folds of the first partition are done."""
    found: list[list[Any]] = []
    for partition in range(4):
        own = [state["fits"].get(Job(data, share, partition, fold, method).key) for fold in range(FOLDS)]
        if not all(own):
            break
        seeds = min(len(one["errors"]) for one in own)
        found.append([[one[name][seed] for one in own] for seed in range(seeds)])
    fewest = min((len(one) for one in found), default=0)
    return [one[:fewest] for one in found] or None


def errors(state: Mapping[str, Any], data: str, share: float, method: str) -> torch.Tensor | None:
    """Error of each case, (partitions, seeds, cases), in label units."""
    found = values(state, data, share, method, "errors")
    if found is None:
        return None
    made = []
    for partition, seeds in enumerate(found):
        fold = torch.tensor(state["cases"][f"{data} | {partition}"]["fold"])
        whole = torch.full((len(seeds), len(fold)), torch.nan, dtype=torch.float64)
        for seed, folds in enumerate(seeds):
            for place, one in enumerate(folds):
                whole[seed, fold == place] = torch.tensor(one, dtype=torch.float64)
        made.append(whole / 10 ** DIGITS[data])
    return torch.stack(made)


def drawn(error: torch.Tensor, group: list[int]) -> torch.Tensor:
    """Mean error on draws of groups, partitions and seeds, crossed; every method meets the same draws of groups."""
    return crossed_means(error[None], [f"{code:06d}" for code in group], draws=DRAWS)[:, 0]


def compared(
    state: Mapping[str, Any],
    data: str,
    share: float,
    first: str = "l1",
    names: Sequence[str] = (*METHODS, *LEVELS, KERNEL),
) -> dict[str, dict[str, Any]]:
    """Each finished method's figures, and its difference to the first one on the partitions and seeds that both have."""
    cases = state["cases"][f"{data} | 0"]
    few = torch.tensor(cases["region"]) == 2
    base = errors(state, data, share, first)
    found: dict[str, dict[str, Any]] = {}
    if base is None:
        return found
    of_few = [one for one, rare in zip(cases["group"], few.tolist(), strict=True) if rare]
    for method in names:
        error = errors(state, data, share, method)
        if error is None:
            continue
        count, seeds = min(len(error), len(base)), min(error.shape[1], base.shape[1])
        ours, theirs = error[:count], base[:count]
        ours, theirs = (ours, theirs[:, :seeds]) if method != KERNEL else (ours.expand_as(theirs), theirs)
        block: dict[str, Any] = {"mae": float(ours.mean()), "few": float(ours[..., few].mean())}
        block |= {"partitions": count, "seeds": 1 if method == KERNEL else seeds}
        for name in ("d5", "rv") if method != KERNEL else ():
            block[name] = float(np.mean(values(state, data, share, method, name) or []))
        if method != first:
            both = [drawn(one, cases["group"]) for one in (ours, theirs)]
            rare = [drawn(one[..., few], of_few) for one in (ours, theirs)]
            apart = (both[0] - both[1])[:, None]
            block["difference"] = ends(apart)[0].tolist()
            block["relative"] = float(ours.mean() / theirs.mean() - 1)
            block["relative_ci95"] = ends((both[0] / both[1] - 1)[:, None])[0].tolist()
            block["few_ci95"] = ends((rare[0] / rare[1] - 1)[:, None])[0].tolist()
            block["p"] = float(paired_p(apart)[0])
        found[method] = block
    others = [name for name in found if name != first]
    for name, p in zip(others, holm([found[name]["p"] for name in others]), strict=True):
        block = found[name]
        said = verdict(
            p,
            block["difference"],
            block["relative_ci95"][1],
            block["few_ci95"][1],
            seeds=block["seeds"],
            partitions=block["partitions"] if name == KERNEL else None,
        )
        block |= {"p_holm": p, "verdict": said}
    return found


def rows(state: Mapping[str, Any]) -> list[str]:
    """The tables of the page: one a set and share that has L1 and another method."""
    lines: list[str] = []
    for share, data in itertools.product((1.0, 0.25, 0.1), [one for one in SETS if one != SCRATCH]):
        lines += section(f"{data}, {share:.0%} of the groups", compared(state, data, share), "l1")
    if f"{SCRATCH} | 0" in state["cases"]:
        lines += section("hc18 from scratch, 96 x 64 pixels", compared(state, SCRATCH, 1.0, names=FROM_SCRATCH), "l1")
    for data in OF_VARIANTS:
        lines += section(
            f"sigma, alpha and mining of RM-Loss, {data}", compared(state, data, 1.0, USUAL, list(VARIANTS)), USUAL
        )
    return [*lines, ""]


def section(title: str, found: Mapping[str, dict[str, Any]], first: str) -> list[str]:
    """A heading and a table; nothing where nothing stands beside the first method."""
    if len(found) < 2:
        return []
    heads = ["method", "partitions x seeds", "MAE", "few", "D5", "RV", f"against {first} (95 %)"]
    heads += ["few (95 %)", "p (Holm)", "verdict"]
    lines = ["", f"### {title}", "", f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for name, one in found.items():
        space = [f"{one[key]:.3g}" if key in one else "" for key in ("d5", "rv")]
        told = ["", "", "", "reference"]
        if name != first:
            low, high = one["relative_ci95"]
            few_low, few_high = one["few_ci95"]
            told = [f"{one['relative']:+.1%} ({low:+.1%} to {high:+.1%})", f"{few_low:+.1%} to {few_high:+.1%}"]
            told += [f"{one['p_holm']:.3f}", str(one["verdict"])]
        repeats = f"{one['partitions']} x {one['seeds']}"
        cells = [name, repeats, f"{one['mae']:.4g}", f"{one['few']:.4g}", *space, *told]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def table() -> None:
    """Put the tables between their marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    PAGE.write_text(before + MARKS[0] + "\n".join(rows(read())) + "\n" + MARKS[1] + after, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("--minutes", type=float, default=1e6)
    parser.add_argument("--only", choices=tuple(SETS), action="append")
    given = parser.parse_args()
    torch.set_num_threads(1)
    sets = given.only or list(SETS)
    {"run": lambda: run(sets, given.minutes), "table": table}[given.what]()


if __name__ == "__main__":
    main()
