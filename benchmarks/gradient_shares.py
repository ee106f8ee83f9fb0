"""How hard each term of each shipped recipe pulls at the encoder, beside an L1 term on the same batches.

    python benchmarks/gradient_shares.py run [--only jocorank,pearson] | table

Each recipe is laid over HC18 (96 x 64 pixels, encoder ``small`` half as wide, batches of 32, Adam, peak rate 0.02, 300 steps)
and trained on its training cases. After 1, 150 and 300 steps, on 16 training batches that come next, the length of the
gradient of each term (times its factor) for all weights of the encoder is taken, and that of a plain mean absolute error
of the head's values in normalised label units; the figure is the mean of the former over the mean of the latter. Nothing
of a run is changed by that: it is done on copies. Levels of a term are measured alone, too (``levels.global``).

Recipes with the same objective, weights, sampler, neck and head are one run. A recipe without a head has one beside it that
learns by L1 from the embedding and gives it no gradient. Grades and classes are fifths of the head circumferences, 0 to 4;
findings are three: the lowest fifth, the highest fifth and the upper half, with orthogonal label vectors, and L1 is of
their chances; of classes it is 1 - the chance of the true one. A pretraining reads no labels, so that there is no L1
beside it: it is not measured.

``run`` can be stopped and goes on from benchmarks/results/gradient_shares.json (about ten minutes of one core in all); a
recipe whose method has changed is measured anew; ``with_factor_1`` in that file is what jocorank's ranking, ranksim and
rnc had with a factor of 1, before it was set from these figures. ``table`` writes the tables of docs/methods between
their marks.
"""

import argparse
import copy
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas
import torch
from common import machine, write_between
from torch import Tensor, nn

from medgauge.comparing.plan import laid_over
from medgauge.core.batch import Step
from medgauge.data.bundled import bundled_columns, bundled_path
from medgauge.fitting.parts import Parts, build_parts
from medgauge.fitting.sampling import augmented_batch, build_sampler
from medgauge.losses import JoCoRankLoss, PointwiseLoss, RobustPearsonLoss
from medgauge.recipes.read import build_recipe, load_values, override, recipe_names
from medgauge.study import Study, load_study
from medgauge.training.objective import Objective
from medgauge.training.plan import build_optimiser, learning_rate
from medgauge.training.step import is_guided, read_step

RESULTS = Path(__file__).parent / "results" / "gradient_shares.json"
STEPS, BATCHES = 300, 16
PROBES = {"start": 1, "middle": STEPS // 2, "end": STEPS}
TRAINING = {
    "model.encoder": {"name": "small", "width": 0.5},
    "optimiser": {"learning_rate": 0.02, "weight_decay": 0.01},
    "training": {"steps": STEPS, "batch_size": 32},
    "seed": 0,
}
CANON = "l1 mse weighted_l1 balanced_l1 fds_l1 distribution balanced_mse rnc adaptive_triplet ordinal corn"
FINDINGS = "finding weighted_bce focal asymmetric ldam label_ranking dual_weighted nih_dwml"
FINDING_COLUMNS = ["hc_lowest", "hc_highest", "hc_upper"]
ON_PAGE = {
    "rm-loss.md": ("rm", "rm_l1", "boneage_rm", "cac_rm"),
    "fine-grained-correlation.md": ("pearson", "pearson_spearman"),
    "jocorank.md": ("jocorank_individual", "jocorank_global", "jocorank_peer", "jocorank", "ranksim"),
    "canon.md": tuple(CANON.split()),
    "grades.md": ("grade",),
    "classes.md": ("class",),
    "dual-weighted.md": tuple(FINDINGS.split()),
}
METHOD = ("objective", "weights", "sampler")


def prepare(folder: Path) -> dict[str, Any]:
    """Tables of the bundled images with grades, and the base recipe that names them."""
    table = pandas.DataFrame(bundled_columns("hc18"))
    size = table["hc_mm"].astype(float)
    table["hc_grade"] = np.searchsorted(np.quantile(size, [0.2, 0.4, 0.6, 0.8]), size)
    lowest, upper, highest = np.quantile(size, [0.2, 0.5, 0.8])
    for column, present in zip(FINDING_COLUMNS, (size < lowest, size > highest, size > upper), strict=True):
        table[column] = present.astype(int)
    table.drop(columns=["image", "hc_px"]).to_csv(folder / "cases.csv", index=False)
    with np.load(bundled_path("hc18")) as arrays:
        np.savez(folder / "images.npz", images=arrays["images"])
    base = load_values("hc18_l1")
    base["data"] = {
        "table": str(folder / "cases.csv"),
        "array": str(folder / "images.npz#images"),
        "index": "index",
        "label": ["hc_mm"],
        "group": "patient_id",
        "covariates": ["pixel_size_mm"],
        "cache": str(folder / "cache"),
    }
    return base


def settings(name: str, base: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's method over the base recipe."""
    values = load_values(name)
    if (values.get("data") or {}).get("label_scaling") != "none":
        values["data"] = {}  # a scale for another label
    laid = override(laid_over(base, values), TRAINING)
    if "grade" in laid["objective"]:
        laid["data"] = {**laid["data"], "label": ["hc_grade"]}
        laid["data"]["kind"] = {"hc_grade": "grade"} if name == "grade" else {}
    if name == "class":
        laid["data"] = {**laid["data"], "label": ["hc_grade"], "kind": {"hc_grade": "class"}}
    if name in FINDINGS.split():
        laid["data"] = {**laid["data"], "label": FINDING_COLUMNS, "kind": dict.fromkeys(FINDING_COLUMNS, "finding")}
    if "semantics" in laid["model"]:
        laid["model"]["semantics"] = {"source": "orthogonal"}
    return laid


def method(values: Mapping[str, Any]) -> str:
    """What makes two recipes the same here."""
    model = {key: (values.get("model") or {}).get(key) for key in ("neck", "head")}
    return json.dumps([{key: values.get(key) for key in METHOD}, model], sort_keys=True)


@contextmanager
def only(factors: dict[str, float], key: str) -> Iterator[None]:
    """One level or part of a term, with its factor."""
    before = dict(factors)
    factors.update({other: 0.0 for other in factors if other != key})
    try:
        yield
    finally:
        factors.update(before)


def gradient(value: Tensor, weights: Sequence[Tensor]) -> float:
    """Length of the gradient for all weights of the encoder."""
    if not value.requires_grad:
        return 0.0
    found = torch.autograd.grad(value, weights, retain_graph=True, allow_unused=True)
    return float(torch.stack([one.norm() for one in found if one is not None] or [torch.zeros(())]).norm())


def pieces(name: str, term: nn.Module) -> Iterator[tuple[str, dict[str, float], str]]:
    """The levels and parts of a term: their name, and where they are switched."""
    if isinstance(term, JoCoRankLoss):
        for level in [level for level, factor in term.factors.items() if factor]:
            yield f"{name}.{level}", term.factors, level
    if isinstance(term, RobustPearsonLoss):
        for part in [part for part, weight in term.part_weights.items() if weight]:
            yield f"{name}.{part}", term.part_weights, part


def shares(parts: Parts, probe: nn.Linear | None, study: Study, at: int) -> dict[str, float]:
    """Length of the gradient of each term over that of L1, on the batches after a step, on copies."""
    sampler, rows = build_sampler(study), study.rows("train")
    sums: dict[str, float] = {}
    for number in range(BATCHES):
        model, objective = copy.deepcopy(parts.model).train(), copy.deepcopy(trained_by(parts)).train()
        batch = augmented_batch(
            parts.arrays, study, sampler, rows, at + number, torch.device("cpu"), parts.tasks.coding
        )
        step = read_step(model, batch, parts.tasks.coding, at / STEPS, guided=is_guided(model))
        weights = list(model.encoder.parameters())
        value = step.prediction if probe is None else probe(step.embedding)
        plain = plain_error(value, step, classes="class" in study.recipe.data.kind.values())
        measured = {"l1": gradient(plain, weights), "total": gradient(objective(step)["total"], weights)}
        for name, term in objective.terms.items():
            measured[name] = gradient(alone(name, term, objective.factors[name], step), weights)
            for piece, factors, key in pieces(name, term):
                with only(factors, key):
                    measured[piece] = gradient(alone(name, term, objective.factors[name], step), weights)
        for name, length in measured.items():
            sums[name] = sums.get(name, 0.0) + length
    return {name: round(length / sums["l1"], 4) for name, length in sums.items() if name != "l1"}


def plain_error(value: Tensor | None, step: Step, *, classes: bool) -> Tensor:
    """L1 of values of numbers and grades, of chances of findings, or 1 - the chance of the true class."""
    if not classes:
        return cast(Tensor, PointwiseLoss("l1")(value, step.label))
    assert step.logits is not None  # noqa: S101 - for the type checker
    return (1 - step.logits.softmax(-1).gather(-1, step.label.long()[..., None])).mean()


def trained_by(parts: Parts) -> Objective:
    """What is trained; every recipe here trains."""
    assert parts.objective is not None
    return parts.objective


def alone(name: str, term: nn.Module, factor: float, step: Step) -> Tensor:
    """The value of one term times its factor, on a copy: terms keep moving means."""
    value: Tensor = Objective({name: (copy.deepcopy(term), 1.0)})(step)[name]
    return factor * value


def measure(values: dict[str, Any]) -> dict[str, Any]:
    """Train a recipe and measure its terms at each probe."""
    start = time.process_time()
    study = load_study(build_recipe(values))
    parts, recipe = build_parts(study), study.recipe
    sampler, rows, objective = build_sampler(study), study.rows("train"), trained_by(parts)
    modules: list[nn.Module] = [parts.model, objective]
    probe = None
    if recipe.model.head == "none":
        probe = nn.Linear(cast(int, parts.model.neck.embedding), len(study.table.target))
        modules.append(probe)
    optimiser = build_optimiser(modules, recipe.optimiser)
    found: dict[str, dict[str, float]] = {}
    end_epoch: Callable[[], None] | None = getattr(parts.model.neck, "end_epoch", None)
    for at in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(recipe.optimiser, at, at / STEPS)
        batch = augmented_batch(parts.arrays, study, sampler, rows, at, torch.device("cpu"), parts.tasks.coding)
        step = read_step(parts.model.train(), batch, parts.tasks.coding, at / STEPS, guided=is_guided(parts.model))
        total = objective(step)["total"]
        if probe is not None and step.embedding is not None:
            total = total + PointwiseLoss("l1")(probe(step.embedding.detach()), step.label)
        total.backward()
        optimiser.step()
        optimiser.zero_grad()
        if (at + 1) % parts.schedule.epoch == 0 and end_epoch is not None:
            end_epoch()
        found |= {name: shares(parts, probe, study, at + 1) for name, after in PROBES.items() if after == at + 1}
    return {"shares": found, "processor_seconds": round(time.process_time() - start, 1)}


def run(wanted: list[str]) -> None:
    """Measure every recipe that is not in the file yet, or is there with another method."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with tempfile.TemporaryDirectory() as made:
        base = prepare(Path(made))
        for name in recipe_names():
            own = load_values(name)
            if (wanted and name not in wanted) or not own.get("objective") or "pretraining" in own:
                continue
            values = settings(name, base)
            known = next((one for one in kept.get("runs", {}).values() if one["method"] == method(values)), None)
            found = known or {"method": method(values), **measure(values)}
            runs = {**kept.get("runs", {}), name: found}
            kept = {**kept, "machine": kept.get("machine") or machine(), "steps": STEPS, "runs": runs}
            RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
            print(name, found["processor_seconds"], json.dumps(found["shares"]["end"]), flush=True)


def table() -> None:
    """Write the tables of the methods' pages."""
    runs = json.loads(RESULTS.read_text())["runs"]
    for page, names in ON_PAGE.items():
        lines = ["| recipe | term | start | middle | end |", "| --- | --- | --- | --- | --- |"]
        for name in names:
            found = runs[name]["shares"]
            for term in sorted(set(found["end"]) - {"total"}):
                lengths = " | ".join(f"{found[when][term]:.2f}" for when in PROBES)
                lines.append(f"| {name} | {term} | {lengths} |")
        write_between(page, "gradient_shares", lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    if given.what == "table":
        table()
    else:
        run([name for name in given.only.split(",") if name])
