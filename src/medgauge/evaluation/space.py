"""The quality of a representation space, as results.json holds it."""

import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge import metrics
from medgauge.core.batch import Cases, LabelCoding
from medgauge.core.task import Task


def space_labels(cases: Cases, tasks: Sequence[Task]) -> Float[Tensor, "n t"]:
    """Labels as the space knows them: divided by ``divisor`` where a task learns that quotient."""
    parts = torch.split(cases.label, [len(task.columns) for task in tasks], dim=1)
    divided = [
        part / cases.divisor[:, None] if cases.divisor is not None and task.coding.divides else part
        for task, part in zip(tasks, parts, strict=True)
    ]
    return torch.cat(divided, dim=1)


def choose_graph(cases: Cases, coding: LabelCoding) -> metrics.ResidualVariance:
    """The k of RV's neighbour graph, chosen on these cases (val, in a run)."""
    return metrics.choose_neighbours(cases.embedding, _encoded(cases, coding))


def space_block(
    cases: Cases, gallery: Cases, coding: LabelCoding, tasks: Sequence[Task], chosen: metrics.ResidualVariance
) -> dict[str, object]:
    """D5 (in label units, or label / divisor) and RV (against normalised labels) of one split, with the k of ``chosen``."""
    d5 = metrics.neighbour_difference(
        cases.embedding,
        space_labels(cases, tasks),
        gallery.embedding,
        space_labels(gallery, tasks),
        group=cases.group,
        gallery_group=gallery.group,
    )
    found = metrics.residual_variance(cases.embedding, _encoded(cases, coding), neighbours=max(1, chosen.neighbours))
    reliable = not math.isnan(chosen.value)
    return {
        "d5": float(d5.nanmean()),
        "rv": found.value if reliable else float("nan"),
        "rv_neighbours": found.neighbours,
        "rv_share": found.share,
        "rv_n": found.n,
        "rv_note": found.note if reliable else chosen.note,
    }


def _encoded(cases: Cases, coding: LabelCoding) -> Float[Tensor, "n t"]:
    return coding.encode(cases.label, cases.divisor if coding.divides else None)


def mean_space(blocks: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """What several spaces are like on average; each block as ``space_block`` gives it."""
    found = [[_number(block[name]) for name in ("d5", "rv")] for block in blocks]
    d5, rv = torch.tensor(found, dtype=torch.float64).nanmean(0).tolist()
    note = f"mean over {len(blocks)} folds, each with a space of its own"
    return {"d5": d5, "rv": rv, "rv_note": note, "by_fold": list(blocks)}


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
