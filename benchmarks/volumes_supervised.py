"""The encoder of a pretraining taught with labels, for volumes_study.py."""

from typing import Any

import numpy as np
import torch
from torch import nn

from medgauge.core.seeding import generator
from medgauge.data.cases import make_cases
from medgauge.data.images.augment import apply, draw
from medgauge.fitting.pretrain_parts import build_model
from medgauge.study import Study
from medgauge.study.decide import augment_settings

Array = np.ndarray[Any, Any]
RATE, DECAY = 0.001, 0.0001


def supervised(study: Study, label: Array, train: Array, *, steps: int, batch: int) -> dict[str, Array]:
    """Features (n, f) and logits (n, k) of all cases after so many steps on the cases ``train``.

    Cross-entropy in which classes weigh the same over ``train``, Adam, the changes of the pretraining, one of each image.

    Args:
        study: all cases, with the settings of a pretraining.
        label: of every case; the k classes are its different values, sorted.
        train: rows whose labels are known.
        steps: of training.
        batch: cases a step.
    """
    recipe = study.recipe
    arrays, augment = make_cases(study.images, study.table.label, None, None), augment_settings(recipe)
    classes, place = np.unique(label, return_inverse=True)
    counts = np.bincount(place[train], minlength=len(classes))
    weight = torch.from_numpy(np.where(counts > 0, len(train) / np.maximum(counts, 1), 0.0)).float()
    encoder = build_model(recipe, ndim=3, channels=1).encoder
    chance = generator(recipe.seed, "supervised")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        head = nn.Linear(encoder.features, len(classes))
    optimiser = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=RATE, weight_decay=DECAY)
    encoder.train()
    for step in range(steps):
        rows = train[torch.randperm(len(train), generator=chance)[:batch].numpy()]
        image = arrays.batch(rows.tolist()).image
        image = apply(image, draw(augment, len(rows), image.ndim - 2, generator(recipe.seed, "supervised view", step)))
        loss = nn.functional.cross_entropy(head(encoder(image)), torch.from_numpy(place[rows]), weight=weight)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    encoder.eval()
    parts = np.array_split(np.arange(len(arrays)), 12)
    with torch.inference_mode():
        features = torch.cat([encoder(arrays.batch(part.tolist()).image) for part in parts])
        return {"features": features.numpy(), "logits": head(features).numpy()}
