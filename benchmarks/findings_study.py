"""The dual-weighted metric loss and plain losses for findings: neck and head on frozen features, over folds and seeds.

python benchmarks/findings_study.py vectors                                   (label vectors of the texts; needs the small text model)
python benchmarks/findings_study.py pilot --work FOLDER                       (smallest differences to be shown, on another partition)
python benchmarks/findings_study.py run --work FOLDER [--minutes N] [--only SET]  (can be stopped and goes on from FOLDER)
python benchmarks/findings_study.py table --work FOLDER                       (JSON, and docs/methods/dual-weighted.md between its marks)

The plan stands in docs/methods/dual-weighted.md, above the figures. Values of every fit are kept in FOLDER, figures in
benchmarks/results/findings_study.json. One thread.
"""

import argparse
import itertools
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from common import machine, write_between
from frozen_features import SHARED
from loss_power import EQUAL, FOLDS, TRIAL_SEED, Trained, arrays_of, rates, trained

from medgauge.core.batch import Cases
from medgauge.fitting.parts import build_parts
from medgauge.inference.tuned import Tuned
from medgauge.metrics.comparison import ends, holm, paired_p
from medgauge.metrics.findings import drawn_average_precision, drawn_roc_auc
from medgauge.metrics.groups import group_codes
from medgauge.models import Encoder
from medgauge.recipes.build import build_tasks
from medgauge.recipes.read import build_recipe, load_values, override
from medgauge.recipes.schema import Recipe
from medgauge.semantics import prototypes
from medgauge.study import Study, load_study
from medgauge.study.features import frozen_features
from medgauge.study.folds import fold_study
from medgauge.study.loading import cache_folder
from medgauge.training.divergence import Diverged

HERE = Path(__file__).resolve().parent
OUT = HERE / "results" / "findings_study.json"
PAGE = HERE.parent / "docs" / "methods" / "dual-weighted.md"
SEEDS, DRAWS = 10, 1_000
MANY, FEW = 100, 20  # training positives of a finding: more is many, fewer is few
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


def with_method(study: Study, method: Method, data: str, rate: float, seed: int) -> Study:
    """A fold's study with a method, a learning rate and the seed of weights and batches; nothing is read any more."""
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
    )
    return replace(study, recipe=changed)


def ranked(read: Tuned, validation: Cases) -> float:
    """1 less the mean ROC-AUC of the findings that some and not all validation cases have: what every fit is chosen by."""
    value, label = read.predictors[read.record].read(validation).value, validation.label
    once = torch.ones(len(label), 1)
    found = [
        float(drawn_roc_auc(value[known, place], label[known, place], once[known]))
        for place, known in enumerate((~label.isnan()).T)
    ]
    kept = [one for one in found if one == one]
    return 1 - sum(kept) / len(kept)


def values_of(made: Trained, name: str) -> np.ndarray[Any, Any]:
    """What the predictor of record says of the cases of the fold that was left out."""
    return made.read.predictors[name].read(made.cases("test")).value.numpy().astype(np.float32)


def fit_bundle(data: str, partition: int, fold: int, method: Method, file: Path) -> None:
    """The trials of a method in one outer training part, then a fit a seed with the best of them; kept in ``file``."""
    study, start = fold_study(loaded(data, partition), fold), time.process_time()
    arrays = arrays_of(study, features_of(data))
    scores = []
    for rate in rates():
        try:
            scores.append(trained(with_method(study, method, data, rate, TRIAL_SEED), arrays, ranked).score)
        except Diverged:
            scores.append(float("inf"))
    rate = rates()[scores.index(min(scores))]
    values = [
        values_of(trained(with_method(study, method, data, rate, seed), arrays, ranked), method.predictor)
        for seed in range(SEEDS)
    ]
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


def run(work: Path, sets: list[str], partitions: int, minutes: float) -> None:
    """Every job whose file is not there yet, until the time is up."""
    work.mkdir(parents=True, exist_ok=True)
    known, end = {one.name: one for one in methods()}, time.monotonic() + 60 * minutes
    for data, partition, name, fold in jobs(sets, partitions):
        file = work / f"{data}_{partition}_{name.replace(', ', '-').replace(' ', '-')}_{fold}.npz"
        if file.exists():
            continue
        if time.monotonic() > end:
            return
        if name in REGRESSIONS:
            fit_regression(data, partition, fold, name, file)
        else:
            fit_bundle(data, partition, fold, known[name], file)
        print(file.name, round(time.process_time()), flush=True)


@dataclass(frozen=True)
class Pool:
    """What a method said of every case: values (r, n, t) of r fits a case, rows sorted; fold (n,)."""

    values: torch.Tensor
    fold: torch.Tensor
    seconds: float
    rates: list[float]


def pooled(work: Path, data: str, partition: int, name: str) -> Pool | None:
    """All folds of a method, or None where one is missing."""
    files = [
        work / f"{data}_{partition}_{name.replace(', ', '-').replace(' ', '-')}_{fold}.npz" for fold in range(FOLDS)
    ]
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


def drawn_figures(pool: Pool, label: torch.Tensor, times: torch.Tensor) -> dict[str, torch.Tensor]:
    """ROC-AUC and average precision (t, r, b) of each finding, fit and draw, by pairs and ranks within folds alone.

    Fits of different folds are never ranked against each other: of ROC-AUC the pairs of all folds are pooled, of average
    precision the folds are weighed by their positive cases.
    """
    repeats, _, findings = pool.values.shape
    auc, precision = (torch.full((findings, repeats, times.shape[1]), torch.nan) for _ in range(2))
    for finding, repeat in itertools.product(range(findings), range(repeats)):
        here = ~label[:, finding].isnan()
        known = pool.values[repeat, here, finding], label[here, finding], times[here], pool.fold[here]
        auc[finding, repeat] = drawn_roc_auc(*known).float()
        precision[finding, repeat] = drawn_average_precision(*known).float()
    return {"auc": auc, "ap": precision}


def draws_of(group: list[str], repeats: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """How often each case is in each draw of groups (n, b), the first column once each; and of each fit (r, b)."""
    codes = group_codes(group)[0]
    chance = torch.Generator().manual_seed(seed)
    groups = int(codes.max()) + 1
    drawn, fits = (_times(count, chance) for count in (groups, repeats))
    times = torch.cat([torch.ones(groups, 1).long(), drawn], 1)[codes].float()
    return times, torch.cat([torch.ones(repeats, 1).long(), fits], 1).float()


def _times(count: int, chance: torch.Generator) -> torch.Tensor:
    """How often each of ``count`` things is in each draw of as many, (count, draws)."""
    found = [torch.randint(count, (count,), generator=chance) for _ in range(DRAWS)]
    return torch.stack([torch.bincount(one, minlength=count) for one in found], 1)


def macro(figure: torch.Tensor, fits: torch.Tensor, kept: list[int]) -> torch.Tensor:
    """Mean over findings and drawn fits, (b,); a draw without a finding's positives leaves it out."""
    repeats = figure.shape[1]
    weight = fits if repeats == fits.shape[0] else torch.ones(repeats, fits.shape[1])
    each = (figure[kept] * weight).sum(1) / weight.sum(0)
    return each.nanmean(0)


def regions_of(label: torch.Tensor) -> dict[str, list[int]]:
    """Findings by their positives in a training part of four fifths."""
    positives = (label.nansum(0) * 0.8).tolist()
    named = {"all": list(range(len(positives)))}
    for place, count in enumerate(positives):
        named.setdefault("many" if count > MANY else "few" if count < FEW else "medium", []).append(place)
    return named


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


def difference(one: torch.Tensor, other: torch.Tensor) -> dict[str, Any]:
    """The first less the second, paired in each draw, and the smallest that could be shown (power 80 %, level 95 %)."""
    apart = one - other
    spread = float(apart[1:].std())
    return {
        "value": float(apart[0]),
        "ci95": ends(apart[1:, None])[0].tolist(),
        "p": float(paired_p(apart[1:, None])[0]),
        "smallest": 2.8 * spread,
    }


def pilot(work: Path, sets: list[str]) -> None:
    """The smallest differences to be shown between two methods, on a partition of which no figure is taken."""
    known = {one.name: one for one in methods()}
    for data in sets:
        for name, fold in itertools.product((FULL, BCE), range(FOLDS)):
            file = work / f"{data}_1_{name}_{fold}.npz"
            if not file.exists():
                fit_bundle(data, 1, fold, known[name], file)
        found = figures(work, data, 1)["differences"][f"{FULL} - {BCE}"]
        print(data, {key: round(one["smallest"], 4) for key, one in found.items()}, flush=True)


def table(work: Path, sets: list[str]) -> None:
    """Write the JSON and the page."""
    results = {data: figures(work, data, 0) for data in sets}
    OUT.write_text(json.dumps(results, indent=1) + "\n")
    write_between(PAGE, "findings", [line for data in sets for line in rows(data, results[data])])


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


def said(one: dict[str, Any]) -> str:
    """A difference with its limits."""
    return f"{one['value']:+.3f} ({one['ci95'][0]:+.3f} to {one['ci95'][1]:+.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("vectors", "pilot", "run", "table"))
    parser.add_argument("--work", type=Path)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--only", choices=tuple(SETS), action="append")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    sets = asked.only or list(SETS)
    if asked.what == "vectors":
        make_vectors()
    elif asked.what == "pilot":
        pilot(asked.work, sets)
    elif asked.what == "run":
        run(asked.work, sets, asked.partitions, asked.minutes)
    else:
        table(asked.work, sets)


if __name__ == "__main__":
    main()
