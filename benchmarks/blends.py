"""The blend of the candidates that came to their end, of runs that ``budgets.py`` has made: what it adds to the choice.

python benchmarks/blends.py --work FOLDER [--only SET ...]
(blends into the run folders of FOLDER that hold no blend yet; then writes its table of docs/accuracy.md)

Shared parts, five folds by group; development data. RetinaMNIST names no patients.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from common import machine, write_between

from medgauge.core.display import Display
from medgauge.planning.blend import make_blend
from medgauge.planning.candidates import BLEND, Candidate
from medgauge.planning.judge import Judge
from medgauge.planning.outcomes import chosen_of, done
from medgauge.planning.plan import Plan
from medgauge.planning.stored import done_names
from medgauge.runfolder import RunFolder
from medgauge.runfolder.chosen import PLAN, read_own
from medgauge.runs.outputs import Outputs
from medgauge.study import load_study

HERE = Path(__file__).resolve().parent
OUT = HERE / "results" / "blends.json"
PAGE = HERE.parent / "docs" / "accuracy.md"


def measure(folder: RunFolder) -> dict[str, Any] | None:
    """One run folder; None where there are no two candidates."""
    plan = Plan.from_dict(read_own(folder, PLAN))
    given, names = plan.made["settings"], [name for name in done_names(folder) if name != BLEND]
    among = [one for one in plan.candidates if one.name in names]
    if len(among) < 2:
        return None
    begun = time.monotonic()
    with Display(True) as display:
        run = make_blend(folder, among, given, Outputs(), display)
    seconds = time.monotonic() - begun
    study = load_study(among[0].recipe(given))
    judge = Judge.of(study)
    every = [*among, Candidate(BLEND, {}, 0.0, "")]
    outcomes = [done(one, RunFolder(folder / one.name), judge) for one in every]
    before, after = (chosen_of(some, judge, seed=study.recipe.seed) for some in (outcomes[:-1], outcomes))
    target = judge.targets[0]
    block, told = run.results["out_of_fold"][target], read_own_weights(folder, target)
    return {
        "candidates": {one.candidate.name: float(one.error.nanmean()) for one in outcomes if one.error is not None},
        "weights": told,
        "ci95": block["ci95"]["mae"],
        "coverage": block["interval"]["coverage"],
        "width": block["interval"]["width"],
        "before": summary(before),
        "after": summary(after),
        "seconds": seconds,
        "machine": machine(),
    }


def read_own_weights(folder: RunFolder, target: str) -> dict[str, float]:
    """The weights that new cases have."""
    return dict(folder.inner(BLEND).read_json("blend.json")["weights"][target])


def summary(found: Any) -> dict[str, Any]:
    """Which answers, and error and skill of such a choice."""
    outcome, choice = found
    low, high = choice.skill_ci95
    return {"chosen": outcome.candidate.name, "corrected": choice.corrected, "skill": choice.skill, "ci95": [low, high]}


def rows(results: dict[str, Any]) -> list[str]:
    """The table of the page: a row a set."""
    heads = ["set", "error of each", "weights", "answers", "corrected error (skill) of the choice", "without the blend"]
    heads += ["coverage of 90 %", "width", "seconds"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, one in results.items():
        errors = ", ".join(f"{key} {value:.4g}" for key, value in one["candidates"].items())
        weights = ", ".join(f"{key} {value:.2f}" for key, value in one["weights"].items())
        said = [f"{part['corrected']:.3g} ({part['skill']:.2f})" for part in (one["after"], one["before"])]
        cells = [name, errors, weights, one["after"]["chosen"], said[0], f"{one['before']['chosen']}, {said[1]}"]
        cells += [f"{one['coverage']:.1%}".replace("%", " %"), f"{one['width']:.3g}", f"{one['seconds']:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Blend what there is, and write both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=None)
    given = parser.parse_args()
    results: dict[str, Any] = json.loads(OUT.read_text()) if OUT.exists() else {}
    for home in sorted(given.work.glob("*_standard")):
        name = home.name.removesuffix("_standard")
        if given.only is None or name in given.only:
            found = measure(RunFolder(home / "run"))
            if found is not None:
                results[name] = found
    OUT.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    write_between(PAGE, "blends", rows(results))


if __name__ == "__main__":
    main()
