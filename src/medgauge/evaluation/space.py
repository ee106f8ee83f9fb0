"""The quality of a representation space, as results.json holds it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge import metrics
from medgauge.core.batch import Cases, LabelCoding
from medgauge.core.task import Task
from medgauge.functional.classes import one_hot


class Tasks(Protocol):
    """What is needed of the tasks of a run: each, and the coding of all."""

    @property
    def coding(self) -> LabelCoding:
        """Labels to normalised units."""

    def __iter__(self) -> Iterator[Task]:
        """Each task."""


def space_labels(cases: Cases, tasks: Sequence[Task], classes: int = 1) -> Float[Tensor, "n c"]:
    """Labels as the space knows them: divided by ``divisor`` where a task learns that quotient; of classes a column each.

    A target of classes has ``classes`` columns, 1/2 in that of its class and 0 in the others, so that |differences| of two
    classes are 1 in sum.
    """
    parts = torch.split(cases.label, [len(task.columns) for task in tasks], dim=1)
    divided = [
        (one_hot(part, classes) / 2).flatten(1)
        if not task.ordered
        else part / cases.divisor[:, None]
        if cases.divisor is not None and task.coding.divides
        else part
        for task, part in zip(tasks, parts, strict=True)
    ]
    return torch.cat(divided, dim=1)


def choose_graph(cases: Cases, tasks: Tasks) -> metrics.ResidualVariance:
    """The k of RV's neighbour graph, chosen on these cases (val, in a run)."""
    return metrics.choose_neighbours(cases.embedding, _encoded(cases, tasks))


def space_block(cases: Cases, gallery: Cases, tasks: Tasks, chosen: metrics.ResidualVariance) -> dict[str, object]:
    """D5 (in label units, or label / divisor) and RV (against normalised labels) of one split, with the k of ``chosen``.

    D5 of classes is the share of the nearest cases that are of another class.
    """
    each, classes = list(tasks), _classes(cases, gallery)
    columns = metrics.neighbour_difference(
        cases.embedding,
        space_labels(cases, each, classes),
        gallery.embedding,
        space_labels(gallery, each, classes),
        group=cases.group,
        gallery_group=gallery.group,
    )
    parts = torch.split(columns, [len(task.columns) * (1 if task.ordered else classes) for task in each])
    d5 = torch.cat([part.reshape(len(task.columns), -1).sum(1) for task, part in zip(each, parts, strict=True)])
    found = metrics.residual_variance(cases.embedding, _encoded(cases, tasks), neighbours=max(1, chosen.neighbours))
    reliable = not math.isnan(chosen.value)
    return {
        "d5": float(d5.nanmean()),
        "rv": found.value if reliable else float("nan"),
        "rv_neighbours": found.neighbours,
        "rv_share": found.share,
        "rv_n": found.n,
        "rv_note": found.note if reliable else chosen.note,
    }


def _encoded(cases: Cases, tasks: Tasks) -> Float[Tensor, "n c"]:
    """Normalised labels; of classes a column each, so that two different ones are 1 apart."""
    coded = tasks.coding.encode(cases.label, cases.divisor if tasks.coding.divides else None)
    parts = torch.split(coded, [len(task.columns) for task in tasks], dim=1)
    classes = _classes(cases)
    return torch.cat(
        [
            part if task.ordered else (one_hot(part, classes) / math.sqrt(2)).flatten(1).to(part.dtype)
            for task, part in zip(tasks, parts, strict=True)
        ],
        dim=1,
    )


def _classes(*cases: Cases) -> int:
    """The number of places up to the largest label."""
    return max(int(one.label.nan_to_num(0.0).max()) if one.label.numel() else 0 for one in cases) + 1


def mean_space(blocks: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """What several spaces are like on average; each block as ``space_block`` gives it."""
    found = [[_number(block[name]) for name in ("d5", "rv")] for block in blocks]
    d5, rv = torch.tensor(found, dtype=torch.float64).nanmean(0).tolist()
    note = f"mean over {len(blocks)} folds, each with a space of its own"
    return {"d5": d5, "rv": rv, "rv_note": note, "by_fold": list(blocks)}


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
