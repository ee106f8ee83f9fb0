"""From a batch to the step that the objective sees."""

import inspect

import torch
from torch import nn

from medgauge.core.batch import Batch, LabelCoding, Step
from medgauge.training.collect import bare
from medgauge.training.views import read_views


def is_guided(model: nn.Module) -> bool:
    """Whether the model's neck reads labels while training."""
    neck = getattr(bare(model), "neck", None)
    return neck is not None and "label" in inspect.signature(neck.forward).parameters


def read_step(model: nn.Module, batch: Batch, coding: LabelCoding, progress: float, *, guided: bool) -> Step:
    """One pass of the model, with labels scaled: the only place where a step's labels are encoded.

    A batch with a second view of each case is of a model of two views (:func:`~medgauge.training.views.read_views`).

    Args:
        model: image, covariates (and label, where ``guided``) -> output.
        batch: labels in original units.
        coding: labels to normalised units.
        progress: share of the training that is done.
        guided: as :func:`is_guided` says of the model.
    """
    if batch.view is not None:
        return read_views(model, batch, progress)
    label = coding.encode(batch.label, batch.divisor).float()
    given = {"label": label} if guided else {}
    out = model(batch.image, batch.covariates, **given)
    return Step(
        label=label,
        embedding=out.embedding,
        prediction=out.prediction,
        logits=out.logits,
        features=out.features,
        weight=batch.weight,
        region=batch.region,
        covariates=batch.covariates,
        prototypes=getattr(out, "prototypes", None),  # a plain model has none
        semantics=getattr(out, "semantics", None),
        progress=torch.full((), progress, device=batch.image.device),  # no copy to wait for
        row=batch.row,
    )
