"""Embedding to prediction."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LinearHead(nn.Module):
    """One linear layer from the embedding to the prediction of every target.

    - Shape: embedding (n, d) -> (n, t), in normalised label units; never narrower than float32.

    Args:
        embedding: dimension d of the embedding.
        targets: number t of targets.
    """

    def __init__(self, embedding: int, targets: int) -> None:
        super().__init__()
        if embedding < 1 or targets < 1:
            raise ValueError(f"embedding and targets must be >= 1, got {embedding} and {targets}")
        self.targets = targets
        self.linear = nn.Linear(embedding, targets)

    def forward(self, embedding: Float[Tensor, "n d"]) -> Float[Tensor, "n t"]:
        """Return the prediction."""
        with torch.autocast(embedding.device.type, enabled=False):
            return widened(self.linear(embedding.to(self.linear.weight.dtype)))

    def describe(self) -> dict[str, object]:
        """What :func:`medgauge.models.build_model` needs to build this head again."""
        return {"name": "linear"}


def widened(tensor: Tensor) -> Tensor:
    """float16 and bfloat16 to float32; wider types stay."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
