"""Readers of a few cases whose embedding is their label, that the tests of readings share."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from medgauge.core.batch import Cases
from medgauge.inference.reader import Reader
from medgauge.inference.tuned import Tuned
from medgauge.tasks.numbers import Numbers
from medgauge.tasks.settings import HeadSettings

SETTINGS: Any = SimpleNamespace(level=0.8, interval="split", scores="absolute", correction="none", age_gap=False)


def drawn(count: int, seed: int, *, prefix: str = "c", miss: float = 2.0) -> Cases:
    """Cases of one target, two a group; the head is off by about ``miss`` in units of the label."""
    random = np.random.default_rng(seed)
    label = random.uniform(0, 40, count)
    return Cases(
        embedding=torch.tensor(label[:, None] + random.normal(0, 1, (count, 1)), dtype=torch.float32),
        label=torch.tensor(label[:, None]),
        id=[f"{prefix}{row}" for row in range(count)],
        group=[f"{prefix}g{row // 2}" for row in range(count)],
        prediction=torch.tensor((label + random.normal(0, miss, count))[:, None]),
    )


def number_task(label: torch.Tensor, *, scaling: Any = "none") -> Numbers:
    """A number whose normalised units are its own."""
    return Numbers.make(["age"], HeadSettings(), scaling).fit(label, None)


def number_reader(seed: int = 0, *, record: str = "head", prefix: str = "t") -> Reader:
    """Fitted on 40 cases, tuned on 20, calibrated on 30."""
    gallery = drawn(40, 10 * seed, prefix=prefix)
    tuned = Tuned.fit(number_task(gallery.label), gallery, drawn(20, 10 * seed + 1, prefix="v"), record=record)
    return Reader.fit(tuned, drawn(30, 10 * seed + 2, prefix="k"), SETTINGS, seed=0)
