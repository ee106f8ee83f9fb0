"""Reads what the report needs out of a run folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32, Int64

from medgauge.core.errors import InputError
from medgauge.metrics.catalogue import FIGURES
from medgauge.report.cards import evidence_prefix, shown_split, targets_in
from medgauge.runfolder import RunFolder

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
TEXT_STARTS = ("region_", "weights_", "neighbour_values_", "set_")


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
        return str(self.settings(target).get("record", "neighbours"))

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
    predictions = _table(folder, "predictions.csv")
    predictors = folder.read_json("predictors.json")
    embedding, row = _embedding(folder, "embeddings.safetensors")
    return RunView(
        path=run,
        recipe=folder.read_yaml("recipe.yaml"),
        recipe_text=folder.read_text("recipe.yaml"),
        results=folder.read_json("results.json"),
        predictors=predictors,
        splits=_table(folder, "splits.csv"),
        predictions=predictions,
        gallery=_table(folder, "gallery.csv"),
        log=_optional(folder, "log.csv"),
        problems=_optional(folder, "problems.csv"),
        embedding=embedding,
        row=row,
        targets=targets_in(predictions),
        shown=shown_split(predictions),
    )


def _optional(folder: RunFolder, name: str) -> "DataFrame | None":
    """A table, or None where the run has none."""
    return _table(folder, name) if folder.has(name) else None


def _table(folder: RunFolder, name: str) -> "DataFrame":
    """A CSV file; ids, groups and lists stay text, everything else is float64 with NaN for an empty cell, rows int."""
    import pandas

    table = pandas.DataFrame(folder.read_columns(name), dtype=str)
    try:
        for column in table.columns:
            if not _is_text(column):
                table[column] = [float(text or "nan") for text in table[column]]
        if "row" in table.columns:
            table["row"] = table["row"].astype("int64")
    except ValueError as error:
        raise InputError(
            f"{folder / name} is not the table that a run holds ({error}); run `medgauge fit` again."
        ) from error
    return table


def _is_text(column: str) -> bool:
    """Whether a column holds ids, groups, words or lists."""
    kind, _, name = column.partition(":")
    return column in TEXT or column.startswith(TEXT_STARTS) or (kind in FIGURES and name in TEXT)


def _embedding(
    folder: RunFolder, name: str
) -> tuple[Float32[np.ndarray, "n d"] | None, Int64[np.ndarray, " n"] | None]:
    """The embedding of every case and its rows, or None twice."""
    if not folder.has(name):
        return None, None
    arrays = folder.read_tensors(name)
    try:
        return arrays["embedding"].numpy().astype(np.float32), arrays["row"].numpy().astype(np.int64)
    except KeyError as error:
        raise InputError(f"{folder / name} has no {error}; run `medgauge fit` again.") from error
