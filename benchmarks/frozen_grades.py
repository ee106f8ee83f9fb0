"""Grades on frozen features: logistic regression beside the neighbours' vote, out of fold, as the recipe ``frozen`` gives them.

python benchmarks/frozen_grades.py [--only SET]      (goes on after a stop; then writes the table of docs/accuracy.md)

The sets and folds are those of frozen_features.py, whose kernel regression reads the same grades as numbers.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from common import machine
from frozen_features import HERE, PAGE, SETS, table_of

import medgauge

OUT = HERE / "results" / "frozen_grades.json"
NUMBERS = HERE / "results" / "frozen_features.json"
MARKS = "<!-- grades -->", "<!-- end of grades -->"
GRADES = ("idrid", "retinamnist")
FIGURES = ("mae", "quadratic_kappa", "accuracy", "within_one")


def measure(name: str) -> dict[str, Any]:
    """One set, five folds: the figures of both predictors, and the sets of the one of record."""
    scratch, label = Path(tempfile.mkdtemp()), SETS[name]["label"]
    changes = {"data.cache": str(scratch / "cache"), **SETS[name].get("changes", {})}
    try:
        run = medgauge.fit(
            "frozen",
            table=table_of(name, scratch),
            out=scratch / "run",
            folds=5,
            kind={label: "grade"},
            **{**SETS[name], "changes": changes},
        )
    finally:
        shutil.rmtree(scratch / "cache", ignore_errors=True)
    block = run.results["out_of_fold"][label]
    shutil.rmtree(scratch, ignore_errors=True)
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


def write_page(results: dict[str, Any]) -> None:
    """Put the table between its marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    PAGE.write_text(before + "\n".join([MARKS[0], *rows(results), MARKS[1]]) + after, encoding="utf-8")


def main() -> None:
    """Measure what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=GRADES, nargs="*", default=list(GRADES))
    results = json.loads(OUT.read_text()) if OUT.exists() else {}
    for name in parser.parse_args().only:
        if name not in results:
            results[name] = measure(name)
            OUT.write_text(json.dumps(results, indent=1) + "\n")
    write_page({name: results[name] for name in GRADES if name in results})


if __name__ == "__main__":
    main()
