"""The correlation losses in their former and in their present form on HC18, beside L1.

    python benchmarks/correlation_forms.py run | table

Recipe ``hc18_l1`` (96 x 64 pixels, 800 steps of 32, peak rate 0.02) with the objective and weights of each method in its
place, read off the head; mean absolute error on the calibration examinations, which a run uses for nothing else. The test split
is not read. Two seeds of their own (3000 and 3001) set validation and calibration cases and the initialisation. Former: absolute
differences of means and spreads, outliers that bend at 1 (in JoCoRank at 0.4), and a ranking of factor 1. ``run`` can be
stopped and goes on; ``table`` writes the tables of docs/methods.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import pandas
from common import machine, write_between

import medgauge
from medgauge.comparing.plan import laid_over
from medgauge.recipes.read import load_values, override

RESULTS = Path(__file__).parent / "results" / "correlation_forms.json"
SEEDS = (3000, 3001)
STEPS = 800
PEARSON = "objective.global_level.term.init_args"
LEVELS = "objective.levels.term.init_args"
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "l1": ("l1", {}),
    "pearson, former": ("pearson", {f"{PEARSON}.distribution": "absolute", f"{PEARSON}.beta": 1.0}),
    "pearson": ("pearson", {}),
    "pearson_spearman, former": ("pearson_spearman", {f"{PEARSON}.distribution": "absolute", f"{PEARSON}.beta": 1.0}),
    "pearson_spearman": ("pearson_spearman", {}),
    "jocorank, former": ("jocorank", {f"{LEVELS}.distribution": "absolute", f"{LEVELS}.ranking_weight": 1.0}),
    "jocorank, ranking 1": ("jocorank", {f"{LEVELS}.ranking_weight": 1.0}),
    "jocorank": ("jocorank", {}),
}
ON_PAGE = {
    "fine-grained-correlation.md": [name for name in FORMS if not name.startswith("jocorank")],
    "jocorank.md": [name for name in FORMS if name == "l1" or name.startswith("jocorank")],
}


def error(name: str, seed: int) -> float:
    """MAE of the head on the calibration cases of one run."""
    recipe, changes = FORMS[name]
    method = load_values(recipe)
    values = override(laid_over(load_values("hc18_l1"), {**method, "data": {}}), changes)
    values = override(values, {"seed": seed, "training.steps": STEPS, "optimiser.learning_rate": 0.02})
    values = override(values, {"optimiser.weight_decay": 0.01, "prediction.predictor": "head"})
    with tempfile.TemporaryDirectory() as folder:
        medgauge.fit(values, out=Path(folder) / "run", images=False, report=False)
        cases = pandas.read_csv(Path(folder) / "run" / "predictions.csv")
    cases = cases[cases["split"] == "calibration"]
    return float((cases["value_hc_mm"] - cases["label_hc_mm"]).abs().mean())


def run() -> None:
    kept: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"machine": machine(), "mae": {}}
    for seed in SEEDS:
        for name in FORMS:
            runs = kept["mae"].setdefault(name, {})
            if str(seed) not in runs:
                runs[str(seed)] = round(error(name, seed), 3)
                RESULTS.write_text(json.dumps({**kept, "steps": STEPS}, indent=1) + "\n")
                print(seed, name, runs[str(seed)], flush=True)


def table() -> None:
    mae = json.loads(RESULTS.read_text())["mae"]
    for page, names in ON_PAGE.items():
        lines = [
            f"| objective | {' | '.join(f'seed {seed}' for seed in SEEDS)} | mean MAE, mm |",
            "| --- | --- | --- | --- |",
        ]
        for name in names:
            found = [mae[name][str(seed)] for seed in SEEDS]
            lines.append(f"| {name} | {' | '.join(f'{one:.2f}' for one in found)} | {sum(found) / len(found):.2f} |")
        write_between(page, "correlation_forms", lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["run", "table"])
    {"run": run, "table": table}[parser.parse_args().what]()
