"""Kernel ridge regression with an offset on standardised columns, by the eigenvectors of its kernel; groups left out exactly."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

LINEAR = 0.2
"""Factor of the linear part of the kernel."""
FARTHEST = 8.0
"""Standard deviations at which standardised columns are clipped."""
MEDIAN_ROWS = 3000
"""Rows, spread evenly over all, that the median distance is taken over."""
BLOCK = 2**24
"""Numbers that are held at once where groups are left out."""


@dataclass(frozen=True)
class Columns:
    """How columns are standardised: mean and deviation (p,) of the training cases; a constant column becomes 0.

    ``farthest``: deviations at which they are clipped.
    """

    mean: Float[Tensor, " p"]
    deviation: Float[Tensor, " p"]
    farthest: float = FARTHEST

    @classmethod
    def fit(cls, features: Float[Tensor, "n p"], *, weighted: bool = False) -> "Columns":
        """Mean and deviation (with n, not n - 1) of each column; ``weighted`` ones are only centred, and not clipped."""
        wide = features.double()
        deviation = wide.std(0, correction=0)
        there = deviation > 1e-9 * wide.abs().amax(0)
        own = torch.ones_like(deviation) if weighted else deviation
        return cls(wide.mean(0), torch.where(there, own, math.inf), math.inf if weighted else FARTHEST)

    def standardised(self, features: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
        """(n, p) float64, clipped."""
        return ((features.double() - self.mean) / self.deviation).clamp(-self.farthest, self.farthest)

    def kept(self) -> dict[str, Tensor]:
        """As finite numbers to be stored: a constant column has the deviation 0."""
        return {"mean": self.mean, "deviation": self.deviation.where(self.deviation.isfinite(), 0.0)}

    @classmethod
    def restored(cls, kept: Mapping[str, Tensor], *, weighted: bool = False) -> "Columns":
        """The inverse of ``kept``."""
        deviation = kept["deviation"].where(kept["deviation"] > 0, math.inf)
        return cls(kept["mean"], deviation, math.inf if weighted else FARTHEST)


def squared_distances(a: Float[Tensor, "n p"], b: Float[Tensor, "m p"]) -> Float[Tensor, "n m"]:
    """|a - b|^2, never below 0; memory n m."""
    squares = b.square().sum(1)[None] + a.square().sum(1)[:, None]
    return squares.addmm_(a, b.T, alpha=-2).clamp_(min=0)


def median_distance(points: Float[Tensor, "n p"]) -> float:
    """The median of |a - b|^2 over the pairs of different rows; 1 where it is 0 or there is no pair.

    Of more than 3,000 rows that many, spread evenly, stand for all.
    """
    rows = torch.linspace(0, len(points) - 1, min(len(points), MEDIAN_ROWS)).round().long()
    return median_of(squared_distances(points[rows], points[rows]))


def median_of(squares: Float[Tensor, "n n"]) -> float:
    """The median of |a - b|^2 over the pairs of different rows, given for every two; 1 where it is 0 or there is no pair."""
    above = np.triu_indices(len(squares), 1)
    median = float(np.median(squares.numpy()[above])) if len(squares) > 1 else 0.0
    return median if median > 0 else 1.0


def mixed_kernel(a: Float[Tensor, "n p"], b: Float[Tensor, "m p"], scale: float) -> Float[Tensor, "n m"]:
    """exp(-|a - b|^2 / scale) + 0.2 a . b / p."""
    return kernel_of(squared_distances(a, b), a, b, scale)


def kernel_of(
    squares: Float[Tensor, "n m"], a: Float[Tensor, "n p"], b: Float[Tensor, "m p"], scale: float
) -> Float[Tensor, "n m"]:
    """:func:`mixed_kernel` where |a - b|^2 is known."""
    gaussian = (squares * (-1 / scale)).exp_()
    return gaussian.addmm_(a, b.T, alpha=LINEAR / a.shape[1])


@dataclass(frozen=True)
class Spectrum:
    """The kernel of the training cases, weighted by cases, as basis @ diag(values) @ basis.T.

    - Shape: root (n,), the square roots of the case weights; basis (n, m), orthonormal columns; values (m,), > 0.
    """

    root: Float[Tensor, " n"]
    basis: Float[Tensor, "n m"]
    values: Float[Tensor, " m"]

    @classmethod
    def of_kernel(cls, kernel: Float[Tensor, "n n"], weight: Float[Tensor, " n"]) -> "Spectrum":
        """From the whole kernel matrix."""
        root = weight.sqrt()
        values, basis = torch.linalg.eigh(kernel * root[:, None] * root)
        return cls(root, basis, values.clamp(min=0))

    @classmethod
    def of_features(cls, features: Float[Tensor, "n m"], weight: Float[Tensor, " n"]) -> "Spectrum":
        """From features whose products are the kernel; memory n m."""
        root = weight.sqrt()
        weighted = features * root[:, None]
        values, vectors = torch.linalg.eigh(weighted.T @ weighted)
        kept = values > 1e-12 * values.max()
        values, vectors = values[kept], vectors[:, kept]
        return cls(root, (weighted @ vectors) / values.sqrt(), values)

    def solved(self, constant: float) -> "Solved":
        """The regression with that constant: min sum_i weight_i (y_i - f_i)^2 + constant |f|^2, the offset free."""
        factors = -self.values / (constant * (self.values + constant))
        ones = self._inverse(torch.ones_like(self.root)[:, None], constant, factors)[:, 0]
        return Solved(self, constant, factors, ones, float(ones.sum()))

    def _inverse(self, right: Float[Tensor, "n k"], constant: float, factors: Tensor) -> Float[Tensor, "n k"]:
        """(kernel + constant / weight)^-1 @ right."""
        scaled = right * self.root[:, None]
        mixed = scaled / constant + self.basis @ (factors[:, None] * (self.basis.T @ scaled))
        return mixed * self.root[:, None]


@dataclass(frozen=True)
class Solved:
    """A kernel ridge regression with an offset: every value is a sum of weights times training labels.

    With M = (kernel + constant / weight)^-1, s = M 1 and C = M - s s' / s'1, the weights of a query are C k + s / s'1, k its
    kernel with the training cases; they are 1 in sum.
    """

    spectrum: Spectrum
    constant: float
    factors: Float[Tensor, " m"]
    ones: Float[Tensor, " n"]
    total: float

    def centred(self, right: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """C @ right."""
        found = self.spectrum._inverse(right, self.constant, self.factors)
        return found - self.ones[:, None] * (self.ones @ right)[None] / self.total

    def weights(self, kernel: Float[Tensor, "q n"]) -> Float[Tensor, "q n"]:
        """Weights of the training labels for queries with that kernel."""
        return self.centred(kernel.T).T + self.ones / self.total

    def blocks(self, rows: Int[Tensor, "b g"]) -> Float[Tensor, "b g g"]:
        """C[rows, rows] for each of b groups of g cases."""
        root, basis = self.spectrum.root[rows], self.spectrum.basis[rows]
        own = torch.einsum("bgm,m,bhm->bgh", basis, self.factors, basis)
        own = (own + torch.eye(rows.shape[1], dtype=own.dtype) / self.constant) * root[:, :, None] * root[:, None]
        ones = self.ones[rows]
        return own - ones[:, :, None] * ones[:, None] / self.total

    def left_out(self, label: Float[Tensor, "n t"], groups: Sequence[Int[Tensor, "b g"]]) -> Float[Tensor, "n t"]:
        """What the regression without a case's group says of it; ``groups``: all cases, by groups of one size each.

        NaN where all cases are of one group.

        - Source: block-wise leave-one-out of the least-squares support vector machine (Cawley, IJCNN 2006).
        """
        duals, value = self.centred(label), torch.full_like(label, torch.nan)
        for rows in groups:
            for part in torch.split(rows, max(1, BLOCK // (rows.shape[1] * self.spectrum.basis.shape[1]))):
                if rows.shape[1] < len(label):
                    value[part] = label[part] - torch.linalg.solve(self.blocks(part), duals[part])
        return value

    def columns(self, rows: Int[Tensor, " g"]) -> Float[Tensor, "n g"]:
        """C[:, rows]."""
        unit = torch.zeros(len(self.ones), len(rows), dtype=self.ones.dtype)
        unit[rows, torch.arange(len(rows))] = 1.0
        return self.centred(unit)

    def without(
        self, weights: Float[Tensor, "q n"], rows: Int[Tensor, " g"], columns: Float[Tensor, "n g"]
    ) -> Float[Tensor, "q n"]:
        """Weights as they are with the training cases ``rows`` left out of the fit; ``columns``: those of C."""
        changed: Tensor = weights - torch.linalg.solve(columns[rows], weights[:, rows].T).T @ columns.T
        changed[:, rows] = 0.0
        return changed


def columns_of_groups(
    solved: Solved, group: Int[Tensor, " m"], own: Int[Tensor, " q"]
) -> Iterator[tuple[int, Int[Tensor, " g"], Float[Tensor, "m g"]]]:
    """Each group of ``own`` among the training cases, whose codes are ``group``: its code, its places in them, its columns of C."""
    places = torch.isin(group, own).nonzero().flatten()
    places = places[group[places].argsort(stable=True)]
    counts = torch.unique_consecutive(group[places], return_counts=True)[1]
    cut = (counts.cumsum(0) - counts) // max(1, BLOCK // len(group))  # so many columns at once, groups not torn
    sizes = [int(counts[cut == number].sum()) for number in torch.unique_consecutive(cut)]
    for some in torch.split(places, sizes):
        here, many = torch.unique_consecutive(group[some], return_counts=True)
        parts = torch.split(solved.columns(some), many.tolist(), dim=1)
        yield from zip(here.tolist(), torch.split(some, many.tolist()), parts, strict=True)


def group_blocks(codes: Int[Tensor, " n"]) -> list[Int[Tensor, "b g"]]:
    """The cases of each group, groups of one size together.

    >>> group_blocks(torch.tensor([5, 3, 5, 4]))
    [tensor([[1],
            [3]]), tensor([[0, 2]])]
    """
    order = codes.argsort(stable=True)
    counts = torch.unique_consecutive(codes[order], return_counts=True)[1]
    starts = counts.cumsum(0) - counts
    return [
        order[starts[counts == size][:, None] + torch.arange(int(size))] for size in torch.unique(counts)
    ]  # fmt: skip


def landmark_features(
    points: Float[Tensor, "n p"], landmarks: Float[Tensor, "m p"], scale: float, root: Float[Tensor, "m k"]
) -> Float[Tensor, "n k"]:
    """Features whose products approximate the kernel; ``root`` is that of :func:`landmark_root`."""
    features: Tensor = mixed_kernel(points, landmarks, scale) @ root
    return features


def landmark_root(landmarks: Float[Tensor, "m p"], scale: float) -> Float[Tensor, "m k"]:
    """The inverse square root of the kernel of the landmarks, without the directions that rounding cannot tell from 0.

    - Source: Williams and Seeger, NeurIPS 2000 (Nyström).
    """
    values, vectors = torch.linalg.eigh(mixed_kernel(landmarks, landmarks, scale))
    kept = values > 1e-10 * values.max()
    inverse: Tensor = vectors[:, kept] / values[kept].sqrt()
    return inverse
