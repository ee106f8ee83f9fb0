"""``medgauge fit`` without a recipe beside L1 and each set's best two recipes of docs/comparison.md, on the same folds.

python benchmarks/default_against.py --work FOLDER [--only SET ...]
(FOLDER is that of budgets.py, whose standard runs are taken, or made; goes on after a stop; writes docs/comparison.md)

The recipes train networks from scratch of the size, on the images, for the steps and on the folds that the plan gave its own
candidate from scratch. One partition, one seed, all cases development data: what is drawn is groups.
"""

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import torch
from budgets import measure
from common import machine, write_between
from frozen_features import SETS, table_of

import medgauge
from medgauge.functional.regions import Regions
from medgauge.metrics.comparison import MARGIN, MARGIN_FEW, ends
from medgauge.metrics.crossed import crossed_means

HERE = Path(__file__).resolve().parent
OUT = HERE / "results" / "default_against.json"
PAGE = HERE.parent / "docs" / "comparison.md"
BEST = {
    "lidc_nodules": ("l1", "jocorank_individual", "jocorank"),
    "retinamnist": ("l1", "rm_l1", "rnc"),
    "hc18": ("l1", "rnc", "rm_l1"),
    "nih_cxr1000": ("l1",),
}
"""L1, and the two recipes of the lowest error in docs/comparison.md where the set is there; by their cost."""
DRAWS = 10_000


def values_of(run: Path, label: str) -> dict[str, tuple[str, float, float]]:
    """Group, label and value of every labelled case of a run over folds, by id."""
    with (run / "predictions.csv").open(encoding="utf-8") as file:
        return {
            row["id"]: (row["group"], float(row[f"label_{label}"]), float(row[f"value_{label}"]))
            for row in csv.DictReader(file)
            if row[f"label_{label}"]
        }


def trained(name: str, recipe: str, home: Path) -> Path:
    """The run of a recipe as the plan's candidate from scratch is trained; taken up where it stopped."""
    plan = json.loads((home / "run" / "plan.json").read_text())
    (scratch,) = (one for one in plan["candidates"] if one["name"] == "scratch")
    out = home / "against" / recipe
    given = {key: value for key, value in SETS[name].items() if key != "changes"}
    changes = {**SETS[name].get("changes", {}), **scratch["changes"], "data.cache": str(home / "cache")}
    medgauge.fit(recipe, table=table_of(name, home), out=out, report=False, changes=changes, **given)
    return out


def beside(name: str, home: Path, recipes: list[str]) -> dict[str, Any]:
    """The default's error over that of each recipe, with the limits over draws of groups, whole and in region few."""
    label = str(SETS[name]["label"])
    chosen = json.loads((home / "run" / "candidates.json").read_text())["chosen"]
    default = values_of(home / "run" / chosen, label)
    others = {recipe: values_of(home / "against" / recipe, label) for recipe in recipes}
    ids = sorted(default)
    if any(sorted(one) != ids for one in others.values()):
        raise SystemExit(f"{name}: the runs have different cases")
    groups, truth = [default[one][0] for one in ids], torch.tensor([default[one][1] for one in ids]).double()
    values = torch.tensor([[one[key][2] for key in ids] for one in (default, *others.values())]).double()
    error = (values - truth).abs()
    regions = Regions.fit(truth[:, None])
    few = torch.nonzero(regions.of(truth[:, None])[:, 0] == regions.names.index("few")).flatten()
    found: dict[str, Any] = {"chosen": chosen, "n": len(ids), "n_few": len(few), "machine": machine(), "against": {}}
    found["mae"], found["few_mae"] = float(error[0].mean()), float(error[0, few].mean())
    drawn = crossed_means(error[:, None], groups, draws=DRAWS)
    drawn_few = crossed_means(error[:, None, few], [groups[int(row)] for row in few], draws=DRAWS)
    for place, recipe in enumerate(recipes, 1):
        low, high = ends((drawn[:, 0] / drawn[:, place] - 1)[:, None])[0].tolist()
        low_few, high_few = ends((drawn_few[:, 0] / drawn_few[:, place] - 1)[:, None])[0].tolist()
        found["against"][recipe] = {
            "mae": float(error[place].mean()),
            "few_mae": float(error[place, few].mean()),
            "relative": float(error[0].mean() / error[place].mean() - 1),
            "relative_ci95": [low, high],
            "few_relative": float(error[0, few].mean() / error[place, few].mean() - 1),
            "few_relative_ci95": [low_few, high_few],
        }
    return found


def rows(results: dict[str, Any]) -> list[str]:
    """The table of the page: a row a set and recipe."""
    lines = ["| set | answers | MAE (few) | against | its MAE (few) | relative (95 %) | few (95 %) | verdict |"]
    lines.append("|---" * 8 + "|")
    for name in (one for one in BEST if one in results):
        one = results[name]
        for recipe, block in one["against"].items():
            high, high_few = block["relative_ci95"][1], block["few_relative_ci95"][1]
            said = "not worse" if high <= MARGIN and high_few <= MARGIN_FEW else "not shown"
            lines.append(
                f"| {name} | {one['chosen']} | {one['mae']:.3g} ({one['few_mae']:.3g}) | {recipe} | {block['mae']:.3g} "
                f"({block['few_mae']:.3g}) | {_percent(block['relative'], block['relative_ci95'])} | "
                f"{_percent(block['few_relative'], block['few_relative_ci95'])} | {said} |"
            )
    return lines


def _percent(of: float, between: list[float]) -> str:
    return f"{100 * of:+.1f}% ({100 * between[0]:+.1f}% to {100 * between[1]:+.1f}%)"


def main() -> None:
    """Make what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", choices=tuple(BEST), nargs="*", default=list(BEST))
    asked = parser.parse_args()
    results = json.loads(OUT.read_text()) if OUT.exists() else {}
    budgets = HERE / "results" / "budgets.json"
    for name in asked.only:
        home = asked.work / f"{name}_standard"
        if not (home / "run" / "candidates.json").exists() or not results.get(name):
            kept = json.loads(budgets.read_text())
            kept[f"{name} standard"] = measure(name, "standard", asked.work)
            budgets.write_text(json.dumps(kept, indent=1) + "\n")
        for count, recipe in enumerate(BEST[name], 1):
            trained(name, recipe, home)
            results[name] = beside(name, home, list(BEST[name][:count]))
            OUT.write_text(json.dumps(results, indent=1) + "\n")
            print(name, recipe, results[name]["against"][recipe], flush=True)
    write_between(str(PAGE), "default", rows(results))


if __name__ == "__main__":
    main()
