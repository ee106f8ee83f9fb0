"""What a recipe says of the head of a task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from medgauge.core.errors import InputError
from medgauge.functional.ordinal import Kind
from medgauge.tasks.naming import Naming

HeadName = Literal["auto", "linear", "ordinal", "distribution", "prototypes", "none"]


class Bins(NamedTuple):
    """Bins of equal width, in normalised label units, as a DistributionLoss has them."""

    low: float = -4.0
    high: float = 4.0
    bins: int = 40


@dataclass(frozen=True)
class HeadSettings:
    """Which head, and what it has from the objective's term of its kind.

    Args:
        name: auto is what suits the kind: linear for a number, ordinal for a grade.
        thresholds: of the term, ``ranks`` (those of grades), or None where the objective has no such term.
        ordinal: the term's kind, binary or corn.
        bins: of a distribution head, from its term; None where the objective has no such term.
        naming: of a prototype head, where its label vectors come from.
        kernel: whether kernel ridge regression is among the predictors of numbers.
        logistic: whether logistic regression is among those of grades and classes.
        ridge: whether ridge regression is among the predictors of numbers and findings.
        svm: whether linear support vector machines are among those of findings, grades and classes.
        weighted: whether columns of the embedding are weighted against one another, which regressions keep.
        classes: of each column of classes their names, in order of their places.
    """

    name: HeadName = "auto"
    thresholds: Sequence[float] | Literal["ranks"] | None = None
    ordinal: Kind = "binary"
    bins: Bins | None = None
    naming: Naming = Naming()
    kernel: bool = False
    logistic: bool = False
    ridge: bool = False
    svm: bool = False
    weighted: bool = False
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def numbers(self) -> Sequence[float]:
        """Thresholds in normalised label units.

        Raises:
            InputError: the objective's term names none.
        """
        if self.thresholds is None:
            raise InputError(
                "model.head ordinal needs an OrdinalRegressionLoss in the objective, whose thresholds it takes"
            )
        if isinstance(self.thresholds, str):
            raise InputError(
                "an ordinal head of a number needs thresholds in its OrdinalRegressionLoss (ranks are those of grades: "
                "--kind COLUMN=grade)"
            )
        return self.thresholds

    def known_bins(self) -> Bins:
        """The bins of a distribution head.

        Raises:
            InputError: the objective's term names none.
        """
        if self.bins is None:
            raise InputError("model.head distribution needs a DistributionLoss in the objective, whose bins it takes")
        return self.bins
