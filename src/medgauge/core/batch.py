"""What flows between the parts: a batch, a step of the objective, and the collected cases of a split."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Images and what is known of them, as the model and the objective get them.

    - Shape: image (n, c, h, w) or (n, c, d, h, w) float32; label (n, t) float64 in original units, NaN = missing;
      covariates (n, q); divisor (n,) float64, what the label is divided by before scaling (``label_times``); weight (n,),
      mean 1 over the training split; region (n,) int64, the first target's region by training density (0 many, 1 medium,
      2 few, -1 missing); row (n,) int64, the row in the table; view like image, the second augmentation of the same case.
    """

    image: Float[Tensor, "n c *space"]
    label: Float[Tensor, "n t"]
    row: Int[Tensor, " n"]
    covariates: Float[Tensor, "n q"] | None = None
    divisor: Float[Tensor, " n"] | None = None
    weight: Float[Tensor, " n"] | None = None
    region: Int[Tensor, " n"] | None = None
    view: Float[Tensor, "n c *space"] | None = None


class Part(NamedTuple):
    """Where one task stands in labels, predictions and logits: its columns, how many logits each has, and whether the
    prototypes of a step are of its columns.
    """

    start: int
    stop: int
    logits: int = 0
    semantic: bool = False

    @property
    def columns(self) -> slice:
        """Its columns."""
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class Step:
    """What terms may ask for by name; absent = None. Labels and predictions are in normalised label units."""

    label: Float[Tensor, "n t"]
    embedding: Float[Tensor, "n d"] | None = None
    prediction: Float[Tensor, "n t"] | None = None
    logits: Float[Tensor, "n t k"] | None = None
    weight: Float[Tensor, " n"] | None = None
    region: Int[Tensor, " n"] | None = None
    covariates: Float[Tensor, "n q"] | None = None
    features: Float[Tensor, "n f"] | None = None
    projection: Float[Tensor, "n p"] | None = None
    twin: Float[Tensor, "n p"] | None = None
    prototypes: Float[Tensor, "t d"] | None = None
    semantics: Float[Tensor, "t s"] | None = None
    progress: Float[Tensor, ""] | None = None
    row: Int[Tensor, " n"] | None = None

    def of(self, part: Part) -> "Step":
        """The step as a term of one task sees it: its labels, predictions and logits, and prototypes that are of its columns."""
        return replace(
            self,
            label=self.label[:, part.columns],
            prediction=None if self.prediction is None else self.prediction[:, part.columns],
            logits=None if self.logits is None or not part.logits else self.logits[:, part.columns, : part.logits],
            prototypes=self.prototypes if part.semantic else None,
            semantics=self.semantics if part.semantic else None,
        )


@dataclass(frozen=True)
class Cases:
    """Embedded cases of a split: the gallery (training), or the validation, calibration or test cases.

    - Shape: embedding (n, d) float32, in normalised label units; label (n, t) float64 in original units, NaN = missing;
      prediction (n, t) in normalised label units or None; logits (n, t, k) or None; id and group: n texts; divisor (n,) float64 or None:
      the covariate by which a case's label was divided before scaling (``label_times``).
    """

    embedding: Float[Tensor, "n d"]
    label: Float[Tensor, "n t"]
    id: Sequence[str]
    group: Sequence[str]
    prediction: Float[Tensor, "n t"] | None = None
    divisor: Float[Tensor, " n"] | None = None
    logits: Float[Tensor, "n t k"] | None = None

    def __len__(self) -> int:
        return int(self.embedding.shape[0])

    def take(self, rows: Int[Tensor, " m"]) -> "Cases":
        """The given rows, in that order."""
        places = [int(row) for row in rows]
        return replace(
            self,
            embedding=self.embedding[rows],
            label=self.label[rows],
            id=[self.id[place] for place in places],
            group=[self.group[place] for place in places],
            prediction=None if self.prediction is None else self.prediction[rows],
            divisor=None if self.divisor is None else self.divisor[rows],
            logits=None if self.logits is None else self.logits[rows],
        )

    def of(self, part: "Part", *, divides: bool) -> "Cases":
        """The columns of one task; ``divides``: whether its labels are divided by ``divisor``."""
        return replace(
            self,
            label=self.label[:, part.columns],
            prediction=None if self.prediction is None else self.prediction[:, part.columns],
            logits=None if self.logits is None or not part.logits else self.logits[:, part.columns, : part.logits],
            divisor=self.divisor if divides else None,
        )

    def observed(self) -> "Cases":
        """The cases with at least one label."""
        return self.take(torch.nonzero(~torch.isnan(self.label).all(dim=1)).flatten())


class LabelCoding(Protocol):
    """How labels become normalised label units and back (``models.scaling.LabelScaling`` is one)."""

    def encode(self, label: Tensor, divisor: Tensor | None = None) -> Tensor:
        """Original units (n, t) to normalised label units (n, t); ``divisor`` (n,) divides first."""

    def decode(self, value: Tensor, divisor: Tensor | None = None) -> Tensor:
        """Normalised label units (n, t) to original units (n, t); ``divisor`` (n,) multiplies last."""

    @property
    def divides(self) -> bool:
        """Whether labels are divided by ``divisor`` first."""
