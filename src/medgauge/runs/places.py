"""Where values and figures of other cases may be written: over nothing that is not an earlier result of the same command."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from medgauge.core.errors import InputError, check_path, check_texts
from medgauge.core.faults import not_written
from medgauge.core.words import did_you_mean
from medgauge.data.tables.names import Spelling
from medgauge.data.tables.numbers import Mark
from medgauge.evaluation.predictions import WHERE
from medgauge.runfolder import RunFolder
from medgauge.runfolder.chosen import CANDIDATES
from medgauge.runfolder.seal import NAME as SEAL

ENDINGS = (".csv", ".parquet")
EVIDENCE = ("neighbours", "neighbour_ids", "distances", "nearest_distance", "far")
OTHERS = ("id", "group", "cases", "neighbour_folds", "predictor")
LABELLED = ("label_", "region_", "delta_corrected_")
MARKS = (SEAL, CANDIDATES, "comparison.json")
"""A folder with one of these is a run's or a comparison's."""
TABLES = {"predictions.csv": WHERE, "predictions_by_group.csv": ("split", "group", "cases")}
"""The tables that `evaluate` writes, and how their columns begin."""


def check_place(array: object, index: object, out: object, spelling: object, decimal: object) -> None:
    """Raise InputError unless what says where images are and where values go is of its type, and spelling and decimal are known."""
    for what, path in (("array", array), ("out", out)):
        if path is not None:
            check_path(what, path)
    check_texts(index=index, spelling=spelling, decimal=decimal)
    for name, value, known in (("spelling", spelling, get_args(Spelling)), ("decimal", decimal, get_args(Mark))):
        if value is not None and value not in known:
            raise InputError(
                f"{name} must be one of {', '.join(known)}, got {value} ({did_you_mean(str(value), known)})"
            )


def check_values_file(
    run: RunFolder,
    out: str | Path,
    inputs: Sequence[str | Path],
    targets: Sequence[str],
    array: str | Path | None = None,
) -> None:
    """Raise unless a table of values may be written there; called before anything is read.

    Args:
        run: the run that reads the values.
        out: the file to write.
        inputs: the table, or the image files.
        targets: columns of the run's labels.
        array: the table's array file, relative to its folder.

    Raises:
        InputError: it has another ending, is an input, lies in a run folder, or is there and no earlier table of values.
    """
    check_path("the file to write", out)
    path = Path(out)
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{out} must end in .csv or .parquet")
    held = [] if array is None else [Path(inputs[0]).parent / str(array).partition("#")[0]]
    refuse_inputs(path, [*map(Path, inputs), *held])
    refuse_inside(path.parent, run, out)
    if path.is_dir():
        raise InputError(f"{out} is a folder; --out is the CSV or Parquet file to write")
    if path.exists() and not _is_values(path, targets):
        raise InputError(
            f"{out} is there and is no table of values that `medgauge predict` wrote for this label; give another --out, or "
            "move it away"
        )


def check_figures_folder(run: RunFolder, out: str | Path, table: str | Path) -> RunFolder:
    """The folder for the figures of a table; raise unless they may be written there, before anything is read.

    Raises:
        InputError: it is a file, a run folder or in one, or holds files of these names that `evaluate` did not write.
    """
    folder = RunFolder(out)
    if (folder / "comparison.json").exists():
        raise InputError(f"{out} is the folder of a comparison; give another --out")
    if folder.path.resolve() == run.path.resolve() or (folder / "recipe.yaml").exists():
        raise InputError(f"{out} is a run folder; give another --out, so that the run's own results stay")
    refuse_inside(folder.path, run, out)
    above = next(one for one in (folder.path, *folder.path.parents) if one.exists())
    if not above.is_dir():
        raise not_written(out, NotADirectoryError(20, "Not a directory"))
    for name in ("results.json", *TABLES):
        refuse_inputs(folder / name, [Path(table)])
        if (folder / name).exists() and not _is_figures(folder / name):
            raise InputError(
                f"{folder / name} is there and `medgauge evaluate` did not write it; give another --out, or move it away"
            )
    return folder


def refuse_inputs(path: Path, inputs: Sequence[Path]) -> None:
    """Raise where a file to write is one that is read, under whatever name."""
    for one in inputs:
        if path.resolve() == one.resolve() or (path.exists() and one.exists() and path.samefile(one)):
            raise InputError(f"{path} is {one}, which is read and would be written over; give another --out")


def refuse_inside(place: Path, run: RunFolder | None, out: str | Path) -> None:
    """Raise where a folder is a run's or a comparison's, or lies in one; ``run``: such a folder, whatever is in it."""
    whole = place.resolve()
    for one in (whole, *whole.parents):
        if (run is not None and one == run.path.resolve()) or any((one / mark).exists() for mark in MARKS):
            raise InputError(f"{out} lies in {one}, which is a run or a comparison; give an --out beside it")


def _header(path: Path) -> list[str]:
    """The names of a table's columns; none where it cannot be read."""
    if path.suffix.lower() == ".parquet":
        from pyarrow import ArrowException
        from pyarrow.parquet import read_schema

        try:
            return list(read_schema(path).names)
        except (ArrowException, OSError):
            return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return next(csv.reader(file), [])
    except (OSError, ValueError, csv.Error):
        return []


def _is_values(path: Path, targets: Sequence[str]) -> bool:
    """Whether all columns of a table are such as `predict` writes for these targets, with their evidence."""
    found = _header(path)
    plain = {name.rpartition(":")[2] for name in found}
    ends = tuple(f"_{target}" for target in targets)
    strange = [
        name
        for name in found
        if name not in targets
        and name.rpartition(":")[2] not in (*EVIDENCE, *OTHERS)
        and (not name.endswith(ends) or name.startswith(LABELLED))
    ]
    return not strange and plain.issuperset(EVIDENCE) and set(found).issuperset(targets)


def _is_figures(path: Path) -> bool:
    """Whether a file is what `evaluate` writes under its name."""
    if path.name in TABLES:
        names = TABLES[path.name]
        return tuple(_header(path)[: len(names)]) == names
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and "test" in found and found.keys() <= {"test", "shown", "notes"}
