"""From a checked recipe to its parts: objective, model, label scaling, schedule, and the settings of lower layers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from medgauge.core.errors import InputError
from medgauge.core.seeding import derive_seed
from medgauge.data.tables.words import model_covariates
from medgauge.functional.ordinal import Kind as OrdinalKind
from medgauge.models import FeatureSmoothing, Model, build_model
from medgauge.models.smoothing_nodes import smoothing_nodes
from medgauge.models.stored import Budget
from medgauge.recipes.entries import DEFAULT_KIND, read_entries
from medgauge.recipes.kind_terms import unnamed_words
from medgauge.recipes.mistakes import resolve_class
from medgauge.recipes.schema import Recipe
from medgauge.tasks import KINDS, Kind, Tasks
from medgauge.tasks.naming import Naming
from medgauge.tasks.settings import Bins, HeadSettings
from medgauge.training.loop import Schedule
from medgauge.training.objective import Objective, required_fields

MOST_WEIGHTS = 2**30
TOO_LARGE = (
    f"the model would have more than {MOST_WEIGHTS} weights; give a smaller model.encoder.width, model.embedding or "
    "model.covariate_width"
)
ORDINAL, DISTRIBUTION = "OrdinalRegressionLoss", "DistributionLoss"


def build_tasks(recipe: Recipe) -> Tasks:
    """The tasks of the label columns, unfitted, by ``data.kind``; no class that the objective names is touched."""
    data = recipe.data
    found = []
    for name, kind in KINDS.items():
        columns = [column for column in data.label if data.kind.get(column, DEFAULT_KIND) == name]
        if columns:
            head = replace(_head_settings(recipe, name, semantic=kind.semantic), classes=data.classes)
            found.append(kind.make(columns, head, data.label_scaling))
    if recipe.model.head == "prototypes" and not any(kind.semantic for kind in found):
        raise InputError(
            f"model.head prototypes reads findings, and {', '.join(data.label[:3])} is none (--kind COLUMN=finding); write auto"
        )
    return Tasks(tuple(found))


def _head_settings(recipe: Recipe, task: str, *, semantic: bool) -> HeadSettings:
    """The head of one task; what an ordinal or a distribution one needs comes from the objective's term of that kind.

    Where findings have prototypes, kinds beside them have what is usual for them.
    """
    head, bins, naming = recipe.model.head, None, _naming(recipe)
    if head == "prototypes" and not semantic:
        head = "auto"
    asked = recipe.prediction.predictor
    still = recipe.model.neck == "standardised"
    usual = HeadSettings(
        head,
        naming=naming,
        kernel=recipe.represent.is_kept or asked in ("kernel", "regression"),
        logistic=still or asked in ("logistic", "regression"),  # it is fitted at each validation
        ridge=asked == "ridge",
        svm=asked == "svm",
        weighted=still and recipe.represent.is_table and len(recipe.represent.sources) > 1,
    )
    for entry in read_entries(recipe.objective).values():
        if entry.task not in (None, task):
            continue
        name = entry.class_path.rpartition(".")[2]
        if name == DISTRIBUTION:
            bins = _bins(entry.init_args)
        if "thresholds" in entry.init_args or name == ORDINAL:
            given = entry.init_args.get("thresholds")
            numbers = isinstance(given, list | tuple) and all(isinstance(one, int | float) for one in given)
            kind: OrdinalKind = "corn" if entry.init_args.get("kind") == "corn" else "binary"
            return replace(usual, thresholds=given if numbers else "ranks", ordinal=kind, bins=bins)
    return replace(usual, bins=bins)


def _naming(recipe: Recipe) -> Naming:
    """Where label vectors come from."""
    given = recipe.model.semantics
    return Naming(
        source=given.source,
        of=given.of,
        descriptions=None if given.descriptions == "auto" else given.descriptions,
        adjust=None if given.adjust == "auto" else given.adjust,
        hidden=given.hidden,
        similarity=given.similarity,
        seed=recipe.seed,
    )


def _bins(given: Mapping[str, Any]) -> Bins | None:
    """The bins of a term's arguments, read as data; None where they are none."""
    bins = Bins(**{name: given[name] for name in Bins._fields if name in given})
    return bins if all(type(value) in (int, float) for value in bins) and type(bins.bins) is int else None


def build_objective(recipe: Recipe, tasks: Tasks) -> Objective:
    """The terms with their factors, each on the columns of its task where there are several.

    Raises:
        InputError: an entry names no task of the run, or none where there are several.
    """
    names, parts, terms = [one.name for one in tasks], {}, {}
    for name, entry in read_entries(recipe.objective).items():
        task = entry.task or (names[0] if len(names) == 1 else None)
        if task is None:
            raise InputError(unnamed_words(read_entries(recipe.objective), names))
        if task not in names:
            raise InputError(
                f"objective.{name} names the task {task!r}; this run has {', '.join(names)} (objective.{name}.task)"
            )
        if len(names) > 1:
            parts[name] = tasks.places[task]
        terms[name] = (resolve_class(entry.class_path)(**entry.init_args), entry.factor)
        column = tasks.targets[tasks.places[task].start]
        own = next(one for one in tasks if one.name == task)
        _refuse_kind(name, terms[name][0], own)
        _refuse_order(name, terms[name][0], own)
        if not tasks.places[task].logits and "logits" in required_fields(terms[name][0]):
            raise InputError(_no_logits(name, terms[name][0], task, column))
    return Objective(terms, parts)


def _no_logits(name: str, term: nn.Module, task: str, column: str) -> str:
    """That a term needs logits which the head of a task does not give, and which head gives those of this term."""
    ordinal = f"an ordinal one does (--kind {column}=grade, or model.head ordinal and thresholds)"
    distribution = "model.head distribution does"
    other = (
        f"those of grades, findings and classes do (--kind {column}=KIND), and {distribution} with a DistributionLoss"
    )
    fitting = {ORDINAL: ordinal, DISTRIBUTION: distribution}.get(type(term).__name__, other)
    return f"objective.{name} needs logits, and the head of the {task} gives none; {fitting}"


READ = {
    "finding": ("findings, which are 0 or 1", ""),
    "class": ("classes", "read it as a class (--kind {column}=class), or "),
}
"""What terms of one kind of label alone read, by their ``reads``, and how another column is read so."""


def _refuse_kind(name: str, term: nn.Module, task: Kind) -> None:
    """Raise for a term that reads the logits of another kind of label."""
    reads = getattr(term, "reads", task.kind)
    if reads == task.kind or reads not in READ:
        return
    column, (what, other) = task.columns[0], READ[reads]
    raise InputError(
        f"objective.{name} ({type(term).__name__}) reads {what}, and {column} is a {task.kind}; {other.format(column=column)}"
        f"take the recipe {task.recipe}"
    )


def _refuse_order(name: str, term: nn.Module, task: Kind) -> None:
    """Raise for a term that takes labels for numbers where they have no order."""
    asked = required_fields(term)
    ours = type(term).__module__.startswith("medgauge.")
    if not task.ordered and ("prediction" in asked or (ours and "logits" not in asked)):
        raise InputError(
            f"objective.{name} ({type(term).__name__}) takes labels for numbers, and {task.columns[0]} is a {task.kind}, whose "
            "labels have no order; write CrossEntropyLoss in its place, or leave it out"
        )


def model_description(
    recipe: Recipe, *, ndim: int, channels: int, label: Tensor, columns: Sequence[Sequence[str]] = ()
) -> dict[str, Any]:
    """What ``models.build_model`` needs; the head comes with the tasks.

    Args:
        recipe: with nothing left to decide, but where the nodes of feature smoothing lie.
        ndim: 2 or 3; 0 of features.
        channels: of the images, or the number of features.
        label: of the training cases, (n, t), normalised.
        columns: names of the features of each block, where they are those of tables.
    """
    targets = label.shape[1]
    model = recipe.model
    encoder = {
        "name": model.encoder.name,
        "width": model.encoder.width,
        "norm": model.encoder.norm,
        "pretrained": model.encoder.pretrained not in (None, "none") and model.encoder.pretrained,
        "settings": model.encoder.settings,
    }
    neck: dict[str, Any] = {
        "name": "covariate",
        "embedding": model.embedding,
        "covariate_width": model.covariate_width,
    }
    if columns:
        encoder["settings"] = {"columns": [list(names) for names in columns], "scaled": model.neck != "standardised"}
    if model.neck == "standardised":
        neck = {"name": "standardised"} | ({"blocks": [len(names) for names in columns]} if len(columns) > 1 else {})
    elif model.neck == "feature_smoothing":
        if targets != 1:
            raise InputError(f"model.neck feature_smoothing knows one target, and data.label names {targets}")
        for name in recipe.data.classes:
            raise InputError(f"model.neck feature_smoothing is of numbers, and {name} is a class; leave it out")
        given: dict[str, Any] = dict(vars(model.smoothing))
        asked = {name: given.pop(name) for name in ("low", "high", "bin_width")}
        ends = {name: None if value == "auto" else value for name, value in asked.items()}
        nodes = smoothing_nodes(label[:, 0], **ends, kernel_size=model.smoothing.kernel_size)
        known = label[:, 0][~label[:, 0].isnan()]
        if len(known) and not (nodes.low < float(known.max()) and nodes.high > float(known.min())):
            raise InputError(
                f"model.smoothing has no training label between its ends, {nodes.low:.3g} and {nodes.high:.3g}; in normalised "
                f"label units they are {float(known.min()):.3g} to {float(known.max()):.3g}: give other ends, or leave them to "
                "the labels"
            )
        try:
            FeatureSmoothing(torch.nn.Identity(), 1, **nodes._asdict(), **given)
        except ValueError as error:
            raise InputError(f"model.smoothing cannot be: {error}") from error
        neck = {"name": "feature_smoothing", "inner": neck, **nodes._asdict(), **given}
    return {
        "encoder": encoder,
        "neck": neck,
        "head": None,
        "ndim": ndim,
        "channels": channels,
        "covariates": len(model_covariates(recipe.data.covariates, recipe.data.covariate_words)),
        "targets": targets,
    }


def build_seeded_model(description: Mapping[str, Any], tasks: Tasks, seed: int) -> Model:
    """The model, with weights that depend on the seed alone; the head is that of the tasks."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "weights"))
        with Budget(MOST_WEIGHTS, TOO_LARGE):
            model = build_model(description)
        return Model(model.encoder, model.neck, tasks.head(int(model.neck.embedding)))  # type: ignore[arg-type]  # a number


def build_schedule(recipe: Recipe, cases: int) -> Schedule:
    """The plan in steps: an epoch is a pass over the training cases."""
    training = recipe.training
    if training.steps == 0:
        return Schedule(steps=0, epoch=1, evaluations=0, seed=recipe.seed)
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
