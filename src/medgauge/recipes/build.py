"""From a checked recipe to its parts: objective, model, label scaling, schedule, and the settings of lower layers."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from medgauge.core.errors import InputError
from medgauge.core.seeding import derive_seed
from medgauge.models import Model, build_model
from medgauge.recipes.mistakes import resolve_class
from medgauge.recipes.schema import Recipe
from medgauge.training.loop import Schedule
from medgauge.training.objective import Objective


def build_objective(recipe: Recipe) -> Objective:
    """The terms with their factors."""
    return Objective(
        {name: (build_term(entry["term"]), float(entry.get("factor", 1.0))) for name, entry in recipe.objective.items()}
    )


def build_term(term: Mapping[str, Any]) -> nn.Module:
    """One term from its class_path and init_args."""
    return resolve_class(term["class_path"])(**(term.get("init_args") or {}))


def model_description(recipe: Recipe, *, ndim: int, channels: int, targets: int) -> dict[str, Any]:
    """What ``models.build_model`` needs; it goes into model.json."""
    model = recipe.model
    encoder = {
        "name": model.encoder.name,
        "width": model.encoder.width,
        "norm": model.encoder.norm,
        "pretrained": model.encoder.pretrained or False,
        "settings": model.encoder.settings,
    }
    neck: dict[str, Any] = {
        "name": "covariate",
        "embedding": model.embedding,
        "covariate_width": model.covariate_width,
    }
    if model.neck == "feature_smoothing":
        if targets != 1:
            raise InputError(f"model.neck feature_smoothing knows one target, and data.label names {targets}")
        neck = {"name": "feature_smoothing", "inner": neck}
    return {
        "encoder": encoder,
        "neck": neck,
        "head": head_description(recipe),
        "ndim": ndim,
        "channels": channels,
        "covariates": len(recipe.data.covariates),
        "targets": targets,
    }


def head_description(recipe: Recipe) -> dict[str, Any] | None:
    """The head; an ordinal one has the thresholds and the kind of the objective's ordinal term."""
    if recipe.model.head != "ordinal":
        return None if recipe.model.head == "none" else {"name": recipe.model.head}
    for entry in recipe.objective.values():
        term = build_term(entry["term"])
        if hasattr(term, "thresholds"):
            thresholds = torch.as_tensor(term.thresholds, dtype=torch.float64).tolist()
            return {"name": "ordinal", "thresholds": thresholds, "kind": getattr(term, "kind", "binary")}
    raise InputError("model.head ordinal needs an OrdinalRegressionLoss in the objective, whose thresholds it takes")


def build_seeded_model(description: Mapping[str, Any], seed: int) -> Model:
    """The model, with weights that depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "weights"))
        return build_model(description)


def build_schedule(recipe: Recipe, cases: int) -> Schedule:
    """The plan in steps: an epoch is a pass over the training cases."""
    training = recipe.training
    if training.steps == "auto" or training.batch_size == "auto":
        raise ValueError("training.steps and training.batch_size must be decided before the schedule is built")
    epoch = max(1, cases // (training.batch_size * training.accumulate))
    return Schedule(
        steps=training.steps,
        epoch=epoch,
        evaluations=min(training.evaluations, training.steps),
        seconds=training.seconds,
        accumulate=training.accumulate,
        patience=training.patience,
        checkpoint_seconds=training.checkpoint_seconds,
        seed=recipe.seed,
    )


def terms_of(recipe: Recipe) -> Sequence[str]:
    """Class names of the objective's terms."""
    return [str(entry["term"]["class_path"]).rpartition(".")[2] for entry in recipe.objective.values()]
