"""The tasks of a run: one for each kind of its label columns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.batch import Part
from medgauge.core.problem import Problem
from medgauge.core.task import Task
from medgauge.models.coding import Coding
from medgauge.models.joint import JointCoding, JointHead
from medgauge.models.scaling import ScalingKind
from medgauge.tasks.settings import HeadSettings


class Kind(Task, Protocol):
    """A kind of label as the run's parts know it: a task whose coding is a module, and which can be made of settings."""

    divides: ClassVar[bool]
    """Whether its labels may be divided by a covariate, scaled and corrected."""
    states: ClassVar[bool]
    """Whether its labels are states, each of which is spread over all splits by itself."""

    semantic: ClassVar[bool]
    """Whether a prototype head may read it: its columns are named by what may be present."""

    @property
    def coding(self) -> Coding:
        """Labels to normalised units and back, saved with the weights."""

    @property
    def logits(self) -> int:
        """Logits that its head gives a target; 0 = none. Of a fitted task."""

    @classmethod
    def make(cls, columns: Sequence[str], head: HeadSettings, scaling: ScalingKind) -> Self:
        """Unfitted, from a recipe's settings."""

    def new_coding(self) -> Coding:
        """An empty coding, whose state is loaded."""

    def notes(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None) -> list[str]:
        """What its training labels give reason to doubt of its head. Of a fitted task."""


@dataclass(frozen=True, eq=False)
class Tasks:
    """All tasks of a run, in the order of its label columns.

    - Shape: label (n, t) holds the columns of the first task, then those of the next.
    """

    parts: tuple[Kind, ...]

    def __iter__(self) -> Iterator[Kind]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def targets(self) -> list[str]:
        """All label columns."""
        return [name for task in self.parts for name in task.columns]

    @property
    def places(self) -> dict[str, Part]:
        """Where each task stands in labels, predictions and logits."""
        return {task.name: part._replace(logits=task.logits, semantic=task.semantic) for task, part in self._columns()}

    @property
    def coding(self) -> Coding:
        """Of all columns."""
        if len(self.parts) == 1:
            return self.parts[0].coding
        return JointCoding([task.coding for task in self.parts], [len(task.columns) for task in self.parts])

    def head(self, embedding: int) -> nn.Module | None:
        """The heads of all tasks as one; None where none has one."""
        heads = [head for head in (task.head(embedding) for task in self.parts) if head is not None]
        return None if not heads else heads[0] if len(heads) == 1 else JointHead(heads)

    def problems(self, label: Float[Tensor, "n t"], ids: Sequence[str]) -> list[Problem]:
        """What is wrong with the columns of each."""
        return [found for task, part in self._columns() for found in task.problems(label[:, part.columns], ids)]

    def fit(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None) -> "Tasks":
        """Each on its training labels."""
        return self._each(lambda task, part: task.fit(label[:, part.columns], divisor))

    def notes(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None) -> list[str]:
        """What the training labels of each give reason to doubt of its head."""
        return [note for task, part in self._columns() for note in task.notes(label[:, part.columns], divisor)]

    def stratified(self, label: Float[Tensor, "n t"]) -> "Tasks":
        """Each with the strata of other labels."""
        return self._each(lambda task, part: task.stratified(label[:, part.columns]))

    def restored(self, saved: Mapping[str, Any], coding: Coding) -> "Tasks":
        """From what ``to_dict`` of each gave, with the coding of all."""
        codings = [coding] if len(self.parts) == 1 else list(coding.codings)  # type: ignore[arg-type]  # a JointCoding
        return Tasks(tuple(task.restored(saved[task.name], one) for task, one in zip(self.parts, codings, strict=True)))

    def new_coding(self) -> Coding:
        """An empty coding of all columns, whose state is loaded."""
        empty = [task.new_coding() for task in self.parts]
        return empty[0] if len(empty) == 1 else JointCoding(empty, [len(task.columns) for task in self.parts])

    def _each(self, change: Callable[[Kind, Part], Kind]) -> "Tasks":
        return Tasks(tuple(change(task, part) for task, part in self._columns()))

    def _columns(self) -> Iterator[tuple[Kind, Part]]:
        """Each task with its columns alone: an unfitted one does not know its logits yet."""
        start = 0
        for task in self.parts:
            yield task, Part(start, start + len(task.columns))
            start += len(task.columns)
