"""Values as weighted sums of all training labels: kernel ridge regression on the embedding."""

from collections.abc import Sequence
from typing import Self

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.batch import Cases, LabelCoding
from medgauge.core.checks import check_number
from medgauge.core.errors import InputError
from medgauge.core.evidence import Evidence, Reading
from medgauge.core.task import Error
from medgauge.functional.kernel_ridge import (
    MEDIAN_ROWS,
    Columns,
    Solved,
    Spectrum,
    columns_of_groups,
    group_blocks,
    kernel_of,
    landmark_features,
    landmark_root,
    median_distance,
    median_of,
    mixed_kernel,
    squared_distances,
)
from medgauge.inference.kernel_sums import KernelSums
from medgauge.inference.predictor import absolute_error, coding_or_identity, label_spread, on_cpu, validation_error
from medgauge.inference.state_cases import nearest_of_states

CONSTANTS = tuple(10 ** (step / 3) for step in range(-9, 7))
MOST_EXACT = 10_000
LANDMARKS = 2000
MOST_NUMBERS = 2**27  # of the features of all cases: 1 GB
MOST_NAMED, NAMED = 2000, 500  # training cases up to which all are evidence; beyond, how many of each query
ASKED = 2**23  # pairs of a query and a training case that are held at once
_TIED = 1e-9


class KernelPredictor:
    """Kernel ridge regression with an offset on K(a, b) = exp(-|a - b|^2 / median |a - b|^2) + 0.2 a . b / p.

    Columns are standardised and clipped at 8 by the training cases, whose pairs give the median too. A value is a sum of
    w_i y_i over all training labels with sum_i w_i = 1, exact evidence; weights may be negative: such a case lowers the
    value where its label is high. The constant is the one of the smallest error of leaving groups out, in closed form,
    inside the training cases. A query whose group is among the training cases is read by the regression without that group.

    Labels are summed in normalised label units and decoded then, as by :class:`medgauge.inference.NeighbourPredictor`.
    Missing labels have no weight for their target. Beyond 10,000 cases the kernel is approximated by 2,000 of them, spread
    evenly (fewer beyond 67,000: 1 GB at most).

    - Shape: as ``core.task.Predictor``. Values and evidence are on the CPU, in float64; the evidence of q queries has q n rows,
      beyond 2,000 training cases the 500 of the largest weights of each query, with the sum of |weight| over all in ``whole``;
      its distances are between standardised columns. ``leave_one_group_out`` (n, t): value of each training case without its
      group, in original units; ``validation`` (t,) is the mean error on the validation cases, NaN without any.
    - Raises: InputError if a target has labels in fewer than two groups, or the embedding has values that are not finite;
      ValueError before ``fit``, and for weights of another number or not above 0.
    - Source: Saunders, Gammerman and Vovk, ICML 1998; the offset as in least-squares support vector machines (Suykens and
      Vandewalle 1999); leaving out in closed form: Cawley, IJCNN 2006; Nyström: Williams and Seeger, NeurIPS 2000.
    - Departs: the sum of two kernels and its scale are our choice.

    Args:
        coding: between original and normalised label units; None if they are the same.
        constant: of the penalty, > 0; None: chosen by leaving groups out.
        weighted: the columns are standardised and weighted against one another already, and stay so.
        named: of labels that are 0 or 1, how many nearest cases of either state the evidence names at least.
    """

    def __init__(
        self,
        coding: LabelCoding | None = None,
        *,
        constant: float | None = None,
        weighted: bool = False,
        named: int = 0,
    ) -> None:
        check_number("constant", 1.0 if constant is None else constant, above=0)
        self.coding = coding_or_identity(coding)
        self.constant, self.weighted, self.named = constant, weighted, named
        self.validation: Float[Tensor, " t"] = torch.empty(0, dtype=torch.float64)
        self._choose = constant is None

    @property
    def tuned(self) -> dict[str, float]:
        """The constant."""
        if self.constant is None:
            raise ValueError("the constant must be given or chosen: call fit(gallery) first")
        return {"constant": self.constant}

    def restore(self, gallery: Cases, tuned: dict[str, float]) -> Self:
        """Take the gallery and a constant that was chosen before."""
        self.constant, self._choose = tuned["constant"], False
        return self.fit(gallery)

    def fit(
        self,
        gallery: Cases,
        validation: Cases | None = None,
        error: Error | None = None,
        *,
        weight: Float[Tensor, " n"] | None = None,
    ) -> Self:
        """Take the gallery and choose the constant on it alone; ``validation`` only gives the error
        there; the gallery itself: that of leaving groups out.

        ``error``: (value, label) -> the error of each; None: the absolute one. ``weight``: of each case, > 0; None: equal.
        """
        points = gallery.embedding.detach().cpu().double()
        if not points.isfinite().all():
            raise InputError(
                "the embedding of a training case has values that are not finite numbers; the network diverged"
            )
        if weight is not None and (weight.shape != (len(gallery),) or not bool((weight > 0).all())):
            raise ValueError(f"weight must be {len(gallery)} numbers above 0, one a case, got {tuple(weight.shape)}")
        shares = torch.ones(len(gallery), dtype=torch.float64) if weight is None else weight.cpu().double()
        self._gallery = gallery
        self._columns = Columns.fit(points, weighted=self.weighted)
        self._points = self._columns.standardised(points)
        few = len(gallery) <= MEDIAN_ROWS
        squares = squared_distances(self._points, self._points) if few else None
        self._scale = median_distance(self._points) if squares is None else median_of(squares)
        self._codes = {name: code for code, name in enumerate(dict.fromkeys(map(str, gallery.group)))}
        self._group = torch.tensor([self._codes[str(name)] for name in gallery.group])
        self._place_landmarks()
        label = gallery.label.detach().cpu().double()
        self._coded = self.coding.encode(label, on_cpu(gallery.divisor))
        self._fit_parts(shares, squares)
        measure = error or absolute_error
        self._solve(label, measure)
        if validation is gallery:
            gap = measure(self.leave_one_group_out, label)
            self.validation = gap.nansum(0) / (~gap.isnan()).sum(0)
        else:
            self.validation = validation_error(self.read, label.shape[1], validation, measure)
        return self

    def predict(
        self,
        embedding: Float[Tensor, "q d"],
        prediction: Float[Tensor, "q t"] | None = None,
        *,
        divisor: Float[Tensor, " q"] | None = None,
        group: Sequence[str] | None = None,
    ) -> Reading:
        """Values and the weights of all training cases in them; ``prediction`` has no part in it."""
        self._check_fitted()
        points = self._columns.standardised(embedding.detach().cpu())
        if group is not None and len(group) != len(points):
            raise ValueError(f"group must name the group of each of the {len(points)} cases, got {len(group)} names")
        own = torch.full((len(points),), -1) if group is None else self._known(group)
        step = max(1, ASKED // self._coded.numel())
        starts = range(0, max(1, len(points)), step)
        parts = [self._read(points[start : start + step], own[start : start + step]) for start in starts]
        coded, rows, distances, weights, whole = (torch.cat(column) for column in zip(*parts, strict=True))
        count, named = rows.shape
        offsets = torch.arange(count + 1) * named
        kept = None if named == len(self._coded) else whole[:, self._part_of]
        shared = weights.flatten(0, 1)  # of all targets with the same labelled cases
        each = shared.expand(-1, len(self._part_of)) if shared.shape[1] == 1 else shared[:, self._part_of]
        evidence = Evidence(offsets, rows.flatten(), distances.flatten(), each, kept)
        return Reading(self.coding.decode(coded, on_cpu(divisor)), evidence)

    def _read(self, points: Float[Tensor, "q p"], own: Int[Tensor, " q"]) -> tuple[Tensor, ...]:
        """Coded values (q, t); rows, distances (q, k) and weights (q, k, s) of the cases that are named; sums of |weight| (q, s)."""
        squares, size = squared_distances(points, self._points), len(self._points)
        weights = self._weights(points, own, squares)
        coded = torch.empty(len(points), self._coded.shape[1], dtype=torch.float64)
        for place, (_, targets, _) in enumerate(self._parts):
            coded[:, targets] = weights[:, :, place] @ self._coded[:, targets].nan_to_num()
        sizes, distances = weights.abs(), squares.sqrt_()
        if self.named:
            distances[own[:, None] == self._group] = torch.inf  # without weight, and among the nearest of no state
        whole = sizes.sum(1)
        if size <= MOST_NAMED:
            distances, rows = distances.sort(dim=1, stable=True)
        else:
            rank = sizes @ self._shares
            if self.named:
                rank[nearest_of_states(distances, self._coded, self.named)] = torch.inf
            rows = rank.topk(NAMED, dim=1).indices.sort(dim=1).values  # by row, so that ties of distance are too
            distances, order = torch.take_along_dim(distances, rows, dim=1).sort(dim=1, stable=True)
            rows = torch.take_along_dim(rows, order, dim=1)
        return coded, rows, distances, torch.take_along_dim(weights, rows[:, :, None], dim=1), whole

    def read(self, cases: Cases) -> Reading:
        """Values of embedded cases; training cases of their groups are left out of the fit."""
        return self.predict(cases.embedding, divisor=cases.divisor, group=cases.group)

    def values(self, cases: Cases) -> Float[Tensor, "q t"]:
        """The values of ``read`` alone, to rounding: of cases of other groups without the weights of the training cases."""
        self._check_fitted()
        points = self._columns.standardised(cases.embedding.detach().cpu())
        made, own = self._sums.read(points), self._known(cases.group)
        for part in torch.split(torch.nonzero(own >= 0).flatten(), max(1, ASKED // self._coded.numel())):
            if len(part):
                made[part] = self._read(points[part], own[part])[0]
        return self.coding.decode(made, on_cpu(cases.divisor))

    def nearest_distance(
        self, embedding: Float[Tensor, "q d"], *, group: Sequence[str] | None = None
    ) -> Float[Tensor, " q"]:
        """Distance to the nearest training case of another group, between standardised columns; infinite if there is none."""
        self._check_fitted()
        distances = squared_distances(self._columns.standardised(embedding.detach().cpu()), self._points).sqrt_()
        if group is not None:
            distances[self._known(group)[:, None] == self._group] = torch.inf
        return distances.amin(1)

    def _check_fitted(self) -> None:
        if not hasattr(self, "_gallery"):
            raise ValueError("the predictor has no gallery: call fit(gallery) first")

    def _place_landmarks(self) -> None:
        """Features by landmarks where there are too many cases for the whole kernel."""
        n = len(self._points)
        self._landmarks = self._root = None
        if n > MOST_EXACT:
            rows = torch.linspace(0, n - 1, min(LANDMARKS, MOST_NUMBERS // n)).round().long()
            self._landmarks = self._points[rows]
            self._root = landmark_root(self._landmarks, self._scale)
        self._features = None if self._root is None else self._mapped(self._points)

    def _mapped(self, points: Float[Tensor, "q p"]) -> Float[Tensor, "q k"]:
        assert self._landmarks is not None and self._root is not None  # noqa: S101, PT018 - for the type checker
        return landmark_features(points, self._landmarks, self._scale, self._root)

    def _kernel(
        self, points: Float[Tensor, "q p"], rows: Int[Tensor, " m"], squares: Float[Tensor, "q n"]
    ) -> Float[Tensor, "q m"]:
        """Of points with some training cases; ``squares`` of their distances to all."""
        if self._features is None and len(rows) == len(self._points):
            return kernel_of(squares, points, self._points, self._scale)
        if self._features is None:
            return mixed_kernel(points, self._points[rows], self._scale)
        return self._mapped(points) @ self._features[rows].T

    def _fit_parts(self, shares: Float[Tensor, " n"], squares: Float[Tensor, "n n"] | None) -> None:
        """One spectrum for the targets that the same cases have labels of; ``squares``: of distances, where they are known."""
        seen = ~self._coded.isnan()
        patterns, which = torch.unique(seen.T, dim=0, return_inverse=True)
        self._parts, self._part_of, self._shares = [], which, torch.bincount(which).double()
        for place, pattern in enumerate(patterns):
            rows = pattern.nonzero().flatten()
            targets = (which == place).nonzero().flatten()
            if len(torch.unique(self._group[rows])) < 2:
                raise InputError(
                    f"target {int(targets[0])} has labels in fewer than two groups of the {len(shares)} training cases; "
                    "check its column."
                )
            weight = shares[rows] / shares[rows].mean()
            if self._features is None:
                points = self._points[rows]
                known = squares if squares is not None and len(rows) == len(squares) else None
                between = squared_distances(points, points) if known is None else known
                spectrum = Spectrum.of_kernel(kernel_of(between, points, points, self._scale), weight)
            else:
                spectrum = Spectrum.of_features(self._features[rows], weight)
            self._parts.append((rows, targets, spectrum))

    def _solve(self, label: Float[Tensor, "n t"], error: Error) -> None:
        """Choose the constant of the smallest error without the own group, of equal ones the largest."""
        constants = CONSTANTS if self._choose else (float(self.tuned["constant"]),)
        divisor, spread, scores, values = on_cpu(self._gallery.divisor), label_spread(label), [], []
        for constant in constants:
            coded = torch.full_like(label, torch.nan)
            for rows, targets, spectrum in self._parts:
                blocks = group_blocks(self._group[rows])
                found = spectrum.solved(constant).left_out(self._coded[rows][:, targets], blocks)
                coded[rows[:, None], targets] = found
            values.append(self.coding.decode(coded, divisor))
            scores.append(float((error(values[-1], label).nanmean(0) / spread).nanmean()))
        best = min(scores)
        chosen = max(place for place, score in enumerate(scores) if score <= best * (1 + _TIED))
        self.constant, self.leave_one_group_out = constants[chosen], values[chosen]
        self._solved: list[Solved] = [spectrum.solved(self.constant) for _, _, spectrum in self._parts]
        parts = [(rows, targets, one) for (rows, targets, _), one in zip(self._parts, self._solved, strict=True)]
        landmarks = (self._landmarks, self._root, self._features)
        self._sums = KernelSums.of(parts, self._coded, self._points, self._scale, *landmarks)

    def _known(self, group: Sequence[str]) -> Int[Tensor, " q"]:
        """The code of each query's group; -1 where no training case has it."""
        return torch.tensor([self._codes.get(str(name), -1) for name in group], dtype=torch.int64)

    def _weights(
        self, points: Float[Tensor, "q p"], own: Int[Tensor, " q"], squares: Float[Tensor, "q n"]
    ) -> Float[Tensor, "q n s"]:
        """Of every training label, of each set of targets; ``own``: the code of each query's group, which is left out."""
        made = torch.zeros(len(points), len(self._points), len(self._parts), dtype=torch.float64)
        for place, ((rows, _, _), solved) in enumerate(zip(self._parts, self._solved, strict=True)):
            weights = solved.weights(self._kernel(points, rows, squares))
            for code, left, columns in columns_of_groups(solved, self._group[rows], own):
                asked = (own == code).nonzero().flatten()
                weights[asked] = solved.without(weights[asked], left, columns)
            made[:, rows, place] = weights
        return made
