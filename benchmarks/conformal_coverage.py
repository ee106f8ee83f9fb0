"""Coverage by label region of label-conditional sets against plain split conformal intervals, on drawn data and on runs.

Run: python benchmarks/conformal_coverage.py [--draws 200]          drawn data
     python benchmarks/conformal_coverage.py --run RUN [RUN ...]    the test split of finished runs
     python benchmarks/conformal_coverage.py --folds RUN [RUN ...]  scaled against unscaled on the folds of finished runs,
                                                                   with --crossed also cross-fitted
     python benchmarks/conformal_coverage.py --table                the tables of docs/intervals.md that are measured
Each part writes its own keys of benchmarks/results/conformal_coverage.json and leaves the others'.
"""

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import write_between
from interval_folds import judge, lines
from scipy.stats import betabinom
from torch import Tensor

from medgauge.calibration import (
    CrossFitted,
    LabelConditionalConformal,
    LabelPartition,
    SplitConformal,
    binomial_interval,
)
from medgauge.calibration.scores import one_a_group
from medgauge.core.version import __version__
from medgauge.metrics import LabelRegions

RESULTS = Path(__file__).parent / "results" / "conformal_coverage.json"
LEVEL = 0.9
TESTED = 1500
WAYS = ("split", "split, scaled", "label-conditional", "label-conditional, scaled", "cross-fitted, scaled")
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
    """Both intervals over random calibration and test draws: 1 to 3 cases a calibration group, 1,500 test cases."""
    names, kinds = partition.names, ("set", "hull", "plain")
    share = {kind: np.full((draws, len(names)), np.nan) for kind in kinds}
    width = {kind: np.full((draws, len(names)), np.nan) for kind in kinds}
    exact, held, infinite = np.full((draws, len(names)), np.nan), np.zeros((draws, len(names))), 0
    for place in range(draws):
        chance = np.random.default_rng([groups, place])
        of = np.repeat(np.arange(groups), chance.integers(1, 4, groups))
        label = np.concatenate([draw(chance, groups)[of], draw(chance, TESTED)])
        own = np.concatenate([of, groups + np.arange(TESTED)])
        scale = np.array(spread)[partition.of(torch.tensor(label)).numpy()]
        noise = 0.6 * chance.standard_normal(groups + TESTED)[own] + 0.8 * chance.standard_normal(len(label))
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
    regions: list[dict[str, Any]] = [
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


def drawn_ways(partition: LabelPartition, *, groups: int, draws: int) -> dict[str, Any]:
    """All ways on the same draws: errors grow with the label and with how hard a case is, which a covariate tells in part.

    Half of the groups fit a line and the sizes of its errors, half calibrate; cross-fitted, five folds of all do both.
    """
    share = np.full((draws, len(WAYS), len(partition.names) + 1), np.nan)
    width = np.full((draws, len(WAYS)), np.nan)
    names, fold = [str(row) for row in range(groups)], np.arange(groups) % 5
    for place in range(draws):
        chance = np.random.default_rng([7, groups, place])
        label = skewed(chance, groups + TESTED)
        told = chance.standard_normal(len(label))
        hard = np.exp(0.6 * told + 0.2 * chance.standard_normal(len(label)))
        seen = label + hard * (1 + label / 20) * chance.standard_normal(len(label))
        new = slice(groups, None)

        def fitted(rows: np.ndarray) -> Callable[[np.ndarray | slice], tuple[Tensor, Tensor]]:
            line = np.polyfit(seen[rows], label[rows], 1)  # noqa: B023 - called within the same draw
            error = np.log(np.abs(np.polyval(line, seen[rows]) - label[rows]) + 0.05)  # noqa: B023
            size = np.polyfit(told[rows], error, 1)  # noqa: B023
            return lambda own: (
                torch.tensor(np.polyval(line, seen[own]))[:, None],  # noqa: B023
                torch.tensor(np.exp(np.polyval(size, told[own])))[:, None],  # noqa: B023
            )

        truth, rows = torch.tensor(label)[:, None], np.arange(groups)
        half = fitted(rows[::2])
        (value, scale), (later, wide) = half(rows[1::2]), half(new)
        ends = []
        given = (value, truth[1:groups:2], names[1::2])
        for own, other in ((None, None), (scale, wide)):
            said = SplitConformal.fit(*given, level=LEVEL, seed=place, scale=own)
            ends.append((*said.interval(later, other), said.contains(later, truth[new], other)))
        for own, other in ((None, None), (scale, wide)):
            apart = LabelConditionalConformal.fit(*given, [partition], level=LEVEL, seed=place, scale=own)
            ends.append((*apart.interval(later, other), apart.contains(later, truth[new], other)))
        fits = [fitted(rows[fold != one]) for one in range(5)]
        left = [torch.empty(groups, 1, dtype=torch.float64) for _ in range(2)]
        for one, fit in enumerate(fits):
            left[0][fold == one], left[1][fold == one] = fit(rows[fold == one])
        cross = CrossFitted.fit(
            left[0], truth[:groups], names, torch.tensor(fold), [partition], level=LEVEL, seed=place, scale=left[1]
        )
        values, sizes = (torch.stack(part) for part in zip(*[fit(new) for fit in fits], strict=True))
        ends.append((*cross.interval(values, values.mean(0), sizes), cross.contains(values, truth[new], sizes)))
        code = partition.of(truth[new, 0])
        for at, (lower, upper, held) in enumerate(ends):
            width[place, at] = float((upper - lower).median())
            parts = [held[code == one, 0] for one in range(len(partition.names))] + [held[:, 0]]
            share[place, at] = [float(part.double().mean()) for part in parts]
    return {
        "groups": groups,
        "draws": draws,
        "regions": list(partition.names),
        "ways": {
            way: {
                "coverage_by_region": [round(float(one), 4) for one in np.nanmean(share[:, at, :-1], axis=0)],
                "standard_error": [round(float(one), 4) for one in np.nanstd(share[:, at, :-1], axis=0) / draws**0.5],
                "coverage": round(float(share[:, at, -1].mean()), 4),
                "median_width": round(float(np.median(width[:, at])), 3),
            }
            for at, way in enumerate(WAYS)
        },
    }


def all_drawn(draws: int) -> dict[str, Any]:
    """Four strata at several sizes of the calibration split, and our own density regions of skewed labels."""
    train = torch.tensor(skewed(np.random.default_rng(99), 2000))
    density = LabelPartition.of_regions(LabelRegions.fit(train))
    spread = (1.0, 1.18, 1.42, 2.04)  # errors of which the plain interval covers about 94, 90, 82 and 65 %
    found = {
        f"strata_{groups}": drawn_data(strata, STRATA, spread, groups=groups, draws=draws) for groups in (250, 1000)
    }
    found["density_regions_1000"] = drawn_data(skewed, density, (1.0, 1.2, 2.4), groups=1000, draws=draws)
    return {"drawn": found, "drawn_ways": drawn_ways(density, groups=600, draws=draws)}


def run_coverage(run: Path) -> dict[str, Any]:
    """Coverage by region of a run's test split, with binomial intervals, and what chance gives at these sizes."""
    import pandas

    frame = pandas.read_csv(run / "predictions.csv", dtype={"id": str, "group": str})
    frame = frame[frame["split"] == "test"]
    if frame.empty:
        raise SystemExit(
            f"{run.name} has no test cases in predictions.csv; run `medgauge evaluate {run.name} --split test`"
        )
    saved = json.loads((run / "predictors.json").read_text(encoding="utf-8"))["tasks"]["number"]["certainty"]
    kinds = {one["kind"]: one for one in (saved["interval"], saved["beside"])}
    if saved["interval"]["scaled"]:
        raise SystemExit(f"{run.name} has scaled intervals, and predictions.csv does not hold the scale of each case")
    conditional = LabelConditionalConformal.from_dict(kinds["label_conditional"])
    plain = SplitConformal.from_dict(kinds["split"])
    targets = [
        name.removeprefix("label_")
        for name in frame.columns
        if name.startswith("label_") and f"value_{name[6:]}" in frame
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


def drawn_lines(found: dict[str, Any]) -> list[str]:
    """The tables of drawn data in docs/intervals.md."""
    told = [
        "| design | groups | sets, common to rare | plain, common to rare | width over plain: sets, hulls |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, design in found["drawn"].items():
        sets, plain = (
            " ".join(f"{row[f'coverage_{kind}']:.3f}"[1:] for row in design["regions"]) for kind in ("set", "plain")
        )
        words = "regions many, medium, few" if name.startswith("density") else "strata of 50, 35, 11, 4 %"
        widths = f"{design['width_of_sets_over_plain']:.2f}, {design['width_of_hulls_over_plain']:.2f}"
        told.append(f"| {words} | {design['calibration_groups']} | {sets} | {plain} | {widths} |")
    told += [
        "",
        "| interval | many, medium, few | all | median width |",
        "| --- | --- | --- | --- |",
    ]
    for way, one in found["drawn_ways"]["ways"].items():
        shares = " ".join(f"{part:.3f}"[1:] for part in one["coverage_by_region"])
        whole = f"{one['coverage']:.3f}"[1:]
        told.append(f"| {way} | {shares} | {whole} | {one['median_width']:.3g} |")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--folds", type=Path, nargs="+", default=[])
    parser.add_argument("--crossed", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--run", type=Path, nargs="+", default=[])
    given = parser.parse_args()
    before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if given.table:
        if "drawn_ways" in before:
            write_between("../intervals.md", "drawn intervals", drawn_lines(before))
        if "folds" in before:
            write_between("../intervals.md", "intervals on folds", lines(before["folds"]))
        return
    for run in given.folds:
        before["folds"] = {**before.get("folds", {}), run.name: judge(run, crossed=given.crossed)}
        RESULTS.write_text(json.dumps(before, indent=1) + "\n", encoding="utf-8")
    if given.folds:
        return
    if given.run:
        found: dict[str, Any] = {"runs": {run.name: run_coverage(run) for run in given.run}}
        found["runs"] = {**before.get("runs", {}), **found["runs"]}
    else:
        found = all_drawn(given.draws)
    show(found)
    whole = {**before, "medgauge": __version__, "level": LEVEL, **found}
    RESULTS.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
