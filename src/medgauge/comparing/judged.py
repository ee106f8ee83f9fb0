"""What a comparison is judged by: cases, values of every method, and the entries of its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.figure import Figure


@dataclass(frozen=True)
class Judged:
    """The judged cases and every method's values of them.

    - Shape: label (n, t); region (n, t), names; value (m, s, n, t), out of fold (m, p, s, n, t); entries: for each
      method its runs, in the order of the seeds, with ``test`` as in comparison.json. ``unseeded``: methods that every
      seed makes the same; fold (p, n): out of fold, of each case in each partition.
      chances: of each target of classes (m, s, n, k) or (m, p, s, n, k), whose value is the place of the likeliest.
    """

    group: list[str]
    targets: list[str]
    label: Float[Tensor, "n t"]
    region: Sequence[Sequence[str]]
    value: Float[Tensor, "m s n t"] | Float[Tensor, "m p s n t"]
    entries: dict[str, list[dict[str, Any]]]
    reference: str
    unseeded: tuple[str, ...] = ()
    fold: Int[Tensor, "p n"] | None = None
    chances: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def partitions(self) -> int | None:
        """How often the cases were cut into folds; None: they have splits."""
        return self.value.shape[1] if self.value.ndim == 5 else None

    def of_each(self, figure: Figure, name: str, cases: "Cases") -> Float[Tensor, " r"]:
        """A figure of each time that a method was made; of cases read out of fold those of one fold alone are ordered."""
        made, label = self._repeats(name, cases.read_by(figure)), cases.label[:, None]
        if not figure.chances and (cases.fold is None or not figure.folded):
            return figure.of(made.T, label.expand(-1, len(made)))
        folds = [None] if cases.fold is None else cases.fold
        each = [own for own in folds for _ in range(len(made) // len(folds))]
        return torch.cat([figure.within(own).of(one[:, None], label) for one, own in zip(made, each, strict=True)])

    def _repeats(self, name: str, value: Float[Tensor, "m *rest"]) -> Float[Tensor, "r n *k"]:
        """The values of a method, a row for each time that it was made, those of a partition one after the other."""
        own, lead = value[list(self.entries).index(name)], 2 if self.partitions else 1
        own = own.narrow(lead - 1, 0, 1) if name in self.unseeded else own
        return own.flatten(0, lead - 1)


@dataclass(frozen=True)
class Cases:
    """Some of the judged cases, of one target: value (m, s, n) or (m, p, s, n), label (n,), all there, n groups and fold (p, n).

    ``chance``: of classes, value with a last axis (k).
    """

    value: Float[Tensor, "m s n"] | Float[Tensor, "m p s n"]
    label: Float[Tensor, " n"]
    group: list[str]
    fold: Int[Tensor, "p n"] | None = None
    chance: Float[Tensor, "m *s n k"] | None = None

    def read_by(self, figure: Figure) -> Tensor:
        """What a figure is computed from: values, or of chances these.

        - Raises: ValueError if it is one of chances, and there are none.
        """
        if not figure.chances:
            return self.value
        if self.chance is None:
            raise ValueError(f"{figure.name} needs the chances of classes")
        return self.chance


def spread_of(values: Sequence[float | None]) -> dict[str, float | None]:
    """Mean over the seeds and their standard deviation; None where a run has none."""
    known = [float(value) for value in values if value is not None]
    if len(known) < len(values) or not known:
        return {"mean": None, "sd": None}
    column = torch.tensor(known, dtype=torch.float64)
    return {"mean": float(column.mean()), "sd": float(column.std()) if len(known) > 1 else None}
