"""Each finding held out of training and scored by its name alone, on frozen features of nih_cxr1000.

python benchmarks/findings_named.py run --work FOLDER [--minutes N]   (prints what is left to do; goes on from FOLDER)
python benchmarks/findings_named.py table --work FOLDER               (JSON, and docs/methods/dual-weighted.md between its marks)

The plan stands in docs/methods/dual-weighted.md. Values of every fit are kept in FOLDER, figures in
benchmarks/results/findings_named.json, written at the end of each run too. One thread.
"""

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from common import machine, write_between
from findings_figures import Pool, difference, drawn_figures, draws_of, macro, said
from findings_study import FULL, HERE, LENGTHS, NIH, Method, features_of, keep, loaded, ranked, trials, vectors_of
from findings_study import with_method as with_learning
from loss_power import FOLDS, TRIAL_SEED, Trained, arrays_of, trained

from medgauge.inference.prototypes import score_by_name
from medgauge.metrics.comparison import ends, holm
from medgauge.models.prototypes import PrototypeHead, find_prototypes
from medgauge.semantics import LabelVectors, prototypes, read_vectors
from medgauge.study import Study
from medgauge.study.folds import fold_study
from medgauge.training.loop import Stopped

DATA, SEEDS, SECONDS = "nih_cxr1000", 5, 1.7  # a fit, one core
OUT = HERE / "results" / "findings_named.json"
LENGTH = LENGTHS["second"]
TEXT, SHUFFLED, LEFT_OUT = "text", "shuffled", "text, cases left out"
KINDS = (TEXT, SHUFFLED, LEFT_OUT)


def names_of(work: Path, kind: str, seed: int) -> Path:
    """The file of the vectors of all findings: of their texts, or each finding with another's, drawn by the seed."""
    if kind != SHUFFLED:
        return vectors_of(DATA)
    file = work / f"shuffled_{seed}.safetensors"
    if not file.exists():
        prototypes(NIH, "shuffled", of=vectors_of(DATA), seed=seed, out=file)
    return file


def without(study: Study, place: int, leave_cases_out: bool) -> Study:
    """A fold's study whose table lacks a finding; its cases stay in training, or are left out of it too."""
    kept = [other for other in range(len(NIH)) if other != place]
    names = [NIH[other] for other in kept]
    table = replace(study.table, label=study.table.label[:, kept], target=names)
    data = replace(study.recipe.data, label=names, kind=dict.fromkeys(names, "finding"))
    present = study.table.label[:, place] == 1
    splits = [
        "unused" if leave_cases_out and present[row] and split in ("train", "val") else split
        for row, split in enumerate(study.splits)
    ]
    return replace(study, table=table, splits=splits, recipe=replace(study.recipe, data=data))


def fit_bundle(work: Path, kind: str, place: int, fold: int, file: Path) -> None:
    """Trials and a fit a seed without a finding, and how near its name is to the fold's cases; kept in ``file``."""
    start, whole = time.process_time(), fold_study(loaded(DATA, 0), fold)
    study, judge = without(whole, place, kind == LEFT_OUT), ranked("prototypes")
    arrays = arrays_of(study, features_of(DATA))

    def fit(rate: float, seed: int) -> Trained:
        semantics = {"model.semantics.source": str(names_of(work, kind, seed)), "model.semantics.adjust": "none"}
        method = Method(FULL, "dual_weighted", {"model.head": "prototypes", **semantics}, None, "prototypes")
        return trained(with_learning(study, method, DATA, LENGTH, rate, seed), arrays, judge)

    scores = trials(lambda rate: fit(rate, TRIAL_SEED), LENGTH)
    rate, values = LENGTH.rates[scores.index(min(scores))], []
    for seed in range(SEEDS):
        made = fit(rate, seed)
        name = of_name(read_vectors(names_of(work, kind, seed)), NIH[place])
        head = cast(PrototypeHead, find_prototypes(made.model.head))
        values.append(score_by_name(head, made.cases("test").embedding, name).numpy().astype(np.float32))
    keep(file, np.stack(values), whole, rate=rate, scores=scores, seconds=time.process_time() - start)


def of_name(vectors: LabelVectors, name: str) -> torch.Tensor:
    """The vector of a finding, (1, s)."""
    return vectors.of([name]).vectors


def jobs(work: Path) -> Iterator[tuple[str, int, int, Path]]:
    """Kind, place of the finding, fold and file, in the order in which they are run."""
    for kind, place, fold in itertools.product(KINDS, range(len(NIH)), range(FOLDS)):
        yield kind, place, fold, work / f"{kind.replace(', ', '-').replace(' ', '-')}_{NIH[place]}_{fold}.npz"


def run(work: Path, minutes: float) -> None:
    """Every job whose file is not there yet, until the time is up."""
    work.mkdir(parents=True, exist_ok=True)
    todo, end = [one for one in jobs(work) if not one[-1].exists()], time.monotonic() + 60 * minutes
    print(f"about {len(todo) * (len(LENGTH.rates) + SEEDS) * SECONDS / 60:.0f} core-minutes are left", flush=True)
    for kind, place, fold, file in todo:
        if time.monotonic() > end:
            break
        try:
            fit_bundle(work, kind, place, fold, file)
        except Stopped:
            print(f"stopped in {file.name}; the same command goes on from there")
            break
        print(file.name, round(time.process_time()), flush=True)
    OUT.write_text(json.dumps(figures(work), indent=1) + "\n")


def pooled(work: Path, kind: str) -> Pool | None:
    """What the fits of a kind say of each finding that they have not seen, or None where one is missing."""
    files = [(place, fold, file) for of, place, fold, file in jobs(work) if of == kind]
    if not all(file.exists() for *_, file in files):
        return None
    values = torch.full((SEEDS, len(loaded(DATA, 0).table), len(NIH)), torch.nan)
    folds, seconds, rates = torch.full(values.shape[1:2], -1), 0.0, []
    for place, fold, file in files:
        part = np.load(file)
        rows, about = torch.from_numpy(part["rows"]).long(), json.loads(str(part["said"]))
        values[:, rows, place] = torch.from_numpy(part["values"])[..., 0]
        folds[rows] = fold
        seconds += about["seconds"]
        rates.append(about["rate"])
    return Pool(values, folds, seconds, rates)


def figures(work: Path) -> dict[str, Any]:
    """ROC-AUC of each finding by its name, of each kind that is done, and the two primary differences."""
    study = loaded(DATA, 0)
    label = torch.from_numpy(study.table.label)
    times, fits = draws_of(list(study.table.group), SEEDS)
    found: dict[str, Any] = {"machine": machine(), "kinds": {}, "differences": {}}
    found["positives"] = dict(zip(NIH, label.nansum(0).int().tolist(), strict=True))
    drawn: dict[str, list[torch.Tensor]] = {}
    for kind in KINDS:
        pool = pooled(work, kind)
        if pool is None:
            continue
        auc = drawn_figures(pool, label, times)["auc"]
        drawn[kind] = [macro(auc, fits, [place]) for place in range(len(NIH))] + [
            macro(auc, fits, list(range(len(NIH))))
        ]
        each = [{"value": float(one[0]), "ci95": ends(there(one)[1:, None])[0].tolist()} for one in drawn[kind]]
        found["kinds"][kind] = {
            "each": dict(zip([*NIH, "mean"], each, strict=True)),
            "seconds": pool.seconds,
            "rates": pool.rates,
        }
    chance = [torch.full_like(one, 0.5) for one in next(iter(drawn.values()), [])]
    compared = {f"{kind} - chance": (drawn[kind], chance) for kind in drawn}
    if TEXT in drawn:
        compared |= {f"{TEXT} - {kind}": (drawn[TEXT], drawn[kind]) for kind in drawn if kind != TEXT}
    for name, (one, other) in compared.items():
        pairs = zip([*NIH, "mean"], one, other, strict=True)
        found["differences"][name] = {
            finding: difference(there(first, second), there(second, first)) for finding, first, second in pairs
        }
    primary = [name for name in (f"{TEXT} - chance", f"{TEXT} - {SHUFFLED}") if name in compared]
    for name, p in zip(primary, holm([found["differences"][one]["mean"]["p"] for one in primary]), strict=True):
        found["differences"][name]["mean"]["p_holm"] = p
    return found


def there(drawn: torch.Tensor, *beside: torch.Tensor) -> torch.Tensor:
    """The figure and its draws (b,), without draws that have no present case, here or ``beside``."""
    return drawn[~torch.stack([drawn, *beside]).isnan().any(0)]


def table(work: Path) -> None:
    """Write the JSON and the page."""
    found = figures(work)
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    write_between("dual-weighted.md", "findings by name", rows(found))


def rows(found: dict[str, Any]) -> list[str]:
    """A finding a row, then the two primary differences."""
    kinds = [kind for kind in KINDS if kind in found["kinds"]]
    heads = ["held out", "positives", *(f"{kind}: ROC-AUC (95 %)" for kind in kinds)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name in [*NIH, "mean"]:
        cells = [limits(found["kinds"][kind]["each"][name]) for kind in kinds]
        lines.append(f"| {name} | {found['positives'].get(name, '')} | {' | '.join(cells)} |")
    lines += [
        "",
        "| primary difference of the means | ROC-AUC (95 %) | p (Holm) | smallest to be shown |",
        "|---|---|---|---|",
    ]
    for name, one in found["differences"].items():
        if "p_holm" in one["mean"]:
            mean = one["mean"]
            lines.append(
                f"| {name.replace(' - ', ' less ')} | {said(mean)} | {mean['p_holm']:.3f} | {mean['smallest']:.3f} |"
            )
    return lines


def limits(one: dict[str, Any]) -> str:
    """A figure with its limits."""
    return f"{one['value']:.3f} ({one['ci95'][0]:.3f} to {one['ci95'][1]:.3f})"


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
