"""Cases as a model embeds them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from medgauge.core.batch import Batch, Cases
from medgauge.data.cases import CaseArrays
from medgauge.data.tables.table import Table
from medgauge.training.collect import collect

if TYPE_CHECKING:
    from lightning_fabric import Fabric  # here: the import takes as long as torch's


def embed(
    model: nn.Module, arrays: CaseArrays, table: Table, rows: Sequence[int], fabric: "Fabric | None" = None
) -> Cases:
    """Embed the given rows and keep what predictors and metrics need of them, on the CPU.

    Args:
        model: image (and covariates) -> output.
        arrays: images and labels, row for row those of ``table``.
        table: names and groups.
        rows: which, in this order.
        fabric: where several processes share the rows.
    """
    device = next(model.parameters()).device

    def load(part: Sequence[int]) -> Batch:
        return arrays.batch(list(part), device)

    found = collect(model, load, rows, fabric=fabric)
    return Cases(
        embedding=found.embedding,
        label=torch.from_numpy(arrays.label[list(rows)]),
        id=[table.id[row] for row in rows],
        group=[table.group[row] for row in rows],
        prediction=found.prediction,
        divisor=None if arrays.divisor is None else torch.from_numpy(arrays.divisor[list(rows)]),
        logits=found.logits,
    )
