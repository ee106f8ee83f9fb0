"""The runs of a comparison: each a fit of its own, one after the other here or several at a time in processes."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medgauge.comparing.cases import value_keys
from medgauge.comparing.workers import Workers, each_done
from medgauge.core.errors import InputError
from medgauge.core.faults import sentence
from medgauge.fitting.fit import fit
from medgauge.metrics.catalogue import FIGURES
from medgauge.runfolder import RunFolder
from medgauge.runfolder.classes import classes_of, read_values, with_places
from medgauge.runfolder.tables import need_columns, read_numbers
from medgauge.tasks import KINDS
from medgauge.training.divergence import Diverged

SAID = ("kind", "level", "n", "coverage", "uncalibrated")  # kept of what is said for certain, beside its extent


@dataclass(frozen=True)
class Job:
    """One run to be made.

    Args:
        name: of its folder, and of its column in the table of cases.
        method: whose run it is.
        seed: of the run.
        trial: number of the tuning trial, which reads validation cases; None: a run that reads the test split.
        values: the recipe, every value.
        folder: the run folder.
        place: partition and fold of a run that leaves a fold out; None: it has splits of its own.
    """

    name: str
    method: str
    seed: int
    trial: int | None
    values: dict[str, Any]
    folder: Path
    place: tuple[int, int] | None = None


@dataclass(frozen=True)
class Outcome:
    """What is kept of a run: figures, and the cases of its val (a trial) or test split, None where it failed."""

    entry: dict[str, Any]
    cases: dict[str, list[Any]] | None


def run_job(job: Job) -> Outcome:
    """Fit, and take what is kept out of the run folder; a run that was stopped goes on, a finished one is read.

    Raises:
        InputError: the run was stopped, or cannot be made; a trial that fails by its numbers is an outcome.
    """
    started = time.monotonic()
    entry: dict[str, Any] = {"name": job.name, "method": job.method, "seed": job.seed}
    if job.trial is not None:
        entry |= {"trial": job.trial}
    if job.place is not None:
        entry |= {"partition": job.place[0], "fold": job.place[1]}
    try:
        run = fit(job.values, out=job.folder, test=job.trial is None, images=False, report=False)
    except (ValueError, ArithmeticError, RuntimeError) as error:
        if isinstance(error, InputError) and not isinstance(error, Diverged):
            raise
        if job.trial is None:
            raise InputError(f"the run {job.name} failed: {sentence(error)}") from error
        return Outcome({**entry, "failed": sentence(error)}, None)
    entry |= {
        "wall": time.monotonic() - started,
        "parameters": sum(p.numel() for p in run.finished.fits[0].model.parameters()),
    }
    return outcome_of(entry, run.folder, run.results, run.targets, test=job.trial is None)


def outcome_of(
    entry: Mapping[str, Any], folder: RunFolder, results: Mapping[str, Any], targets: Sequence[str], *, test: bool
) -> Outcome:
    """What is kept of a finished run folder, beside ``entry``: figures of val (and test), and that split's cases."""
    found = {**entry, "seconds": results["seconds"], **results["training"], "cases": results["cases"]["by_split"]}
    for name in [name for name in ("val", "test") if name in results and (test or name == "val")]:
        found[name] = {target: _figures(results[name][target]) for target in targets}
        found[name]["space"] = results[name]["space"]
    return Outcome(found, _cases(folder, "test" if test else "val", targets))


def _figures(block: dict[str, Any]) -> dict[str, Any]:
    """What a comparison needs of one target's figures."""
    main, *_ = figures = FIGURES[block["kind"]]
    kept = {name: block[name] for name in ("kind", "predictor", "n", "groups", "training", *figures) if name in block}
    kept["by_predictor"] = {name: {main: other[main]} for name, other in block["by_predictor"].items()}
    certainty = KINDS[block["kind"]].certainty
    whole = block[certainty.key]
    said = {name: whole[name] for name in (*SAID, certainty.extent) if name in whole}
    said["by_region"] = {
        region: {name: part.get(name) for name in ("n", "coverage", certainty.extent)}
        for region, part in (whole.get("by_region") or {}).items()
    }
    return kept | {"baselines": block["baselines"], certainty.key: said}


def _cases(folder: RunFolder, split: str, targets: Sequence[str]) -> dict[str, list[Any]]:
    """Id, group, label and value of the cases of one split.

    Of findings the value is not calibrated; of classes the label is a place, and there is the chance of each class.
    """
    name, classes = "predictions.csv", classes_of(folder.read_yaml("recipe.yaml"))
    written = folder.read_columns(name)
    need_columns(folder, name, written, ["id", "group", "split"])
    columns = with_places(written, classes)
    found: dict[str, Sequence[Any]] = {part: columns[part] for part in ("id", "group")}
    for target in targets:
        found[f"label_{target}"] = read_numbers(folder, name, columns, f"label_{target}")
        values = read_values(folder, name, columns, target, classes.get(target, ()))
        keys = value_keys(target, classes.get(target, ()))
        found |= dict(zip(keys, values.T.tolist() if len(keys) > 1 else [values.ravel().tolist()], strict=True))
    kept = [place for place, own in enumerate(columns["split"]) if own == split]
    return {column: [cells[place] for place in kept] for column, cells in found.items()}


def do_jobs(jobs: Sequence[Job], record: Callable[[Job, Outcome], None], *, workers: Workers, keep: bool) -> None:
    """Make every run and record its outcome, in this process or in others; run folders are removed after.

    Raises:
        InputError: a run was stopped or cannot be made; what was recorded stays.
    """
    for job, outcome in each_done(jobs, run_job, workers=workers):
        record(job, outcome)
        if not keep:
            shutil.rmtree(job.folder, ignore_errors=True)
