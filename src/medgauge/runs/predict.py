"""Values of new cases."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from medgauge.core.batch import Cases
from medgauge.core.cells import csv_text
from medgauge.core.display import Display
from medgauge.core.errors import InputError, came, check_switches
from medgauge.data.images.image import ENDINGS
from medgauge.data.tables.names import Spelling
from medgauge.data.tables.numbers import Mark
from medgauge.data.tables.table import Table
from medgauge.evaluation.predictions import (
    TEXTS,
    group_columns,
    group_rows,
    prediction_columns,
    prediction_rows,
    user_columns,
)
from medgauge.evaluation.scored import Scored, judge
from medgauge.inference.pooled import AnyReader
from medgauge.runfolder import write_whole
from medgauge.runfolder.folder import bytes_to
from medgauge.runs.ensemble import Finished
from medgauge.runs.fitted import cases_of_fits
from medgauge.runs.new_cases import embed_table, image_table, read_table_of, say_notes, without_groups
from medgauge.runs.new_features import check_sources
from medgauge.runs.notes import evidence_notes, far_notes, own_image_notes, seal_notes
from medgauge.runs.places import check_place, check_values_file
from medgauge.study.table import has_column

if TYPE_CHECKING:
    from pandas import DataFrame

TABLES = (".csv", ".tsv", ".parquet", ".pq")
HIDDEN = ("row", "split", "fold")
NEEDING_LABELS = ("label", "region", "delta_corrected")


def predict_cases(
    run: Finished,
    cases: str | Path | Sequence[str | Path],
    *,
    covariates: Sequence[str] | Mapping[str, float | str] = (),
    array: str | Path | None = None,
    index: str | None = None,
    ids_are_local: bool = False,
    aggregate: Literal["none", "mean"] = "none",
    out: str | Path | None = None,
    spelling: Spelling | None = None,
    decimal: Mark | None = None,
    source: str | Path | Sequence[str | Path] = (),
    terminal: bool = False,
    said: Sequence[str] = (),
) -> "DataFrame":
    """Values, intervals and evidence of new cases: ``Run.predict`` says how; ``said``: notes that come first."""
    check_switches(ids_are_local=ids_are_local, terminal=terminal)
    check_place(array, index, out, spelling, decimal)
    sources = check_sources(run, source)
    if isinstance(cases, str | Path):
        _check_table(cases, covariates)
    elif run.recipe.represent.is_table:
        raise InputError(
            "the run reads features of a table and no images; give the cases with --table, and their features with --source"
        )
    else:
        cases = _checked_images(cases)
    if aggregate not in ("none", "mean"):
        raise InputError(f"aggregate must be none or mean, got {aggregate!r}")
    name = run.recipe.data.group
    if aggregate == "mean" and not (isinstance(cases, str | Path) and has_column(cases, name)):
        raise InputError(f"one value a group needs a table with the group column {name or '(this run has none)'}")
    if out is not None:
        given = [cases, *sources] if isinstance(cases, str | Path) else cases
        check_values_file(run.folder, out, given, run.tasks.targets, array)
    if isinstance(cases, str | Path):
        table, known = read_table_of(
            run,
            cases,
            need_label=False,
            array=array,
            index=index,
            local=ids_are_local,
            spelling=spelling,
            decimal=decimal,
        )
        odd = say_notes(table, terminal)
    elif array is not None or index is not None:
        raise InputError("an array file (--array) and its column of rows (--index) go with a table (--table)")
    else:
        table, known, odd = image_table(run, cases, covariates), False, []
    gathered, digests, of_images = embed_table(run, table, sources=sources, terminal=terminal)
    notes = [*said, *seal_notes(run), *own_image_notes(run, digests)]
    if ids_are_local or not known:
        gathered = without_groups(gathered)
    by_group = aggregate == "mean"
    scored = _read(run, table, gathered, by_group=by_group)
    notes += [*far_notes(scored, {} if by_group else run.results), *evidence_notes(scored)]
    with Display(terminal) as display:
        for note in notes:
            display.say(note)
    frame = _frame(run, table, scored, by_group=by_group)
    frame.attrs["notes"] = [*odd, *of_images, *notes]
    frame.attrs["texts"] = user_columns(scored)
    if out is not None:
        write_frame(frame, Path(out))
    return frame


def _check_table(path: str | Path, covariates: Sequence[str] | Mapping[str, float | str]) -> None:
    """Raise for an image in the place of a table, and for covariates beside one."""
    if str(path).lower().endswith(ENDINGS):
        raise InputError(
            f"{path} is an image and no table; images are given in a list, on the command line without --table"
        )
    if covariates:
        raise InputError("covariates (--covariate) are given for image files; those of a table stand in its columns")


def _checked_images(images: object) -> list[str | Path]:
    """The image files as a list; raise for what is neither a table nor images."""
    if not isinstance(images, Sequence | Iterator):
        raise InputError(f"the cases must be image files in a list, or the path of a table, got {came(images)}")
    files = list(images)
    for one in files:
        if not isinstance(one, str | Path):
            raise InputError(f"the cases must be image files in a list, each by its path, got {came(one)} in it")
        if str(one).lower().endswith(TABLES):
            raise InputError(f"{one} is a table and no image; give it with --table (in Python by itself, in no list)")
    return files


def _read(run: Finished, table: Table, cases: Sequence[Cases], *, by_group: bool) -> list[Scored]:
    """What each reader reads off the cases."""
    group = table.group if by_group else None
    parts, readers = cases_of_fits(run.fits, cases), list[AnyReader](run.readers)
    return [
        judge(reader, parts[place], baselines={}, sorts={}, subgroups={}, group=group)
        for place, reader in enumerate(readers)
    ]


def _frame(run: Finished, table: Table, scored: Sequence[Scored], *, by_group: bool) -> "DataFrame":
    """The values as a table: columns of predictions.csv (or predictions_by_group.csv) that need no label."""
    import pandas

    if by_group:
        rows = group_rows("", [one.by_group() for one in scored], run.gallery_rows)
        frame = pandas.DataFrame(rows, columns=group_columns(scored))
    else:
        rows = prediction_rows(range(len(table)), "", scored, run.gallery_rows)
        frame = pandas.DataFrame(rows, columns=prediction_columns(scored)).drop(columns=["group"])
    targets = run.tasks.targets
    hidden = {*HIDDEN, *(f"{part}_{name}" for name in targets for part in NEEDING_LABELS)}
    hidden |= {f"{task.name}:fold" for task in run.tasks}
    return frame.drop(columns=hidden & set(frame.columns)).rename(columns={f"value_{name}": name for name in targets})


def write_frame(frame: "DataFrame", path: Path) -> None:
    """Write CSV or Parquet, by the file's ending, whole or not at all."""
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise InputError(f"{path} must end in .csv or .parquet")
    if path.suffix.lower() == ".csv":
        write_whole(path, lambda part: bytes_to(part, frame_text(frame).encode()))
    else:
        write_whole(path, lambda part: frame.to_parquet(part, index=False))


def frame_text(frame: "DataFrame") -> str:
    """The values as the text of a CSV file."""
    return csv_text(
        list(frame.columns), frame.itertuples(index=False, name=None), texts=frame.attrs.get("texts", TEXTS)
    )
