"""Values as kernel means of the training cases nearby."""

import math
from collections.abc import Sequence
from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.batch import Cases, LabelCoding
from medgauge.core.checks import check_number
from medgauge.core.errors import InputError
from medgauge.core.evidence import Reading
from medgauge.core.task import Error
from medgauge.inference.index import ExactIndex, Exclusion
from medgauge.inference.kernel import evidence_mean, kernel_evidence
from medgauge.inference.predictor import absolute_error, coding_or_identity, label_spread, on_cpu
from medgauge.inference.radius import RadiusCurve, radius_grid, summed_errors
from medgauge.inference.state_cases import with_states

_TIED = 1e-9  # scores this close, relatively, differ by rounding only


class NeighbourPredictor:
    """The mean of the training labels within a radius, weighted by exp(-d^2 / (2 (radius / 3)^2)), and its evidence.

    Where no training case lies within the radius, the nearest one alone gives the value. Cases of the query's own group
    are never its neighbours. Labels are averaged in normalised label units and decoded then: for linear scalings
    that is the mean of the labels themselves; with ``divisor`` the mean of label / divisor, multiplied by the query's;
    with log2 scaling a geometric mean. A missing gallery label has no weight for its target; where no neighbour has the
    target, the nearest case that has it gives the value; where none may, the value is NaN.

    What a mean of neighbours cannot do: it never leaves the range of the gallery's labels, and at the rare ends it
    shrinks towards the common labels, since most neighbours of a rare case are less rare. Look at the bias by region.

    - Shape: as ``core.task.Predictor``. Values and evidence are on the CPU, in float64; ``validation`` (t,) is the mean
      error on the validation cases, NaN without any.
    - Raises: InputError if a target has no label in the gallery or in none of the validation cases; ValueError before
      ``fit``, without a radius, or for shapes that do not fit.
    - Source: Chao et al., MICCAI 2022, Eq. 5 (kernel mean over N_r) and the choice of r by the validation MAE.
    - Departs: the nearest case as fallback (in the published code, not in the text); coincident cases keep their weight
      (there they lose it, to the point of 0/0); the radius is the best of a fixed grid in one pass over the distances,
      not of a bisection that assumes one minimum and evaluates each radius anew; own group excluded.

    Args:
        coding: between original and normalised label units; None if they are the same.
        radius: in the unit of the embedding, > 0; None until it is tuned on validation cases.
        maximum_radius: no larger radius is tried.
        radii: number of radii tried, in equal ratios (see ``radius_grid``).
        named: of labels that are 0 or 1, how many nearest cases of either state the evidence names at least, beyond the radius
            with weight 0.
    """

    def __init__(
        self,
        coding: LabelCoding | None = None,
        *,
        radius: float | None = None,
        maximum_radius: float = math.inf,
        radii: int = 256,
        named: int = 0,
    ) -> None:
        for name, number in (("radius", 1.0 if radius is None else radius), ("maximum_radius", maximum_radius)):
            check_number(name, number, above=0, infinite=True)
        check_number("radii", radii, least=1, whole=True)
        self.coding = coding_or_identity(coding)
        self.radius = radius
        self.maximum_radius = maximum_radius
        self.radii = radii
        self.named = named
        self.curve: RadiusCurve | None = None
        self.validation: Float[Tensor, " t"] = torch.empty(0, dtype=torch.float64)
        self._tune = radius is None

    @property
    def tuned(self) -> dict[str, float]:
        """The radius."""
        return {"radius": self._known_radius()}

    def restore(self, gallery: Cases, tuned: dict[str, float]) -> Self:
        """Take the gallery and a radius that was tuned before."""
        check_number("radius", tuned["radius"], above=0)
        self.radius = tuned["radius"]
        return self.fit(gallery)

    def fit(self, gallery: Cases, validation: Cases | None = None, error: Error | None = None) -> Self:
        """Take the gallery; tune the radius on ``validation``, or only take its error if it was given to the constructor.

        ``error``: (value, label) -> the error of each; None: the absolute one.
        """
        label = gallery.label.detach().cpu().double()
        absent = torch.nonzero(label.isnan().all(0)).flatten().tolist()
        if absent:
            raise InputError(
                f"target {absent[0]} has no label in any of the {len(gallery)} training cases; check its column."
            )
        self._gallery = gallery
        self._index = ExactIndex(gallery.embedding)
        self._coded = self.coding.encode(label, on_cpu(gallery.divisor))
        self._spread = label_spread(label)
        self.validation = torch.full((label.shape[1],), torch.nan, dtype=torch.float64)
        if validation is not None:
            self._score(validation, error or absolute_error, tune=self._tune)
        return self

    def tune(self, validation: Cases, error: Error | None = None) -> float:
        """Set the radius to that of the smallest validation score, of equal ones (to 1e-9) the smallest, and return it.

        The score is the mean over the targets of mean error / standard deviation of the gallery's labels, both in
        original units. The whole curve is kept in ``curve``.
        """
        self._score(validation, error or absolute_error, tune=True)
        return self._known_radius()

    def predict(
        self,
        embedding: Float[Tensor, "q d"],
        prediction: Float[Tensor, "q t"] | None = None,
        *,
        divisor: Float[Tensor, " q"] | None = None,
        group: Sequence[str] | None = None,
    ) -> Reading:
        """Values and the cases that they rest on; ``prediction`` has no part in it."""
        exclude = self._exclusion(group, len(embedding))
        if (divisor is None) != (self._gallery.divisor is None):
            raise ValueError(
                f"divisor must be given as in the gallery, which has {'none' if divisor is not None else 'them'}"
            )
        query = self._query(embedding)
        evidence = kernel_evidence(self._index, self._coded, query, self._known_radius(), exclude)
        if self.named:
            evidence = with_states(self._index, evidence, self._coded, query, self.named, exclude)
        return Reading(self.coding.decode(evidence_mean(evidence, self._coded), on_cpu(divisor)), evidence)

    def read(self, cases: Cases) -> Reading:
        """Values of embedded cases; training cases of their groups are left out."""
        return self.predict(cases.embedding, divisor=cases.divisor, group=cases.group)

    def nearest_distance(
        self, embedding: Float[Tensor, "q d"], *, group: Sequence[str] | None = None
    ) -> Float[Tensor, " q"]:
        """Distance to the nearest gallery case of another group, float64; infinite if there is none."""
        exclude = self._exclusion(group, len(embedding))
        return self._index.search(self._query(embedding), 1, exclude=exclude)[0][:, 0].cpu().double()

    def _score(self, validation: Cases, error: Error, *, tune: bool) -> None:
        """Errors on ``validation`` at each radius of the grid, or at the present radius."""
        exclude, query = self._exclusion(validation.group, len(validation)), self._query(validation.embedding)
        radii = torch.tensor([0.0 if tune else self._known_radius()], dtype=torch.float64)
        if tune:
            radii = radius_grid(self._gallery.embedding, query, self.radii, self.maximum_radius)
        label, divisor = validation.label.detach().cpu().double(), on_cpu(validation.divisor)

        def gap(means: Tensor, part: slice) -> Tensor:
            repeated = None if divisor is None else divisor[part].repeat(len(means))
            return error(self.coding.decode(means.flatten(0, 1), repeated).view_as(means), label[part])

        total, count = summed_errors(self._index, self._coded, query, gap, radii, exclude)
        if not bool(count.any()):
            raise InputError(
                f"none of the {len(validation)} validation cases has a label; the radius cannot be chosen."
            )
        means = total / count
        score = (means / self._spread).nanmean(-1)
        best = int(torch.nonzero(score <= score.min() * (1 + _TIED))[0])
        if tune:
            self.radius, self.curve = float(radii[best]), RadiusCurve(radii, means.nanmean(-1), score)
        self.validation = means[best]

    def _query(self, embedding: Tensor) -> Tensor:
        return embedding.detach().to(self._gallery.embedding.device)

    def _exclusion(self, group: Sequence[str] | None, count: int) -> Exclusion | None:
        """Group codes of gallery and queries; a query whose group the gallery does not know has none."""
        if not hasattr(self, "_gallery"):
            raise ValueError("the predictor has no gallery: call fit(gallery) first")
        if group is None:
            return None
        if len(group) != count:
            raise ValueError(f"group must name the group of each of the {count} cases, got {len(group)} names")
        codes = {name: code for code, name in enumerate(dict.fromkeys(map(str, self._gallery.group)))}
        device = self._gallery.embedding.device
        own = torch.tensor([codes[str(name)] for name in self._gallery.group], device=device)
        return own, torch.tensor([codes.get(str(name), -1) for name in group], dtype=torch.int64, device=device)

    def _known_radius(self) -> float:
        if self.radius is None:
            raise ValueError("radius must be given or tuned: call fit(gallery, validation) or tune(validation) first")
        return self.radius
