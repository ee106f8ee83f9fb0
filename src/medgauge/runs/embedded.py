"""The embedding that a finished run gives the cases of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.runfolder.tables import read_rows
from medgauge.runs.ensemble import Ensemble
from medgauge.runs.feature_file import Features, weights_digest
from medgauge.runs.fitted import Fit
from medgauge.runs.new_cases import embed_table, read_table_of, say_all, say_notes
from medgauge.runs.new_features import check_sources
from medgauge.runs.notes import MADE_WITH
from medgauge.runs.run import load
from medgauge.study.source_run import trained_source


def embed_run(
    folder: Path,
    given: Mapping[str, Any],
    *,
    source: str | Path | Sequence[str | Path] = (),
    terminal: bool = False,
) -> Features:
    """The embedding of a table's cases by a run of one fit.

    Args:
        folder: of the run.
        given: where the cases are: data.table, and data.image, data.id, data.array and data.index where these are others
            than the run's.
        source: of a run that reads a table of features their file.
        terminal: write notes.

    Raises:
        InputError: it is a run of several folds, whose embeddings differ; or a file or column is missing.
    """
    run = load(folder)
    fit = run.finished
    if isinstance(fit, Ensemble):
        raise InputError(
            f"{fit.folder.path} has several fits, whose embeddings differ; give one of them ({fit.fits[0].folder.path}), or a run without "
            "folds"
        )
    named = {name: given[f"data.{name}"] for name in ("image", "id") if f"data.{name}" in given}
    fit = replace(fit, recipe=replace(fit.recipe, data=replace(fit.recipe.data, **named)))
    sources = check_sources(fit, source)
    table, _ = read_table_of(
        fit,
        given["data.table"],
        need_label=False,
        array=given.get("data.array"),
        index=given.get("data.index"),
        local=True,
    )
    say_notes(table, terminal)
    (cases,), digests, _ = embed_table(fit, table, sources=sources, terminal=terminal)
    say_all(run.notes, terminal)
    data = fit.recipe.data
    about = {
        "made_by": "run",
        "run": str(fit.folder.path),
        "weights_sha256": weights_digest(fit.model),
        "settings": {},
        "trained_with": _trained_with(fit, digests),
    }
    by = str(data.id or data.image or data.index)
    return Features(by, table.id, cases.embedding.detach().cpu().numpy().astype(np.float32), about)


def _trained_with(fit: Fit, digests: Sequence[str]) -> int:
    """How many of the pictures had a part, with their labels, in the training of the run or of the run that its encoder is of."""
    represent, learned = fit.recipe.represent, [fit.folder] if fit.recipe.model.neck != "standardised" else []
    if represent.is_run and Path(represent.sources[0]).is_dir():
        source = trained_source(represent.sources[0])
        learned += [] if source.recipe.represent.is_kept or source.recipe.pretraining.is_on else [source.folder]
    rows = [row for folder in learned for row in read_rows(folder, "splits.csv", ["picture", "split"])]
    known = {row["picture"] for row in rows if row["picture"] and row["split"] in MADE_WITH}
    return sum(digest in known for digest in digests)
