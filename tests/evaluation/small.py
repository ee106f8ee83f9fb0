"""Cases that were read, without a model: values and labels as given."""

from collections.abc import Sequence

import torch

from medgauge.core.batch import Cases
from medgauge.evaluation.figures import Judged
from medgauge.evaluation.scored import Scored, judge
from tests.inference.small import number_reader


def scored(
    label: Sequence[float],
    miss: Sequence[float],
    group: Sequence[str],
    *,
    subgroups: dict[str, list[str]] | None = None,
    baselines: dict[str, torch.Tensor] | None = None,
) -> Scored:
    """Cases whose head is off by ``miss``; the intervals are those of ``number_reader``."""
    truth = torch.tensor(label, dtype=torch.float64)[:, None]
    value = truth.nan_to_num(0.0) + torch.tensor(miss, dtype=torch.float64)[:, None]
    ids = [f"case {row}" for row in range(len(label))]
    cases = Cases(value.float(), truth, ids, list(group), prediction=value)
    return judge(
        number_reader(), [cases], baselines=baselines or {}, sorts={name: ["ridge"] for name in baselines or {}},
        subgroups=subgroups or {},
    )  # fmt: skip


def judged(of: Scored) -> Judged:
    """What their figures are computed from."""
    return Judged(of.task, of.reader.records, of.readings, of.saying, of.baselines, of.sorts)
