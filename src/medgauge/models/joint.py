"""Heads and codings of several kinds of label as one, side by side."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.models.coding import Coding


class JointHead(nn.Module):
    """Several heads on one embedding.

    - Shape: embedding (n, d) -> prediction (n, t) of all of them, logits (n, t, k) or None: k is that of the head with the
      most, the others have NaN behind, and so have heads without logits.

    Args:
        heads: each embedding -> prediction, or (prediction, logits).
    """

    def __init__(self, heads: Sequence[nn.Module]) -> None:
        super().__init__()
        if len(heads) < 2:
            raise ValueError(f"heads must be two or more, got {len(heads)}")
        self.heads = nn.ModuleList(heads)
        self.targets = sum(int(vars(head)["targets"]) for head in heads)

    def forward(self, embedding: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n t"], Float[Tensor, "n t k"] | None]:
        """Return predictions and logits side by side."""
        made = [head(embedding) for head in self.heads]
        pairs = [one if isinstance(one, tuple) else (one, None) for one in made]
        prediction = torch.cat([value for value, _ in pairs], dim=1)
        width = max((logits.shape[2] for _, logits in pairs if logits is not None), default=0)
        if width == 0:
            return prediction, None
        columns = [
            prediction.new_full((*value.shape, width), torch.nan)
            if logits is None
            else nn.functional.pad(logits, (0, width - logits.shape[2]), value=torch.nan)
            for value, logits in pairs
        ]
        return prediction, torch.cat(columns, dim=1)

    def describe(self) -> dict[str, object]:
        """What :func:`medgauge.models.build_model` needs to build these heads again."""
        parts = [{"targets": head.targets, **head.describe()} for head in self.heads]  # type: ignore[operator]  # ours have both
        return {"name": "joint", "heads": parts}


class JointCoding(Coding):
    """Several codings, each for its own columns.

    - Shape: as each: label and value (n, t), t the sum of their targets; divisor (n,) for those that divide.

    Args:
        codings: fitted modules.
        targets: how many columns each has.
    """

    def __init__(self, codings: Sequence[Coding], targets: Sequence[int]) -> None:
        super().__init__()
        self._codings = nn.ModuleList(codings)
        self.targets = list(targets)

    @property
    def codings(self) -> list[Coding]:
        """Each of them."""
        return [one for one in self._codings if isinstance(one, Coding)]

    @property
    def divides(self) -> bool:
        """Whether any of them divides."""
        return any(bool(coding.divides) for coding in self.codings)

    def encode(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None = None) -> Float[Tensor, "n t"]:
        """Original units to normalised label units."""
        parts = [one.encode(part, divisor if one.divides else None) for one, part in self._parts(label)]
        return torch.cat(parts, dim=1)

    def decode(self, value: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None = None) -> Float[Tensor, "n t"]:
        """Normalised label units to original units."""
        parts = [one.decode(part, divisor if one.divides else None) for one, part in self._parts(value)]
        return torch.cat(parts, dim=1)

    def _parts(self, columns: Tensor) -> list[tuple[Coding, Tensor]]:
        return list(zip(self.codings, torch.split(columns, self.targets, dim=1), strict=True))
