"""Embedding to the chances of lying above thresholds, and to the value that they stand for."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.functional.ordinal import Kind, check_kind, check_thresholds, expected_level, threshold_levels
from medgauge.models.heads import widened


class OrdinalHead(nn.Module):
    """One linear layer to a logit a threshold and target, decoded to lowest level + sum of chances times steps.

    Levels lie midway between neighbouring thresholds, and half a spacing beyond the outer ones: thresholds 0.5, 1.5, 2.5,
    3.5 stand for the grades 0 to 4.

    - Shape: embedding (n, d) -> prediction (n, t) in the unit of the thresholds, logits (n, t, k); never narrower than
      float32.
    - Raises: ValueError for sizes below 1, an unknown kind, or thresholds that do not rise.
    - Source: ``binary``: the ordinal regression baseline of Chao et al., MICCAI 2022; ``corn``: Shi, Cao, Raschka 2023
      (arXiv 2111.08851), conditional chances multiplied.
    - Departs: where levels lie is our choice; ``corn``'s own value is the number of products above 0.5, here it is their
      sum, so that a value may lie between grades. All targets share the thresholds.

    Args:
        embedding: dimension d of the embedding.
        targets: number t of targets.
        thresholds: k rising numbers, in normalised label units (``label_scaling: none``: in label units).
        kind: ``binary``, a chance a threshold; ``corn``, chances conditional on the threshold before.
    """

    def __init__(self, embedding: int, targets: int, thresholds: Sequence[float], kind: Kind = "binary") -> None:
        super().__init__()
        if embedding < 1 or targets < 1:
            raise ValueError(f"embedding and targets must be >= 1, got {embedding} and {targets}")
        self.targets = targets
        self.thresholds = check_thresholds(thresholds)
        self.levels = threshold_levels(self.thresholds)
        self.kind = check_kind(kind)
        self.linear = nn.Linear(embedding, targets * len(self.thresholds))

    def forward(self, embedding: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n t"], Float[Tensor, "n t k"]]:
        """Return the prediction and the logits."""
        with torch.autocast(embedding.device.type, enabled=False):
            flat = widened(self.linear(embedding.to(self.linear.weight.dtype)))
            logits = flat.reshape(flat.shape[0], self.targets, len(self.thresholds))
            return expected_level(logits, self.levels, self.kind), logits

    def describe(self) -> dict[str, object]:
        """What :func:`medgauge.models.build_model` needs to build this head again."""
        return {"name": "ordinal", "thresholds": list(self.thresholds), "kind": self.kind}
