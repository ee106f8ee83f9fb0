"""What a model has to beat, read for some cases of one task."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.task import Known, Task
from medgauge.evaluation.chances import are_chances


def read_baselines(
    task: Task, train: Known, validation: Known, covariates: Float[Tensor, "m q"]
) -> tuple[dict[str, Float[Tensor, "m t"]], dict[str, Sequence[str]]]:
    """Values of each baseline of the task for m cases, and what each became, one word a target.

    Baselines of covariates are left out where there are none.
    """
    values, sorts = {}, {}
    for kind in task.baselines:
        if kind.of_covariates and not covariates.shape[1]:
            continue
        made = kind.fit(train, validation)
        read = made.read(covariates)
        aligned = task.aligned(read, task) if are_chances(read) else read
        values[kind.name] = read if aligned is None else aligned
        sorts[kind.name] = made.sort
    return values, sorts


def mean_baselines(
    found: Sequence[tuple[Mapping[str, Tensor], Mapping[str, Sequence[str]]]],
) -> tuple[dict[str, Tensor], dict[str, Sequence[str]]]:
    """What the baselines of several fits say of the same cases, on average."""
    values = {name: torch.stack([one[0][name] for one in found]).nanmean(0) for name in found[0][0]}
    return values, joined_sorts([sorts for _, sorts in found])


def joined_sorts(found: Sequence[Mapping[str, Sequence[str]]]) -> dict[str, Sequence[str]]:
    """What the baselines of several fits became, in words."""
    return {
        name: [" or ".join(dict.fromkeys(of)) for of in zip(*(one[name] for one in found), strict=True)]
        for name in found[0]
    }
