"""Reads what the report needs out of a run folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32, Int64

from medgauge.core.errors import InputError
from medgauge.report.cards import shown_split, targets_in

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
TEXT_STARTS = ("region_", "weights_", "neighbour_values_")


@dataclass(frozen=True)
class RunView:
    """A run folder, read.

    - Shape: embedding (n, d) float32 with row (n,) int64, both None where the run has none; tables as in the files;
      ``shown`` is the split whose figures the report shows; ``record`` the predictor of record.
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
    record: str

    @property
    def cases(self) -> "DataFrame":
        """The predictions of the shown split."""
        return self.predictions[self.predictions["split"] == self.shown].reset_index(drop=True)

    @property
    def block(self) -> dict[str, Any]:
        """The shown split's part of results.json."""
        block: dict[str, Any] = self.results.get(self.shown) or {}
        return block


def read_run(run: Path) -> RunView:
    """Read a run folder.

    - Raises: InputError, naming the file, if a file is missing or cannot be read.
    """
    import yaml

    if not run.is_dir():
        raise InputError(f"There is no run folder at {run}; give the folder that `medgauge fit --out` wrote.")
    recipe_text = _text(run / "recipe.yaml")
    try:
        recipe = yaml.safe_load(recipe_text)
    except yaml.YAMLError as error:
        raise InputError(f"{run / 'recipe.yaml'} is not valid YAML; run `medgauge fit` again.") from error
    predictions = _table(run / "predictions.csv")
    splits = _table(run / "splits.csv")
    predictors = _json(run / "predictors.json")
    embedding, row = _embedding(run / "embeddings.safetensors")
    return RunView(
        path=run,
        recipe=recipe if isinstance(recipe, dict) else {},
        recipe_text=recipe_text,
        results=_json(run / "results.json"),
        predictors=predictors,
        splits=splits,
        predictions=predictions,
        gallery=_table(run / "gallery.csv"),
        log=_optional(run / "log.csv"),
        problems=_optional(run / "problems.csv"),
        embedding=embedding,
        row=row,
        targets=targets_in(predictions),
        shown=shown_split(predictions),
        record=str(predictors.get("record", "neighbours")),
    )


def _text(path: Path) -> str:
    """A file's text, or one sentence that says that the run is not whole."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"The run folder has no {path.name} ({path}); finish it with `medgauge fit`.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; run `medgauge fit` again.") from error


def _json(path: Path) -> dict[str, Any]:
    """A JSON file that holds a mapping."""
    try:
        value = json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is not valid JSON; run `medgauge fit` again.") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} does not hold a mapping; run `medgauge fit` again.")
    return value


def _optional(path: Path) -> "DataFrame | None":
    """A table, or None where the run has none."""
    return _table(path) if path.exists() else None


def _table(path: Path) -> "DataFrame":
    """A CSV file; ids, groups and lists stay text, everything else is float64 with NaN for an empty cell, rows int."""
    import io

    import pandas

    try:
        table = pandas.read_csv(io.StringIO(_text(path)), dtype=str, keep_default_na=False)
        for column in table.columns:
            if column not in TEXT and not column.startswith(TEXT_STARTS):
                table[column] = [float(text or "nan") for text in table[column]]
        if "row" in table.columns:
            table["row"] = table["row"].astype("int64")
    except ValueError as error:
        raise InputError(f"{path} is not the table that a run holds ({error}); run `medgauge fit` again.") from error
    return table


def _embedding(path: Path) -> tuple[Float32[np.ndarray, "n d"] | None, Int64[np.ndarray, " n"] | None]:
    """The embedding of every case and its rows, or None twice."""
    if not path.exists():
        return None, None
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(str(path))
        return arrays["embedding"].astype(np.float32), arrays["row"].astype(np.int64)
    except (SafetensorError, KeyError) as error:
        raise InputError(f"{path} cannot be read; run `medgauge fit` again.") from error
