"""Gradient caching: the gradient of a large batch from the memory of a small one.

The outputs of all micro-batches are computed without a graph; the loss of the whole batch gives the gradient of each output;
then each micro-batch runs again, with a graph, and its outputs are given their gradients.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from medgauge.core.batch import Step
from medgauge.training.objective import SHARED, Objective

OUTPUTS = ("embedding", "prediction", "logits", "features", "projection", "twin", "prototypes")
"""Fields of a step that a model computes."""


class Cached(NamedTuple):
    """The loss of a whole batch and its gradients.

    Args:
        values: what the objective told, ``total`` among it.
        gradients: of the model's outputs, by field; a row a case, but of shared fields.
        own: what the objective learns with its gradients.
        sizes: cases of each micro-batch.
    """

    values: dict[str, Tensor]
    gradients: dict[str, Tensor]
    own: list[tuple[Tensor, Tensor]]
    sizes: list[int]

    def loss(self, place: int, step: Step) -> Tensor:
        """A scalar whose gradient is the part that micro-batch ``place`` has in that of the whole batch.

        What is no row of a case has its gradient in the last one, so that all parameters have one when processes are joined.
        """
        start, last = sum(self.sizes[:place]), place == len(self.sizes) - 1
        pairs = self.own if last else []
        for name, gradient in self.gradients.items():
            output = getattr(step, name)
            if output.requires_grad and (last or name not in SHARED):
                pairs = [*pairs, (output, gradient if name in SHARED else gradient[start : start + len(output)])]
        return torch.stack([(output * gradient).sum() for output, gradient in pairs]).sum()


def cache_gradients(read: Callable[[int], Step], count: int, objective: Objective, model: nn.Module) -> Cached:
    """The outputs of ``count`` micro-batches, joined; the loss; and its gradients.

    What the model counts in its buffers is counted when the micro-batches run again.

    Args:
        read: the step of a micro-batch; called twice with the same number it gives the same. None has more cases than the first.
        count: of micro-batches.
        objective: sees the whole batch, once.
        model: the network that ``read`` runs.
    """
    with torch.no_grad(), _unchanged(model):
        whole, sizes = _joined(read, count)
    asked = [name for name in OUTPUTS if name in objective.reads and getattr(whole, name) is not None]
    leaves = {name: getattr(whole, name).requires_grad_() for name in asked}
    values = objective(replace(whole, **leaves))
    own = objective.learned()
    found = torch.autograd.grad(values["total"], [*leaves.values(), *own], allow_unused=True)
    outputs, parameters = found[: len(leaves)], found[len(leaves) :]
    return Cached(
        values={name: value.detach() for name, value in values.items()},
        gradients={name: gradient for name, gradient in zip(leaves, outputs, strict=True) if gradient is not None},
        own=[pair for pair in zip(own, parameters, strict=True) if pair[1] is not None],
        sizes=sizes,
    )


def normalises_over_batch(model: nn.Module) -> bool:
    """Whether a network, as it stands (training or not), normalises cases by the others of their batch."""
    return any(module.training for module in model.modules() if isinstance(module, _BatchNorm))


def _joined(read: Callable[[int], Step], count: int) -> tuple[Step, list[int]]:
    """One step of the rows of all micro-batches, and the size of each; what is no row of a case is that of the first.

    Rows are copied to room made at first: small outputs that stayed where they were made would keep the memory around them
    from being given back or used again (on a CPU as much as eight volumes take).
    """
    first = read(0)
    rows = [
        field.name for field in fields(first) if field.name not in SHARED and getattr(first, field.name) is not None
    ]
    room = {name: _repeated(getattr(first, name), count) for name in rows}
    sizes = [len(first.label)]
    for place in range(1, count):
        step, start = read(place), sum(sizes)
        sizes.append(len(step.label))
        for name in rows:
            room[name][start : sum(sizes)] = getattr(step, name)
        del step
    return replace(first, **{name: part[: sum(sizes)] for name, part in room.items()}), sizes


def _repeated(part: Tensor, count: int) -> Tensor:
    """Room for ``count`` times as many rows, the first of which are these."""
    room = part.new_empty(count * len(part), *part.shape[1:])
    room[: len(part)] = part
    return room


@contextmanager
def _unchanged(model: nn.Module) -> Iterator[None]:
    """Buffers are afterwards what they were."""
    kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
    yield
    for name, buffer in kept.items():
        model.get_buffer(name).copy_(buffer)
