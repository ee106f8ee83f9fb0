"""Grades on frozen features: logistic regression beside the neighbours' vote, out of fold, as the recipe ``frozen`` gives them.

python benchmarks/frozen_grades.py [--only SET]      (goes on after a stop; then writes the table of docs/accuracy.md)

The sets and folds are those of frozen_features.py, whose kernel regression reads the same grades as numbers.
"""

import argparse
import json
from typing import Any

from common import machine, write_between
from frozen_features import HERE, PAGE, SETS, measured, out_of_fold
from frozen_features import OUT as NUMBERS

OUT = HERE / "results" / "frozen_grades.json"
GRADES = ("idrid", "retinamnist")
FIGURES = ("mae", "quadratic_kappa", "accuracy", "within_one")


def measure(name: str) -> dict[str, Any]:
    """One set: the figures of both predictors, and the sets of the one of record."""
    block = out_of_fold(name, kind={SETS[name]["label"]: "grade"})
    found = {key: block[key] for key in ("n", "groups", "predictor")}
    found |= {"by_predictor": {key: {one: of[one] for one in FIGURES} for key, of in block["by_predictor"].items()}}
    found |= {"ci95": {key: block["ci95"][key] for key in ("mae", "quadratic_kappa")}}
    found |= {"median": block["baselines"]["median"]["mae"]}
    found |= {"coverage": block["set"]["coverage"], "size": block["set"]["size"]}
    return found | {"machine": machine()}


def rows(results: dict[str, Any]) -> list[str]:
    """The table of the page."""
    numbers = json.loads(NUMBERS.read_text())
    heads = [
        "set",
        "predictor",
        "MAE (95 %)",
        "quadratic kappa (95 %)",
        "right grade",
        "within one",
        "sets of 90 %: cover, size",
    ]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, one in results.items():
        for predictor, of in sorted(one["by_predictor"].items()):
            record = predictor == one["predictor"]
            ends = {key: f" ({low:.3g} to {high:.3g})" if record else "" for key, (low, high) in one["ci95"].items()}
            said = f"{100 * one['coverage']:.1f} %, {one['size']:.2g}" if record else ""
            lines.append(
                f"| {name} | {predictor} | {of['mae']:.3f}{ends['mae']} | {of['quadratic_kappa']:.3f}{ends['quadratic_kappa']} | "
                f"{100 * of['accuracy']:.1f} % | {100 * of['within_one']:.1f} % | {said} |"
            )
        lines.append(f"| {name} | kernel, as a number | {numbers[name]['mae']:.3f} | | | | |")
        lines.append(f"| {name} | always the median | {one['median']:.3f} | | | | |")
    return lines


def main() -> None:
    """Measure what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=GRADES, nargs="*", default=list(GRADES))
    results = measured(OUT, parser.parse_args().only, measure)
    write_between(PAGE, "grades", rows({name: results[name] for name in GRADES if name in results}))


if __name__ == "__main__":
    main()
