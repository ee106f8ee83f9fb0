"""``medgauge fit`` without a recipe on the shared sets, at one budget: which candidate answers, and how good it is.

python benchmarks/budgets.py --work FOLDER [--budget standard] [--only SET ...]
(goes on after a stop, from the runs in FOLDER; then writes the table of docs/accuracy.md)

Shared parts (environment variable MEDGAUGE_SHARED, or ../shared/data beside the project), five folds by group. They are
development data. IDRiD and RetinaMNIST name no patients.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import pandas
import torch
from common import machine, write_between
from frozen_features import SETS, table_of

import medgauge
from medgauge.metrics.agreement import quadratic_kappa

HERE = Path(__file__).resolve().parent
OUT = HERE / "results" / "budgets.json"
PAGE = HERE.parent / "docs" / "accuracy.md"
GRADES = 10
"""Different labels up to which whole numbers are read as grades."""
ORDER = ("hc18", "lidc_nodules", "idrid_blocks", "nih_cxr1000", "retinamnist", "idrid")


def measure(name: str, budget: str, work: Path) -> dict[str, Any]:
    """One set: the run folder stays in ``work``, so that a stop costs little."""
    home = work / f"{name}_{budget}"
    home.mkdir(parents=True, exist_ok=True)
    settings = SETS[name] | {"changes": {"data.cache": str(home / "cache"), **SETS[name].get("changes", {})}}
    run = medgauge.fit(table=table_of(name, home), out=home / "run", budget=budget, terminal=True, **settings)
    tried = json.loads((home / "run" / "candidates.json").read_text())
    block = run.results["out_of_fold"][SETS[name]["label"]]
    interval, choice = block["interval"], tried["choice"]
    found = {key: block[key] for key in ("n", "groups", "mae", "spearman")}
    return {
        **found,
        "kappa": kappa(home / "run" / tried["chosen"] / "predictions.csv", SETS[name]["label"]),
        "few_mae": block["by_region"]["few"]["mae"],
        "ci95": block["ci95"]["mae"],
        "baselines": {key: one["mae"] for key, one in block["baselines"].items()},
        "coverage": interval["coverage"],
        "width": interval["width"],
        "chosen": tried["chosen"],
        "candidates": tried["candidates"],
        "choice": choice,
        "machine": machine(),
    }


def kappa(predictions: Path, label: str) -> float | None:
    """Quadratic kappa of the values beside whole-numbered labels, None where the labels are not whole numbers of a few kinds."""
    read = pandas.read_csv(predictions, usecols=[f"label_{label}", f"value_{label}"]).dropna()
    truth, value = (torch.tensor(read[f"{of}_{label}"].to_numpy(float))[:, None] for of in ("label", "value"))
    if len(set(truth.flatten().tolist())) > GRADES or (truth != truth.round()).any():
        return None
    return float(quadratic_kappa(value, truth))


def rows(results: dict[str, Any]) -> list[str]:
    """The table of the page: a row a set."""
    heads = ["set", "budget", "answers", "error (95 %)", "corrected for the choice", "few region", "Spearman", "kappa"]
    heads += ["coverage of 90 %", "width", "every candidate's error", "minutes"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name in [f"{one} {budget}" for one in ORDER for budget in ("quick", "standard", "best")]:
        if name not in results:
            continue
        one, (of, budget) = results[name], name.split()
        each = ", ".join(
            f"{c['name']} {c['error']:.3g}" if c["error"] is not None else f"{c['name']} {c['state']}"
            for c in one["candidates"]
        )
        told = "" if one.get("kappa") is None else f"{one['kappa']:.2f}"
        minutes = sum(c["minutes"] or 0.0 for c in one["candidates"])
        lines.append(
            f"| {of} | {budget} | {one['chosen']} | {one['mae']:.3g} ({one['ci95'][0]:.3g} to {one['ci95'][1]:.3g}) | "
            f"{one['choice']['corrected']:.3g} (skill {one['choice']['skill']:.2f}) | "
            f"{one['few_mae']:.3g} | {one['spearman']:.2f} | {told} | {100 * one['coverage']:.1f} % | "
            f"{one['width']:.3g} | {each} | {minutes:.0f} |"
        )
    return lines


def main() -> None:
    """Measure what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--budget", default="standard", choices=("quick", "standard", "best"))
    parser.add_argument("--only", choices=ORDER, nargs="*", default=list(ORDER))
    asked = parser.parse_args()
    results = json.loads(OUT.read_text()) if OUT.exists() else {}
    for name in asked.only:
        if f"{name} {asked.budget}" not in results:
            results[f"{name} {asked.budget}"] = measure(name, asked.budget, asked.work)
            OUT.write_text(json.dumps(results, indent=1) + "\n")
            print(f"{name} {asked.budget}: {results[f'{name} {asked.budget}']['mae']:.4g}", flush=True)
    write_between(PAGE, "budgets", rows(results))


if __name__ == "__main__":
    main()
