"""The tables of predictions and of problems in a run folder."""

from collections.abc import Sequence

from medgauge.core.errors import InputError
from medgauge.evaluation.predictions import group_columns, group_rows, prediction_columns, prediction_rows, user_columns
from medgauge.evaluation.scored import Scored
from medgauge.runfolder import RunFolder
from medgauge.study import Study


def write_predictions(
    folder: RunFolder,
    parts: Sequence[tuple[str, Sequence[int], Sequence[Scored]]],
    gallery_rows: Sequence[int],
    *,
    by_group: bool,
    kept: str | None = None,
) -> None:
    """Write predictions.csv of several splits, each with the rows of its cases, and predictions_by_group.csv if asked.

    Args:
        folder: where the tables are.
        parts: a split, the rows of its cases, and these as each task read them.
        gallery_rows: rows of the gallery's cases.
        by_group: write predictions_by_group.csv too.
        kept: a split whose rows stay in front as they are.

    Raises:
        InputError: the rows that stay cannot be read, or have other columns.
    """
    lines: list[list[object]] = []
    groups: list[list[object]] = []
    for split, rows, scored in parts:
        lines += prediction_rows(rows, split, scored, gallery_rows)
        if by_group:
            groups += group_rows(split, [one.by_group() for one in scored], gallery_rows)
    texts = user_columns(parts[0][2])
    _write(folder, "predictions.csv", prediction_columns(parts[0][2]), lines, kept, texts)
    if by_group:
        _write(folder, "predictions_by_group.csv", group_columns(parts[0][2]), groups, kept, texts)


def _write(
    folder: RunFolder,
    name: str,
    columns: Sequence[str],
    lines: Sequence[Sequence[object]],
    kept: str | None,
    texts: Sequence[str],
) -> None:
    there = [] if kept is None else [line for line in folder.read_table(name) if line.get("split") == kept]
    if any(list(line) != list(columns) for line in there):
        raise InputError(f"{folder / name} is damaged or of another version of medgauge; run `medgauge fit` again")
    folder.write_table(name, columns, [*(list(line.values()) for line in there), *lines], texts=texts)


def write_problems(folder: RunFolder, study: Study) -> None:
    """Write problems.csv, if a case was left out."""
    if study.left_out:
        lines = [(problem.where, problem.what) for problem, _ in study.left_out]
        folder.write_table("problems.csv", ["id", "reason"], lines)
