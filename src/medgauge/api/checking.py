"""Check: everything that can be wrong before training, told at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medgauge.api.fitting import build_parts, make_recipe
from medgauge.api.study import load_study


def check(
    recipe: str | Path | Mapping[str, Any] | None = None,
    *,
    changes: Mapping[str, Any] | None = None,
    terminal: bool = False,
) -> list[str]:
    """Read recipe, table and every file; return what was found, in lines.

    Raises:
        InputError: with every problem, when there is one.
    """
    from medgauge.api.terminal import Display

    with Display(terminal) as display:
        study = load_study(make_recipe(recipe, changes), progress=display.images)
    schedule = build_parts(study).schedule
    counts = ", ".join(f"{split} {len(study.rows(split))}" for split in dict.fromkeys(study.splits))
    shape = " x ".join(map(str, study.images.array.shape[1:]))
    lines = [
        f"{study.read} rows read, {len(study.table)} cases of {len(set(study.table.group))} groups: {counts}",
        f"images: {shape} (channels first)",
    ]
    lines += [f"training: {schedule.steps} steps of {study.recipe.training.batch_size} cases", *study.notes]
    lines += [f"left out: {problem}" for problem, _ in study.left_out]
    return [*lines, "nothing is wrong"]
