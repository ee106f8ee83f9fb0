"""What the cases of a study are like, in figures."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64

from medgauge.data.tables.folds import fold_name
from medgauge.evaluation.baselines import read_baselines
from medgauge.recipes.build import build_tasks
from medgauge.runs import files
from medgauge.runs.fitted import task_known
from medgauge.study import Study
from medgauge.tasks import Tasks

Numbers = Float64[np.ndarray, " n"]


def fingerprint(study: Study) -> dict[str, Any]:  # fit for JSON
    """Images, cases, groups, labels and covariates; nothing of it is of one case alone, but for the ends of labels."""
    tasks, rows = build_tasks(study.recipe), developed(study)
    groups = Counter(study.table.group)
    return {
        "cases": len(study.table),
        "groups": len(groups),
        "largest_group": max(groups.values()),
        "images": _images(study),
        "labels": {
            target: {
                "kind": task.kind,
                **label_facts(
                    study.table.label[rows, tasks.places[task.name].columns][:, place],
                    study.table.classes.get(target, ()),
                ),
            }
            for task in tasks
            for place, target in enumerate(task.columns)
        },
        "covariates": list(study.table.covariate),
        "baselines": baseline_errors(study, tasks),
    }


def developed(study: Study) -> list[int]:
    """Rows of the cases that are not kept out as test."""
    return [row for row, split in enumerate(study.splits) if split != "test"]


def _images(study: Study) -> dict[str, Any]:
    """As the files have them, and as they are read."""
    known = [fact for fact in study.images.facts if fact is not None]
    sizes = Counter(fact.shape[1:] for fact in known)
    spacing = [fact.spacing for fact in known if fact.spacing is not None]
    return {
        "dimensions": study.images.array.ndim - 2,
        "channels": int(study.images.array.shape[1]),
        "read_as": list(study.images.array.shape[2:]),
        "sizes": len(sizes),
        "usual_size": list(sizes.most_common(1)[0][0]) if sizes else [],
        "numbers": sorted({fact.dtype for fact in known}),
        "lowest": min((fact.low for fact in known), default=float("nan")),
        "highest": max((fact.high for fact in known), default=float("nan")),
        "constant": sum(fact.flat for fact in known),
        "with_spacing": len(spacing),
        "spacing": [float(np.median(axis)) for axis in zip(*spacing, strict=True)] if _alike(spacing) else None,
    }


def _alike(spacing: Sequence[tuple[float, ...]]) -> bool:
    return len(set(map(len, spacing))) == 1


def label_facts(label: Numbers, classes: Sequence[str] = ()) -> dict[str, Any]:
    """How the labels of one target lie, or how many cases each class has; NaN = missing.

    >>> label_facts(np.array([1.0, 2.0, 3.0, np.nan]))["missing"]
    1
    """
    known = label[~np.isnan(label)]
    if not len(known):
        return {"known": 0, "missing": len(label)}
    if classes:
        counts = {name: int((known == place).sum()) for place, name in enumerate(classes)}
        return {"known": len(known), "missing": len(label) - len(known), "classes": counts}
    spread = float(known.std())
    return {
        "known": len(known),
        "missing": len(label) - len(known),
        "different": len(np.unique(known)),
        "lowest": float(known.min()),
        "median": float(np.median(known)),
        "highest": float(known.max()),
        "deviation": spread,
        "skew": float(((known - known.mean()) ** 3).mean() / spread**3) if spread else 0.0,
    }


def baseline_values(study: Study, tasks: Tasks) -> list[dict[str, torch.Tensor]]:
    """For each task and baseline the values (n, t) of all cases of the table, each read by the other folds' cases.

    As in a run that keeps no validation cases: what a baseline chooses, it chooses inside the cases that it learns from.
    Without folds by the training cases; NaN where a case is read by none.
    """
    found, data = list[dict[str, torch.Tensor]](), study.recipe.data
    covariates = torch.from_numpy(study.table.covariates)
    if data.folds:
        names = [fold_name(fold) for fold in range(data.folds)]
        cuts = [([r for r, s in enumerate(study.splits) if s in names and s != own], study.rows(own)) for own in names]
    else:
        cuts = [(study.rows("train"), [row for row, split in enumerate(study.splits) if split != "train"])]
    for place, task in enumerate(tasks):
        values: dict[str, torch.Tensor] = {}
        for learned, read in cuts:
            known, none = (task_known(tasks, files.known_of(study, rows))[place] for rows in (learned, []))
            for name, value in read_baselines(task, known, none, covariates[read])[0].items():
                whole = values.setdefault(name, torch.full((len(study.table), *value.shape[1:]), torch.nan).double())
                whole[read] = value.double()
        found.append(values)
    return found


def baseline_errors(study: Study, tasks: Tasks) -> dict[str, dict[str, float]]:
    """How far the baselines alone go: the mean error of each, by target."""
    label = torch.from_numpy(study.table.label)
    errors: dict[str, dict[str, float]] = {}
    for task, values in zip(tasks, baseline_values(study, tasks), strict=True):
        own = label[:, tasks.places[task.name].columns]
        for name, value in values.items():
            each = task.error(value, own).nanmean(0)
            for place, target in enumerate(task.columns):
                errors.setdefault(target, {})[name] = float(each[place])
    return errors
