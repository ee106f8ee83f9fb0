"""What a recipe of a pretraining becomes before its cases are read, and what it may not say."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from medgauge.core.errors import InputError
from medgauge.recipes.entries import read_entries
from medgauge.recipes.schema import Recipe

TERMS: Mapping[str, str] = {"siamese": "NegativeCosineLoss", "vicreg": "VICRegLoss"}
"""The term of each method."""
USUAL_ENCODER = "bottleneck"


def method_objective(values: Mapping[str, Any]) -> dict[str, Any]:
    """The objective of raw values of a recipe: what they say, or else the term of their method.

    >>> method_objective({"pretraining": {"method": "vicreg"}})
    {'agreement': {'term': {'class_path': 'VICRegLoss'}}}
    """
    if "objective" in values:
        return dict(values["objective"])
    said = values.get("pretraining")
    method = said.get("method", "siamese") if isinstance(said, Mapping) else "siamese"
    return {"agreement": {"term": {"class_path": TERMS.get(str(method), TERMS["siamese"])}}}


def check_pretraining(recipe: Recipe) -> None:
    """Raise InputError for a recipe that no pretraining can follow."""
    method, represent = recipe.pretraining.method, recipe.represent.name
    if method == "none":
        raise InputError(
            "the recipe says how to fit labels (pretraining.method none); give one of a pretraining (siamese, siamese_re, "
            "siamese_se), or pretraining.method siamese"
        )
    if represent not in ("scratch", "tuned"):
        raise InputError(
            f"represent.name {represent} has no encoder to train; give scratch, or tuned (from pretrained weights)"
        )
    if recipe.training.accumulate > 1 or recipe.training.ema:
        setting = "accumulate" if recipe.training.accumulate > 1 else "ema"
        raise InputError(f"training.{setting} has no place in a pretraining; leave it out")
    if recipe.sampler.name != "random" or recipe.weights.scheme != "none" or recipe.augmentation.mixup:
        raise InputError(
            "a pretraining looks at no label: leave sampler, weights and augmentation.mixup out (pretraining.selection weighs cases)"
        )
    other = {term: name for name, term in TERMS.items() if name != method}
    for name, entry in read_entries(recipe.objective).items():
        if entry.class_path.rpartition(".")[2] in other:
            raise InputError(
                f"objective.{name} ({entry.class_path}) is the term of pretraining.method "
                f"{other[entry.class_path.rpartition('.')[2]]}, and the method is {method}; write {TERMS[method]}, or that method"
            )


def decide_before(recipe: Recipe) -> Recipe:
    """The recipe with the paper's encoder where none is named, batch norm, and changes of images that no label forbids.

    Where batches go through the network in parts, group norm takes the place of batch norm.
    """
    encoder = recipe.model.encoder
    if encoder.name == "auto" and recipe.represent.name == "scratch":
        encoder = replace(encoder, name=USUAL_ENCODER)
    if encoder.norm == "auto" and encoder.name in ("small", USUAL_ENCODER):
        encoder = replace(encoder, norm="group" if recipe.training.is_split else "batch")
    return replace(
        recipe,
        model=replace(recipe.model, encoder=encoder),
        augmentation=replace(recipe.augmentation, label_changes_with=[]),
    )


def whole_norm(asked: Recipe, decided: Recipe) -> Recipe:
    """The recipe with batch norm, where none was asked for and the batches of a size that was decided stay whole."""
    encoder = decided.model.encoder
    if asked.model.encoder.norm != "auto" or encoder.norm != "group" or decided.training.is_split:
        return decided
    return replace(decided, model=replace(decided.model, encoder=replace(encoder, norm="batch")))
