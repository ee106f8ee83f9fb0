"""How training cases count and are drawn: weights, regions, the sampler that a recipe asks for, and its batches."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from medgauge.core.batch import Batch, LabelCoding
from medgauge.core.errors import InputError
from medgauge.core.seeding import generator
from medgauge.core.words import counted
from medgauge.data.cases import CaseArrays
from medgauge.data.images.augment import Drawn, augment_batch, draw, resize
from medgauge.data.mixup import Mixture, draw_mixture, mix_batch
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
from medgauge.study.lone_findings import finding_columns
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
        bare = int(np.isnan(study.table.label[train][:, finding_columns(study.recipe)]).all(1).sum())
        if bare:
            have, are = ("case has", "is") if bare == 1 else ("cases have", "are")
            notes.append(f"{bare} training {have} no label of a finding, and {are} in no batch by the rarest label")
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
        findings = finding_columns(recipe)
        if not findings:
            raise InputError(
                "sampler.name rarest_label draws by findings, and no label is one; take random, or balanced"
            )
        return RarestLabelSampler(
            torch.from_numpy(study.table.label[train][:, findings]),
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


class StepCases:
    """The local batch of a step, of which any cases can be made alone, as they are in the whole.

    Changes are drawn for the whole batch, so that several processes agree with one.
    """

    def __init__(
        self,
        arrays: CaseArrays,
        study: Study,
        sampler: Sampler,
        rows: Sequence[int],
        step: int,
        device: torch.device,
        coding: LabelCoding,
    ) -> None:
        self.arrays, self.recipe, self.device, self.coding = arrays, study.recipe, device, coding
        self.rows = [rows[place] for place in sampler.batch(step)]
        wanted, seed, ndim = augment_settings(study.recipe), study.recipe.seed, arrays.array.ndim - 2
        self.drawn: Drawn | None = None
        if wanted.kinds():
            whole = draw(wanted, sampler.batch_size, ndim, generator(seed, "augmentation", step))
            self.drawn = whole.take(range(sampler.rank, sampler.batch_size, sampler.world_size))
        self.mixture: Mixture | None = None
        if study.recipe.augmentation.mixup:
            width = study.recipe.augmentation.mixup_width
            self.mixture = draw_mixture(self._labels(), width, generator(seed, "mixup", step))

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, places: Sequence[int]) -> Batch:
        """The cases at some places of the batch; with mixing, their partners are read too."""
        batch = self._changed(places)
        if self.mixture is not None:
            other, share = self.mixture.other[list(places)], self.mixture.share[list(places)]
            batch = mix_batch(batch, self._changed(other.tolist()), share, self.coding)
        if batch.image.ndim == 4:
            batch = replace(batch, image=batch.image.contiguous(memory_format=torch.channels_last))
        return batch

    def _changed(self, places: Sequence[int]) -> Batch:
        batch = self.arrays.batch([self.rows[place] for place in places], self.device)
        return batch if self.drawn is None else augment_batch(batch, self.drawn.take(places), **self._sizes)

    def _labels(self) -> Tensor:
        """All labels of the batch, in normalised units, divided by sizes of pixels as changed; no image is read."""
        batch = replace(self.arrays, array=self.arrays.array[:, :0]).batch(self.rows, self.device)
        sized = batch if self.drawn is None else resize(batch, self.drawn, **self._sizes)
        return self.coding.encode(sized.label, sized.divisor)

    @property
    def _sizes(self) -> dict[str, Any]:
        """Which covariates are sizes of pixels, and whether labels are divided by one."""
        sizes, data = self.recipe.augmentation.named_sizes, self.recipe.data
        names = model_covariates(data.covariates, data.covariate_words)
        columns = [place for place, name in enumerate(names) if name in sizes]
        return {"size_columns": columns, "divisor_is_size": data.label_times in sizes}


def augmented_batch(
    arrays: CaseArrays,
    study: Study,
    sampler: Sampler,
    rows: Sequence[int],
    step: int,
    device: torch.device,
    coding: LabelCoding,
) -> Batch:
    """The local batch of a step."""
    cases = StepCases(arrays, study, sampler, rows, step, device, coding)
    return cases.part(range(len(cases)))


def micro_batches(
    arrays: CaseArrays,
    study: Study,
    sampler: Sampler,
    rows: Sequence[int],
    step: int,
    device: torch.device,
    coding: LabelCoding,
) -> list[Callable[[], Batch]]:
    """The local batch of a step in parts of about equal size, each made when it is called; as many in every process."""
    cases = StepCases(arrays, study, sampler, rows, step, device, coding)
    size = study.recipe.training.micro_batch or sampler.batch_size
    count = count_parts(sampler.batch_size, sampler.world_size, size)
    return [partial(cases.part, part.tolist()) for part in np.array_split(np.arange(len(cases)), count)]


def count_parts(batch: int, processes: int, size: int) -> int:
    """Into how many parts of at most ``size`` cases each process splits its own of a batch.

    No part is without a case: where the last process has fewer cases than that, the others have parts of one case more.

    >>> count_parts(256, 1, 8), count_parts(20, 1, 8), count_parts(7, 2, 1)
    (32, 3, 3)
    """
    return min(math.ceil(math.ceil(batch / processes) / size), batch // processes)


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
