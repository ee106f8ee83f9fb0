"""What the optimiser does with its settings: which parameters decay, and the learning rate of each step."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from medgauge.training.settings import OptimiserSettings, TrainingSettings

__all__ = ["OptimiserSettings", "TrainingSettings", "build_optimiser", "learning_rate", "peak_rate"]


SLOW = 0.1
"""Share of the learning rate that pretrained weights are trained on with."""


def build_optimiser(
    modules: Iterable[nn.Module], settings: OptimiserSettings, *, slow: nn.Module | None = None, fused: bool = True
) -> torch.optim.Optimizer:
    """The optimiser of all trainable parameters; weight decay on those with two or more axes only.

    Args:
        modules: whose parameters.
        settings: of the optimiser.
        slow: a part of them that is trained with a tenth of the learning rate.
        fused: whether Adam may step in one kernel, which Fabric cannot clip where gradients are scaled (16-mixed).
    """
    parameters = [parameter for module in modules for parameter in module.parameters() if parameter.requires_grad]
    slower = set() if slow is None else set(map(id, slow.parameters()))
    groups: list[dict[str, Any]] = []
    for share, part in (
        (1.0, [p for p in parameters if id(p) not in slower]),
        (SLOW, [p for p in parameters if id(p) in slower]),
    ):
        told = {} if share == 1.0 else {"share": share}
        groups.append({"params": [p for p in part if p.ndim > 1], "weight_decay": settings.weight_decay, **told})
        groups.append({"params": [p for p in part if p.ndim <= 1], "weight_decay": 0.0, **told})
    groups = [group for group in groups if group["params"]]
    rate = peak_rate(settings)
    if settings.name == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=0.9)
    kind = torch.optim.AdamW if settings.name == "adamw" else torch.optim.Adam
    fused = fused and all(
        parameter.is_floating_point() and parameter.device.type in ("cpu", "cuda") for parameter in parameters
    )
    return kind(groups, lr=rate, fused=fused)


def peak_rate(settings: OptimiserSettings) -> float:
    """The peak learning rate, which must be decided by now."""
    if settings.learning_rate == "auto":
        raise ValueError("optimiser.learning_rate must be decided before training")
    return settings.learning_rate


def learning_rate(settings: OptimiserSettings, step: int, progress: float) -> float:
    """The learning rate of a step (counted from 0) at a progress in [0, 1]."""
    rate = peak_rate(settings)
    if settings.schedule == "cosine":
        rate *= 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return rate * min(1.0, (step + 1) / (settings.warmup + 1))
