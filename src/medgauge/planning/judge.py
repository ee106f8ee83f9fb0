"""The errors of candidates and baselines on the same development cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.task import Error
from medgauge.data.tables.folds import fold_name
from medgauge.planning.fingerprint import baseline_values
from medgauge.recipes.build import build_tasks
from medgauge.runfolder import RunFolder
from medgauge.runfolder.classes import read_values
from medgauge.runfolder.tables import need_columns
from medgauge.study import Study

PREDICTIONS = "predictions.csv"


@dataclass(frozen=True)
class Judge:
    """Development cases with the errors of the better baseline; of several targets errors are in units of its mean error.

    Args:
        id: of n cases.
        group: of each.
        fold: of each; without folds each group is one, since nothing is chosen by the group that is judged.
        label: (n, t).
        targets: t names.
        scale: what the errors of each target are divided by.
        baseline: error of the better baseline, (n,).
        constant: error of the constant baseline, (n,).
        names: of the better baseline of each target.
        error: of the values of each target.
        folds: their number; 0 = one partition, and these are its validation cases.
        classes: of targets that are classes their names.
    """

    id: list[str]
    group: list[str]
    fold: list[int]
    label: Float[Tensor, "n t"]
    targets: list[str]
    scale: list[float]
    baseline: Float[Tensor, " n"]
    constant: Float[Tensor, " n"]
    names: list[str]
    error: Sequence[Error]
    folds: int
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, study: Study) -> "Judge":
        """Of all cases in folds, or without folds of the validation cases."""
        tasks, folds = build_tasks(study.recipe), study.recipe.data.folds
        judged = {fold_name(fold): fold for fold in range(folds)} if folds else {"val": 0}
        rows = [row for row, split in enumerate(study.splits) if split in judged]
        group = [study.table.group[row] for row in rows]
        code = {name: place for place, name in enumerate(dict.fromkeys(group))}
        label, errors, constant, names = torch.from_numpy(study.table.label)[rows], [], [], []
        for task, values in zip(tasks, baseline_values(study, tasks), strict=True):
            own = label[:, tasks.places[task.name].columns]
            each = {name: task.error(value[rows], own) for name, value in values.items()}
            for place in range(len(task.columns)):
                best = min(each, key=lambda name: float(each[name][:, place].nanmean()))
                errors.append(each[best][:, place])
                constant.append(next(each[kind.name] for kind in task.baselines if not kind.of_covariates)[:, place])
                names.append(best)
        scale = [float(error.nanmean()) or 1.0 for error in errors] if len(errors) > 1 else [1.0]
        return cls(
            id=[study.table.id[row] for row in rows],
            group=group,
            fold=[judged[study.splits[row]] if folds else code[study.table.group[row]] for row in rows],
            label=label,
            targets=tasks.targets,
            scale=scale,
            baseline=_mean(errors, scale),
            constant=_mean(constant, scale),
            names=names,
            error=[task.error for task in tasks for _ in task.columns],
            classes=study.recipe.data.classes,
            folds=folds,
        )

    def errors(self, folder: RunFolder, *, fold: int | None = None) -> Float[Tensor, " n"]:
        """Of what a run says of the cases, read from its predictions.csv; NaN where it says nothing of one.

        Args:
            folder: of the run.
            fold: the one whose fit it is, which has learned from the cases of the others: these have NaN; None: all count.

        Raises:
            InputError: the file is damaged.
        """
        columns = folder.read_columns(PREDICTIONS)
        need_columns(folder, PREDICTIONS, columns, ["id"])
        place = {name: row for row, name in enumerate(columns["id"])}
        at = torch.tensor([place.get(name, -1) for name in self.id])
        found = []
        for column, target in enumerate(self.targets):
            value = torch.from_numpy(read_values(folder, PREDICTIONS, columns, target, self.classes.get(target, ())))
            read = value[at.clamp(min=0)]
            read[at < 0] = torch.nan
            found.append(self.error[column](read[:, None], self.label[:, [column]])[:, 0])
        mean = _mean(found, self.scale)
        return mean if fold is None else torch.where(torch.tensor(self.fold) == fold, mean, torch.nan)


def _mean(errors: Sequence[Float[Tensor, " n"]], scale: Sequence[float]) -> Float[Tensor, " n"]:
    """Over the targets that a case has a label of."""
    return torch.stack([error / of for error, of in zip(errors, scale, strict=True)], 1).nanmean(1)
