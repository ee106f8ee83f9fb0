"""Whether the coverage of a run's intervals on its test split is chance: calibration and test groups drawn anew.

Run: python benchmarks/interval_redraws.py RUN [RUN ...] [--draws 600]
Values stay as the run read them; of the groups of its calibration and test splits as many as the run calibrated on are drawn,
both intervals are fitted on them and judged on the others. Writes benchmarks/results/interval_redraws.json and the table of
docs/intervals.md.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import torch
from common import write_between

from medgauge.calibration import LabelConditionalConformal, SplitConformal
from medgauge.core.version import __version__
from medgauge.metrics import LabelRegions

RESULTS = Path(__file__).parent / "results" / "interval_redraws.json"
LEVEL = 0.9
PARTS = ("all", "many", "medium", "few")


def redraws(run: Path, *, draws: int) -> dict[str, Any]:
    """Coverage of a run's test cases by hulls and by plain intervals, and over draws of its calibration groups."""
    frame = pandas.read_csv(run / "predictions.csv", dtype={"id": str, "group": str})
    target = next(name.removeprefix("label_") for name in frame.columns if name.startswith("label_"))
    regions = LabelRegions.fit(torch.tensor(frame.loc[frame["split"] == "train", f"label_{target}"].to_numpy(float)))
    pool = frame[frame["split"].isin(["calibration", "test"]) & frame[f"label_{target}"].notna()]
    value, label = (torch.tensor(pool[[f"{part}_{target}"]].to_numpy(float)) for part in ("value", "label"))
    group, region = pool["group"].to_numpy(), pool[f"region_{target}"].to_numpy()

    def judged(calibration: np.ndarray, seed: int) -> dict[str, list[float]]:
        own, other = torch.from_numpy(np.flatnonzero(calibration)), torch.from_numpy(np.flatnonzero(~calibration))
        given = (value[own], label[own], group[calibration].tolist())
        conditional = LabelConditionalConformal.fit(*given, [regions], level=LEVEL, seed=seed)
        plain = SplitConformal.fit(*given, level=LEVEL, seed=seed)
        lower, upper = conditional.interval(value[other])
        held = {
            "label-conditional": ((lower <= label[other]) & (label[other] <= upper)).numpy()[:, 0],
            "plain": plain.contains(value[other], label[other]).numpy()[:, 0],
        }
        rows = [np.ones((~calibration).sum(), bool), *(region[~calibration] == name for name in PARTS[1:])]
        return {kind: [float(of[kept].mean()) for kept in rows] for kind, of in held.items()}

    own = (pool["split"] == "calibration").to_numpy()
    names, chance = np.unique(group), np.random.default_rng(0)
    count = len(set(group[own]))
    drawn = [judged(np.isin(group, chance.choice(names, count, replace=False)), seed) for seed in range(draws)]
    here, found = judged(own, 0), {}
    for kind in here:
        table = np.array([one[kind] for one in drawn])
        found[kind] = {
            "of_the_run": dict(zip(PARTS, np.round(here[kind], 3), strict=True)),
            "mean": dict(zip(PARTS, np.round(table.mean(0), 3), strict=True)),
            "sd": dict(zip(PARTS, np.round(table.std(0), 3), strict=True)),
            "share_below": float((table[:, 0] <= here[kind][0]).mean()),
        }
    return {"calibration_groups": count, "test_groups": len(names) - count, "draws": draws, "intervals": found}


def lines(found: dict[str, Any]) -> list[str]:
    """The table of the page."""
    rows = [
        "| run | interval | of the run: all, many, medium, few | mean of the draws | standard deviation | draws below |"
    ]
    rows.append("| --- | --- | --- | --- | --- | --- |")
    for run, one in found.items():
        for kind, part in one["intervals"].items():
            cells = (" ".join(f"{part[key][name]:.3f}" for name in PARTS) for key in ("of_the_run", "mean", "sd"))
            rows.append(f"| {run} | {kind} | {' | '.join(cells)} | {part['share_below']:.1%} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--draws", type=int, default=600)
    given = parser.parse_args()
    before = json.loads(RESULTS.read_text(encoding="utf-8"))["runs"] if RESULTS.exists() else {}
    runs = {**before, **{run.name: redraws(run, draws=given.draws) for run in given.runs}}
    RESULTS.write_text(json.dumps({"medgauge": __version__, "runs": runs}, indent=1) + "\n", encoding="utf-8")
    write_between("../intervals.md", "redraws", lines(runs))


if __name__ == "__main__":
    main()
