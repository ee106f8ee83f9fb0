"""Coverage by label region of label-conditional sets against plain split conformal intervals, on drawn data and on runs.

Run: python benchmarks/conformal_coverage.py [--draws 300]        drawn data
     python benchmarks/conformal_coverage.py --run RUN [RUN ...]  the test split of finished runs
Either part writes its own keys of benchmarks/results/conformal_coverage.json and leaves the other's.
"""

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import betabinom
from torch import Tensor

from medgauge.calibration import LabelConditionalConformal, LabelPartition, SplitConformal, binomial_interval
from medgauge.calibration.scores import one_a_group
from medgauge.core.version import __version__
from medgauge.metrics import LabelRegions

RESULTS = Path(__file__).parent / "results" / "conformal_coverage.json"
LEVEL = 0.9
Draw = Callable[[np.random.Generator, int], np.ndarray]
STRATA = LabelPartition((10.0, 20.0, 30.0), (0, 1, 2, 3), ("stratum 1", "stratum 2", "stratum 3", "stratum 4"))


def strata(chance: np.random.Generator, count: int) -> np.ndarray:
    """Labels of which 50, 35, 11 and 4 % lie in four strata one after the other."""
    return 10 * (chance.choice(4, count, p=[0.5, 0.35, 0.11, 0.04]) + chance.uniform(0, 1, count))


def skewed(chance: np.random.Generator, count: int) -> np.ndarray:
    """Labels with a long tail."""
    return chance.gamma(2.0, 5.0, count)


def drawn_data(
    draw: Draw, partition: LabelPartition, spread: tuple[float, ...], *, groups: int, draws: int
) -> dict[str, Any]:
    """Both intervals over random calibration and test draws: 1 to 3 cases a calibration group, 4,000 test cases."""
    names, kinds = partition.names, ("set", "hull", "plain")
    share = {kind: np.full((draws, len(names)), np.nan) for kind in kinds}
    width = {kind: np.full((draws, len(names)), np.nan) for kind in kinds}
    exact, held, infinite = np.full((draws, len(names)), np.nan), np.zeros((draws, len(names))), 0
    for place in range(draws):
        chance = np.random.default_rng([groups, place])
        of = np.repeat(np.arange(groups), chance.integers(1, 4, groups))
        label = np.concatenate([draw(chance, groups)[of], draw(chance, 4000)])
        own = np.concatenate([of, groups + np.arange(4000)])
        scale = np.array(spread)[partition.of(torch.tensor(label)).numpy()]
        noise = 0.6 * chance.standard_normal(groups + 4000)[own] + 0.8 * chance.standard_normal(len(label))
        truth, value = torch.tensor(label)[:, None], torch.tensor(label + scale * noise)[:, None]
        cut, group = len(of), [str(name) for name in of]
        conditional = LabelConditionalConformal.fit(
            value[:cut], truth[:cut], group, [partition], level=LEVEL, seed=place
        )
        plain = SplitConformal.fit(value[:cut], truth[:cut], group, level=LEVEL, seed=place)
        value, truth = value[cut:], truth[cut:]
        hull, other = conditional.hull(value), plain.hull(value)
        endless = bool((hull.upper - hull.lower).isinf().any())
        infinite += endless
        inside = {
            "set": conditional.contains(value, truth),
            "hull": (hull.lower <= truth) & (truth <= hull.upper),
            "plain": plain.contains(value, truth),
        }
        long = hull.upper - hull.lower
        lengths = {"set": long * (1 - hull.excess), "hull": long, "plain": other.upper - other.lower}
        code = partition.of(truth[:, 0])
        for one in range(len(names)):
            rows, count = code == one, conditional.merged_groups[0][conditional.merged[0][one]]
            exact[place, one] = min(1.0, math.ceil(round((count + 1) * LEVEL, 9)) / (count + 1))
            held[place, one] = count
            for kind in kinds:
                share[kind][place, one] = float(inside[kind][rows].double().mean())
                width[kind][place, one] = (
                    float(lengths[kind][rows].mean()) if kind == "plain" or not endless else np.nan
                )
    regions = [
        {
            "region": name,
            "calibration_groups": round(float(held[:, one].mean()), 1),
            "exact_mean": round(float(exact[:, one].mean()), 4),
            **{f"coverage_{kind}": round(float(np.nanmean(share[kind][:, one])), 4) for kind in kinds},
            "standard_error": round(float(np.nanstd(share["set"][:, one]) / draws**0.5), 4),
            **{f"width_{kind}": round(float(np.nanmean(width[kind][:, one])), 3) for kind in kinds},
        }
        for one, name in enumerate(names)
    ]
    many = partition.of(torch.tensor(draw(np.random.default_rng(0), 100_000)))
    parts = np.bincount(many.numpy(), minlength=len(names)) / len(many)
    mean = {kind: float(parts @ np.nanmean(width[kind], axis=0)) for kind in kinds}
    gaps = [abs(row["coverage_set"] - LEVEL) for row in regions]
    return {
        "calibration_groups": groups,
        "draws": draws,
        "draws_with_infinite_hulls": infinite,
        "regions": regions,
        "largest_gap_of_sets_in_points": round(100 * max(gaps), 2),
        "lowest_coverage_of_plain": min(row["coverage_plain"] for row in regions),
        "width_of_sets_over_plain": round(mean["set"] / mean["plain"], 3),
        "width_of_hulls_over_plain": round(mean["hull"] / mean["plain"], 3),
    }


def all_drawn(draws: int) -> dict[str, Any]:
    """Four strata at several sizes of the calibration split, and our own density regions of skewed labels."""
    train = torch.tensor(skewed(np.random.default_rng(99), 2000))
    density = LabelPartition.of_regions(LabelRegions.fit(train))
    spread = (1.0, 1.18, 1.42, 2.04)  # errors of which the plain interval covers about 94, 90, 82 and 65 %
    found = {
        f"strata_{groups}": drawn_data(strata, STRATA, spread, groups=groups, draws=draws)
        for groups in (250, 1000, 2500)
    }
    return {**found, "density_regions_1000": drawn_data(skewed, density, (1.0, 1.2, 2.4), groups=1000, draws=draws)}


def run_coverage(run: Path) -> dict[str, Any]:
    """Coverage by region of a run's test split, with binomial intervals, and what chance gives at these sizes."""
    import pandas

    frame = pandas.read_csv(run / "predictions.csv", dtype={"id": str, "group": str})
    frame = frame[frame["split"] == "test"]
    if frame.empty:
        raise SystemExit(
            f"{run.name} has no test cases in predictions.csv; run `medgauge evaluate {run.name} --split test`"
        )
    saved = json.loads((run / "predictors.json").read_text(encoding="utf-8"))
    kinds = {one["kind"]: one for one in (saved["interval"], saved["beside"])}
    conditional = LabelConditionalConformal.from_dict(kinds["label_conditional"])
    plain = SplitConformal.from_dict(kinds["split"])
    targets = [
        name.removeprefix("label_") for name in frame if name.startswith("label_") and f"value_{name[6:]}" in frame
    ]
    value, label = (
        torch.tensor(frame[[f"{part}_{name}" for name in targets]].to_numpy(float)) for part in ("value", "label")
    )
    found: dict[str, Any] = {}
    for place, name in enumerate(targets):
        region = frame[f"region_{name}"].to_numpy()
        hull = conditional.hull(value)
        inside = {
            "set": conditional.contains(value, label)[:, place],
            "hull": ((hull.lower <= label) & (label <= hull.upper))[:, place],
            "plain": plain.contains(value, label)[:, place],
        }
        rows = {one: torch.tensor(region == one) for one in ("many", "medium", "few")}
        rows["all"] = ~label[:, place].isnan()
        groups = dict(zip(("many", "medium", "few"), conditional.groups[place], strict=True))
        found[name] = {
            "level": conditional.level,
            "cross": conditional.cross,
            "regions": {
                one: {kind: _share(held, kept, frame["group"].tolist(), groups.get(one) if kind == "set" else None, conditional.level)
                      for kind, held in inside.items()}
                for one, kept in rows.items()
            },
        }  # fmt: skip
    return found


def _share(held: Tensor, rows: Tensor, group: list[str], calibration: int | None, level: float) -> dict[str, Any]:
    """One coverage: of cases, its binomial interval from one drawn case a group, and the range that chance gives.

    With n calibration groups the coverage of a set is Beta(k, n + 1 - k), k = ceil((n + 1) level), so hits are
    beta-binomial: that range, not the binomial interval alone, tells whether the sets are as good as promised.
    """
    scores = one_a_group(held.double().masked_fill(~rows, math.nan), group, 0, 0)
    hits, count = int(sum(scores)), len(scores)
    low, high = binomial_interval(hits, count)
    found: dict[str, Any] = {
        "n": int(rows.sum()),
        "groups": count,
        "coverage": round(float(held[rows].double().mean()), 4) if rows.any() else None,
        "ci95": [round(low, 4), round(high, 4)] if count else None,
        "ci95_holds_level": bool(low <= level <= high) if count else None,
    }
    if calibration is not None:
        rank = math.ceil(round((calibration + 1) * level, 9))
        found["calibration_groups"] = calibration
        if count and rank <= calibration:
            chance = betabinom(count, rank, calibration + 1 - rank)
            found["by_chance95"] = [round(float(chance.ppf(tail)) / count, 4) for tail in (0.025, 0.975)]
            found["as_promised"] = bool(found["by_chance95"][0] <= hits / count)
    return found


def show(found: dict[str, Any]) -> None:
    """One line a region."""
    for name, design in found.get("drawn", {}).items():
        print(f"{name}: {design['draws']} draws, largest gap of sets {design['largest_gap_of_sets_in_points']} points")
        for row in design["regions"]:
            print("  " + "  ".join(f"{key} {value}" for key, value in row.items()))
    for run, targets in found.get("runs", {}).items():
        for target, part in targets.items():
            for region, kinds in part["regions"].items():
                for kind, row in kinds.items():
                    print(
                        f"{run} {target} {region:<7}{kind:<6}"
                        + "  ".join(f"{key} {value}" for key, value in row.items())
                    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--run", type=Path, nargs="+", default=[])
    given = parser.parse_args()
    before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if given.run:
        found: dict[str, Any] = {"runs": {run.name: run_coverage(run) for run in given.run}}
        found["runs"] = {**before.get("runs", {}), **found["runs"]}
    else:
        found = {"drawn": all_drawn(given.draws)}
    show(found)
    whole = {**before, "medgauge": __version__, "level": LEVEL, **found}
    RESULTS.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
