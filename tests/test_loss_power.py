"""The tables of docs/loss_power.md are those of the JSON."""

import json
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
STATE = json.loads((ROOT / "benchmarks" / "results" / "loss_power.json").read_text())
DIGITS = {"hc18": 2, "lidc_nodules": 4, "nih_cxr1000": 2}


def test_the_mean_error_of_every_finished_method_stands_in_the_page() -> None:
    page = (ROOT / "docs" / "loss_power.md").read_text(encoding="utf-8")
    found = 0
    for data, digits in DIGITS.items():
        section = page.partition(f"### {data}, 100% of the groups")[2].partition("###")[0]
        for line in [line for line in section.splitlines() if line.startswith("| ") and " x " in line][1:]:
            name, repeats, mae, *_ = [cell.strip() for cell in line.strip("|").split("|")]
            partitions, seeds = map(int, repeats.split(" x "))
            total, count = 0.0, 0
            for partition in range(partitions):
                for fold in range(5):
                    for errors in STATE["fits"][f"{data} | 1 | {partition} | {fold} | {name}"]["errors"][:seeds]:
                        total, count = total + float(np.sum(errors)), count + len(errors)
            assert mae == f"{total / count / 10**digits:.4g}", (data, name)
            found += 1
    assert found >= 30
