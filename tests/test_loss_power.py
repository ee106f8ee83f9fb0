"""The tables of docs/loss_power.md are those of the JSON."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

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


def test_intervals_of_the_page_are_those_of_groups_partitions_and_seeds_drawn_one_by_one() -> None:
    """A bootstrap of its own, in NumPy: 1,500 draws, so that its ends lie within a few tenths of the interval's width."""
    random, found = np.random.default_rng(0), 0
    section = (ROOT / "docs" / "loss_power.md").read_text(encoding="utf-8").partition("### lidc_nodules, 100%")[2]
    place = STATE["cases"]["lidc_nodules | 0"]
    group, few = np.array(place["group"]), np.array(place["region"]) == 2
    for name in ("rm", "rnc"):
        cells = next(line for line in section.splitlines() if line.startswith(f"| {name} |")).strip("|").split("|")
        partitions, seeds = map(int, cells[1].split(" x "))
        errors = {method: np.zeros((partitions, seeds, len(group))) for method in ("l1", name)}
        for method, whole in errors.items():
            for partition in range(partitions):
                folds = np.array(STATE["cases"][f"lidc_nodules | {partition}"]["fold"])
                for fold in range(5):
                    own = STATE["fits"][f"lidc_nodules | 1 | {partition} | {fold} | {method}"]["errors"][:seeds]
                    whole[partition][:, folds == fold] = own
        for kept, words in ((np.ones(len(group), bool), cells[6]), (few, cells[7])):
            low, high = (float(end) / 100 for end in re.findall(r"[+-][\d.]+(?=%(?: to|\)| $))", words)[-2:])
            rows_of = [np.flatnonzero(kept & (group == one)) for one in np.unique(group[kept])]
            drawn = []
            for _ in range(1500):
                rows = np.concatenate([rows_of[one] for one in random.integers(0, len(rows_of), len(rows_of))])
                own = [random.integers(0, partitions, partitions), random.integers(0, seeds, seeds)]
                means = {method: one[np.ix_(*own, rows)].mean() for method, one in errors.items()}
                drawn.append(means[name] / means["l1"] - 1)
            assert [low, high] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.12 * (high - low)), (
                name,
                words,
            )
            found += 1
    assert found == 4
