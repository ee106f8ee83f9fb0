"""What 0.1.0 gives without a recipe, on the first of the five folds of the other tables; one fit a set.

python benchmarks/earlier.py --medgauge FILE --work FOLDER [--only SET ...]
(FILE: the command of an environment with 0.1.0; goes on after a stop; then writes the table of docs/accuracy.md)

A fifth of the groups, the first fold of `medgauge fit --folds 5`, is 0.1.0's test split; of the second fold's groups one half
is for validation, the other one for calibration. The table has the quick budget on the same cases beside it: its values and
intervals are of fits that have not seen them.
"""

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import torch
from common import machine, write_between
from frozen_features import SETS, table_of

import medgauge
from medgauge.metrics import interval_score

HERE = Path(__file__).resolve().parent
OUT = HERE / "results" / "earlier.json"
PAGE = HERE.parent / "docs" / "accuracy.md"
LEVEL = 0.9
ORDER = ("hc18", "lidc_nodules", "idrid_blocks", "nih_cxr1000", "retinamnist", "idrid")
VALUES = ("image", "array", "index", "label", "group", "covariates", "label_times")


def measure(name: str, command: str, work: Path) -> dict[str, Any]:
    """Both versions on one set: what they say of the same cases."""
    home, given = work / name, SETS[name]
    home.mkdir(parents=True, exist_ok=True)
    table = table_of(name, home)
    changes = {"data.cache": str(home / "cache"), **given.get("changes", {})}
    medgauge.fit(table=table, out=home / "quick", budget="quick", **{**given, "changes": changes})
    cut = with_parts(pandas.read_csv(table), home / "quick" / "quick" / "splits.csv", given, table.parent)
    cut.to_csv(home / "parts.csv", index=False)
    flags = [part for key, value in flags_of(given, table.parent).items() for part in (f"--{key}", value)]
    flags += ["--no-groups"] if given.get("no_groups") else []
    out, label = home / "earlier", given["label"]
    if not (out / "results.json").exists():
        table_flags = ["--table", str(home / "parts.csv"), "--split", "part", "--out", str(out)]
        subprocess.run([command, "fit", *table_flags, "--test", *flags], check=True, cwd=home)
    before = pandas.read_csv(out / "predictions.csv")
    test = before[before["split"] == "test"]
    now = pandas.read_csv(home / "quick" / "quick" / "predictions.csv").set_index("row").loc[test["row"]]
    baseline = json.loads((out / "results.json").read_text())["test"][label]["baselines"]
    return {
        "n": len(test),
        "baselines": {name: one["mae"] for name, one in baseline.items()},
        "earlier": figures(test, label),
        "quick": figures(now, label),
        "machine": machine(),
    }


def figures(read: pandas.DataFrame, label: str) -> dict[str, Any]:
    """Error and 90 % intervals of what a run says of some cases."""
    value, truth, low, high = (
        torch.tensor(read[f"{name}_{label}"].to_numpy(float)) for name in ("value", "label", "lower", "upper")
    )
    width = high - low
    return {
        "mae": float((value - truth).abs().mean()),
        "coverage": float(((low <= truth) & (truth <= high)).double().mean()),
        "width": float(width.median()),
        "infinite": float(width.isinf().double().mean()),
        "interval_score": float(interval_score(low, high, truth, LEVEL)),
    }


def with_parts(frame: pandas.DataFrame, splits: Path, given: dict[str, Any], home: Path) -> pandas.DataFrame:
    """The table with a column ``part``: fold 0 is test, fold 1 val and calibration by turns of its groups, the rest train."""
    fold = pandas.read_csv(splits)["fold"]
    if len(fold) != len(frame):
        raise SystemExit(f"{splits} has {len(fold)} of {len(frame)} rows")
    group = pandas.Series(np.arange(len(frame))) if given.get("no_groups") else frame[given["group"]]
    turn = {name: place % 2 for place, name in enumerate(sorted(group[fold == 1].unique()))}
    second = group.map(turn).map({0.0: "val", 1.0: "calibration"})
    part = pandas.Series("train", index=frame.index).mask(fold == 0, "test").mask(fold == 1, second)
    paths = {given["image"]: [str(home / path) for path in frame[given["image"]]]} if "image" in given else {}
    return frame.assign(part=part, **paths)


def flags_of(given: dict[str, Any], home: Path) -> dict[str, str]:
    """The flags of 0.1.0 for a set."""
    found = {key.replace("_", "-"): str(given[key]) for key in VALUES if key in given}
    if "array" in found:
        found["array"] = str(home / found["array"])
    changes = given.get("changes", {}).items()
    return found | {key: value if isinstance(value, str) else json.dumps(value) for key, value in changes}


def rows(results: dict[str, Any]) -> list[str]:
    """The table of the page: a row a set and version."""
    heads = ["set", "cases", "median", "version", "error", "coverage of 90 %", "median width", "interval score"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name in [one for one in ORDER if one in results]:
        one = results[name]
        for key, told in (("earlier", "0.1.0"), ("quick", "quick")):
            block = one[key]
            width, score = (f"{block[figure]:.3g}" for figure in ("width", "interval_score"))
            lines.append(
                f"| {name} | {one['n']} | {one['baselines']['median']:.3g} | {told} | {block['mae']:.3g} | "
                f"{100 * block['coverage']:.1f} % | {width} | {score} |"
            )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--medgauge", required=True, help="the command of 0.1.0")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=ORDER, default=list(ORDER))
    given = parser.parse_args()
    results = json.loads(OUT.read_text()) if OUT.exists() else {}
    for name in given.only:
        if name not in results:
            results[name] = measure(name, given.medgauge, given.work.resolve())
            OUT.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
        print(name, results[name]["quick"]["mae"], results[name]["earlier"]["mae"], flush=True)
    write_between(PAGE, "earlier", rows(results))


if __name__ == "__main__":
    main()
