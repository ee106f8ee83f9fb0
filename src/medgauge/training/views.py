"""From a batch of two views a case to the step that the objective sees."""

from dataclasses import replace

from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.batch import Batch, Step


def read_views(model: nn.Module, batch: Batch, progress: float) -> Step:
    """One pass of a model of two views; no label is looked at.

    Where the model gives both directions of each case, the step has 2n rows. A model that gives features of both views side by
    side leaves what is behind them to the objective (:class:`~medgauge.training.told.ToldObjective`).

    Args:
        model: image, view -> projection and twin, or features.
        batch: with a view; its weight is that of the cases.
        progress: share of the training that is done.
    """
    out = model(batch.image, batch.view)
    step = Step(
        label=batch.image.new_zeros(len(batch.image), 0),
        weight=batch.weight,
        progress=batch.image.new_full((), progress),
        row=batch.row,
    )
    return replace(step, features=out) if isinstance(out, Tensor) else with_views(step, out.projection, out.twin)


def with_views(step: Step, projection: Float[Tensor, "m p"], twin: Float[Tensor, "m p"]) -> Step:
    """A step of n cases with what was made of their views, m = n or 2n rows: weights and rows are repeated."""
    times = len(projection) // len(step.label)
    return replace(
        step,
        label=step.label.repeat(times, 1),
        features=None,
        projection=projection,
        twin=twin,
        weight=None if step.weight is None else step.weight.repeat(times),
        row=None if step.row is None else step.row.repeat(times),
    )
