"""Cases as a model embeds them."""

import itertools
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import torch
from torch import nn

from medgauge.core.batch import Batch, Cases
from medgauge.data.cases import CaseArrays
from medgauge.data.tables.table import Table
from medgauge.recipes.schema import Recipe
from medgauge.study.decide import AXES
from medgauge.training.collect import collect

if TYPE_CHECKING:
    from lightning_fabric import Fabric  # here: the import takes as long as torch's

AT_ONCE = 256
"""Cases that are embedded together, unless ``training.micro_batch`` is fewer."""


def embed(
    model: nn.Module,
    arrays: CaseArrays,
    table: Table,
    rows: Sequence[int],
    fabric: "Fabric | None" = None,
    *,
    recipe: Recipe | None = None,
) -> Cases:
    """Embed the given rows and keep what predictors and metrics need of them, on the CPU.

    Args:
        model: image (and covariates) -> output.
        arrays: images and labels, row for row those of ``table``.
        table: names and groups.
        rows: which, in this order.
        fabric: where several processes share the rows.
        recipe: where ``prediction.average`` may ask for the mean over mirrored images; None: each is read once.
    """
    tensors = itertools.chain(model.parameters(), model.buffers())
    device = next((tensor.device for tensor in tensors), torch.device("cpu"))

    def load(part: Sequence[int]) -> Batch:
        return arrays.batch(list(part), device)

    views = ((),) if recipe is None else averaged_views(recipe)
    size = (recipe.training.micro_batch if recipe is not None else None) or AT_ONCE
    found = collect(model, load, rows, batch_size=size, views=views, fabric=fabric)
    return Cases(
        embedding=found.embedding,
        label=torch.from_numpy(arrays.label[list(rows)]),
        id=[table.id[row] for row in rows],
        group=[table.group[row] for row in rows],
        prediction=found.prediction,
        divisor=None if arrays.divisor is None else torch.from_numpy(arrays.divisor[list(rows)]),
        logits=found.logits,
    )


def averaged_views(recipe: Recipe) -> tuple[tuple[int, ...], ...]:
    """For each view that ``prediction.average`` asks for, the axes that it is mirrored along: none at first.

    >>> from medgauge.recipes.image_settings import AugmentationSettings
    >>> from medgauge.recipes.prediction_settings import PredictionSettings
    >>> flips = AugmentationSettings(flip=["rows", "columns"])
    >>> averaged_views(Recipe(augmentation=flips, prediction=PredictionSettings(average="flips")))
    ((), (-2,), (-1,), (-2, -1))
    """
    axes = [AXES[name] for name in recipe.augmentation.flip] if recipe.prediction.average == "flips" else []
    return tuple(some for count in range(len(axes) + 1) for some in combinations(axes, count))
