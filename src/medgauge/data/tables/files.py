"""Image files that a table names and that are not there."""

import os
import stat
from pathlib import Path

from medgauge.core.problem import Problem, name_cases
from medgauge.data.tables.cells import LEAST_ALIKE
from medgauge.data.tables.sources import path_hint
from medgauge.data.tables.table import Table


def missing_files(table: Table) -> list[Problem]:
    """Image files and masks that are not there, are empty or no files, or may not be read; nothing is decoded."""
    said = {path: _file_problem(path) for path in {source.path for source in table.image} - {table.path.parent}}
    if len(table) > 1 and len(said) == 1 and (what := next(iter(said.values()))) is not None:
        one = f"{what.replace('its image', 'the one file with all images')} (paths are relative to the table)"
        return [Problem(f"all {len(table)} cases", one, "file")]
    found = [
        Problem(table.id[row], what, "file", row)
        for row, source in enumerate(table.image)
        if (what := said.get(source.path)) is not None
    ]
    return [*_together(found, len(table), "images"), *_together(_missing_masks(table), len(table), "masks")]


def _missing_masks(table: Table) -> list[Problem]:
    """Masks that are not there, and the like; of cases that name none nothing is said."""
    named = [(row, source.mask.path) for row, source in enumerate(table.image) if source.mask is not None]
    said = {path: _file_problem(path) for path in {path for _, path in named} - {table.path.parent}}
    return [
        Problem(table.id[row], what.replace("its image", "its mask"), "file", row)
        for row, path in named
        if (what := said.get(path)) is not None
    ]


def _together(found: list[Problem], cases: int, of: str) -> list[Problem]:
    """Of files that are missing many are told by one sentence."""
    lost = [one for one in found if " is missing" in one.what]
    if len(lost) < LEAST_ALIKE:
        return found
    together = (
        f"{len(lost)} of {cases} {of} are missing ({name_cases([one.where for one in lost])}), and paths are relative to "
        f"the table; the first: {lost[0].what}"
    )
    return [one._replace(together=together) if one in lost else one for one in found]


def _file_problem(path: Path) -> str | None:
    try:
        state = os.stat(path)
    except PermissionError:
        return f"its image {path} may not be read; change its permissions"
    except (OSError, ValueError):
        return f"its image {path} is missing{path_hint(path)}"
    if stat.S_ISDIR(state.st_mode):
        return None  # of a DICOM series, or its reader tells
    if not stat.S_ISREG(state.st_mode):
        return f"its image {path} is no regular file"
    if state.st_size == 0:
        return f"its image {path} is an empty file"
    return None if os.access(path, os.R_OK) else f"its image {path} may not be read; change its permissions"
