"""Embedding to a logit of each class, and the coding of classes, which are their places already."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.functional.classes import likeliest
from medgauge.functional.constants import on_device
from medgauge.models.coding import Coding
from medgauge.models.heads import widened

NO_CLASS = -1e4
"""The logit of a place where a target has no class."""


class ClassPlaces(Coding):
    """Places of classes are left as they are; how many classes each target has is kept with the weights.

    - Shape: label and value (n, t).
    """

    counts: Tensor

    def __init__(self, counts: Sequence[int] = ()) -> None:
        super().__init__()
        self.register_buffer("counts", torch.tensor(list(counts), dtype=torch.int64))

    @property
    def divides(self) -> bool:
        """Classes are never divided by a covariate."""
        return False

    def encode(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None = None) -> Float[Tensor, "n t"]:
        """Places as they are."""
        return label

    def decode(self, value: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None = None) -> Float[Tensor, "n t"]:
        """Places as they are."""
        return value

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Take the number of targets from the saved state."""
        if f"{prefix}counts" in state_dict:
            self.counts = torch.zeros_like(state_dict[f"{prefix}counts"], device=self.counts.device)
        super()._load_from_state_dict(state_dict, prefix, *rest)


class SoftmaxHead(nn.Module):
    """One linear layer to a logit of each class of each target; the prediction is the place of the likeliest.

    - Shape: embedding (n, d) -> prediction (n, t), without a gradient, and logits (n, t, k), k the largest number of classes; a
      target with fewer has -10,000 in the places left over. Never narrower than float32.
    - Raises: ValueError for sizes below 1, or fewer than two classes.
    - Source: multinomial logistic regression.
    - Departs: nothing.

    Args:
        embedding: dimension d of the embedding.
        classes: how many classes each target has.
    """

    def __init__(self, embedding: int, classes: Sequence[int]) -> None:
        super().__init__()
        if embedding < 1 or not classes or min(classes) < 2:
            raise ValueError(f"embedding must be >= 1 and classes >= 2 of each target, got {embedding} and {classes}")
        self.classes = tuple(int(one) for one in classes)
        self.targets, self.most = len(self.classes), max(self.classes)
        self.linear = nn.Linear(embedding, self.targets * self.most)

    def forward(self, embedding: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n t"], Float[Tensor, "n t k"]]:
        """Return the prediction and the logits."""
        with torch.autocast(embedding.device.type, enabled=False):
            flat = widened(self.linear(embedding.to(self.linear.weight.dtype)))
            logits = flat.reshape(flat.shape[0], self.targets, self.most)
            if min(self.classes) < self.most:
                places = torch.arange(self.most, device=logits.device)
                logits = logits.masked_fill(places >= on_device(self.classes, places)[:, None], NO_CLASS)
            return likeliest(logits.detach()).to(logits.dtype), logits

    def describe(self) -> dict[str, object]:
        """What :func:`medgauge.models.build_model` needs to build this head again."""
        return {"name": "softmax", "classes": list(self.classes)}
