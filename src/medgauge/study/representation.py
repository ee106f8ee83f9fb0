"""Decides how images become features: the encoder, its weights, and what has no effect on features that are frozen."""

from dataclasses import replace

from medgauge.models.encoders import LITE
from medgauge.recipes.image_settings import AugmentationSettings
from medgauge.recipes.schema import Recipe

PACKAGE, HUB = "package", "hub"
CHANGES = ("flip", "rotation", "shift", "scale", "intensity", "noise")


def decide_representation(recipe: Recipe) -> Recipe:
    """The recipe with the encoder of ``represent.source`` and its weights; frozen features are of images as they are."""
    wanted, encoder = recipe.represent, recipe.model.encoder
    if wanted.name == "scratch":
        return recipe
    given = encoder.name if encoder.name != "auto" else LITE
    name = given if wanted.source == "auto" else wanted.source
    pretrained = encoder.pretrained
    if pretrained is None:
        pretrained = PACKAGE if name == LITE else HUB
    decided = replace(
        recipe,
        represent=replace(wanted, source=name),
        model=replace(recipe.model, encoder=replace(encoder, name=name, pretrained=pretrained)),
    )
    return decided if wanted.name == "tuned" else replace(decided, augmentation=_unchanged(recipe.augmentation))


def frozen_notes(recipe: Recipe) -> list[str]:
    """What of a recipe, as given, has no effect because every image is read once."""
    given, usual = recipe.augmentation, AugmentationSettings()
    named = [name for name in CHANGES if getattr(given, name) != getattr(usual, name)]
    if recipe.represent.name != "frozen" or not named:
        return []
    return [f"features are frozen, so images are not changed at random (augmentation: {', '.join(named)} left out)"]


def _unchanged(given: AugmentationSettings) -> AugmentationSettings:
    usual = AugmentationSettings()
    return replace(given, **{name: getattr(usual, name) for name in CHANGES})
