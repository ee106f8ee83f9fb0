"""From a batch of two views a case to the step that the objective sees."""

from torch import nn

from medgauge.core.batch import Batch, Step


def read_views(model: nn.Module, batch: Batch, progress: float) -> Step:
    """One pass of a model of two views; no label is looked at.

    Where the model gives both directions of each case, the step has 2n rows: weights and rows are repeated.

    Args:
        model: image, view -> projection and twin.
        batch: with a view; its weight is that of the cases.
        progress: share of the training that is done.
    """
    out = model(batch.image, batch.view)
    times = len(out.projection) // len(batch.image)
    return Step(
        label=batch.image.new_zeros(len(out.projection), 0),
        projection=out.projection,
        twin=out.twin,
        weight=None if batch.weight is None else batch.weight.repeat(times),
        progress=batch.image.new_full((), progress),
        row=batch.row.repeat(times),
    )
