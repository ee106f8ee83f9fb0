"""RM-Loss against L1 and MSE on HC18: tune on train and val, freeze, read the test split once a run.

python benchmarks/hc18_study.py tune | run | ablation | probe | table      (each can be stopped and goes on; add --only 0.1 or --only 1.0)

The challenge's val cases are the test split of every run and serve nothing else; a seed sets which of the other
examinations are validation and calibration cases, and the initialisation. Tuning uses a seed of its own.
"""

import argparse
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import pandas

RESULTS = Path(__file__).parent / "results" / "hc18_study.json"
METHODS = ("hc18_l1", "hc18_mse", "hc18_rm", "hc18_rm_l1")
SEEDS = range(5)
TUNING_SEED = 1000
PLAN = {
    1.0: {"training.steps": 800, "training.batch_size": 32, "training.evaluations": 10},
    0.1: {"training.steps": 300, "training.batch_size": 16, "training.evaluations": 10},
}
RATES = (3e-3, 1e-2, 3e-2)
MAIN = {  # the one main setting of each method beside the learning rate: two values each, so six trials each
    "hc18_l1": ("optimiser.weight_decay", (0.01, 0.1)),
    "hc18_mse": ("optimiser.weight_decay", (0.01, 0.1)),
    "hc18_rm": ("objective.isometry.term.init_args.sigma", (0.5, 1.0)),
    "hc18_rm_l1": ("objective.isometry.term.init_args.sigma", (0.5, 1.0)),
}
ABLATION = [  # Table 2 of the paper: sigma, alpha, mining
    *((sigma, 0.1, True) for sigma in (0.25, 0.5, 1.0, 1.5, float("inf"))),
    *((0.5, alpha, True) for alpha in (0.0, 0.2, 0.3)),
    (0.5, 0.1, False),
]


def development_mae(folder: Path) -> float:
    """MAE of the predictor of record on the calibration cases of a run."""
    cases = pandas.read_csv(folder / "predictions.csv")
    cases = cases[cases["split"] == "calibration"]
    return float((cases["value_hc_mm"] - cases["label_hc_mm"]).abs().mean())


def fit(method: str, seed: int, changes: dict[str, Any], *, test: bool) -> dict[str, Any]:
    """One run of the command line, on one core; its results.json."""
    folder = Path(tempfile.mkdtemp(prefix="medgauge-study-"))
    flags = [f"--{place}={json.dumps(value)}" for place, value in changes.items()]
    command = [
        sys.executable,
        "-m",
        "medgauge",
        "fit",
        method,
        "--seed",
        str(seed),
        "--out",
        str(folder / "run"),
        "--no-images",
        *flags,
    ]
    try:
        subprocess.run(
            [*command, "--test"] if test else command,
            check=True,
            capture_output=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        results = dict(json.loads((folder / "run" / "results.json").read_text()))
        return {**results, "development_mae": development_mae(folder / "run")}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def figures(results: dict[str, Any], split: str) -> dict[str, Any]:
    """What the tables need of a run."""
    block = results[split]["hc_mm"]
    kept = {name: block[name] for name in ("mae", "rmse", "r2", "bias", "n", "groups", "predictor")}
    return {
        **kept,
        "few_mae": block["by_region"]["few"]["mae"],
        "by_predictor": {
            name: {"mae": other["mae"], "r2": other["r2"]} for name, other in block["by_predictor"].items()
        },
        "baselines": {name: other["mae"] for name, other in block["baselines"].items()},
        "coverage": block["interval"]["coverage"],
        "space": results[split]["space"],
        "seconds": results["seconds"],
        "best_step": results["training"]["best_step"],
        "development_mae": results["development_mae"],
    }


def load() -> dict[str, Any]:
    empty: dict[str, Any] = {part: {} for part in ("tuning", "runs", "ablation", "probe")}
    return {**empty, **json.loads(RESULTS.read_text())} if RESULTS.exists() else empty


def work(jobs: list[tuple[str, str, str, int, dict[str, Any], bool]]) -> None:
    """Do the jobs that are not in the file yet, two at a time; the file grows with each."""
    lock = Lock()
    done = load()

    def one(job: tuple[str, str, str, int, dict[str, Any], bool]) -> None:
        part, key, method, seed, changes, test = job
        results = fit(method, seed, changes, test=test)
        with lock:
            state = load()
            state[part][key] = {
                "method": method,
                "seed": seed,
                "changes": changes,
                **figures(results, "test" if test else "val"),
            }
            RESULTS.write_text(json.dumps(state, indent=1, sort_keys=True) + "\n")
            print(key, state[part][key]["mae"], flush=True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, [job for job in jobs if job[1] not in done[job[0]]]))


def trials(method: str, fraction: float) -> list[dict[str, Any]]:
    place, values = MAIN[method]
    return [{"optimiser.learning_rate": rate, place: value} for rate, value in itertools.product(RATES, values)]


def tune(fractions: list[float]) -> None:
    jobs = []
    for fraction, method in itertools.product(fractions, METHODS):
        for trial in trials(method, fraction):
            key = f"{method} {fraction} " + " ".join(
                f"{place.rpartition('.')[2]}={value}" for place, value in trial.items()
            )
            jobs.append(
                ("tuning", key, method, TUNING_SEED, {**PLAN[fraction], **trial, "data.fraction": fraction}, False)
            )
    work(jobs)


def frozen(method: str, fraction: float) -> dict[str, Any]:
    """The trial with the smallest validation MAE."""
    done = [
        entry
        for entry in load()["tuning"].values()
        if entry["method"] == method and entry["changes"]["data.fraction"] == fraction
    ]
    if len(done) < len(trials(method, fraction)):
        raise SystemExit(f"tuning of {method} at {fraction} is not finished: {len(done)} trials")
    return dict(min(done, key=lambda entry: entry["mae"])["changes"])


def run(fractions: list[float]) -> None:
    work(
        [
            ("runs", f"{method} {fraction} seed {seed}", method, seed, frozen(method, fraction), True)
            for fraction, seed, method in itertools.product(fractions, SEEDS, METHODS)
        ]
    )


def ablation() -> None:
    """Sigma, alpha and mining, judged on val: the test split is not read."""
    jobs = []
    for (sigma, alpha, mining), seed in itertools.product(ABLATION, SEEDS):
        place = "objective.isometry.term.init_args"
        wanted = {
            f"{place}.sigma": ".inf" if sigma == float("inf") else sigma,
            f"{place}.alpha": alpha,
            f"{place}.mining": mining,
        }
        changes = {**frozen("hc18_rm", 1.0), **wanted}
        jobs.append(
            ("ablation", f"sigma {sigma} alpha {alpha} mining {mining} seed {seed}", "hc18_rm", seed, changes, False)
        )
    work(jobs)


RM = "objective.isometry.term.init_args"
PROBES: dict[float, dict[str, tuple[str, dict[str, Any]]]] = {  # one change each to a frozen run
    1.0: {
        "as frozen": ("hc18_rm", {}),
        "no mining": ("hc18_rm", {f"{RM}.mining": False}),
        "embedding 256": ("hc18_rm", {"model.embedding": 256}),
        "twice the steps": ("hc18_rm", {"training.steps": 1600}),
        "L1 alone, as frozen": ("hc18_l1", {}),
        "L1 alone, twice the steps": ("hc18_l1", {"training.steps": 1600}),
    },
    0.1: {
        "as frozen": ("hc18_rm", {}),
        "no mining": ("hc18_rm", {f"{RM}.mining": False}),
        "sigma 2": ("hc18_rm", {f"{RM}.sigma": 2.0}),
        "three times the steps": ("hc18_rm", {"training.steps": 900}),
        "beside L1, as frozen": ("hc18_rm_l1", {}),
        "L1 alone, as frozen": ("hc18_l1", {}),
        "L1 alone, three times the steps": ("hc18_l1", {"training.steps": 900}),
    },
}
PROBE_SEEDS = range(1000, 1004)


def probe(fractions: list[float]) -> None:
    """Why is RM-Loss alone not better? Judged on calibration cases, which these runs use for nothing else that is read."""
    work(
        [
            ("probe", f"{fraction} {name} seed {seed}", method, seed, {**frozen(method, fraction), **change}, False)
            for seed in PROBE_SEEDS
            for fraction in fractions
            for name, (method, change) in PROBES[fraction].items()
        ]
    )


def spread(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    digits = 4 if max(known) < 1.5 else 2
    return f"{statistics.mean(known):.{digits}f} ± {statistics.stdev(known) if len(known) > 1 else 0:.{digits}f}"


def rows(fraction: float) -> list[list[str]]:
    """One row a method and predictor: MAE, R2, D5, RV as mean and standard deviation over the seeds."""
    state = load()["runs"]
    table = []
    for method in METHODS:
        done = [
            entry
            for entry in state.values()
            if entry["method"] == method and entry["changes"]["data.fraction"] == fraction
        ]
        for predictor in ("head", "neighbours"):
            having = [entry for entry in done if predictor in entry["by_predictor"]]
            if not having:
                continue
            cells = [[entry["by_predictor"][predictor][name] for entry in having] for name in ("mae", "r2")]
            cells += [[entry["space"][name] for entry in having] for name in ("d5", "rv")]
            table.append([method, predictor, str(len(having)), *map(spread, cells)])
    return table


def paired(fraction: float) -> list[list[str]]:
    """Differences to the L1 head's run of the same seed (same cases), with a 95 % t interval over the seeds."""
    from scipy import stats

    state = load()["runs"]
    table = []
    for method, name in ((method, name) for method in METHODS[1:] for name in ("mae", "d5", "rv")):
        pairs = []
        for seed in SEEDS:
            ours, base = (state.get(f"{which} {fraction} seed {seed}") for which in (method, METHODS[0]))
            if ours and base:
                values = [entry["mae"] if name == "mae" else entry["space"][name] for entry in (ours, base)]
                pairs += [values[0] - values[1]] if None not in values else []
        if len(pairs) > 1:
            mean, error = statistics.mean(pairs), statistics.stdev(pairs) / len(pairs) ** 0.5
            half = float(stats.t.ppf(0.975, len(pairs) - 1)) * error
            table.append([method, name, str(len(pairs)), f"{mean:+.4g}", f"{mean - half:+.4g} to {mean + half:+.4g}"])
    return table


def table() -> None:
    for fraction in PLAN:
        print(f"\n{fraction:.0%} of the training and validation groups\n")
        print(
            "| recipe | predictor | seeds | MAE, mm | R2 | D5, mm | RV |\n| --- | --- | --- | --- | --- | --- | --- |"
        )
        for cells in rows(fraction):
            print("| " + " | ".join(cells) + " |")
        print(
            "\n| recipe against hc18_l1 | figure | seeds | mean difference | 95 % interval |\n| --- | --- | --- | --- | --- |"
        )
        for cells in paired(fraction):
            print("| " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("tune", "run", "ablation", "probe", "table"))
    parser.add_argument("--only", type=float, choices=tuple(PLAN))
    given = parser.parse_args()
    fractions = [given.only] if given.only else list(PLAN)
    {
        "tune": lambda: tune(fractions),
        "run": lambda: run(fractions),
        "ablation": ablation,
        "probe": lambda: probe(fractions),
        "table": table,
    }[given.what]()


if __name__ == "__main__":
    main()
