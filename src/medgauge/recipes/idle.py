"""Settings that do nothing beside the others: refused where they are given for a run, noted where a recipe holds them.

A flag is for one run, so one without an effect is a mistake. A recipe may be shared between methods and data, so what does
nothing in one of them is said and left out.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any, NamedTuple

from medgauge.core.errors import InputError
from medgauge.recipes.entries import read_entries
from medgauge.recipes.mistakes import resolve_class
from medgauge.recipes.schema import Recipe
from medgauge.recipes.settings import settings


class Idle(NamedTuple):
    """Settings, or sections, that do nothing where the recipe is so."""

    places: tuple[str, ...]
    beside: str
    holds: Callable[[Recipe], bool]


LEARNING = (
    "optimiser", "sampler", "weights", "model.smoothing", "model.embedding", "model.covariate_width",
    *(f"augmentation.{name}" for name in ("mixup", "mixup_width", "label_changes_with")),
    *(f"training.{name}" for name in ("steps", "seconds", "batch_size", "micro_batch", "accumulate")),
    *(f"training.{name}" for name in ("evaluations", "patience", "ema")),
    *(f"training.{name}" for name in ("checkpoint_seconds", "loggers")),
)  # fmt: skip
"""Settings that say how something is learned."""
CHANGES = tuple(
    f"augmentation.{name}"
    for name in ("flip", "rotation", "shift", "scale", "intensity", "noise", "gamma", "sharpening", "blur")
)
LDS = tuple(f"weights.{name}" for name in ("kernel", "kernel_size", "sigma"))
RULES = (
    Idle(
        CHANGES, "represent.name frozen, which reads every image once", lambda recipe: recipe.represent.name == "frozen"
    ),
    Idle(
        CHANGES,
        "represent.name run without represent.train, which reads every image once",
        lambda recipe: recipe.represent.is_run and recipe.represent.is_kept,
    ),
    Idle(CHANGES, "represent.name table, which reads no image", lambda recipe: recipe.represent.is_table),
    Idle(
        ("model.encoder.width", "model.encoder.pretrained", "model.encoder.settings", "augmentation.size_covariates"),
        "represent.name table, which has no encoder",
        lambda recipe: recipe.represent.is_table,
    ),
    Idle(LEARNING, "model.neck standardised, which learns nothing", lambda recipe: recipe.model.neck == "standardised"),
    Idle(("pretraining",), "pretraining.method none", lambda recipe: not recipe.pretraining.is_on),
    Idle(
        (
            "pretraining.clusters",
            "pretraining.size",
            "pretraining.warmup",
            "pretraining.warmup_batch",
            "pretraining.queue",
        ),
        "pretraining.selection none",
        lambda recipe: recipe.pretraining.selection == "none",
    ),
    Idle(
        ("pretraining.size",),
        "a pretraining.selection other than balanced",
        lambda recipe: recipe.pretraining.selection != "balanced",
    ),
    Idle(("pretraining.hidden",), "pretraining.method vicreg", lambda recipe: recipe.pretraining.method == "vicreg"),
    Idle(
        ("pretraining.expanded",), "pretraining.method siamese", lambda recipe: recipe.pretraining.method == "siamese"
    ),
    Idle(
        ("prediction", "model.neck", "model.head", "model.embedding", "model.covariate_width", "data.covariates")
        + ("training.evaluations", "training.patience", "augmentation.label_changes_with"),
        "a pretraining, which reads no labels",
        lambda recipe: recipe.pretraining.is_on,
    ),
    Idle(("sampler",), "sampler.name random", lambda recipe: recipe.sampler.name == "random"),
    Idle(("sampler.by",), "sampler.name rarest_label", lambda recipe: recipe.sampler.name == "rarest_label"),
    Idle(("weights",), "weights.scheme none", lambda recipe: recipe.weights.scheme == "none"),
    Idle(LDS, "a weights.smoothing other than lds", lambda recipe: recipe.weights.smoothing != "lds"),
    Idle(
        ("weights.bin_width",),
        "weights.smoothing kernel_density",
        lambda recipe: recipe.weights.smoothing == "kernel_density",
    ),
    Idle(
        ("model.smoothing",),
        "a model.neck other than feature_smoothing",
        lambda recipe: recipe.model.neck != "feature_smoothing",
    ),
    Idle(("model.semantics",), "a model.head other than prototypes", lambda recipe: recipe.model.head != "prototypes"),
    Idle(
        ("model.semantics.of",),
        "a model.semantics.source other than shuffled",
        lambda recipe: recipe.model.semantics.source != "shuffled",
    ),
    Idle(("augmentation.mixup_width",), "augmentation.mixup false", lambda recipe: not recipe.augmentation.mixup),
    Idle(("model.covariate_width",), "no data.covariates", lambda recipe: not recipe.data.covariates),
    Idle(
        ("training.micro_batch",),
        "a training.batch_size that is no larger",
        lambda recipe: not recipe.training.is_split,
    ),
    Idle(
        ("training.patience",),
        "no more training.evaluations than that",
        lambda recipe: recipe.training.patience >= recipe.training.evaluations,
    ),
    Idle(
        ("prediction.sensitivity",),
        "a prediction.threshold other than sensitivity",
        lambda recipe: recipe.prediction.threshold != "sensitivity",
    ),
    Idle(("data.separator",), "no data.findings_from", lambda recipe: recipe.data.findings_from is None),
    Idle(
        ("data.resplit",),
        "no data.split and no data.split_lists",
        lambda recipe: recipe.data.split is None and not recipe.data.split_lists,
    ),
    Idle(("data.image_folders",), "no data.image", lambda recipe: recipe.data.image is None),
    Idle(("data.mask_label",), "no data.mask", lambda recipe: recipe.data.mask is None),
    Idle(
        ("data.groups_are_exact", "data.merge_groups", "prediction.aggregate", "sampler.one_per_group"),
        "data.no_groups",
        lambda recipe: recipe.data.no_groups,
    ),
)
"""The first that holds is told."""


def idle_settings(recipe: Recipe) -> dict[str, str]:
    """Settings by dotted place that are not at their defaults and do nothing, each with what makes it so."""
    found = {}
    for setting in settings(Recipe):
        value: Any = reduce(getattr, setting.place.split("."), recipe)  # of the type that the setting has
        if value == setting.default or (setting.place == "training.steps" and value == 0):  # 0 is what is decided there
            continue
        beside = next(
            (rule.beside for rule in RULES if _within(setting.place, rule.places) and rule.holds(recipe)), None
        )
        if beside is not None:
            found[setting.place] = beside
    return {**found, **_idle_arguments(recipe)}


def is_idle(recipe: Recipe, place: str) -> bool:
    """Whether a setting, by dotted place, decides nothing in this recipe, whatever its value."""
    return any(_within(place, rule.places) and rule.holds(recipe) for rule in RULES)


def _idle_arguments(recipe: Recipe) -> dict[str, str]:
    """Arguments of the objective's terms that are not at their defaults and do nothing beside the term's others.

    A term's class says what its arguments need in ``ACTS_BESIDE``: argument -> groups, one argument of each of which must
    have one of its values, or be above 0 (None). Classes of other code are not asked: a stored recipe may name them, and
    nothing of it is imported.
    """
    found = {}
    for name, entry in read_entries(recipe.objective).items():
        if entry.class_path.rpartition(".")[0] not in ("", "medgauge.losses"):
            continue
        try:
            kind = resolve_class(entry.class_path)
        except ValueError:  # a mistake, told as one
            continue
        parameters = inspect.signature(kind).parameters
        values: dict[str, Any] = {key: one.default for key, one in parameters.items()} | dict(entry.init_args)
        groups: Mapping[str, tuple[Mapping[str, Any], ...]] = getattr(kind, "ACTS_BESIDE", {})
        for key in entry.init_args:
            if key not in groups or values[key] == parameters[key].default:
                continue
            beside = next((group for group in groups[key] if not _any_holds(group, values)), None)
            if beside is not None:
                told = " and ".join(f"{other} {_word(values[other])}" for other in beside)
                found[f"objective.{name}.term.init_args.{key}"] = told
    return found


def _any_holds(group: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    return any(values[other] in wanted if wanted is not None else values[other] > 0 for other, wanted in group.items())


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def refuse_idle(found: Mapping[str, str], changes: Iterable[str]) -> None:
    """Raise InputError where one of the changes, by dotted place, is a setting that does nothing.

    Args:
        found: as :func:`idle_settings` gave it.
        changes: settings or whole sections that were given for this run.
    """
    given = tuple(changes)
    idle = {place: beside for place, beside in found.items() if _within(place, given)}
    if idle:
        raise InputError(f"{_told(idle)}; leave {'it' if len(idle) == 1 else 'them'} out")


def idle_notes(recipe: Recipe) -> list[str]:
    """What of a recipe, as given, does nothing, in a line."""
    found = idle_settings(recipe)
    return [f"of the recipe {_told(found)}"] if found else []


def whole_batch_notes(asked: Recipe, decided: Recipe) -> list[str]:
    """That batches whose size was decided are no larger than the parts that were asked for, in a line."""
    if not asked.training.is_split or decided.training.is_split:
        return []
    return [
        f"training.micro_batch {asked.training.micro_batch} has no effect, as the training.batch_size that was decided, "
        f"{decided.training.batch_size}, is no larger; give a larger one, as 256"
    ]


def shared_notes(recipes: Mapping[str, Recipe], changes: Iterable[str]) -> list[str]:
    """What does nothing in single recipes of several that share changes, a line each; what does nothing in all is refused.

    Raises:
        InputError: one of the changes does nothing in any of them.
    """
    found = {name: idle_settings(recipe) for name, recipe in recipes.items()}
    first, *others = found.values()
    refuse_idle({place: beside for place, beside in first.items() if all(place in one for one in others)}, changes)
    return [f"of the recipe {name} {_told(idle)}" for name, idle in found.items() if idle]


def _told(found: Mapping[str, str]) -> str:
    """The settings in words, those of one reason together.

    >>> _told({"sampler.by": "sampler.name random", "weights.sigma": "weights.scheme none"})
    'sampler.by has no effect with sampler.name random, weights.sigma has no effect with weights.scheme none'
    """
    reasons: dict[str, list[str]] = {}
    for place, beside in found.items():
        reasons.setdefault(beside, []).append(place)
    return ", ".join(
        f"{', '.join(places)} {'has' if len(places) == 1 else 'have'} no effect with {beside}"
        for beside, places in reasons.items()
    )


def _within(place: str, homes: Iterable[str]) -> bool:
    """Whether a place is one of the homes, or within one.

    >>> _within("sampler.by", ["sampler"]), _within("sampler.by", ["sampler.by"]), _within("sampler.by", ["sam"])
    (True, True, False)
    """
    return any(place == home or place.startswith(f"{home}.") for home in homes)
