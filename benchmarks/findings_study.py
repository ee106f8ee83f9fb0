"""The dual-weighted metric loss and plain losses for findings: neck and head on frozen features, over folds and seeds.

python benchmarks/findings_study.py vectors                                   (label vectors of the texts; needs the small text model)
python benchmarks/findings_study.py pilot --work FOLDER                       (smallest differences to be shown, on another partition)
python benchmarks/findings_study.py run --work FOLDER [--run second] [--minutes N] [--only SET]  (goes on from FOLDER)
python benchmarks/findings_study.py table --work FOLDER [--run second]          (JSON, and docs/methods/dual-weighted.md between its marks)

The plan stands in docs/methods/dual-weighted.md, above the figures. Values of every fit are kept in FOLDER, figures in
benchmarks/results/findings_study.json and, of the second run, findings_second.json. One thread.
"""

import argparse
import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from common import machine, write_between
from findings_figures import Pool, difference, drawn_figures, draws_of, macro, regions_of, said
from frozen_features import SHARED
from loss_power import EQUAL, FOLDS, TRIAL_SEED, Judge, Trained, arrays_of, trained

from medgauge.core.batch import Cases
from medgauge.core.task import Predictor
from medgauge.fitting.parts import build_parts
from medgauge.metrics.comparison import ends, holm
from medgauge.metrics.findings import drawn_roc_auc
from medgauge.models import Encoder
from medgauge.recipes.build import build_tasks
from medgauge.recipes.read import build_recipe, load_values, override
from medgauge.recipes.schema import Recipe
from medgauge.semantics import prototypes
from medgauge.study import Study, load_study
from medgauge.study.features import frozen_features
from medgauge.study.folds import fold_study
from medgauge.study.loading import cache_folder
from medgauge.tasks import Tasks
from medgauge.training.divergence import Diverged
from medgauge.training.loop import Stopped

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "methods" / "dual-weighted.md"
SEEDS = 10


@dataclass(frozen=True)
class Length:
    """How long every fit of a run is, the learning rates that every method tries, and what a fit costs."""

    name: str
    steps: int
    evaluations: int
    rates: tuple[float, ...]
    seconds: dict[str, tuple[float, float]]  # of a set: plain losses, metric losses; a fit, one core

    @property
    def out(self) -> Path:
        """Where the figures go."""
        return HERE / "results" / ("findings_study.json" if self.name == "first" else f"findings_{self.name}.json")

    @property
    def mark(self) -> str:
        """The name of the marks in the page."""
        return "findings" if self.name == "first" else f"findings, {self.name} run"


LENGTHS = {
    "first": Length("first", 100, 4, (0.003, 0.001, 0.009), {"nih_cxr1000": (0.3, 0.6), "rfmid64": (0.4, 0.7)}),
    "second": Length(
        "second", 300, 6, (0.003, 0.0003, 0.001, 0.009), {"nih_cxr1000": (0.7, 1.6), "rfmid64": (0.7, 1.7)}
    ),
}
NIH = [
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
]
"""Without Edema (positive in 3 patients) and Hernia (in 1): five folds by patient need five."""
RETINA = [
    "DR",
    "ARMD",
    "MH",
    "DN",
    "MYA",
    "BRVO",
    "TSLN",
    "LS",
    "MS",
    "ODC",
    "AH",
    "ODP",
    "ST",
    "RT",
    "CRS",
    "EDN",
    "MHL",
]
"""The findings of RFMiD with five positive images or more."""
SETS: dict[str, dict[str, Any]] = {
    "nih_cxr1000": {
        "data.table": str(SHARED / "nih_cxr1000" / "labels.csv"),
        "data.image": "path",
        "data.label": NIH,
        "data.kind": dict.fromkeys(NIH, "finding"),
        "data.group": "patient_id",
    },
    "rfmid64": {
        "data.table": str(SHARED / "rfmid64" / "labels.csv"),
        "data.array": "images.npz#images",
        "data.index": "index",
        "data.label": RETINA,
        "data.kind": dict.fromkeys(RETINA, "finding"),
        "data.no_groups": True,
    },
}
TERM = "objective.distance.term.init_args."
FULL, BCE, UNWEIGHTED = "full", "bce", "no level"
LEVELS: dict[str, dict[str, Any]] = {
    FULL: {},
    "image level": {f"{TERM}category_level": False, f"{TERM}class_counts": None},
    "category level": {f"{TERM}image_level": False},
    UNWEIGHTED: {f"{TERM}image_level": False, f"{TERM}category_level": False, f"{TERM}class_counts": None},
}
SOURCES = ("text", "orthogonal", "shuffled")
PLAIN = {BCE: "finding", "asymmetric": "asymmetric", "label ranking": "label_ranking"}
REGRESSIONS = ("logistic", "kernel")


@dataclass(frozen=True)
class Method:
    """A recipe, settings over it, where its label vectors come from, and the predictor that is judged."""

    name: str
    recipe: str
    changes: dict[str, Any]
    source: str | None
    predictor: str


def methods() -> list[Method]:
    """What is compared; the primary comparisons first."""
    plain = [Method(name, recipe, {}, None, "head") for name, recipe in PLAIN.items()]
    found = [
        Method(level if source == "text" else f"{level}, {source}", "dual_weighted", changes, source, "prototypes")
        for source, (level, changes) in itertools.product(SOURCES, LEVELS.items())
    ]
    no_hardness = Method("full, hardness off", "dual_weighted", {f"{TERM}focusing": 0.0}, "text", "prototypes")
    order = [FULL, "image level", "category level", "full, shuffled"]
    found.sort(key=lambda one: order.index(one.name) if one.name in order else len(order))
    return [plain[0], *found[:4], *plain[1:], *found[4:], no_hardness]


def vectors_of(data: str) -> Path:
    """The label vectors of a set's texts."""
    return HERE / "results" / f"vectors_{data}.safetensors"


def make_vectors() -> None:
    """Encode the texts of both sets with the small text model, centred."""
    prototypes(NIH, "chest14", out=vectors_of("nih_cxr1000"))
    prototypes(RETINA, "retina45", out=vectors_of("rfmid64"))


@cache
def loaded(data: str, partition: int) -> Study:
    """All cases of a set, in the folds of a partition."""
    values = override(load_values("finding"), {**EQUAL, **SETS[data], "seed": partition})
    return load_study(build_recipe(values))


@cache
def features_of(data: str) -> np.ndarray[Any, Any]:
    """Features of all images of a set."""
    parts = build_parts(fold_study(loaded(data, 0), 0))
    return frozen_features(cast(Encoder, parts.model.encoder), parts.arrays, cache_folder("auto"))


def recipe_of(method: Method, data: str, seed: int) -> Recipe:
    """The recipe of a method on a set; the seed also draws orthogonal and shuffled vectors."""
    changes: dict[str, Any] = {**EQUAL, **SETS[data], **method.changes, "prediction.predictor": method.predictor}
    if method.source is not None:
        path = str(vectors_of(data))
        source = {"text": path, "shuffled": "shuffled", "orthogonal": "orthogonal"}[method.source]
        changes |= {"model.head": "prototypes", "model.semantics.source": source}
        changes |= {"model.semantics.of": path} if method.source == "shuffled" else {}
    return build_recipe(override(load_values(method.recipe), {**changes, "seed": seed}))


def with_method(study: Study, method: Method, data: str, length: Length, rate: float, seed: int) -> Study:
    """A fold's study with a method, a length and rate, and the seed of weights and batches; nothing is read any more."""
    own, recipe = recipe_of(method, data, seed), study.recipe
    changed = replace(
        recipe,
        seed=seed,
        objective=own.objective,
        sampler=own.sampler,
        prediction=own.prediction,
        model=replace(recipe.model, head=own.model.head, semantics=own.model.semantics),
        represent=replace(recipe.represent, name="scratch", source="auto"),
        optimiser=replace(recipe.optimiser, learning_rate=rate),
        training=replace(recipe.training, steps=length.steps, evaluations=length.evaluations),
    )
    return replace(study, recipe=changed)


def ranked(name: str) -> Judge:
    """A predictor alone, and 1 less the mean ROC-AUC of the findings that some and not all validation cases have."""

    def judge(tasks: Tasks, gallery: Cases, validation: Cases) -> tuple[Predictor, float]:
        (task,) = tasks
        read = task.predictors()[name].fit(gallery, validation, task.error)
        return read, 1 - mean_auc(read.read(validation).value, validation.label)

    return judge


def mean_auc(value: torch.Tensor, label: torch.Tensor) -> float:
    """Mean ROC-AUC of the findings of which there are both states."""
    once = torch.ones(len(label), 1)
    found = [
        float(drawn_roc_auc(value[known, place], label[known, place], once[known]))
        for place, known in enumerate((~label.isnan()).T)
    ]
    kept = [one for one in found if one == one]
    return sum(kept) / len(kept)


def trials(fit: Callable[[float], Trained], length: Length) -> list[float]:
    """The validation score of each learning rate; infinite where the fit diverged."""
    scores = []
    for rate in length.rates:
        try:
            scores.append(fit(rate).score)
        except Diverged:
            scores.append(float("inf"))
    return scores


def fit_bundle(data: str, partition: int, fold: int, method: Method, length: Length, file: Path) -> None:
    """The trials of a method in one outer training part, then a fit a seed with the best of them; kept in ``file``."""
    study, start = fold_study(loaded(data, partition), fold), time.process_time()
    arrays, judge, values = arrays_of(study, features_of(data)), ranked(method.predictor), []
    scores = trials(
        lambda rate: trained(with_method(study, method, data, length, rate, TRIAL_SEED), arrays, judge), length
    )
    rate = length.rates[scores.index(min(scores))]
    for seed in range(SEEDS):
        made = trained(with_method(study, method, data, length, rate, seed), arrays, judge)
        values.append(made.read.read(made.cases("test")).value.numpy().astype(np.float32))
    keep(file, np.stack(values), study, rate=rate, scores=scores, seconds=time.process_time() - start)


def fit_regression(data: str, partition: int, fold: int, name: str, file: Path) -> None:
    """Logistic or kernel ridge regression on the same features: all of the outer training part, no seed."""
    study, features, start = fold_study(loaded(data, partition), fold), features_of(data), time.process_time()
    train = sorted([*study.rows("train"), *study.rows("val")])
    whole = Cases(
        torch.from_numpy(features.astype(np.float64)),
        torch.from_numpy(study.table.label),
        study.table.id,
        study.table.group,
    )
    frozen = build_recipe(override(load_values("frozen"), SETS[data]))
    (task,) = build_tasks(frozen).fit(whole.label[train], None)
    gallery, test = whole.take(torch.tensor(train)).observed(), whole.take(torch.tensor(study.rows("test")))
    values = task.predictors()[name].fit(gallery, None, task.error).read(test).value
    keep(file, values.numpy()[None].astype(np.float32), study, rate=0.0, scores=[], seconds=time.process_time() - start)


def keep(file: Path, values: np.ndarray[Any, Any], study: Study, **said: Any) -> None:
    """Values (seeds, cases, findings) with the rows of the cases; whole or not at all."""
    part = file.with_suffix(".part")
    with part.open("wb") as out:
        np.savez_compressed(out, values=values, rows=np.array(study.rows("test")), said=np.array(json.dumps(said)))
    os.replace(part, file)


def jobs(sets: list[str], partitions: int) -> Iterator[tuple[str, int, str, int]]:
    """Set, partition, method and fold in the order in which they are run."""
    names = [*REGRESSIONS, *(one.name for one in methods())]
    for partition, name, data, fold in itertools.product(range(partitions), names, sets, range(FOLDS)):
        yield data, partition, name, fold


def file_of(work: Path, data: str, partition: int, name: str, fold: int) -> Path:
    """Where the values of a job are kept."""
    return work / f"{data}_{partition}_{name.replace(', ', '-').replace(' ', '-')}_{fold}.npz"


def expected(work: Path, sets: list[str], partitions: int, length: Length) -> float:
    """Core-minutes of the jobs that are not done."""
    known, seconds = {one.name: one for one in methods()}, 0.0
    for data, partition, name, fold in jobs(sets, partitions):
        if name in known and not file_of(work, data, partition, name, fold).exists():
            of_metric = known[name].source is not None
            seconds += (len(length.rates) + SEEDS) * length.seconds[data][of_metric]
    return seconds / 60


def run(work: Path, sets: list[str], partitions: int, minutes: float, length: Length) -> None:
    """Every job whose file is not there yet, until the time is up."""
    work.mkdir(parents=True, exist_ok=True)
    known, end = {one.name: one for one in methods()}, time.monotonic() + 60 * minutes
    print(f"about {expected(work, sets, partitions, length):.0f} core-minutes are left", flush=True)
    for data, partition, name, fold in jobs(sets, partitions):
        file = file_of(work, data, partition, name, fold)
        if file.exists():
            continue
        if time.monotonic() > end:
            return
        try:
            if name in REGRESSIONS:
                fit_regression(data, partition, fold, name, file)
            else:
                fit_bundle(data, partition, fold, known[name], length, file)
        except Stopped:
            print(f"stopped in {file.name}; the same command goes on from there")
            return
        print(file.name, round(time.process_time()), flush=True)


def pooled(work: Path, data: str, partition: int, name: str) -> Pool | None:
    """All folds of a method, or None where one is missing."""
    files = [file_of(work, data, partition, name, fold) for fold in range(FOLDS)]
    if not all(file.exists() for file in files):
        return None
    parts = [dict(np.load(file)) for file in files]
    rows = np.concatenate([one["rows"] for one in parts])
    order = np.argsort(rows)
    fold = np.concatenate([np.full(len(one["rows"]), place) for place, one in enumerate(parts)])
    values = np.concatenate([one["values"] for one in parts], axis=1)[:, order]
    said = [json.loads(str(one["said"])) for one in parts]
    return Pool(
        torch.from_numpy(values),
        torch.from_numpy(fold[order]),
        sum(one["seconds"] for one in said),
        [one["rate"] for one in said],
    )


PRIMARY = ((FULL, BCE), (FULL, "category level"), (FULL, "image level"), (FULL, "full, shuffled"))
"""Full against BCE; what the image level adds; what the category level adds; text against shuffled names."""


def figures(work: Path, data: str, partition: int) -> dict[str, Any]:
    """Macro figures of every method that is done, by region, and the paired differences."""
    study = loaded(data, partition)
    label = torch.from_numpy(study.table.label)
    times, fits = draws_of(list(study.table.group), SEEDS)
    names = [*REGRESSIONS, *(one.name for one in methods())]
    regions, found, drawn = regions_of(label), dict[str, Any](), dict[str, dict[str, torch.Tensor]]()
    for name in names:
        pool = pooled(work, data, partition, name)
        if pool is None:
            continue
        each = drawn_figures(pool, label, times)
        drawn[name] = {
            f"{key} {region}": macro(each[key], fits, kept) for key in each for region, kept in regions.items()
        }
        one = {key: {"value": float(of[0]), "ci95": ends(of[1:, None])[0].tolist()} for key, of in drawn[name].items()}
        per = {
            key: dict(zip(study.recipe.data.label, each[key][:, :, 0].mean(1).tolist(), strict=True)) for key in each
        }
        found[name] = {"figures": one, "each": per, "seconds": pool.seconds, "rates": pool.rates}
    differences = {}
    for first, second in [*PRIMARY, *((name, BCE) for name in names if name not in (BCE, FULL))]:
        if first in drawn and second in drawn:
            differences[f"{first} - {second}"] = {
                key: difference(drawn[first][key], drawn[second][key]) for key in drawn[first]
            }
    primary = [f"{one} - {other}" for one, other in PRIMARY if f"{one} - {other}" in differences]
    for key in ("ap all", "auc all"):
        for name, p in zip(primary, holm([differences[one][key]["p"] for one in primary]), strict=True):
            differences[name][key]["p_holm"] = p
    counts = {name: int(label[:, place].nansum()) for place, name in enumerate(study.recipe.data.label)}
    named = {region: [study.recipe.data.label[one] for one in kept] for region, kept in regions.items()}
    return {"methods": found, "differences": differences, "positives": counts, "regions": named, "machine": machine()}


def pilot(work: Path, sets: list[str], length: Length) -> None:
    """The smallest differences to be shown between two methods, on a partition of which no figure is taken."""
    known = {one.name: one for one in methods()}
    for data in sets:
        for name, fold in itertools.product((FULL, BCE), range(FOLDS)):
            file = file_of(work, data, 1, name, fold)
            if not file.exists():
                fit_bundle(data, 1, fold, known[name], length, file)
        found = figures(work, data, 1)["differences"][f"{FULL} - {BCE}"]
        print(data, {key: round(one["smallest"], 4) for key, one in found.items()}, flush=True)


def table(work: Path, sets: list[str], length: Length) -> None:
    """Write the JSON and the page."""
    results = {data: figures(work, data, 0) for data in sets}
    length.out.write_text(json.dumps(results, indent=1) + "\n")
    write_between(PAGE, length.mark, [line for data in sets for line in rows(data, results[data])])


def rows(data: str, found: dict[str, Any]) -> list[str]:
    """Methods of a set, then the four primary differences."""
    regions = [one for one in ("all", "many", "medium", "few") if one in found["regions"]]
    heads = [
        "method",
        *(f"mAP {one}" for one in regions),
        *(f"AUC {one}" for one in regions),
        "against bce, mAP (95 %)",
    ]
    lines = [f"### {data}", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, one in found["methods"].items():
        cells = [f"{one['figures'][f'{key} {region}']['value']:.3f}" for key in ("ap", "auc") for region in regions]
        beside = found["differences"].get(f"{name} - {BCE}")
        lines.append(f"| {name} | {' | '.join(cells)} | {said(beside['ap all']) if beside else ''} |")
    heads = ["primary difference", "mAP (95 %)", "p (Holm)", "smallest to be shown", "AUC (95 %)", "p (Holm)"]
    lines += ["", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for first, second in PRIMARY:
        one = found["differences"].get(f"{first} - {second}")
        if one:
            precision, area = one["ap all"], one["auc all"]
            cells = [said(precision), f"{precision['p_holm']:.3f}", f"{precision['smallest']:.3f}"]
            lines.append(f"| {first} less {second} | {' | '.join(cells)} | {said(area)} | {area['p_holm']:.3f} |")
    return [*lines, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("vectors", "pilot", "run", "table"))
    parser.add_argument("--work", type=Path)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--only", choices=tuple(SETS), action="append")
    parser.add_argument("--run", choices=tuple(LENGTHS), default="second", help="a FOLDER holds one of them")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    sets, length = asked.only or list(SETS), LENGTHS[asked.run]
    if asked.what == "vectors":
        make_vectors()
    elif asked.what == "pilot":
        pilot(asked.work, sets, length)
    elif asked.what == "run":
        run(asked.work, sets, asked.partitions, asked.minutes, length)
    else:
        table(asked.work, sets, length)


if __name__ == "__main__":
    main()
