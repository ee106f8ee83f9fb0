"""Steps of findings: labels of 0, 1 or missing, for the contracts of losses that know no other."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from medgauge.core.batch import Step
from tests.contracts import make_step


def findings_step(rows: int, *, seed: int = 0, dtype: torch.dtype = torch.float64, missing: bool = True) -> Step:
    """A contract's step whose labels are findings."""
    step = make_step(rows, seed=seed, dtype=dtype, missing=missing)
    label = torch.where(step.label.isnan(), step.label, (step.label > 0).to(dtype))
    logits = None if step.logits is None else step.logits[:, :, :1]
    return replace(step, label=label, logits=logits)


def draw_labels(rows: int, findings: int, *, seed: int = 0) -> Tensor:
    """Labels with a fifth missing, none positive in the first column, and none at all in the second row."""
    chance = torch.Generator().manual_seed(seed)
    label = (torch.rand(rows, findings, generator=chance, dtype=torch.float64) < 0.4).double()
    label[:, 0] = 0.0
    label[torch.rand(rows, findings, generator=chance) < 0.2] = math.nan
    label[1] = math.nan
    return label
