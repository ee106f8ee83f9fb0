"""Findings: their coding, which changes nothing, and the head that reads the chance of each."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.models.coding import Coding
from medgauge.models.heads import widened


class FindingCoding(Coding):
    """Labels 0 and 1 as they are."""

    @property
    def divides(self) -> bool:
        """Findings are never divided by a covariate."""
        return False

    def encode(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None = None) -> Float[Tensor, "n t"]:
        """The label."""
        return label

    def decode(self, value: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None = None) -> Float[Tensor, "n t"]:
        """The value."""
        return value


class FindingHead(nn.Module):
    """One linear layer to a logit a finding; the prediction is the chance that it is present.

    - Shape: embedding (n, d) -> prediction (n, t), between 0 and 1, logits (n, t, 1); never narrower than float32.

    Args:
        embedding: dimension d of the embedding.
        targets: number t of findings.
    """

    def __init__(self, embedding: int, targets: int) -> None:
        super().__init__()
        if embedding < 1 or targets < 1:
            raise ValueError(f"embedding and targets must be >= 1, got {embedding} and {targets}")
        self.targets = targets
        self.linear = nn.Linear(embedding, targets)

    def forward(self, embedding: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n t"], Float[Tensor, "n t 1"]]:
        """Return the prediction and the logits."""
        with torch.autocast(embedding.device.type, enabled=False):
            logits = widened(self.linear(embedding.to(self.linear.weight.dtype)))
            return logits.sigmoid(), logits[:, :, None]

    def describe(self) -> dict[str, object]:
        """What :func:`medgauge.models.build_model` needs to build this head again."""
        return {"name": "findings"}
