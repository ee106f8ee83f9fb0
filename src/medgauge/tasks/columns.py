"""What the kinds of label share: a kind writes down where it differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self, TypeVar

from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.difficulty import Difficulty
from medgauge.core.task import Predictor, Task
from medgauge.models.scaling import ScalingKind
from medgauge.tasks.settings import HeadSettings

T = TypeVar("T")


def fitted(part: T | None) -> T:
    """A part of a task that the training labels gave.

    Raises:
        ValueError: they have not given it yet.
    """
    if part is None:
        raise ValueError("fit the task first")
    return part


@dataclass(frozen=True, eq=False)
class LabelColumns:
    """Label columns of one kind, each of which stands alone and of whose errors, head and further figures nothing is said.

    Args:
        columns: label columns.
        head_settings: which head, and what it takes from the objective's term.
    """

    kind: ClassVar[str]
    semantic: ClassVar[bool] = False
    ordered: ClassVar[bool] = True
    divides: ClassVar[bool] = False
    states: ClassVar[bool] = False

    columns: tuple[str, ...]
    head_settings: HeadSettings

    @classmethod
    def make(cls, columns: Sequence[str], head: HeadSettings, scaling: ScalingKind) -> Self:
        """Unfitted; ``scaling`` is for numbers alone."""
        return cls(tuple(columns), head)

    @property
    def name(self) -> str:
        """The kind: a run has one task of each."""
        return self.kind

    def records(self, predictors: Mapping[str, Predictor], validation: Cases, default: str) -> tuple[str, ...]:
        """One for all columns."""
        return (default,) * len(self.columns)

    def difficulty(self) -> Difficulty | None:
        """Nothing: chances say how sure they are of each case."""
        return None

    def score(self: Task, value: Float[Tensor, "n *t"], label: Float[Tensor, "n t"]) -> float:
        """Mean error over that of the constant baseline on the same cases."""
        return self.relative(self.error(value.double(), label.double()).nanmean(0), label)

    def aligned(self, probability: Float[Tensor, "n t k"] | None, other: Self) -> Float[Tensor, "n t k"] | None:
        """As they are: every fit has the same places."""
        return probability

    def further(self, value: Float[Tensor, "n *t"], label: Float[Tensor, "n t"], target: int) -> dict[str, object]:
        """Nothing."""
        return {}

    def together(
        self,
        value: Float[Tensor, "n *t"],
        raw: Float[Tensor, "n *t"],
        label: Float[Tensor, "n t"],
        group: Sequence[str],
        *,
        seed: int | None,
        fold: Int[Tensor, " n"] | None = None,
    ) -> dict[str, dict[str, object]]:
        """Nothing."""
        return {}

    def notes(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None) -> list[str]:
        """Nothing."""
        return []
