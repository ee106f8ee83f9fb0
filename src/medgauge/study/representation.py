"""Decides how images become features: the encoder, its weights, and what has no effect on features that are frozen."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from medgauge.core.errors import InputError
from medgauge.data.tables.folds import KEPT_OUT, UNUSED
from medgauge.data.tables.table import Table
from medgauge.models.encoders import LITE, Encoder
from medgauge.recipes.image_settings import AugmentationSettings
from medgauge.recipes.represent_settings import TABLE, EncoderSettings
from medgauge.recipes.schema import Recipe
from medgauge.study.source_run import known_notes, read_source, taken_image, trained_source

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
    if wanted.is_run:
        return _of_run(recipe)
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


def _of_run(recipe: Recipe) -> Recipe:
    """The recipe with encoder and image settings of the run in ``represent.source``; one that has them needs it no more."""
    place, given = recipe.represent.sources[0], recipe.model.encoder
    if given.name != "auto" and not Path(place).exists():
        return recipe
    source = read_source(place)
    if given not in (EncoderSettings(), source.encoder):
        raise InputError(
            f"represent.name run takes the encoder of {place}, which is {source.encoder.name}, and model.encoder.name {given.name} with "
            "its settings is another one; leave model.encoder out"
        )
    model = replace(recipe.model, encoder=source.encoder)
    image = taken_image(recipe.image, source)
    if image.around == "mask" and recipe.data.mask is None:
        raise InputError(
            f"{place} was trained on images cut around their masks, so that it needs masks of these too; name their column with "
            "data.mask (--mask COLUMN)"
        )
    decided = replace(recipe, model=model, image=image)
    return decided if recipe.represent.train else replace(decided, augmentation=_unchanged(recipe.augmentation))


def source_notes(recipe: Recipe, digests: Sequence[str], table: Table, splits: Sequence[str]) -> list[str]:
    """What is said where cases that are judged had a part in the training of the encoder.

    Args:
        recipe: decided.
        digests: of the pictures of the cases.
        table: the cases.
        splits: of the cases; with folds all are judged, in the fit of one fold those that it leaves out.
    """
    if not recipe.represent.is_run or not Path(recipe.represent.sources[0]).exists():
        return []
    source, data = trained_source(recipe.represent.sources[0]), recipe.data
    whole = data.folds > 0 and data.fold is None
    judged = [row for row, split in enumerate(splits) if whole or split not in ("train", KEPT_OUT, UNUSED)]
    named = data.group is not None and data.group == source.recipe.data.group
    pictures, groups, ids = ([part[row] for row in judged] for part in (digests, table.group, table.id))
    tested = [whole or splits[row] == "test" for row in judged]
    return known_notes(source, pictures, groups, ids, tested, named=named)


def new_source_notes(recipe: Recipe, digests: Sequence[str], table: Table, *, local: bool) -> list[str]:
    """The same of cases from elsewhere, which are judged now; where the run that the encoder is of is gone, that is said.

    Args:
        recipe: of the run that judges them.
        digests: of the pictures of the cases.
        table: the cases.
        local: their groups are not called as the run's.
    """
    if not recipe.represent.is_run:
        return []
    group = None if local else recipe.data.group
    wanted = replace(recipe, data=replace(recipe.data, folds=0, fold=None, group=group))
    try:
        trained_source(recipe.represent.sources[0])
        return source_notes(wanted, digests, table, ["test"] * len(table))
    except InputError:
        return [
            f"{recipe.represent.sources[0]}, whose encoder the run has, is not here or not whole, so that nobody can say whether it "
            "was trained with some of the cases that are judged"
        ]


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
