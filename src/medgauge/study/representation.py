"""Decides how images become features: the encoder, its weights, and what has no effect on features that are frozen."""

from dataclasses import replace

from medgauge.models.encoders import LITE, Encoder
from medgauge.recipes.image_settings import AugmentationSettings
from medgauge.recipes.represent_settings import TABLE, EncoderSettings
from medgauge.recipes.schema import Recipe

PACKAGE, HUB, STAGES = "package", "hub", "stages"
CHANGES = ("flip", "rotation", "shift", "scale", "intensity", "noise")


def decide_representation(recipe: Recipe) -> Recipe:
    """The recipe with the encoder of ``represent.source`` and its weights; frozen features are of images as they are."""
    wanted, encoder = recipe.represent, recipe.model.encoder
    if wanted.name == "scratch":
        return recipe
    if wanted.is_table:
        model = replace(recipe.model, encoder=EncoderSettings(name=TABLE))
        plain = replace(_unchanged(recipe.augmentation), size_covariates=[])
        return replace(recipe, model=model, augmentation=plain)
    given = encoder.name if encoder.name != "auto" else LITE
    name = wanted.sources[0] if wanted.sources else given
    pretrained = encoder.pretrained
    if pretrained is None:
        pretrained = PACKAGE if name == LITE else HUB
    settings = dict(encoder.settings)
    if wanted.name == "frozen" and name.startswith("timm/"):
        settings = {"features": STAGES, **settings}
    decided = replace(
        recipe,
        represent=replace(wanted, source=name),
        model=replace(recipe.model, encoder=replace(encoder, name=name, pretrained=pretrained, settings=settings)),
    )
    return decided if wanted.name == "tuned" else replace(decided, augmentation=_unchanged(recipe.augmentation))


def size_without_effect(recipe: Recipe, ndim: int) -> list[str]:
    """Where ``represent.size``, as given, decides nothing."""
    wanted, given = recipe.represent.size, recipe.image.size
    if wanted == "auto":
        return []
    if ndim == 3:
        return [f"represent.size {wanted} is of 2-D images and has no effect on volumes; image.size has"]
    if given != "auto" and max(given) > wanted:
        return [f"image.size {given} is given, so represent.size {wanted} has no effect"]
    return []


def stage_notes(recipe: Recipe, encoder: Encoder) -> list[str]:
    """Where the stages of an encoder were wanted, and there are none to be had."""
    wanted = recipe.model.encoder.settings.get("features")
    if wanted != STAGES or encoder.describe()["settings"].get("features") == STAGES:
        return []
    return [
        f"the stages of {recipe.model.encoder.name} cannot be read one by one, so features are those of its last layer alone"
    ]


def _unchanged(given: AugmentationSettings) -> AugmentationSettings:
    usual = AugmentationSettings()
    return replace(given, **{name: getattr(usual, name) for name in CHANGES})
