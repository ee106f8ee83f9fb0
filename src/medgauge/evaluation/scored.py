"""Cases of one task that were read, with what their figures need: figures of cases, of groups, of subgroups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.task import Saying, Task
from medgauge.evaluation.alarms import far_block
from medgauge.evaluation.figures import Judged, target_block
from medgauge.evaluation.groups import common, label_ranges, subgroup_blocks
from medgauge.evaluation.shown import shown_block
from medgauge.inference.joining import join_cases, join_readings
from medgauge.inference.pooled import AnyReader
from medgauge.inference.readings import Readings
from medgauge.metrics.groups import group_means, grouping


@dataclass(frozen=True)
class Scored:
    """Cases of one task that were read.

    Args:
        cases: labels and groups, n cases, the task's columns alone.
        readings: what was read off them.
        reader: with what.
        saying: what is said of them.
        baselines: values of each baseline, (n, t).
        sorts: what the baselines became, one word a target, where there is anything to say.
        subgroups: for each subgroup column the value of each case.
        sizes: how many images each case is, where cases are groups.
        code: the group of each image then.
    """

    cases: Cases
    readings: Readings
    reader: AnyReader
    saying: Saying
    baselines: Mapping[str, Float[Tensor, "n t"]]
    sorts: Mapping[str, Sequence[str]]
    subgroups: Mapping[str, Sequence[str]]
    sizes: Sequence[int] = ()
    code: Int[Tensor, " m"] | None = None

    @property
    def task(self) -> Task:
        """Whose values they are."""
        return self.reader.task

    def blocks(self, *, seed: int | None, by_group: bool = False) -> dict[str, dict[str, object]]:
        """All figures, one entry a target, as results.json holds them; without a seed no bootstrap intervals.

        With ``by_group`` each target has an entry ``by_group_mean`` with the same keys for groups as cases, and in it how
        much labels differ within groups.
        """
        judged = Judged(self.task, self.reader.records, self.readings, self.saying, self.baselines, self.sorts)
        groups = self.by_group().blocks(seed=seed) if by_group else {}
        found = {}
        for place, target in enumerate(self.task.columns):
            block = target_block(judged, place, seed)
            if shown := shown_block(judged, place):
                block["shown"] = shown
            block["far"] = far_block(self.readings.far, judged.group)
            if self.subgroups:
                block["subgroups"] = {
                    column: subgroup_blocks(judged, place, values, seed) for column, values in self.subgroups.items()
                }
            if by_group:
                ranges = label_ranges(self.cases, place)
                block["by_group_mean"] = {**groups[target], "labels_within_groups": ranges}
            found[target] = block
        return found

    def together(self, *, seed: int | None) -> dict[str, dict[str, object]]:
        """Figures of all columns together, as results.json holds them beside the targets."""
        observed = self.readings.observed
        values = self.readings.value, observed.value
        return self.task.together(*values, observed.label, observed.group, seed=seed, fold=observed.fold)

    def by_group(self) -> "Scored":
        """The same with groups as cases: the mean value of a group's cases against the mean of their labels."""
        names, code = grouping(self.cases.group)
        saying, count = self.reader.grouped(code), len(names)
        return Scored(
            cases=join_cases(self.task, self.cases, code, names),
            readings=join_readings(self.task, [self.readings], [code], names, saying),
            reader=self.reader,
            saying=saying,
            baselines={name: group_means(value, code, count) for name, value in self.baselines.items()},
            sorts=self.sorts,
            subgroups={column: common(values, code, count) for column, values in self.subgroups.items()},
            sizes=torch.bincount(code, minlength=count).tolist(),
            code=code,
        )


def judge(
    reader: AnyReader,
    cases: Sequence[Cases],
    *,
    baselines: Mapping[str, Float[Tensor, "n t"]],
    sorts: Mapping[str, Sequence[str]],
    subgroups: Mapping[str, Sequence[str]],
    group: Sequence[str] | None = None,
) -> Scored:
    """Read the cases, given as the model of each fit embeds them, and put what their figures need beside.

    Args:
        reader: of one task.
        cases: with that task's columns, for each fit.
        baselines: values of each baseline, (n, t).
        sorts: what the baselines became.
        subgroups: for each subgroup column the value of each case.
        group: the true groups, where those of ``cases`` are made unlike those of the gallery; None: they are true.
    """
    own = next((one for one in cases if one.divisor is not None), cases[0])  # of several candidates some may divide
    own = own if group is None else replace(own, group=list(group))
    readings = reader.read(cases)
    readings = replace(readings, observed=replace(readings.observed, group=list(own.group)))
    return Scored(own, readings, reader, reader.certainty, baselines, sorts, subgroups)
