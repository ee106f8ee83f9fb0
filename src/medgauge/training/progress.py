"""How far a training run is, where its checkpoints go, and the weights of its best step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from medgauge.core.errors import InputError
from medgauge.training.collect import bare


class Keeper(Protocol):
    """Where checkpoints and the log go (``runfolder.RunFolder`` on the first process)."""

    def save_checkpoint(self, name: str, state: Mapping[str, Any]) -> None:
        """Write a checkpoint whole."""

    def load_checkpoint(self, name: str) -> dict[str, Any] | None:
        """Read a checkpoint, or None."""

    def write_table(self, name: str, columns: Any, rows: Any) -> None:
        """Write a CSV file whole."""


@dataclass
class Progress:
    """What changes while training, beside the weights; all of it is in the checkpoint."""

    step: int = 0
    elapsed: float = 0.0
    best: float = float("inf")
    best_step: int = 0
    waited: int = 0
    evaluated: int = 0
    stopped_because: str = ""
    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, Tensor] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)


def best_weights(keeper: Keeper, progress: Progress) -> tuple[dict[str, Tensor] | None, int]:
    """The weights of the best step and that step; no weights where no reading of the validation cases had a score.

    A best checkpoint may be from a stretch that a kill cut off the last one, and that was not run again in the same way
    (training by time): it holds if its score does.

    Raises:
        InputError: they are lost, or those of another step.
    """
    best = keeper.load_checkpoint("best.ckpt")
    if best is None and not progress.best_step:
        return None, 0
    if best is not None and (best.get("step") == progress.best_step or best.get("score", torch.inf) <= progress.best):
        return best["model"], best["step"]
    what = "is gone" if best is None else "is of another step"
    raise InputError(
        f"the checkpoint of the best step ({progress.best_step}), best.ckpt, {what}, so the run cannot be finished with "
        "its weights; put it back, or remove the run folder and fit again"
    )


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """A copy of a model's weights on the CPU, without what wraps it."""
    return {name: tensor.detach().cpu().clone() for name, tensor in bare(model).state_dict().items()}
