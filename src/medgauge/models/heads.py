"""Embedding to prediction."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.functional.distribution import check_bins, expected_value


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


class DistributionHead(nn.Module):
    """One linear layer to a logit a bin and target; the value is the mean of the bins' centres under their softmax.

    - Shape: embedding (n, d) -> prediction (n, t) in normalised label units, logits (n, t, bins); never narrower than float32.
    - Raises: ValueError for sizes below 1, fewer than 2 or more than 1000 bins, or ends that do not rise.
    - Source: DLDL-v2 (Gao et al., IJCAI 2018): the expectation of a learned label distribution.
    - Departs: nothing. All targets share the bins. A value never leaves the middles of the outer bins
      (-3.9 to 3.9), whatever the label is.

    Args:
        embedding: dimension d of the embedding.
        targets: number t of targets.
        low: lower end of the first bin, in normalised label units.
        high: upper end of the last bin.
        bins: number of bins of equal width; as those of :class:`medgauge.losses.DistributionLoss`.
    """

    def __init__(self, embedding: int, targets: int, low: float = -4, high: float = 4, bins: int = 40) -> None:
        super().__init__()
        if embedding < 1 or targets < 1:
            raise ValueError(f"embedding and targets must be >= 1, got {embedding} and {targets}")
        check_bins(low, high, bins)
        self.targets = targets
        self.low, self.high, self.bins = float(low), float(high), int(bins)
        self.linear = nn.Linear(embedding, targets * self.bins)

    def forward(self, embedding: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n t"], Float[Tensor, "n t k"]]:
        """Return the prediction and the logits."""
        with torch.autocast(embedding.device.type, enabled=False):
            flat = widened(self.linear(embedding.to(self.linear.weight.dtype)))
            logits = flat.reshape(flat.shape[0], self.targets, self.bins)
            return expected_value(logits, self.low, self.high), logits

    def describe(self) -> dict[str, object]:
        """What :func:`medgauge.models.build_model` needs to build this head again."""
        return {"name": "distribution", "low": self.low, "high": self.high, "bins": self.bins}


def widened(tensor: Tensor) -> Tensor:
    """float16 and bfloat16 to float32; wider types stay."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
