"""Compare: methods on the same cases, tuned alike, over seeds, with the test split read once a run."""

import contextlib
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from medgauge.comparing.crossed import case_folds, every_value
from medgauge.comparing.figures import figures, main_figure
from medgauge.comparing.finished import are_runs, claim_runs, folder_notes
from medgauge.comparing.folds import compare_folds
from medgauge.comparing.jobs import Job, Outcome, do_jobs
from medgauge.comparing.judged import Judged
from medgauge.comparing.plan import TUNING, Plan, build_methods, make_plan, method_values
from medgauge.comparing.shards import read_shard
from medgauge.comparing.showable import showable, shown_out_of_fold
from medgauge.comparing.state import State, recorded_methods
from medgauge.comparing.tables import write_tables
from medgauge.comparing.trials import choose_trial, trial_score
from medgauge.comparing.trying import try_methods
from medgauge.comparing.workers import Workers, plan_workers
from medgauge.core.display import Display
from medgauge.core.errors import InputError, check_counts, check_lists, check_switches, check_texts
from medgauge.core.words import counted
from medgauge.fitting.stamp import placed_settings
from medgauge.functional.classes import likeliest
from medgauge.recipes.doors import door
from medgauge.recipes.idle import shared_notes
from medgauge.recipes.mistakes import foreign_code
from medgauge.recipes.read import override, recipe_values
from medgauge.report.comparison.page import write_comparison
from medgauge.runfolder.folder import plain
from medgauge.runfolder.lock import held
from medgauge.study import load_study
from medgauge.training.loop import Stopped


@door
def compare(
    recipes: Sequence[str | Path],
    *,
    out: str | Path,
    losses: Sequence[str | Path] = (),
    seeds: int = 5,
    partitions: int = 1,
    trials: int = 3,
    grid: Sequence[str] = (),
    reference: str | None = None,
    changes: Mapping[str, Any] | None = None,
    workers: int | str = 1,
    shard: str | None = None,
    keep_runs: bool = False,
    terminal: bool = False,
    **columns: Any,
) -> dict[str, Any]:
    """Train and judge methods side by side; a comparison that was stopped goes on. Returns what comparison.json holds.

    >>> medgauge.compare(["hc18_l1", "hc18_rm_l1"], seeds=5, out="runs/cmp")  # doctest: +SKIP

    Args:
        recipes: recipes by file or name; or, with ``losses``, the one that all share; or finished run folders, which
            are compared as they are.
        out: the folder of the comparison. The same command with one recipe more lets that method join: what is there
            already is not made again.
        losses: methods laid over the one recipe: each brings objective, weights, sampler, head and neck.
        seeds: runs of each method; the test cases are the same in each. With fewer than three nothing is decided.
        partitions: with ``folds`` (of the recipe's data section) how often the cases are cut into folds. All methods and
            seeds are then judged out of fold, and no test case is read. Of a method that every seed makes the same (frozen)
            fewer than three decide nothing.
        trials: tuning runs of each method (with folds in each outer training part), judged on validation cases; 1 = no
            tuning.
        grid: further settings to tune, as "setting=value,value", or "method:setting=value,value" for one method.
        reference: the method that the others are compared with; None: the first.
        changes: settings by dotted place, over every recipe.
        workers: runs at a time, in processes that share the threads, or the visible GPUs in turn; "auto": one a visible
            GPU, else one a thread.
        shard: "2/8": with folds, make every eighth training part, from the second on. All shards work in one shared folder;
            who comes last, or the command without shard, writes the comparison. Until then there are no figures.
        keep_runs: keep the run folders.
        terminal: show progress.
        columns: settings of the recipes' data section, by name (table, image, label, group, ...).

    Raises:
        InputError: anything wrong in recipes, table or settings, before any run; or a stop.
    """
    check_lists(recipes=recipes, losses=losses, grid=grid)
    check_texts(reference=reference, shard=shard)
    check_counts(seeds=seeds, partitions=partitions, trials=trials)
    crew = plan_workers(workers, gpus=torch.cuda.device_count(), threads=torch.get_num_threads())
    check_switches(keep_runs=keep_runs, terminal=terminal)
    if seeds > TUNING:
        raise InputError(f"--seeds must be <= {TUNING}, got {seeds}")
    part = None if shard is None else read_shard(shard)
    settings = placed_settings(columns, {} if changes is None else changes)
    if are_runs(recipes):
        if losses or settings or grid or part:
            raise InputError(
                "finished runs are compared as they are: give no --losses, --grid, --shard or settings with run folders"
            )
        with Display(terminal) as display, held(Path(out), say=display.say):
            notes = folder_notes(recipes)
            for note in notes:
                display.say(note)
            state = claim_runs(recipes, out, reference)
            state.values["notes"] = notes
            told(state, display)
            finish(state)
    else:
        methods = build_methods(method_values(recipes, losses, settings))
        if not next(iter(methods.values())).data.folds:
            _refuse_without_folds(partitions, shard)
        notes = shared_notes(methods, settings)
        with Display(terminal) as display:
            foreign = dict.fromkeys(line for one in methods.values() for line in foreign_code(one.objective))
            for line in (*foreign, *notes):
                display.say(line)
            study = load_study(next(iter(methods.values())), progress=display.images)
            plan = make_plan(
                methods, study, seeds=seeds, trials=trials, grid=grid, reference=reference, partitions=partitions
            )
            there = recorded_methods(out)
            with torch.random.fork_rng(devices=[]):
                try_methods(plan, [name for name in plan.methods if name not in there])
            if plan.folds:
                folder = Path(out)
                return compare_folds(plan, folder, display, finish, shard=part, workers=crew, keep=keep_runs).values
            with held(Path(out), say=display.say):
                state = State.claim(out, plan.stamp(), plan.regions)
                told(state, display)
                make_runs(plan, state, display, workers=crew, keep=keep_runs)
                with contextlib.suppress(OSError):
                    (state.folder / "runs").rmdir()  # where no run folder was kept
                finish(state)
    return state.values


def _refuse_without_folds(partitions: int, shard: str | None) -> None:
    if partitions > 1:
        raise InputError(f"--partitions {partitions} needs folds that the cases are cut into: give --folds")
    if shard is not None:
        raise InputError(
            f"--shard {shard} needs --folds: without folds no run reads the test split before all trials are done, which one "
            "machine sees to; --workers makes several runs at a time there"
        )


def told(state: State, display: Display) -> None:
    """Say what is made anew."""
    for line in state.mended:
        display.say(line)


def make_runs(plan: Plan, state: State, display: Display, *, workers: Workers, keep: bool) -> None:
    """Make every run that is not recorded yet: the trials, then with frozen settings those that read the test split."""
    _do(tuning_jobs(plan, state), state, display, workers, keep)
    if plan.methods.keys() - state.values["chosen"].keys():
        freeze(plan, state)
    _do(test_jobs(plan, state), state, display, workers, keep)


def tuning_jobs(plan: Plan, state: State) -> list[Job]:
    """Every tuning trial; without tuning one run of the reference, for the smallest difference that could be shown."""
    jobs = []
    for trial in range(max(map(len, plan.trials.values()))):
        for name, laid in plan.trials.items():
            if trial < len(laid) and (len(laid) > 1 or name == plan.reference):
                jobs.append(
                    _job(plan, state, f"{name}-trial{trial + 1}", name, plan.tuning_seed, laid[trial], trial + 1)
                )
    return jobs


def test_jobs(plan: Plan, state: State) -> list[Job]:
    """Every run that is judged: all methods of the first seed, then of the next."""
    chosen = state.values["chosen"]
    return [
        _job(plan, state, f"{name}-{seed}", name, seed, chosen[name]["changes"], None)
        for seed in plan.seeds
        for name in plan.methods
    ]


def _job(
    plan: Plan, state: State, name: str, method: str, seed: int, changes: Mapping[str, Any], trial: int | None
) -> Job:
    values = override(recipe_values(plan.methods[method]), {**changes, "seed": seed})
    return Job(name, method, seed, trial, values, state.folder / "runs" / name)


def _do(jobs: Sequence[Job], state: State, display: Display, workers: Workers, keep: bool) -> None:
    """Make the runs that are not recorded yet."""
    done = state.done()
    waiting = [job for job in jobs if job.name not in done]
    for job in jobs:
        if job.name in done and not keep:  # where a kill came before its folder was removed
            shutil.rmtree(job.folder, ignore_errors=True)
    left, started = len(waiting), time.monotonic()
    if waiting:
        display.runs(len(jobs) - left, len(jobs), "")

    def record(job: Job, outcome: Outcome) -> None:
        nonlocal left
        state.record([(job, outcome)])
        left -= 1
        display.say(f"{len(jobs) - left} of {len(jobs)}: {job.name}, {_in_words(outcome.entry)}")
        spent = time.monotonic() - started
        display.runs(len(jobs) - left, len(jobs), f"about {spent / (len(waiting) - left) * left / 60:.0f} min left")

    try:
        do_jobs(waiting, record, workers=workers, keep=keep)
    except (Stopped, KeyboardInterrupt) as error:
        whole = len(jobs) - left
        raise Stopped(
            f"stopped after {whole} of {counted(len(jobs), 'run')}; the same command goes on from there"
        ) from error


def _in_words(entry: Mapping[str, Any]) -> str:
    if "failed" in entry:
        return f"failed: {entry['failed']}"
    score = f"validation score {trial_score(entry):.3g} " if entry.get("val") else ""
    return f"{score}({entry['wall']:.0f} s)"


def freeze(plan: Plan, state: State) -> None:
    """Choose each method's trial by its validation error, and write it down before any test case is read.

    Raises:
        InputError: every trial of a method failed.
    """
    tuning, chosen = state.values["tuning"], dict(state.values["chosen"])
    for name, laid in plan.trials.items():
        if name not in chosen:
            chosen[name] = choose_trial(name, [entry for entry in tuning if entry["method"] == name], laid)
    if "smallest_difference" not in state.values:  # what was stated stays, also where a method joins
        state.values["smallest_difference"] = _smallest(plan, state, chosen)
    state.values["chosen"] = chosen
    state.values["looks"] = {"test": len(plan.seeds) * len(plan.methods)}  # counted before any of them
    state.write()


def _smallest(plan: Plan, state: State, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """For each target, the smallest difference that the test cases could show; from validation cases alone."""
    table, targets = state.development, plan.study.table.target
    trials = {name: one["trial"] for name, one in chosen.items() if one["trial"]} or {plan.reference: 1}
    found = {}
    for target in targets:
        label = torch.tensor(table.numbers(f"label_{target}"), dtype=torch.float64)
        error = main_figure(plan.study.recipe.data.kind[target]).each
        if error is None:  # nothing to say beforehand of what is no mean over cases
            continue
        errors = {
            name: error(table.values(f"{name}-trial{trial}", target, targets), label) for name, trial in trials.items()
        }
        found[target] = showable(errors, table.columns["group"], plan.reference, groups=plan.test_groups[target])
    return found


def finish(state: State) -> None:
    """Compute every figure and write comparison.json, comparison.csv, table.md and comparison.html."""
    settings, table = state.values["settings"], state.test
    targets, names = settings["targets"], list(settings["methods"])
    entries = {name: [run for run in state.values["runs"] if run["method"] == name] for name in names}
    order = ("seed", "partition", "fold")
    entries = {
        name: sorted(runs, key=lambda run: [int(run.get(key, 0)) for key in order]) for name, runs in entries.items()
    }
    label = torch.tensor([table.numbers(f"label_{target}") for target in targets], dtype=torch.float64).T
    region = list(zip(*(table.columns[f"region_{target}"] for target in targets), strict=True))
    folds = "folds" in settings
    value = {target: every_value(state, target, entries) for target in targets}
    judged = Judged(
        table.columns["group"],
        targets,
        label,
        region,
        torch.stack([likeliest(one) if target in state.classes else one for target, one in value.items()], dim=-1),
        entries,
        settings["reference"],
        tuple(settings.get("unseeded", ())),
        case_folds(state) if folds else None,
        {target: value[target] for target in state.classes},
    )
    state.values["looks"] = {"test": 0 if folds else len(state.values["runs"])}
    found = figures(judged, seed=settings["seeds"][0])
    if folds:
        stated = {target: shown_out_of_fold(found[target]) for target in targets}
        state.values["smallest_difference"] = {target: one for target, one in stated.items() if one is not None}
    state.values["figures"] = plain(found)
    state.write()
    write_tables(state.values, state.folder)
    write_comparison(state.folder.path)
