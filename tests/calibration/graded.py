"""Graded cases that the tests of sets share."""

import numpy as np
import torch

from medgauge.calibration import GradeSets
from medgauge.core.task import Observed
from medgauge.functional.grades import GradeStrata

INF = float("inf")
LEVELS = (0.0, 1.0, 3.0)


def strata(*columns: list[float]) -> GradeStrata:
    """Strata whose training labels are the given levels, the first of each target the densest."""
    size = max(len(column) for column in columns) + 40
    padded = [column + [column[0]] * (size - len(column)) for column in columns]
    return GradeStrata.fit(torch.tensor(padded, dtype=torch.float64).T)


def seen(label: list[float], chance: list[list[float]], group: list[str] | None = None) -> Observed:
    """Cases of one target."""
    probability = torch.tensor(chance, dtype=torch.float64)[:, None]
    truth = torch.tensor(label, dtype=torch.float64)[:, None]
    return Observed(truth.clone(), truth, group or [str(row) for row in range(len(label))], probability)


def drawn(random: np.random.Generator, counts: list[int], *, pair: bool = False) -> Observed:
    """Cases of each grade of LEVELS; chances from a latent value, grade 3 read with much noise. ``pair``: two a group."""
    label = np.repeat(LEVELS, counts)
    spread = np.where(label == 3, 1.5, 0.5)
    latent = label + spread * random.normal(size=len(label))
    if pair:
        label, latent = np.repeat(label, 2), np.repeat(latent, 2) + 0.05 * random.normal(size=2 * len(label))
    logits = torch.tensor(-((latent[:, None] - np.array(LEVELS)) ** 2))
    chance = torch.softmax(logits, dim=1)[:, None]
    value = (chance * torch.tensor(LEVELS, dtype=torch.float64)).sum(-1)
    group = [str(row // (1 + pair)) for row in range(len(label))]
    return Observed(value, torch.tensor(label)[:, None], group, chance)


def fitted() -> GradeSets:
    return GradeSets(0.9, (LEVELS,), ((0.5, 0.75, INF),), ((40, 20, 3),), (60,))
