"""A finished comparison without any training: drawn labels and errors, through the code that records real runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from medgauge.comparing.compare import finish
from medgauge.comparing.jobs import Job, Outcome
from medgauge.comparing.state import State
from medgauge.metrics import LabelRegions


def fake_comparison(
    folder: Path,
    methods: dict[str, float],
    *,
    targets: Sequence[str] = ("hc_mm",),
    seeds: int = 3,
    cases: int = 240,
    whole: bool = False,
    kind: str = "number",
    prefix: str = "case-",
) -> State:
    """A comparison of methods, each with the size of its errors; the first is the reference."""
    random = np.random.default_rng(0)
    label = 120 + 40 * random.standard_normal((cases, len(targets)))
    label = np.clip(np.round(label / 40), 0, 5) if whole else label
    label = (label > 130).astype(float) if kind == "finding" else label
    read = (lambda value: 1 / (1 + np.exp(-value))) if kind == "finding" else (lambda value: value)
    group = [f"patient {row // 2}" for row in range(cases)]
    regions = {name: LabelRegions.fit(torch.from_numpy(label[:, place])) for place, name in enumerate(targets)}
    recipe = {
        "claim": {"source": f"{prefix}source"},
        "data": {"label": list(targets), "table": "cases.csv", "label_scaling": "zscore"},
        "image": {"size": [64, 96]},
        "training": {"steps": 400, "batch_size": 32},
        "model": {"encoder": {"name": "small"}, "embedding": 64},
        "objective": {"error": {"factor": 1.0, "term": {"class_path": "PointwiseLoss"}}},
    }
    stamp = {
        "medgauge": "0", "table_sha256": "0", "seeds": list(range(seeds)), "tuning_seed": 1000, "reference": next(iter(methods)),
        "targets": list(targets), "methods": dict.fromkeys(methods, recipe),
        "trials": {name: [{"optimiser.learning_rate": 0.01}, {"optimiser.learning_rate": 0.03}] for name in methods},
    }  # fmt: skip
    state = State.claim(folder, stamp, regions)
    hard = random.standard_normal((cases, len(targets)))
    for at, (name, size) in enumerate(methods.items()):
        for trial in (1, 2):
            entry = {"name": f"{name}-trial{trial}", "method": name, "seed": 1000, "trial": trial}
            entry["val"] = _split(targets, size, 0.3, kind)
            value = label + size * hard
            job = Job(entry["name"], name, 1000, trial, {}, folder)
            state.record([(job, Outcome(entry, _cases(targets, label, read(value), group, prefix)))])
        for seed in range(seeds):
            value = label + size * (hard + 0.4 * random.standard_normal(label.shape))
            entry = {"name": f"{name}-{seed}", "method": name, "seed": seed, "steps": 400}
            entry["test"] = _split(targets, size, 0.1 + 0.03 * at, kind)
            entry["cases"] = {
                "train": {"cases": 600 + seed, "groups": 300},
                "test": {"cases": cases, "groups": cases // 2},
            }
            job = Job(entry["name"], name, seed, None, {}, folder)
            state.record([(job, Outcome(entry, _cases(targets, label, read(value), group, prefix)))])
    state.values["chosen"] = {name: {"trial": 1, "changes": {"optimiser.learning_rate": 0.01}} for name in methods}
    state.values["smallest_difference"] = {
        name: {
            "difference": 0.8,
            "relative": 0.08,
            "reference_error": 9.0,
            "from": "paired differences of the chosen trials",
        }
        for name in targets
    }
    finish(state)
    return state


def _split(targets: Sequence[str], size: float, rv: float, kind: str) -> dict[str, Any]:
    said, extent = {"grade": ("set", "size"), "finding": ("calibration", "share_positive")}.get(
        kind, ("interval", "width")
    )
    part = {"n": 50, "coverage": 0.9, extent: 4 * size}
    certain = {"level": 0.9, **part, "by_region": dict.fromkeys(("many", "medium", "few"), part)}
    block = {
        "kind": kind, "predictor": "head", "mae": 0.8 * size, "r2": 0.9, "rmse": size, "bias": 0.0, "spearman": 0.9,
        said: certain, "baselines": {"median": {"mae": 40.0}},
    }  # fmt: skip
    if kind == "finding":
        block |= {"log_loss": 0.1 * size, "baselines": {"base_rate": {"log_loss": 0.7}}}
        blocks = {name: block | {"training": {"present": 9 * 6**place}} for place, name in enumerate(targets)}
        return {**blocks, "space": {"d5": 2 * size, "rv": rv}}
    return {**dict.fromkeys(targets, block), "space": {"d5": 2 * size, "rv": rv}}


def _cases(
    targets: Sequence[str], label: np.ndarray, value: np.ndarray, group: list[str], prefix: str
) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {"id": [f"{prefix}{row:04d}" for row in range(len(label))], "group": group}
    for place, name in enumerate(targets):
        found[f"label_{name}"] = label[:, place].tolist()
        found[f"value_{name}"] = value[:, place].tolist()
    return found
