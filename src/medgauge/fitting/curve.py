"""The error of frozen features with kernel ridge regression against the number of labelled groups."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float64

from medgauge.core.batch import Cases
from medgauge.core.display import Display
from medgauge.core.errors import InputError, check_counts, check_switches
from medgauge.core.task import Known, Task
from medgauge.core.version import __version__
from medgauge.fitting.parts import build_parts
from medgauge.fitting.stamp import make_recipe
from medgauge.metrics.groups import grouping
from medgauge.metrics.learning_curve import learning_curve
from medgauge.models import Encoder
from medgauge.recipes.build import build_tasks
from medgauge.recipes.doors import door
from medgauge.recipes.schema import Recipe
from medgauge.report.curve import PAGE, TABLE, VALUES, curve_rows, curve_values, write_curve
from medgauge.runfolder import RunFolder
from medgauge.study import Study, load_study
from medgauge.study.features import frozen_features
from medgauge.study.folds import fold_study
from medgauge.study.loading import cache_folder

KINDS_READ = ("number", "finding")
FOLDS, LEAST_GROUPS, LEAST_SIZE, SIZES = 5, 20, 8, 6
ABOUT = "for frozen features; a tuned network may gain more"


@door
def curve(
    *,
    out: str | Path,
    table: str | Path | None = None,
    image: str | None = None,
    label: str | Sequence[str] | None = None,
    group: str | None = None,
    covariates: str | Sequence[str] | None = None,
    draws: int = 5,
    changes: Mapping[str, Any] | None = None,
    terminal: bool = False,
    **columns: object,
) -> dict[str, Any]:
    """Learning curve: what more labelled groups would give; writes curve.json, curve.csv and curve.html, returns the first.

    >>> medgauge.curve(table="cases.csv", image="path", label="age", group="patient_id", out="runs/curve")  # doctest: +SKIP

    Cases of a given or held-out test split have no part in it.

    Args:
        out: folder of the three files.
        table: CSV or Parquet file, or bundled:hc18.
        image: column of image files.
        label: label column or columns, numbers or findings.
        group: column of what may not be on both sides of a split (patient, examination).
        covariates: number column or columns read beside the image.
        draws: times that folds and training sets are drawn anew.
        changes: settings of the recipe ``frozen`` by dotted place.
        terminal: show progress.
        columns: further settings of the recipe's data section, by name.

    Raises:
        InputError: for anything wrong in table, files or settings, too few groups, or a folder that holds something else.
    """
    check_counts(draws=draws)
    check_switches(terminal=terminal)
    given = {"table": table, "image": image, "label": label, "group": group, "covariates": covariates}
    named = {name: value for name, value in given.items() if value is not None}
    asked = changes.get("represent.name", "frozen") if isinstance(changes, Mapping) else "frozen"
    if asked != "frozen":
        raise InputError(f"a learning curve is of frozen features; leave represent.name {asked} out")
    wanted = make_recipe("frozen", {"folds": FOLDS} | named | columns, changes)
    _check(wanted, {} if changes is None else changes)
    _check_kinds(wanted)
    folder = _folder(out)
    started = time.monotonic()
    with Display(terminal) as display:
        study = load_study(wanted, progress=display.images)
        for note in study.notes:
            display.say(note)
        values = _measured(study, draws, display)
        values |= {"medgauge": __version__, "seconds": time.monotonic() - started}
        values["table_sha256"] = study.table.digest
    folder.write_table(TABLE, *curve_rows(values))
    folder.write_json(VALUES, values)
    write_curve(folder.path)
    return values


def _check(recipe: Recipe, changes: Mapping[str, Any]) -> None:
    """Raise for settings that a curve does not have."""
    usual = make_recipe("frozen")
    for place, own, at_rest in (
        ("prediction", recipe.prediction, usual.prediction),
        ("data.fraction", recipe.data.fraction, usual.data.fraction),
    ):
        if own != at_rest:
            named = ", ".join(one for one in changes if one == place or one.startswith(f"{place}.")) or place
            raise InputError(
                f"{named} has no effect on a learning curve, which reads by kernel regression; leave it out"
            )
    if recipe.data.fold is not None or not recipe.data.folds:
        raise InputError("a learning curve leaves every fold out in turn; leave --fold out, and give --folds 2 or more")


def _check_kinds(recipe: Recipe) -> None:
    """Raise for a label that kernel regression does not read, before any image is."""
    for name in recipe.data.label:
        kind = recipe.data.kind.get(name, "number")
        if kind not in KINDS_READ:
            raise InputError(
                f"a learning curve is of numbers and findings (errors that are means over cases), and {name} is a {kind}; leave it out, "
                "or hold the figures of two runs side by side, the first with --data.fraction 0.5"
            )


def _folder(out: str | Path) -> RunFolder:
    folder = RunFolder(out)
    if folder.path.exists() and (
        not folder.path.is_dir() or any(path.name not in (VALUES, TABLE, PAGE) for path in folder.path.iterdir())
    ):
        raise InputError(f"{folder.path} holds something other than a learning curve; give another --out")
    return folder


def _measured(study: Study, draws: int, display: Display) -> dict[str, Any]:
    """The curves of all targets."""
    recipe = study.recipe
    parts = build_parts(fold_study(study, 0))
    display.say("reading features")
    features = frozen_features(
        cast(Encoder, parts.model.encoder), parts.arrays, cache_folder(recipe.data.cache), progress=display.images
    )
    rows = [row for row, split in enumerate(study.splits) if split != "test"]
    points = torch.from_numpy(np.concatenate([features, study.covariates.astype(np.float32)], 1)[rows])
    labels, divisor = torch.from_numpy(study.table.label[rows]), study.divisor
    scale = None if divisor is None else torch.from_numpy(divisor[rows])
    group, targets = [study.table.group[row] for row in rows], {}
    for task in parts.tasks:
        place = parts.tasks.places[task.name]
        own = labels[:, place.columns]
        for at, name in enumerate(task.columns):
            seen = torch.nonzero(~own[:, at].isnan()).flatten()
            kinds = {key: kind for key, kind in recipe.data.kind.items() if key == name}
            alone = replace(recipe, data=replace(recipe.data, label=[name], kind=kinds))
            cases = Cases(
                points[seen],
                own[seen][:, at : at + 1],
                [study.table.id[rows[row]] for row in seen.tolist()],
                [group[row] for row in seen.tolist()],
                divisor=scale[seen] if scale is not None and task.coding.divides else None,
            )
            (reads,) = build_tasks(alone).fit(own[:, at : at + 1], scale).parts  # a linear coding changes no value
            drawn = measure(cases, reads, folds=recipe.data.folds, draws=draws, seed=recipe.seed, display=display)
            found = learning_curve(drawn.size, drawn.error, cases.group, seed=recipe.seed)
            constant = {reads.baselines[0].name: drawn.constant}
            targets[name] = curve_values(
                found, drawn.cases, constant, len(cases), figure=next(iter(reads.figures)), kind=reads.kind
            )
    return {"about": ABOUT, "folds": recipe.data.folds, "draws": draws, "seed": recipe.seed, "targets": targets}


@dataclass(frozen=True)
class Drawn:
    """What was measured of one target.

    - Shape: error (r, s, n) of each case by training sets of s sizes that its group is not in, as the kind of label has it.
      ``constant``: the mean error of its constant baseline at the largest size.
    """

    size: list[int]
    error: Float64[np.ndarray, "r s n"]
    cases: list[float]
    constant: float


def sizes_of(most: int) -> list[int]:
    """About six numbers of training groups, each the same factor above the one before.

    >>> sizes_of(160), sizes_of(16)
    ([10, 17, 30, 53, 92, 160], [8, 9, 11, 12, 14, 16])
    """
    found = np.geomspace(max(LEAST_SIZE, most / 16), most, SIZES).round().astype(int)
    return sorted(set(found.tolist()))


def measure(cases: Cases, task: Task, *, folds: int, draws: int, seed: int, display: Display) -> Drawn:
    """Errors of every case, read by kernel regression on nested sets of the groups that are not in its fold.

    Args:
        cases: of one target, all labelled.
        task: of the target, fitted: its kernel regression, error and constant baseline.
        folds: parts that groups are drawn into.
        draws: times that this is done.
        seed: of the draws.
        display: for progress.

    Raises:
        InputError: fewer than 20 groups, or too few for the folds.
    """
    names, code = grouping(cases.group)
    (name,), most = task.columns, len(names) - -(-len(names) // folds)
    if len(names) < LEAST_GROUPS or most < 2 * LEAST_SIZE:
        raise InputError(
            f"a learning curve needs {LEAST_GROUPS} groups or more with a label of {name}, got {len(names)} in {folds} folds"
        )
    size, label = sizes_of(most), cases.label.double()
    error = np.full((draws, len(size), len(cases)), np.nan)
    counts, constants, done = np.zeros(len(size)), np.zeros(len(cases)), 0
    for draw, left_out, order in _plans(len(names), folds, draws, seed):
        asked = torch.nonzero(torch.isin(code, left_out)).flatten()
        for place, groups in enumerate(size):
            train = torch.nonzero(torch.isin(code, order[:groups])).flatten()
            model = task.predictors()["kernel"].fit(cases.take(train), None, task.error)
            error[draw, place, asked.numpy()] = task.error(model.read(cases.take(asked)).value, label[asked])[
                :, 0
            ].numpy()
            counts[place] += len(train) / (draws * folds)
            done += 1
            display.runs(done, draws * folds * len(size), f"{name}, {groups} groups")
        known = Known(label[train], torch.empty(len(train), 0))
        constant = task.baselines[0].fit(known, known).read(torch.empty(len(asked), 0))
        constants[asked.numpy()] += task.error(constant, label[asked])[:, 0].numpy() / draws
    return Drawn(size, error, counts.tolist(), float(constants.mean()))


def _plans(groups: int, folds: int, draws: int, seed: int) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
    """For each draw and fold: the draw, the groups left out, and the others in random order."""
    random = np.random.default_rng(seed)
    for draw in range(draws):
        shuffled = torch.from_numpy(random.permutation(groups))
        for fold in range(folds):
            out = torch.arange(groups) % folds == fold
            rest = shuffled[~out]
            yield draw, shuffled[out], rest[torch.from_numpy(random.permutation(len(rest)))]
