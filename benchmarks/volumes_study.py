"""Siamese pretraining with RE and SE beside radiomics on lung nodules: linear SVM on features, over folds, seeds and label shares.

python benchmarks/volumes_study.py run --work FOLDER [--minutes N] [--block first|more]   (prints what is left; goes on from FOLDER)
python benchmarks/volumes_study.py table --work FOLDER           (JSON, and docs/methods/siamese.md between its marks)

The plan stands in docs/methods/siamese.md, above the figures. Features of every case are kept in FOLDER and serve both labels,
all shares and all classifiers; figures go to benchmarks/results/volumes_study.json, written at the end of each run too. One
thread.
"""

import argparse
import itertools
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import numpy as np
import pandas
import torch
from common import machine, write_between
from comparison_study import EXTENT
from findings_figures import difference, draws_of, said
from frozen_features import SHARED
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import LinearSVC
from volumes_supervised import supervised

import medgauge
from medgauge.data.cases import make_cases
from medgauge.data.radiomics.extractor import RadiomicsSettings, extract
from medgauge.fitting import view_batches
from medgauge.fitting.pretrain_cases import load_cases
from medgauge.fitting.pretrain_parts import build_model
from medgauge.fitting.stamp import make_recipe
from medgauge.functional.k_means import k_means
from medgauge.metrics.comparison import ends, holm
from medgauge.metrics.findings import drawn_roc_auc
from medgauge.recipes.pretraining import method_objective
from medgauge.recipes.read import load_values
from medgauge.samplers import cluster_weights
from medgauge.samplers.farthest_pair_selection import nearest_of_pair
from medgauge.study import Study
from medgauge.training.loop import Stopped

OUT = Path(__file__).resolve().parent / "results" / "volumes_study.json"
FOLDS, SEEDS, STEPS = 5, 3, 400
SHARES = (100, 50, 25, 10)
LABELS = ("malignant", "texture")
COSTS = (0.01, 0.1, 1.0, 10.0, 100.0)
THIRTY = {"training.batch_size": 30, "pretraining.warmup_batch": 30}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "SSL": ("siamese", {"training.batch_size": 30}),
    "SSL+SE": ("siamese_se", {}),
    "SSL+RE": ("siamese_re", THIRTY),
    "SSL+both": ("siamese_se", {}),
    "SSL, 6 cases": ("siamese", {}),
}
LONG = ("SSL+RE, 2000 steps", 2000)
SIZES, RADIOMICS, PLANES, UNTRAINED = "volume and diameter", "radiomics", "ImageNet planes", "untrained encoder"
SUPERVISED = "supervised encoder"
SECONDS = {
    "SSL": 16.0,
    "SSL+SE": 13.0,
    "SSL+RE": 22.0,
    "SSL+both": 13.0,
    "SSL, 6 cases": 7.0,
    LONG[0]: 110.0,
    PLANES: 70.0,
    RADIOMICS: 30.0,
    SUPERVISED: 10.0,
}
"""Features of a job, one core."""
ALONE = [SIZES, RADIOMICS, *VARIANTS, UNTRAINED, SUPERVISED, PLANES]
ROWS = [*ALONE, *(f"{one} + {RADIOMICS}" for one in ALONE if one not in (SIZES, RADIOMICS))]
PRIMARY = [
    ("SSL+RE", "SSL"),
    ("SSL+SE", "SSL, 6 cases"),
    ("SSL+both", "SSL, 6 cases"),
    *(
        (f"{one} + {RADIOMICS}", RADIOMICS)
        for one in ("SSL", "SSL+SE", "SSL+RE", "SSL+both", UNTRAINED, SUPERVISED, PLANES)
    ),
]
FIGURES = ("sensitivity", "specificity", "balanced", "accuracy", "minority", "auc")
Array = np.ndarray[Any, Any]


@cache
def cases() -> pandas.DataFrame:
    """The nodules whose mean malignancy is known; ``malignant``: a mean above 3."""
    table = pandas.read_csv(SHARED / "lidc_nodules" / "labels.csv", dtype={"patient_id": str})
    table = table[table["malignancy_mean"].notna()].reset_index(drop=True)
    return table.assign(malignant=(table["malignancy_mean"] > 3).astype(int))


@cache
def folds_of(seed: int) -> Array:
    """Outer fold of every case, patients whole, strata of malignancy and of solid texture."""
    table = cases()
    strata = 2 * table["malignant"] + (table["texture"] == 5)
    fold, splitter = np.zeros(len(table), int), StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for number, (_, test) in enumerate(splitter.split(table, strata, table["patient_id"])):
        fold[test] = number
    return fold


def prepare(work: Path) -> None:
    """The volumes as (z, y, x), cut to an extent that nearly all cut-outs fill, and a table a seed and fold."""
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "volumes.npz").exists():
        whole = np.load(SHARED / "lidc_nodules" / "volumes.npz")["images"].transpose(0, 3, 2, 1)
        box = [
            slice((side - kept) // 2, (side + kept) // 2) for side, kept in zip(whole.shape[1:], EXTENT, strict=True)
        ]
        np.savez_compressed(work / "volumes.npz", images=whole[(slice(None), *box)][:, None])
    for seed, fold in itertools.product(range(SEEDS), range(FOLDS)):
        split = np.where(folds_of(seed) == fold, "test", "train")
        cases()[["index", "patient_id"]].assign(split=split).to_csv(work / f"cases_{seed}_{fold}.csv", index=False)


def columns(work: Path, seed: int, fold: int) -> dict[str, Any]:
    """The data settings of a fold."""
    return {"table": work / f"cases_{seed}_{fold}.csv", "array": "volumes.npz#images", "index": "index"}


@contextmanager
def watched(both: bool) -> Iterator[list[tuple[Array, Array]]]:
    """The table rows and clusters of every step with a selection; ``both`` gives SE's cases the weights of RE."""
    seen: list[tuple[Array, Array]] = []
    choose, chosen = view_batches.choose, view_batches.ViewBatches._chosen

    def choose_and_keep(features: Any, recent: Any, settings: Any, seed: int) -> view_batches.Chosen:
        clusters = k_means(torch.cat([recent, features]), settings.clusters, seed=seed)
        seen.append((np.zeros(0, int), clusters.assignment[len(recent) :].numpy()))
        made = choose(features, recent, settings, seed)
        if not both:
            return made
        places = nearest_of_pair(features, clusters.centres, settings.size)
        weight = cluster_weights(clusters.assignment)[len(recent) :][places]
        return view_batches.Chosen(places, weight / weight.min(), made.sizes)

    def chosen_and_keep(self: Any, places: Any, step: int) -> view_batches.Chosen:
        made = chosen(self, places, step)
        seen[-1] = (np.array([self.rows[place] for place in places.tolist()]), seen[-1][1])
        return made

    with (
        patch.object(view_batches, "choose", choose_and_keep),
        patch.object(view_batches.ViewBatches, "_chosen", chosen_and_keep),
    ):
        yield seen


def pretrained(work: Path, name: str, seed: int, fold: int) -> dict[str, Array]:
    """Features of all cases by an encoder pretrained on a fold's training cases, and the clusters of its steps."""
    variant, steps = ("SSL+RE", LONG[1]) if name == LONG[0] else (name, STEPS)
    recipe, changes = VARIANTS[variant]
    place, start = work / "pretraining", time.process_time()
    shutil.rmtree(place, ignore_errors=True)
    given = columns(work, seed, fold)
    with watched(variant == "SSL+both") as seen:
        told = medgauge.pretrain(
            recipe,
            out=place,
            id="index",
            changes={**changes, "training.steps": steps, "seed": seed, "data.cache": str(work / "cache")},
            split="split",
            **given,
        )
    medgauge.embed(place, out=work / "part.parquet", id="index", **given)
    found = {"features": vectors(work / "part.parquet"), "seconds": np.array(time.process_time() - start)}
    shutil.rmtree(place)
    spread = np.array([told["spread"].get(key, np.nan) for key in ("spread", "spread_predicted")])
    return found | {
        "spread": spread,
        "rows": np.array([rows for rows, _ in seen]),
        "clusters": np.array([own for _, own in seen]),
    }


def vectors(file: Path) -> Array:
    """Features of a file in the order of the cases."""
    frame = pandas.read_parquet(file)
    frame = frame.assign(index=frame["index"].astype(int)).set_index("index").loc[cases()["index"]]
    return frame.select_dtypes("number").to_numpy(np.float32)


def whole(work: Path, seed: int) -> Study:
    """All cases under the settings of a pretraining."""
    given = columns(work, seed, 0) | {"id": "index", "split": "split"}
    values = load_values("siamese")
    values["objective"] = method_objective(values)
    changes = {"seed": seed, "data.cache": str(work / "cache"), "pretraining.scope": "transductive"}
    recipe = make_recipe(values, given, changes, pretraining=True)
    return load_cases(recipe).study


def untrained(work: Path, seed: int) -> dict[str, Array]:
    """Features by the encoder as it is before a pretraining."""
    study = whole(work, seed)
    arrays, model = (
        make_cases(study.images, study.table.label, None, None),
        build_model(study.recipe, ndim=3, channels=1),
    )
    rows = np.array_split(np.arange(len(arrays)), 12)
    return {"features": torch.cat([model.represent(arrays.batch(part.tolist()).image) for part in rows]).numpy()}


def taught(work: Path, name: str, seed: int, fold: int) -> dict[str, Array]:
    """Features and logits of all cases by an encoder that learned a share of the labels of a fold."""
    label, share = name.removeprefix(SUPERVISED).split()
    train = labelled(np.flatnonzero(folds_of(seed) != fold), int(share), seed)
    return supervised(whole(work, seed), cases()[label].to_numpy(), train, steps=STEPS, batch=30)


def classical() -> dict[str, Array]:
    """The classical features within the mask, of the whole 32 mm box."""
    stored = np.load(SHARED / "lidc_nodules" / "volumes.npz")
    images, masks = (stored[name].transpose(0, 3, 2, 1) for name in ("images", "masks"))
    made = [extract(images[row], masks[row] > 0, (1.0, 1.0, 1.0), RadiomicsSettings()) for row in cases()["index"]]
    return {"features": pandas.DataFrame(made).fillna(0.0).to_numpy(np.float64)}


def planes(work: Path) -> dict[str, Array]:
    """Features of a network trained on photographs, of planes of the volume."""
    medgauge.embed("lite0", out=work / "part.parquet", id="index", **columns(work, 0, 0))
    return {"features": vectors(work / "part.parquet")}


def features_of(work: Path, name: str, seed: int, fold: int) -> dict[str, Array]:
    """What a job makes."""
    if name.startswith(SUPERVISED):
        return taught(work, name, seed, fold)
    fixed: dict[str, Callable[[], dict[str, Array]]] = {
        RADIOMICS: classical,
        PLANES: lambda: planes(work),
        UNTRAINED: lambda: untrained(work, seed),
    }
    return fixed[name]() if name in fixed else pretrained(work, name, seed, fold)


def jobs(block: str) -> Iterator[tuple[str, int, int]]:
    """Features in the order in which they are made: name, seed, fold."""
    yield from [(RADIOMICS, 0, 0), (PLANES, 0, 0), *((UNTRAINED, seed, 0) for seed in range(SEEDS))]
    for seed in range(1 if block == "first" else SEEDS):
        yield from ((name, seed, fold) for fold, name in itertools.product(range(FOLDS), VARIANTS))
    if block != "first":
        yield (LONG[0], 0, 0)
        for seed, label, share, fold in itertools.product(range(SEEDS), LABELS, SHARES, range(FOLDS)):
            yield (f"{SUPERVISED} {label} {share}", seed, fold)


def file_of(work: Path, name: str, seed: int, fold: int) -> Path:
    """Where features are kept."""
    return work / f"{name.replace(', ', '-').replace(' ', '-')}_{seed}_{fold}.npz"


def run(work: Path, minutes: float, block: str) -> None:
    """Every file of features that is not there yet, until the time is up; then the figures."""
    prepare(work)
    todo, end = [one for one in jobs(block) if not file_of(work, *one).exists()], time.monotonic() + 60 * minutes
    seconds = sum(SECONDS.get(name.split(" malig")[0].split(" text")[0], 1.0) for name, *_ in todo)
    print(f"about {seconds / 60:.0f} core-minutes of features are left, then the classifiers", flush=True)
    for name, seed, fold in todo:
        if time.monotonic() > end:
            break
        start = time.process_time()
        try:
            made = features_of(work, name, seed, fold)
        except Stopped:
            print(f"stopped in {name}; the same command goes on from there")
            return
        part = work / "part.npz"
        np.savez_compressed(part, **cast(dict[str, Any], made))
        os.replace(part, file_of(work, name, seed, fold))
        print(name, seed, fold, round(time.process_time() - start), "s", flush=True)
    table(work)


def blocks(work: Path, row: str, label: str, share: int, seed: int, fold: int) -> list[Array] | None:
    """The blocks of features of a row of the table, or None where one is missing."""
    found = []
    for name in row.split(" + "):
        if name == SIZES:
            found.append(np.log(cases()[["mask_volume_mm3", "diameter_mm"]].to_numpy(float)))
            continue
        fixed = name in (RADIOMICS, PLANES, UNTRAINED)
        kept = f"{name} {label} {share}" if name == SUPERVISED else name
        file = file_of(work, kept, seed if name == UNTRAINED or not fixed else 0, 0 if fixed else fold)
        if not file.exists():
            return None
        found.append(np.load(file)["features"].astype(float))
    return found


def scaled(found: list[Array], train: Array) -> Array:
    """Features standardised over training cases; each block has a mean square of 1 in sum, so that no size drowns another."""
    made = []
    for block in found:
        spread = block[train].std(0)
        kept = spread > 1e-9
        made.append((block[:, kept] - block[train][:, kept].mean(0)) / spread[kept] / np.sqrt(kept.sum()))
    return np.concatenate(made, axis=1)


def labelled(train: Array, share: int, seed: int) -> Array:
    """The training cases of the first patients of a shuffled row, so that shares are nested."""
    groups = np.unique(cases()["patient_id"][train])
    np.random.default_rng(seed).shuffle(groups)
    kept = groups[: round(len(groups) * share / 100)]
    return train[np.isin(cases()["patient_id"][train], kept)]


def machine_of(points: Array, label: Array, group: Array) -> LinearSVC:
    """A balanced linear machine, its constant that of the best balanced accuracy with patients left out."""

    def fitted(rows: Array, cost: float) -> LinearSVC:
        return LinearSVC(C=cost, class_weight="balanced", dual=False, max_iter=5000).fit(points[rows], label[rows])

    def recall(rows: Array, guess: Array) -> float:
        return float(np.mean([(guess[label[rows] == one] == one).mean() for one in np.unique(label[rows])]))

    inner = list(StratifiedGroupKFold(4, shuffle=True, random_state=0).split(points, label == label.max(), group))
    inner = [(train, test) for train, test in inner if len(np.unique(label[train])) > 1]
    scores = [
        np.mean([recall(test, fitted(train, cost).predict(points[test])) for train, test in inner]) for cost in COSTS
    ]
    return fitted(np.arange(len(label)), COSTS[int(np.argmax(scores))])


def read_fold(work: Path, row: str, label: str, share: int, seed: int, fold: int) -> tuple[Array, Array] | None:
    """The class and the decision value of the cases that a fold left out."""
    found = blocks(work, row, label, share, seed, fold)
    if found is None:
        return None
    truth, group = cases()[label].to_numpy(), cases()["patient_id"].to_numpy()
    test = np.flatnonzero(folds_of(seed) == fold)
    train = labelled(np.flatnonzero(folds_of(seed) != fold), share, seed)
    if row == SUPERVISED:
        logits = np.load(file_of(work, f"{SUPERVISED} {label} {share}", seed, fold))["logits"][test]
        others = np.logaddexp.reduce(logits[:, :-1], axis=1)
        return np.unique(truth)[logits.argmax(1)], (logits[:, -1] - others) * (1 if label == "malignant" else -1)
    points = scaled(found, train)
    made = machine_of(points[train], truth[train], group[train])
    decision = made.decision_function(points[test])
    highest = decision if decision.ndim == 1 else decision[:, -1]
    return made.predict(points[test]), highest if label == "malignant" else -highest


def read(work: Path, row: str, label: str, share: int, seed: int) -> tuple[Array, Array] | None:
    """The class and the decision value of every case, read in the fold that left it out; kept in FOLDER."""
    file = work / "read" / f"{row.replace(', ', '-').replace(' ', '-')}_{label}_{share}_{seed}.npz"
    if not file.exists():
        guess, score = np.zeros(len(cases()), int), np.zeros(len(cases()))
        for fold in range(FOLDS):
            made = read_fold(work, row, label, share, seed, fold)
            if made is None:
                return None
            test = np.flatnonzero(folds_of(seed) == fold)
            guess[test], score[test] = made
        file.parent.mkdir(exist_ok=True)
        np.savez(file, guess=guess, score=score)
    kept = np.load(file)
    return kept["guess"], kept["score"]


def drawn(guess: Array, score: Array, label: str, fold: Array, times: torch.Tensor) -> dict[str, torch.Tensor]:
    """Figures (b,) of every draw of patients; positive is malignant, or a texture that is not solid (below 5)."""
    truth = cases()[label].to_numpy()
    positive, said_so = (truth == 1, guess == 1) if label == "malignant" else (truth < 5, guess < 5)
    return drawn_of(guess, score, truth, positive, said_so, fold, times)


def drawn_of(
    guess: Array, score: Array, truth: Array, positive: Array, said_so: Array, fold: Array, times: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Figures (b,) of every draw of n cases.

    Args:
        guess: class that was read (n,).
        score: higher where a positive case is likelier (n,).
        truth: class (n,).
        positive: whether a case is positive (n,).
        said_so: whether it was read so (n,).
        fold: within which scores are ranked (n,).
        times: how often a draw has a case (n, b).
    """
    weight = times.double()

    def share(hit: Array, among: Array) -> torch.Tensor:
        return (torch.from_numpy(hit & among).double() @ weight) / (torch.from_numpy(among).double() @ weight)

    classes, counts = np.unique(truth, return_counts=True)
    each = torch.stack([share(guess == one, truth == one) for one in classes])
    rest = [place for place in range(len(classes)) if place != counts.argmax()]
    area = drawn_roc_auc(torch.from_numpy(score), torch.from_numpy(positive).double(), times, torch.from_numpy(fold))
    return {
        "sensitivity": share(said_so, positive),
        "specificity": share(~said_so, ~positive),
        "balanced": each.nanmean(0),
        "accuracy": share(guess == truth, np.ones(len(truth), bool)),
        "minority": each[rest].nanmean(0),
        "auc": area.double(),
    }


def agreement(work: Path) -> dict[str, Any]:
    """Adjusted mutual information of a batch's clusters with each label, means over four parts of the training."""
    found: dict[str, Any] = {}
    for name, label in itertools.product(VARIANTS, LABELS):
        truth, runs = cases()[label].to_numpy(), []
        for seed, fold in itertools.product(range(SEEDS), range(FOLDS)):
            file = file_of(work, name, seed, fold)
            kept = np.load(file) if file.exists() else None
            if kept is not None and len(kept["rows"]):
                steps = zip(kept["rows"], kept["clusters"], strict=True)
                each = [adjusted_mutual_info_score(truth[rows], own) for rows, own in steps]
                runs.append([float(part.mean()) for part in np.array_split(np.array(each), 4)])
        if runs:
            found.setdefault(name, {})[label] = {"mean": np.mean(runs, 0).tolist(), "runs": len(runs)}
    return found


def figures(work: Path) -> dict[str, Any]:
    """Figures of every row that is done, and paired differences; differences take the seeds that both rows have."""
    group, found = list(cases()["patient_id"]), dict[str, Any]()
    times, _ = draws_of(group, 1)
    for label, share in itertools.product(LABELS, SHARES):
        done: dict[str, dict[int, dict[str, torch.Tensor]]] = {}
        for row, seed in itertools.product(ROWS, range(SEEDS)):
            made = read(work, row, label, share, seed)
            if made is not None:
                done.setdefault(row, {})[seed] = drawn(*made, label, folds_of(seed), times)
        named: dict[str, Any] = {}
        for row, seeds in done.items():
            each = {key: torch.stack([one[key] for one in seeds.values()]) for key in FIGURES}
            named[row] = {"seeds": len(seeds)} | {
                key: {
                    "value": float(one[:, 0].mean()),
                    "ci95": ends(one.mean(0)[1:, None])[0].tolist(),
                    "spread": float(one[:, 0].std()) if len(one) > 1 else None,
                }
                for key, one in each.items()
            }
        differences: dict[str, Any] = {}
        for first, second in PRIMARY:
            shared = sorted(set(done.get(first, {})) & set(done.get(second, {})))
            if shared:
                differences[f"{first} - {second}"] = {
                    key: difference(*(torch.stack([done[row][seed][key] for seed in shared]).mean(0) for row in (first, second)))
                    for key in FIGURES
                }  # fmt: skip
        for key in ("balanced", "auc"):
            for one, p in zip(differences.values(), holm([one[key]["p"] for one in differences.values()]), strict=True):
                one[key]["p_holm"] = p
        found[f"{label} {share} %"] = {"rows": named, "differences": differences}
    return {"figures": found, "agreement": agreement(work), "machine": machine()}


def table(work: Path) -> None:
    """Write the JSON and the page; what volumes_length.py put beside stays."""
    kept = json.loads(OUT.read_text()) if OUT.exists() else {}
    found = figures(work) | {name: one for name, one in kept.items() if name == "length"}
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    write_between("siamese.md", "volumes study", lines_of(found))


def lines_of(found: dict[str, Any]) -> list[str]:
    """Tables of each label with all labels, balanced accuracy by share, the differences, and the clusters."""
    lines: list[str] = []
    for label in LABELS:
        whole = found["figures"][f"{label} {SHARES[0]} %"]
        heads = ["features", "seeds", *FIGURES, *(f"balanced, {share} %" for share in SHARES[1:])]
        lines += [f"### {label}", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        for row, one in whole["rows"].items():
            less = [found["figures"][f"{label} {share} %"]["rows"].get(row) for share in SHARES[1:]]
            cells = [with_spread(one[key]) for key in FIGURES]
            cells += [with_spread(each["balanced"]) if each else "" for each in less]
            lines.append(f"| {row} | {one['seeds']} | {' | '.join(cells)} |")
        heads = ["difference", "balanced accuracy (95 %)", "p (Holm)", "AUC (95 %)", "p (Holm)"]
        lines += ["", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        for name, one in whole["differences"].items():
            cells = [f"{said(one[key])} | {one[key]['p_holm']:.3f}" for key in ("balanced", "auc")]
            lines.append(f"| {name.replace(' - ', ' less ')} | {' | '.join(cells)} |")
        lines.append("")
    heads = ["agreement of clusters", "label", "first quarter", "second", "third", "last"]
    lines += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, labels in found["agreement"].items():
        for label, one in labels.items():
            lines.append(f"| {name} | {label} | {' | '.join(f'{value:.3f}' for value in one['mean'])} |")
    return lines


def with_spread(one: dict[str, Any]) -> str:
    """A figure, with its standard deviation over seeds where there are several."""
    return f"{one['value']:.3f}" + ("" if one["spread"] is None else f" ± {one['spread']:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--block", choices=("first", "more"), default="more")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.what == "run":
        run(asked.work.resolve(), asked.minutes, asked.block)
    else:
        table(asked.work.resolve())


if __name__ == "__main__":
    main()
