"""The features of the last cases, kept with the weights so that a stopped training goes on with them."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class RecentFeatures(nn.Module):
    """A queue of the features of the last ``length`` cases; the oldest leave it.

    Args:
        length: of the queue; 0: nothing is kept.
        features: how many a case has.
    """

    rows: Tensor
    held: Tensor

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        self.register_buffer("rows", torch.zeros(length, features))
        self.register_buffer("held", torch.zeros((), dtype=torch.int64))

    def known(self) -> Float[Tensor, "m f"]:
        """The features that are held, the oldest first."""
        return self.rows[len(self.rows) - int(self.held) :]

    @torch.no_grad()
    def add(self, features: Float[Tensor, "n f"]) -> None:
        """Take the features of a batch in."""
        whole = torch.cat([self.known(), features.to(self.rows)])
        kept = whole[max(len(whole) - len(self.rows), 0) :]
        self.rows[len(self.rows) - len(kept) :] = kept
        self.held.fill_(len(kept))
