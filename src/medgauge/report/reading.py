"""Reads what the report needs out of a run folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32, Int64

from medgauge.core.errors import InputError
from medgauge.core.forms import ANY_GROUP, Group, check_form
from medgauge.metrics.catalogue import FIGURES
from medgauge.report.cards import evidence_prefix, shown_split, targets_in
from medgauge.runfolder import RunFolder
from medgauge.runfolder.classes import classes_of, with_places
from medgauge.runfolder.contents import read_predictors, read_results
from medgauge.runfolder.looks import counted_looks
from medgauge.runfolder.tables import check_lists, list_form, need_columns, read_numbers, read_wholes
from medgauge.runfolder.tensors import EMBEDDINGS, read_checked

if TYPE_CHECKING:
    from pandas import DataFrame

TEXT = {
    "picture",
    "id",
    "group",
    "split",
    "neighbours",
    "neighbour_ids",
    "neighbour_folds",
    "distances",
    "predictor",
    "reason",
}
SHOWN = Group({"made?": ANY_GROUP, "claim?": ANY_GROUP})
"""What the page takes from recipe.yaml, beside its text."""
TEXT_STARTS = ("predictor_", "region_", "weights_", "effects_", "neighbour_values_", "set_")


@dataclass(frozen=True)
class RunView:
    """A run folder, read.

    - Shape: embedding (n, d) float32 with row (n,) int64, both None where the run has none; tables as in the files;
      ``shown`` is the split whose figures the report shows.
    """

    path: Path
    recipe: dict[str, Any]
    recipe_text: str
    results: dict[str, Any]
    predictors: dict[str, Any]
    splits: "DataFrame"
    predictions: "DataFrame"
    gallery: "DataFrame"
    log: "DataFrame | None"
    problems: "DataFrame | None"
    embedding: Float32[np.ndarray, "n d"] | None
    row: Int64[np.ndarray, " n"] | None
    targets: list[str]
    shown: str
    classes: dict[str, list[str]]

    @property
    def cases(self) -> "DataFrame":
        """The predictions of the shown split."""
        return self.predictions[self.predictions["split"] == self.shown].reset_index(drop=True)

    @property
    def block(self) -> dict[str, Any]:
        """The shown split's part of results.json."""
        block: dict[str, Any] = self.results.get(self.shown) or {}
        return block

    def kind(self, target: str) -> str:
        """The kind of a target's labels."""
        return str((self.block.get(target) or {}).get("kind"))

    def settings(self, target: str) -> dict[str, Any]:
        """What was tuned and calibrated for a target's kind: record, level and more."""
        found = (self.predictors.get("tasks") or {}).get(self.kind(target))
        return found if isinstance(found, dict) else {}

    def radius(self, target: str) -> object:
        """The radius of the neighbours of a target, where there is one."""
        tuned = self.settings(target).get("tuned") or {}
        return (tuned.get("neighbours") or {}).get("radius")

    def record(self, target: str) -> str:
        """The predictor of record of a target."""
        settings = self.settings(target)
        return str((settings.get("records") or {}).get(target) or settings.get("record", "neighbours"))

    def level(self, target: str) -> float:
        """The chance that what is said of a target's cases holds."""
        return float(self.settings(target).get("level") or 0.9)

    def cases_of(self, target: str) -> "DataFrame":
        """``cases``, with the columns of evidence named as in a run of one kind of label."""
        before = evidence_prefix(self.predictions, target)
        own = [column for column in self.cases.columns if column.startswith(before)] if before else []
        return self.cases.rename(columns={column: column.removeprefix(before) for column in own})


def read_run(run: Path) -> RunView:
    """Read a run folder.

    - Raises: InputError, naming the file, if a file is missing or cannot be read.
    """
    folder = RunFolder(run)
    if not run.is_dir():
        raise InputError(f"There is no run folder at {run}; give the folder that `medgauge fit --out` wrote.")
    recipe, results = folder.read_yaml("recipe.yaml"), read_results(folder)
    try:
        check_form("", recipe, SHOWN)
        classes = classes_of(recipe)
    except ValueError as error:
        raise folder.broken("recipe.yaml", error) from error
    results["looks"] = {"test": counted_looks(folder, results)}
    splits = typed_table(folder, "splits.csv", ["id", "group", "split"])
    predictions = typed_table(
        folder, "predictions.csv", ["row", "id", "group", "split"], rows=len(splits), classes=classes
    )
    predictions = _finished(predictions, results)
    targets = targets_in(predictions)
    of_targets = [f"region_{target}" for target in targets]
    for name, there in (("splits.csv", splits), ("predictions.csv", predictions)):
        need_columns(folder, name, list(there.columns), of_targets)
    needed = ["row", "id", "group", *(f"label_{target}" for target in targets)]
    embedding, row = _embedding(folder, "embeddings.safetensors", len(splits))
    return RunView(
        path=run,
        recipe=recipe,
        recipe_text=folder.read_text("recipe.yaml"),
        results=results,
        predictors=read_predictors(folder),
        splits=splits,
        predictions=predictions,
        gallery=typed_table(folder, "gallery.csv", needed, rows=len(splits), classes=classes),
        log=_optional(folder, "log.csv", []),
        problems=_optional(folder, "problems.csv", ["id", "reason"]),
        embedding=embedding,
        row=row,
        targets=targets,
        shown=shown_split(predictions),
        classes=classes,
    )


def _finished(predictions: "DataFrame", results: dict[str, Any]) -> "DataFrame":
    """The rows without those of a look at test that was not finished and so has no figures."""
    return predictions if "test" in results else predictions[predictions["split"] != "test"].reset_index(drop=True)


def _optional(folder: RunFolder, name: str, needed: Sequence[str]) -> "DataFrame | None":
    """A table, or None where the run has none."""
    return typed_table(folder, name, needed) if folder.has(name) else None


def typed_table(
    folder: RunFolder,
    name: str,
    needed: Sequence[str],
    *,
    rows: int | None = None,
    classes: Mapping[str, Sequence[str]] | None = None,
) -> "DataFrame":
    """A CSV file; ids, groups and lists stay text, everything else is float64 with NaN for an empty cell, rows int.

    Names of classes become their places.

    Args:
        folder: the run folder.
        name: of the file.
        needed: columns that must be there.
        rows: how many cases splits.csv has, of which ``row`` and ``neighbours`` are places.
        classes: of targets that are classes their names.
    """
    import pandas

    columns = with_places(folder.read_columns(name), classes or {})
    need_columns(folder, name, columns, needed)
    found: dict[str, Any] = {}
    for column, cells in columns.items():
        own = _own_name(column)
        leaf = list_form(own)
        if leaf is not None:
            check_lists(folder, name, column, cells, leaf, below=rows if own == "neighbours" else None)
        if column == "row":
            found[column] = np.array(read_wholes(folder, name, columns, column, below=rows), dtype=np.int64)
        elif leaf is not None or own in TEXT or own.startswith(TEXT_STARTS):
            found[column] = pandas.Series(cells, dtype=str)
        else:
            found[column] = np.array(read_numbers(folder, name, columns, column), dtype=np.float64)
    return pandas.DataFrame(found).copy()  # its columns side by side: many of them apart are slow


def _own_name(column: str) -> str:
    """The name of a column without the kind before it, which it has in a run of several kinds."""
    kind, _, name = column.partition(":")
    return name if kind in FIGURES and name in TEXT else column


def _embedding(
    folder: RunFolder, name: str, rows: int
) -> tuple[Float32[np.ndarray, "n d"] | None, Int64[np.ndarray, " n"] | None]:
    """The embedding of every case and its rows, or None twice."""
    if not folder.has(name):
        return None, None
    found = read_checked(folder, name, EMBEDDINGS)
    row = found["row"].numpy()
    if len(row) and not (row.min() >= 0 and row.max() < rows):
        raise folder.broken(name, f"row must be below {rows}, the cases of splits.csv")
    return found["embedding"].numpy().astype(np.float32), row
