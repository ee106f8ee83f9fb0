"""Check: everything that can be wrong before training, told at once."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medgauge.core.display import Display
from medgauge.core.errors import check_switches
from medgauge.core.words import counted
from medgauge.fitting.folds import plan_folds
from medgauge.fitting.parts import build_parts
from medgauge.fitting.stamp import make_recipe
from medgauge.recipes.mistakes import foreign_code
from medgauge.study import load_study


def check(
    recipe: str | Path | Mapping[str, Any] | None = None,
    *,
    columns: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
    terminal: bool = False,
) -> list[str]:
    """Read recipe, table and every file; return what was found, in lines.

    Args:
        recipe: file, name of a recipe of medgauge's, mapping, or None for what suits the data.
        columns: settings of the recipe's data section, by name (table, image, label, group, ...).
        changes: settings by dotted place, over the recipe.
        terminal: show progress.

    Raises:
        InputError: with every problem, when there is one.
    """
    check_switches(terminal=terminal)
    with Display(terminal) as display:
        wanted = make_recipe(recipe, columns, changes)
        study = load_study(wanted, progress=display.images)
    part = plan_folds(study)[0] if study.recipe.data.folds and study.recipe.data.fold is None else study
    parts = build_parts(part)
    counts = ", ".join(f"{split} {len(study.rows(split))}" for split in dict.fromkeys(study.splits))
    shape = " x ".join(map(str, study.images.array.shape[1:]))
    lines = [
        *foreign_code(wanted.objective),
        f"{counted(study.read, 'row')} read, {counted(len(study.table), 'case')} of "
        f"{counted(len(set(study.table.group)), 'group')}: {counts}",
        f"images: {shape} (channels first)",
    ]
    each = "" if part is study else " for each fold"
    lines += [
        f"training: {parts.schedule.steps} steps of {part.recipe.training.batch_size} cases{each}"
        if parts.schedule.steps
        else "training: nothing is trained",
        *study.notes,
        *parts.notes,
    ]
    lines += [
        f"subgroups by {column}: {', '.join(f'{name} {count}' for name, count in sorted(Counter(values).items()))}"
        for column, values in study.subgroups.items()
    ]
    lines += [f"left out: {problem}" for problem, _ in study.left_out]
    return [*lines, "nothing is wrong"]
