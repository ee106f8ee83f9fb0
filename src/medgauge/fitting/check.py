"""Check: everything that can be wrong before training, told at once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medgauge.core.display import Display
from medgauge.core.errors import check_switches
from medgauge.core.words import counted
from medgauge.fitting.folds import plan_folds
from medgauge.fitting.parts import build_parts
from medgauge.fitting.stamp import given_settings, make_recipe
from medgauge.recipes.doors import door
from medgauge.recipes.mistakes import foreign_code
from medgauge.study import load_study
from medgauge.study.feature_table import source_names


@door
def check(
    recipe: str | Path | Mapping[str, Any] | None = None,
    *,
    table: str | Path | None = None,
    image: str | None = None,
    label: str | Sequence[str] | None = None,
    group: str | None = None,
    covariates: str | Sequence[str] | None = None,
    kind: Mapping[str, str] | None = None,
    changes: Mapping[str, Any] | None = None,
    terminal: bool = False,
    **columns: object,
) -> list[str]:
    """Read recipe, table and every file; return what was found, in lines.

    >>> medgauge.check(table="cases.csv", image="path", label="age", group="patient_id")  # doctest: +SKIP

    Args:
        recipe: file, name of a recipe of medgauge's, mapping, or None for what suits the data.
        table: CSV or Parquet file, or bundled:hc18.
        image: column of image files.
        label: label column or columns.
        group: column of what may not be on both sides of a split (patient, examination).
        covariates: number column or columns given to the model beside the image.
        kind: of label columns that are no numbers: {"dr_grade": "grade"}.
        changes: settings by dotted place ("training.steps": 500), over the recipe.
        terminal: show progress.
        columns: further settings of the recipe's data section, by name (split, folds, no_groups, ...).

    Raises:
        InputError: with every problem, when there is one.
    """
    check_switches(terminal=terminal)
    given = given_settings(
        columns, changes, table=table, image=image, label=label, group=group, covariates=covariates, kind=kind
    )
    with Display(terminal) as display:
        wanted = make_recipe(recipe, changes=given)
        study = load_study(wanted, progress=display.images)
    part = plan_folds(study)[0] if study.recipe.data.folds and study.recipe.data.fold is None else study
    parts = build_parts(part)
    of_fold = "" if part is study else f" (in the first of {study.recipe.data.folds} folds)"
    found = [f"{note}{of_fold}" for note in parts.notes]
    counts = ", ".join(f"{split} {len(study.rows(split))}" for split in dict.fromkeys(study.splits))
    shape = " x ".join(map(str, study.images.array.shape[1:]))
    read = (
        f"features: {shape} of {source_names(study.recipe)}" if study.columns else f"images: {shape} (channels first)"
    )
    lines = [
        *foreign_code(wanted.objective),
        f"{counted(study.read, 'row')} read, {counted(len(study.table), 'case')} of "
        f"{counted(len(set(study.table.group)), 'group')}: {counts}",
        read,
    ]
    each, training = "" if part is study else " for each fold", part.recipe.training
    at_once = f" ({training.micro_batch} at a time)" if training.is_split else ""
    lines += [
        f"training: {parts.schedule.steps} steps of {training.batch_size} cases{at_once}{each}"
        if parts.schedule.steps
        else "training: nothing is trained",
        *study.notes,
        *found,
    ]
    lines += [
        f"subgroups by {column}: {', '.join(f'{name} {count}' for name, count in sorted(Counter(values).items()))}"
        for column, values in study.subgroups.items()
    ]
    lines += [f"left out: {problem}" for problem, _ in study.left_out]
    doubts = [note for note in (*study.notes, *found) if not note.startswith("read as: ")]
    notes = len(doubts) + len(study.left_out)
    ends = f"nothing is wrong that keeps it from being fitted; {counted(notes, 'note is', 'notes are')} above"
    return [*lines, ends if notes else "nothing is wrong"]
