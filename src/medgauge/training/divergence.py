"""Finds the step at which training diverged, before anything of it is saved."""

import math

import torch
from torch import Tensor, nn

from medgauge.core.errors import InputError


class Diverged(InputError):
    """Loss or weights are no longer finite; what was saved before stays."""


class Watch:
    """Keeps the values of the steps since the last look, so that an accelerator is waited for only now and then.

    Args:
        saved: step of the last checkpoint; None: there is none.
    """

    def __init__(self, saved: int | None = None) -> None:
        self.saved = saved
        self._seen: list[tuple[int, float, dict[str, Tensor]]] = []

    def add(self, step: int, rate: float, values: dict[str, Tensor]) -> None:
        """Keep the values of a step, counted from 1; those on the CPU are looked at now.

        Raises:
            Diverged: one of them is not finite.
        """
        self._seen.append((step, rate, {name: value.detach() for name, value in values.items()}))
        if values["total"].device.type == "cpu":
            self.look()

    def look(self) -> None:
        """Look at all values since the last look.

        Raises:
            Diverged: one of them is not finite; the first is told.
        """
        seen, self._seen = self._seen, []
        if not seen or bool(torch.stack([values["total"].float() for _, _, values in seen]).isfinite().all()):
            return
        step, rate, values = next(one for one in seen if not bool(one[2]["total"].isfinite()))
        found = {name: float(value) for name, value in values.items()}
        if math.isinf(found["total"]):  # a figure that is NaN is one that this batch could not tell
            found = {name: value for name, value in found.items() if not math.isnan(value)}
        told = [f"{name} is {value:g}" for name, value in found.items() if not math.isfinite(value)]
        raise self.diverged(step, rate, told[0])

    def look_at(self, model: nn.Module, step: int, rate: float) -> None:
        """Look at the weights of a step, and at all values since the last look.

        Raises:
            Diverged: one of them is not finite.
        """
        self.look()
        tensors = {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
        sound = [tensor.isfinite().all() for tensor in tensors.values()]
        if sound and not bool(torch.stack(sound).all()):
            name = next(name for name, fine in zip(tensors, sound, strict=True) if not bool(fine))
            raise self.diverged(step, rate, f"the weights {name} are not finite")

    def diverged(self, step: int, rate: float, what: str) -> Diverged:
        """What is told of a step, with the rate that it was made with and what can be tried."""
        kept = "nothing was saved before it" if self.saved is None else f"the checkpoint of step {self.saved} is kept"
        return Diverged(
            f"training diverged at step {step}: {what}, at a learning rate of {rate:.3g}; {kept}; try another --out with a "
            "lower optimiser.learning_rate (a tenth of it), optimiser.clip 1 or a longer optimiser.warmup"
        )
