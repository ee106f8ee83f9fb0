"""How training cases count and are drawn: weights, regions, the sampler that a recipe asks for, and its batches."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import torch

from medgauge.core.batch import Batch, LabelCoding
from medgauge.core.errors import InputError
from medgauge.core.seeding import generator
from medgauge.core.words import counted
from medgauge.data.cases import CaseArrays
from medgauge.data.images.augment import augment_batch, draw
from medgauge.data.mixup import mix_batch
from medgauge.data.tables.words import model_covariates
from medgauge.samplers import (
    BalancedBatchSampler,
    RandomBatchSampler,
    RarestLabelSampler,
    density_weights,
    effective_size,
)
from medgauge.study import Study
from medgauge.study.decide import augment_settings
from medgauge.tasks import Tasks

Made = TypeVar("Made")
Sampler = RandomBatchSampler | BalancedBatchSampler | RarestLabelSampler


def case_weights(study: Study) -> np.ndarray[Any, Any] | None:
    """Weight of every case in the objective, mean 1 over the training split and 1 elsewhere; None where none is asked for.

    Raises:
        InputError: the labels do not allow such weights.
    """
    wanted = study.recipe.weights
    scheme = wanted.scheme
    if scheme == "none":
        return None
    _one_target(study, "weights.scheme")
    train = study.rows("train")
    weight = np.ones(len(study.table))
    width = 1.0 if wanted.bin_width == "auto" else float(wanted.bin_width)
    weight[train] = _asked(
        lambda: density_weights(
            torch.from_numpy(study.table.label[train, 0]),
            scheme=scheme,
            smoothing=wanted.smoothing,
            kernel=wanted.kernel,
            bin_width=width,
            kernel_size=wanted.kernel_size,
            sigma=wanted.sigma,
        )
    ).numpy()
    return weight


def weighting_notes(study: Study, weight: np.ndarray[Any, Any] | None, sampler: Sampler) -> list[str]:
    """What weights by density, and batches by density, leave of the number of training cases.

    Args:
        study: as its cases are read.
        weight: as :func:`case_weights` gave it.
        sampler: as :func:`build_sampler` gave it.
    """
    notes, train = [], study.rows("train")
    if weight is not None:
        own = weight[train]
        notes.append(
            f"weights by the density of labels leave the {len(train)} training cases an effective size of "
            f"{effective_size(torch.from_numpy(own)):.0f}; the largest weight is {own.max():.3g} times the mean"
        )
    if isinstance(sampler, BalancedBatchSampler) and sampler.effective is not None:
        notes.append(
            f"batches by the density of labels leave the {len(train)} training cases an effective size of "
            f"{sampler.effective:.0f}"
        )
    if isinstance(sampler, RarestLabelSampler):
        notes.append(
            f"batches by the rarest label leave the {len(train)} training cases an effective size of {sampler.effective:.0f}"
        )
    return notes


def case_regions(study: Study, tasks: Tasks) -> np.ndarray[Any, Any]:
    """Region of every case's first label by the density of the training labels: 0 many, 1 medium, 2 few, -1 missing."""
    first, *_ = tasks
    label = torch.from_numpy(study.table.label)[:, tasks.places[first.name].columns]
    return first.strata.of(label)[:, 0].numpy()


def build_sampler(study: Study, *, rank: int = 0, world_size: int = 1) -> Sampler:
    """The sampler of the recipe, over positions in the training split.

    Raises:
        InputError: the batch does not fit the training split, or its labels do not allow balanced batches.
    """
    recipe, train = study.recipe, study.rows("train")
    size, wanted = int(recipe.training.batch_size), recipe.sampler
    if world_size > size:
        raise InputError(
            f"training.devices is {world_size}, and a batch has {counted(size, 'case')}; give a training.batch_size of {world_size} or more"
        )
    if wanted.name == "random":
        return RandomBatchSampler(len(train), size, seed=recipe.seed, rank=rank, world_size=world_size)
    group = [study.table.group[row] for row in train]
    if wanted.name == "rarest_label":
        return RarestLabelSampler(
            torch.from_numpy(study.table.label[train]),
            size,
            group=group,
            one_per_group=wanted.one_per_group,
            seed=recipe.seed,
            rank=rank,
            world_size=world_size,
        )
    _one_target(study, "sampler.name balanced")
    return _asked(
        lambda: BalancedBatchSampler(
            torch.from_numpy(study.table.label[train, 0]),
            size,
            by=wanted.by,
            group=group,
            one_per_group=wanted.one_per_group,
            seed=recipe.seed,
            rank=rank,
            world_size=world_size,
        )
    )


def augmented_batch(
    arrays: CaseArrays,
    study: Study,
    sampler: Sampler,
    rows: Sequence[int],
    step: int,
    device: torch.device,
    coding: LabelCoding,
) -> Batch:
    """The local batch of a step; changes are drawn for the whole batch, so that several processes agree with one."""
    wanted, recipe = augment_settings(study.recipe), study.recipe
    batch = arrays.batch([rows[place] for place in sampler.batch(step)], device)
    if wanted.kinds():
        ndim = batch.image.ndim - 2
        drawn = draw(wanted, sampler.batch_size, ndim, generator(recipe.seed, "augmentation", step))
        sizes = recipe.augmentation.named_sizes
        names = model_covariates(recipe.data.covariates, recipe.data.covariate_words)
        columns = [place for place, name in enumerate(names) if name in sizes]
        mine = drawn.take(range(sampler.rank, sampler.batch_size, sampler.world_size))
        batch = augment_batch(batch, mine, size_columns=columns, divisor_is_size=recipe.data.label_times in sizes)
    if recipe.augmentation.mixup:
        batch = mix_batch(batch, coding, recipe.augmentation.mixup_width, generator(recipe.seed, "mixup", step))
    if batch.image.ndim == 4:
        batch = replace(batch, image=batch.image.contiguous(memory_format=torch.channels_last))
    return batch


def _one_target(study: Study, setting: str) -> None:
    if len(study.table.target) != 1:
        raise InputError(f"{setting} knows one target, and data.label names {len(study.table.target)}")
    for name in study.table.classes:
        raise InputError(f"{setting} goes by the density of numbers, and {name} is a class; leave it out")


def _asked(make: Callable[[], Made]) -> Made:
    """What ``make`` gives; what it refuses is an error of the user's input."""
    try:
        return make()
    except ValueError as error:
        raise InputError(str(error)) from error
