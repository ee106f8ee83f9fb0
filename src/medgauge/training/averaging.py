"""A moving average of the weights, which validation and the saved model use in place of the last ones."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

STATISTICS = ("running_mean", "running_var")
MOST = 0.999


class AveragedWeights:
    """w <- d w + (1 - d) w_t after every step t = 1, 2, …, with d = min(0.999, (1 + t) / (10 + t)); w starts as the weights.

    Averaged are the parameters of the model, and with them the running statistics of batch normalisation, which are those
    of the activations that such weights give. All other buffers, and the parameters of the objective, stay as they are.

    - Raises: ValueError if a state is not of this model.
    - Source: the average of Polyak and Juditsky (1992), with the decay and its warm-up as in TensorFlow's
      ExponentialMovingAverage.

    Args:
        model: whose weights; on its device by now.
    """

    def __init__(self, model: nn.Module) -> None:
        self.average = {name: tensor.detach().clone() for name, tensor in _averaged(model).items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take the weights of step ``step`` (counted from 1) in."""
        share = 1 - min(MOST, (1 + step) / (10 + step))
        for name, tensor in _averaged(model).items():
            self.average[name].lerp_(tensor, share)

    @contextmanager
    def inside(self, model: nn.Module) -> Iterator[None]:
        """The model with the averaged weights, for as long as the context lasts."""
        own = {name: tensor.detach().clone() for name, tensor in _averaged(model).items()}
        _put(model, self.average)
        try:
            yield
        finally:
            _put(model, own)

    def state(self) -> dict[str, Tensor]:
        """The averages on the CPU, for a checkpoint."""
        return {name: tensor.cpu().clone() for name, tensor in self.average.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take up what :meth:`state` gave."""
        if {name: tensor.shape for name, tensor in state.items()} != {
            name: tensor.shape for name, tensor in self.average.items()
        }:
            raise ValueError("the averaged weights are of another model")
        for name, tensor in state.items():
            self.average[name].copy_(tensor)


def _averaged(model: nn.Module) -> dict[str, Tensor]:
    """What is averaged, by name."""
    found: dict[str, Tensor] = dict(model.named_parameters())
    for place, module in model.named_modules():
        if isinstance(module, _NormBase):
            for name in STATISTICS:
                buffer = getattr(module, name)
                if buffer is not None:
                    found[f"{place}.{name}"] = buffer
    return found


@torch.no_grad()
def _put(model: nn.Module, values: Mapping[str, Tensor]) -> None:
    for name, tensor in _averaged(model).items():
        tensor.copy_(values[name])
