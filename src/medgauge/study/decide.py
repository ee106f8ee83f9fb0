"""Decides what a recipe leaves to the data (``auto``), from what images and labels are like; all of it is written out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.core.words import did_you_mean
from medgauge.data.images.augment import AugmentSettings, check_label_safety
from medgauge.data.images.facts import Facts, image_facts, range_ratio
from medgauge.data.images.grey import Grey
from medgauge.data.images.prepare import PrepareSettings
from medgauge.data.tables.table import Table
from medgauge.models.encoders import LITE
from medgauge.recipes.image_settings import AugmentationSettings, ImageSettings
from medgauge.recipes.represent_settings import TABLE
from medgauge.recipes.schema import Recipe
from medgauge.study.boxes import decide_around, decide_box
from medgauge.study.pixel_size import number_names, size_columns
from medgauge.study.sizes import decide_size, longest_side

UNLIKE = 10.0  # ranges of intensities that differ so many times say nothing of their scale
AXES = {"columns": -1, "rows": -2, "depth": -3}
"""Of augmentation.flip, counted from the end."""
SAMPLE = 64  # training images, spread over all of them, that are read before a decision


PASSES, TUNED_PASSES = 150, 25
"""Times that the training cases are read: by a network from random weights, and by a pretrained one that is trained on."""


def decide_image(recipe: Recipe, table: Table, rows: list[int]) -> Recipe:
    """Sizes, greys, channels and the covariates that are sizes of pixels, from a sample of the training images."""
    wanted, data = decide_around(recipe.image, masks=recipe.data.mask is not None), recipe.data
    masks = wanted.around == "mask"
    sources = [table.image[row] for row in rows]
    facts = image_facts(sources, limit=SAMPLE, nan=wanted.nan, masks=masks, mask_label=data.mask_label)
    if not facts.ndims:
        raise InputError(f"none of the images can be read; the first: {facts.problems[0][1]}")
    ndim, augmentation = facts.ndims[0], recipe.augmentation
    if augmentation.size_covariates == "auto":
        augmentation = replace(augmentation, size_covariates=size_columns(table, ndim))
    _check_augmentation(augmentation, [*number_names(table), recipe.data.label_times], ndim)
    sized, longest = bool(augmentation.named_sizes), longest_side(recipe.represent)
    boxed = masks or wanted.extent is not None
    image = (
        decide_box(wanted, facts, sized=sized) if boxed else decide_size(wanted, facts, sized=sized, longest=longest)
    )
    if image.channels == "auto":
        wide = facts.channels[0] == 3 and not facts.grey
        image = replace(image, channels=3 if wide else 1 if facts.channels[0] in (1, 3) else "keep")
    decided = replace(recipe, image=_decide_grey(image, facts), augmentation=augmentation)
    check_label_safety(augment_settings(decided), augmentation.label_changes_with, augmentation.named_sizes)
    return decided


def _check_augmentation(wanted: AugmentationSettings, columns: Sequence[str | None], ndim: int) -> None:
    """Raise InputError where it names columns or axes that there are not."""
    for name in wanted.named_sizes:
        if name not in columns:
            known = [column for column in columns if column is not None]
            raise InputError(
                f"augmentation.size_covariates names {name!r}, which is neither in data.covariates nor data.label_times "
                f"({did_you_mean(name, known)})"
            )
    if "depth" in wanted.flip and ndim == 2:
        raise InputError("augmentation.flip names depth, and the images are 2-D; name rows or columns")


def _decide_grey(image: ImageSettings, facts: Facts) -> ImageSettings:
    """One scale for all images, but where files carry no unit and their ranges differ tenfold."""
    if image.grey == "auto":
        own = image.window == "auto" and range_ratio(facts.each) >= UNLIKE
        scale: Grey = "body_percentiles" if facts.background and facts.ndims[0] == 3 else "image_percentiles"
        image = replace(image, grey=scale if own else "set")
    if image.window != "auto":
        return image
    plain = image.grey != "set" or facts.window is None or facts.dtypes == ["uint8"]
    return replace(image, window=None if plain else [float(end) for end in facts.window or ()])


def decide_training(recipe: Recipe, ndim: int, label: np.ndarray[Any, Any]) -> Recipe:
    """Encoder, normalisation, batch, steps and bins, from dimensions and the labels (n, t) of the training cases."""
    cases = len(label)
    encoder, training = recipe.model.encoder, recipe.training
    if encoder.name == "auto":
        encoder = replace(encoder, name="small")
    learns = recipe.model.neck != "standardised"
    if training.batch_size == "auto" and learns:
        usual = 16 if ndim == 3 else 64 if cases >= 5000 else 32
        training = replace(training, batch_size=max(2, min(usual, cases // 4)))
    if encoder.norm == "auto":
        has_own = encoder.name in (LITE, TABLE) or encoder.name.startswith("timm/")
        over_batch = ndim == 2 and not training.is_split
        encoder = replace(encoder, norm="default" if has_own else "batch" if over_batch else "group")
    if not learns:
        training = replace(training, steps=0)
    if training.steps == "auto":
        least, passes = (200, TUNED_PASSES) if recipe.represent.is_tuned else (600, PASSES)
        training = replace(training, steps=min(20_000, max(least, passes * cases // int(training.batch_size))))
    optimiser = recipe.optimiser
    if optimiser.learning_rate == "auto" and learns:
        fast = recipe.represent.name != "scratch" or encoder.pretrained in (None, "none")
        rate = 0.0001 if not fast else 0.01 if encoder.name == "small" else 0.001
        optimiser = replace(optimiser, learning_rate=rate)
    model = replace(recipe.model, encoder=encoder)
    return decide_bins(replace(recipe, model=model, training=training, optimiser=optimiser), label[:, 0])


def decide_bins(recipe: Recipe, label: np.ndarray[Any, Any]) -> Recipe:
    """The width of label bins where weights need one, from the training labels (n,)."""
    wanted = recipe.weights
    if wanted.scheme == "none" or wanted.smoothing == "kernel_density" or wanted.bin_width != "auto":
        return recipe
    label = label[~np.isnan(label)]
    whole = bool((label == np.round(label)).all())
    width = 1.0 if whole or len(label) == 0 else float(label.max() - label.min()) / 50 or 1.0
    return replace(recipe, weights=replace(wanted, bin_width=width))


def prepare_settings(recipe: Recipe) -> PrepareSettings:
    """The image settings of the data layer."""
    image = recipe.image
    if image.size == "auto" or image.window == "auto" or image.channels == "auto" or image.fit == "auto":
        raise ValueError("image settings must be decided first")
    return PrepareSettings(
        size=tuple(image.size),
        fit=image.fit,
        window=None if image.window is None else (float(image.window[0]), float(image.window[1])),
        spacing=None if image.spacing is None else tuple(image.spacing),
        channels=image.channels,
        nan=image.nan,
        grey="set" if image.grey == "auto" else image.grey,  # auto only in a run of before this setting
        around="mask" if image.around == "mask" else "image",  # likewise
        mask_label=recipe.data.mask_label if image.around == "mask" else None,
    )


def augment_settings(recipe: Recipe) -> AugmentSettings:
    """The augmentation settings of the data layer."""
    wanted = recipe.augmentation
    return AugmentSettings(
        flip=tuple(AXES[name] for name in wanted.flip),
        rotation=wanted.rotation,
        shift=wanted.shift,
        scale=(wanted.scale[0], wanted.scale[1]) if isinstance(wanted.scale, list) else wanted.scale,
        brightness=wanted.intensity,
        contrast=wanted.intensity,
        gamma=(wanted.gamma[0], wanted.gamma[1]) if wanted.gamma is not None else 0.0,
        noise=wanted.noise,
        sharpening=wanted.sharpening,
        blur=wanted.blur,
    )
