"""Values of kernel ridge regression without the weights of the training cases behind them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.functional.kernel_ridge import LINEAR, Solved, squared_distances

HELD = 2**18
"""Pairs of a query and a centre that are held at once: few enough to stay near the processor."""


@dataclass(frozen=True)
class KernelSums:
    """Sums over centres of the mixed kernel times duals, and an offset: the values of queries of no training group.

    - Shape: centres (m, p), training cases or landmarks; duals (m, t); slopes (p, t), the linear part of the kernel summed up;
      offset (t,); scale of the distances.
    """

    centres: Float[Tensor, "m p"]
    duals: Float[Tensor, "m t"]
    slopes: Float[Tensor, "p t"]
    offset: Float[Tensor, " t"]
    scale: float

    @classmethod
    def of(
        cls,
        parts: Sequence[tuple[Int[Tensor, " r"], Int[Tensor, " c"], Solved]],
        coded: Float[Tensor, "n t"],
        points: Float[Tensor, "n p"],
        scale: float,
        landmarks: Float[Tensor, "m p"] | None,
        root: Float[Tensor, "m k"] | None,
        features: Float[Tensor, "n k"] | None,
    ) -> "KernelSums":
        """From solved regressions.

        Args:
            parts: training cases and targets of each, and the regression.
            coded: labels; NaN = missing.
            points: standardised training cases.
            scale: of the kernel.
            landmarks: where they stand for the cases.
            root: of their kernel.
            features: of the cases.
        """
        duals = torch.zeros(coded.shape, dtype=torch.float64)
        offset = torch.zeros(coded.shape[1], dtype=torch.float64)
        for rows, targets, solved in parts:
            label = coded[rows][:, targets]
            duals[rows[:, None], targets] = solved.centred(label)
            offset[targets] = solved.ones @ label / solved.total
        if landmarks is not None and root is not None and features is not None:
            points, duals = landmarks, root @ (features.T @ duals)
        return cls(points, duals, points.T @ duals * (LINEAR / points.shape[1]), offset, scale)

    def read(self, points: Float[Tensor, "q p"]) -> Float[Tensor, "q t"]:
        """Of each standardised point; 2 MB at a time are held beside the values."""
        made = torch.empty(len(points), self.duals.shape[1], dtype=torch.float64)
        step = max(1, HELD // len(self.centres))
        for start in range(0, len(points), step):
            some = points[start : start + step]
            gaussian = squared_distances(some, self.centres).mul_(-1 / self.scale).exp_()
            torch.addmm(some @ self.slopes + self.offset, gaussian, self.duals, out=made[start : start + step])
        return made
