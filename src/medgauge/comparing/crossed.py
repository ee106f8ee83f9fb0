"""The runs of a comparison over folds: partitions, folds, methods and seeds crossed, each outer training part by itself."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from medgauge.comparing import jobs
from medgauge.comparing.jobs import Job, Outcome
from medgauge.comparing.plan import Plan
from medgauge.comparing.state import State
from medgauge.comparing.trials import choose_trial
from medgauge.recipes.read import override, recipe_values


@dataclass(frozen=True)
class Bundle:
    """All runs of one method that leave one fold of one partition out.

    Args:
        name: of the bundle.
        method: whose it is.
        laid: changes of each tuning trial.
        trials: the tuning trials, judged on validation cases of the outer training part; none without tuning.
        runs: one a seed, judged by the fold that is left out; they take the settings of the best trial.
    """

    name: str
    method: str
    laid: list[dict[str, Any]]
    trials: list[Job]
    runs: list[Job]


@dataclass(frozen=True)
class BundleDone:
    """What the runs of a bundle gave, and the trial that was chosen."""

    chosen: dict[str, Any]
    outcomes: list[tuple[Job, Outcome]]


def bundles(plan: Plan, state: State) -> list[Bundle]:
    """Every bundle: all methods of the first partition's first fold, then of its next."""
    return [
        _bundle(plan, state, partition, fold, method)
        for partition in plan.partitions
        for fold in range(plan.folds)
        for method in plan.methods
    ]


def _bundle(plan: Plan, state: State, partition: int, fold: int, method: str) -> Bundle:
    name, laid = f"{method}-p{partition}-f{fold}", plan.trials[method]
    base, place = recipe_values(plan.methods[method]), {"data.test_seed": partition, "data.fold": fold}

    def job(end: str, seed: int, trial: int | None) -> Job:
        values = override(base, {**place, **(laid[trial - 1] if trial else {}), "seed": seed})
        return Job(
            f"{name}-{end}", method, seed, trial, values, state.folder / "runs" / f"{name}-{end}", (partition, fold)
        )

    tuned = range(1, len(laid) + 1) if len(laid) > 1 else ()
    seeds = plan.seeds[:1] if method in plan.unseeded else plan.seeds
    return Bundle(
        name,
        method,
        laid,
        [job(f"trial{trial}", plan.tuning_seed, trial) for trial in tuned],
        [job(f"s{seed}", seed, None) for seed in seeds],
    )


def run_bundle(bundle: Bundle) -> BundleDone:
    """The trials, then with the best one's settings the runs.

    Raises:
        InputError: a run was stopped or cannot be made, or every trial failed.
    """
    tried = [(job, jobs.run_job(job)) for job in bundle.trials]
    chosen = choose_trial(bundle.method, [outcome.entry for _, outcome in tried], bundle.laid)
    frozen = [replace(job, values=override(job.values, chosen["changes"])) for job in bundle.runs]
    return BundleDone(chosen, [*tried, *((job, jobs.run_job(job)) for job in frozen)])


def waiting_bundles(found: Sequence[Bundle], state: State) -> list[Bundle]:
    """Those that are not recorded whole."""
    done = state.done()
    return [
        one for one in found if one.name not in state.values["chosen"] or not done >= {job.name for job in one.runs}
    ]


def record_bundle(state: State, bundle: Bundle, done: BundleDone, *, keep: bool) -> None:
    """Write down what a bundle gave, and remove its run folders."""
    state.values["chosen"][bundle.name] = done.chosen
    state.record(done.outcomes)
    if not keep:
        for job, _ in done.outcomes:
            shutil.rmtree(job.folder, ignore_errors=True)


def every_value(state: State, target: str, entries: Mapping[str, Sequence[Mapping[str, Any]]]) -> torch.Tensor:
    """What each method reads of every judged case and one target: numbers, or with a last axis the chance of each class.

    - Shape: (methods, seeds, cases), out of fold (methods, partitions, seeds, cases); a method that every seed makes the same
      has one seed's values in each.

    Args:
        state: with the recorded runs.
        target: whose values.
        entries: the runs of each method, in the order of the seeds.
    """
    settings = state.values["settings"]
    if "folds" in settings:
        return torch.stack([_pooled(state, name, target) for name in settings["methods"]])
    made = [
        [state.test.values(str(run["name"]), target, settings["targets"]) for run in runs] for runs in entries.values()
    ]
    return torch.stack([torch.stack(own) for own in made])


def case_folds(state: State) -> torch.Tensor:
    """The fold that each case is in, (partitions, cases) int64; the same for all methods and seeds."""
    settings = state.values["settings"]
    method, seed, targets = next(iter(settings["methods"])), settings["seeds"][0], settings["targets"]

    def told(partition: int, fold: int) -> torch.Tensor:
        name = f"{method}-p{partition}-f{fold}-s{seed}"
        found = [state.test.values(name, target, targets) for target in targets]
        return torch.stack([~one.isnan().flatten(1).all(1) if one.ndim > 1 else ~one.isnan() for one in found]).any(0)

    return torch.stack(
        [
            torch.stack([told(partition, fold) for fold in range(settings["folds"])]).long().argmax(dim=0)
            for partition in settings["partitions"]
        ]
    )


def _pooled(state: State, method: str, target: str) -> torch.Tensor:
    settings, made = state.values["settings"], state.done()
    targets, first = settings["targets"], settings["seeds"][0]

    def read(partition: int, seed: int) -> Iterator[torch.Tensor]:
        for fold in range(settings["folds"]):
            name = f"{method}-p{partition}-f{fold}-s{seed}"
            name = name if name in made else f"{method}-p{partition}-f{fold}-s{first}"
            yield state.test.values(name, target, targets)

    def whole(partition: int, seed: int) -> torch.Tensor:
        folds = torch.stack(list(read(partition, seed)))
        return torch.where(folds.isnan().all(dim=0), torch.nan, folds.nan_to_num().sum(dim=0))

    return torch.stack(
        [torch.stack([whole(partition, seed) for seed in settings["seeds"]]) for partition in settings["partitions"]]
    )
