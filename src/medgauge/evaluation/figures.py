"""The figures of one target of a split, as results.json holds them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from medgauge.core.figure import Figure
from medgauge.core.task import Saying, Task
from medgauge.evaluation.chances import are_chances
from medgauge.inference.readings import Readings, asked_by
from medgauge.metrics import TOO_FEW_GROUPS, bootstrap_interval, drawn_interval, enough_of_both, skill


@dataclass(frozen=True)
class Judged:
    """What the figures of a task are computed from.

    Args:
        task: whose figures they are.
        records: of each target the predictor of record.
        readings: what was read, with labels and groups.
        saying: what is said of the cases.
        baselines: values of each baseline, (n, t).
        sorts: what the baselines became, one word a target.
    """

    task: Task
    records: Sequence[str]
    readings: Readings
    saying: Saying
    baselines: Mapping[str, Float[Tensor, "n t"]]
    sorts: Mapping[str, Sequence[str]]

    @property
    def group(self) -> Sequence[str]:
        """The group of each case."""
        return self.readings.observed.group

    @property
    def fold(self) -> Int[Tensor, " n"] | None:
        """The fold of each case, where several models read them."""
        return self.readings.observed.fold

    @property
    def main(self) -> Figure:
        """The figure that baselines are judged by."""
        return next(iter(self.task.figures.values()))

    def pair(self, target: int) -> tuple[Float[Tensor, "n 1"], Float[Tensor, "n 1"]]:
        """Values and labels of one target."""
        column = slice(target, target + 1)
        return self.readings.value[:, column].double(), self.readings.observed.label[:, column].double()


def target_block(judged: Judged, target: int, seed: int | None) -> dict[str, object]:
    """All figures of one target; with the seed None no intervals are drawn, which takes seconds."""
    task, main = judged.task, judged.main
    figures = {name: figure.within(judged.fold) for name, figure in task.figures.items()}
    value, label = judged.pair(target)
    known = ~torch.isnan(label[:, 0])
    region = task.strata.of(judged.readings.observed.label)[:, target]
    block: dict[str, object] = {
        "kind": task.kind,
        "predictor": judged.records[target],
        "n": int(known.sum()),
        "groups": count_groups(judged.group, known),
    }
    found = {
        name: float(figure.of(judged.readings.of_figure(figure, target), label)[0]) for name, figure in figures.items()
    }
    block |= found
    block["ci95"] = {
        name: interval_of(figure, judged.readings.of_figure(figure, target), label, judged.group, seed, judged.fold)
        for name, figure in task.figures.items()
        if figure.headline
    }
    if judged.fold is not None and any(figure.folded for figure in task.figures.values()):
        block["ordered_within"] = "folds"
    block["by_region"] = {
        name: _region_block(judged, target, region == code, seed)
        for code, name in enumerate(task.strata.names)
        if not are_chances(value) or bool((region == code).any())  # classes of other columns are none of this one
    }
    block["by_predictor"] = {
        name: {key: float(figure.of(asked_by(figure, other, target), label)[0]) for key, figure in figures.items()}
        for name, other in judged.readings.by_predictor.items()
    }
    block |= judged.saying.figures(
        judged.readings.stated, judged.readings.observed, task.strata, target, seed=seed or 0
    )
    errors = {
        name: float(main.of(asked_by(main, values, target), label)[0]) for name, values in judged.baselines.items()
    }
    block["baselines"] = {
        name: {main.name: error} | ({"kind": judged.sorts[name][target]} if judged.sorts.get(name) else {})
        for name, error in errors.items()
    }
    block["skill"] = {name: float(skill(found[main.name], error)) for name, error in errors.items()}
    return block | task.further(judged.readings.value.double(), judged.readings.observed.label.double(), target)


def count_groups(group: Sequence[str], rows: Bool[Tensor, " n"]) -> int:
    """How many different groups some of the cases are of."""
    return len({name for name, kept in zip(group, rows.tolist(), strict=True) if kept})


def interval_of(
    figure: Figure,
    value: Float[Tensor, "n 1"] | Float[Tensor, "n 1 k"],
    label: Float[Tensor, "n 1"],
    group: Sequence[str],
    seed: int | None,
    fold: Int[Tensor, " n"] | None = None,
) -> list[float] | str:
    """The 95 % bootstrap interval of a figure of one target, by group, or in words why there is none.

    ``fold``: of each case, where several models read them.
    """
    if seed is None:
        return "not computed"
    known = ~torch.isnan(label[:, 0])
    if not known.any():
        return TOO_FEW_GROUPS
    named = [name for name, kept in zip(group, known.tolist(), strict=True) if kept]
    if figure.ranks and not enough_of_both(label[known, 0], named):
        return TOO_FEW_GROUPS
    figure = figure.within(None if fold is None else fold[known])
    if figure.drawn is not None:
        at_once = drawn_interval(figure.drawn, value[known, 0], label[known, 0], named, seed=seed)
        return at_once if isinstance(at_once, str) else list(at_once)
    found = bootstrap_interval(figure.of, value[known], label[known], named, seed=seed)
    return found if isinstance(found, str) else [float(found[0][0]), float(found[1][0])]


def _region_block(judged: Judged, target: int, rows: Bool[Tensor, " n"], seed: int | None) -> dict[str, object]:
    value, label = judged.pair(target)
    inside = label.masked_fill(~rows[:, None], torch.nan)
    known, main = ~torch.isnan(inside[:, 0]), judged.main
    block: dict[str, object] = {"n": int(known.sum()), "groups": count_groups(judged.group, known)}
    block |= {
        name: float(figure.of(judged.readings.of_figure(figure, target), inside)[0])
        for name, figure in judged.task.figures.items()
        if figure.in_strata
    }
    block["ci95"] = {main.name: interval_of(main, value, inside, judged.group, seed)}
    block["baselines"] = {
        name: float(main.of(asked_by(main, values, target), inside)[0]) for name, values in judged.baselines.items()
    }
    return block
