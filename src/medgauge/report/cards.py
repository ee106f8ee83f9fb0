"""Which cases the report shows as cards, and whose thumbnails that needs."""

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pandas import DataFrame

RARE = ("few", "present")
"""Regions whose cases get cards of their own: the sparsest labels, and cases with a finding."""
SHOWN_NEIGHBOURS = 5
"""Neighbours with an image on a card; the largest weights come first."""


def targets_in(predictions: "DataFrame") -> list[str]:
    """The targets of a predictions table, in its order."""
    names = [str(column)[len("label_") :] for column in predictions.columns if str(column).startswith("label_")]
    return [name for name in names if f"value_{name}" in predictions.columns]


def evidence_prefix(predictions: "DataFrame", target: str) -> str:
    """What stands before the names of a target's columns of evidence: nothing, or its kind where a run has several.

    These columns stand before the weights of the targets that they are for: ``grade:neighbours``, … ``weights_stage``.
    """
    names = [str(column) for column in predictions.columns]
    own = names.index(f"weights_{target}") if f"weights_{target}" in names else 0
    before = [name for name in names[:own] if name == "neighbours" or name.endswith(":neighbours")]
    return before[-1].removesuffix("neighbours") if before else ""


def shown_split(predictions: "DataFrame") -> str:
    """``test`` once the test split was looked at, else ``out_of_fold`` of a run of folds and ``val`` of any other."""
    there = set(predictions["split"])
    return next((name for name in ("test", "out_of_fold") if name in there), "val")


def choose_cards(predictions: "DataFrame", target: str, *, count: int = 4) -> list[tuple[str, int]]:
    """The cases of the shown split that get a card, as (kind, row); the same table always gives the same cards.

    best, median and worst go by absolute error, of classes by what the chance of the true one lacks (ties by row), and share
    no case. rare are cases of region few (of a finding, those that have it),
    spread evenly over their labels whatever their error, so a case may be both worst
    and rare.

    - Shape: ``predictions`` as in predictions.csv; at most ``count`` cases a kind.
    - Raises: ValueError if ``count`` is below 1 or the target is not in the table.
    """
    if count < 1:
        raise ValueError(f"count must be >= 1, got {count}")
    if target not in targets_in(predictions):
        raise ValueError(f"target must be one of {targets_in(predictions)}, got {target}")
    cases = predictions[predictions["split"] == shown_split(predictions)]
    lacking = f"error_{target}"  # of classes
    error = cases[lacking] if lacking in cases else (cases[f"value_{target}"] - cases[f"label_{target}"]).abs()
    cases = cases.assign(error=error)[np.isfinite(error)].sort_values(["error", "row"], kind="stable")
    rows = [int(row) for row in cases["row"]]
    many = min(count, max(1, len(rows) // 3))
    start = (len(rows) - many) // 2
    chosen = {"best": rows[:many], "worst": rows[::-1][:many], "median": rows[start : start + many]}
    result: list[tuple[str, int]] = []
    for kind in ("best", "median", "worst"):
        taken = {row for _, row in result}
        result += [(kind, row) for row in chosen[kind] if row not in taken]
    return result + [("rare", row) for row in _rare(cases, target, count)]


def _rare(cases: "DataFrame", target: str, count: int) -> list[int]:
    """Rows of region few or present, spread evenly over their labels, from the smallest label to the largest."""
    few = cases[cases[f"region_{target}"].isin(RARE)].sort_values([f"label_{target}", "row"], kind="stable")
    if len(few) == 0:
        return []
    places = sorted(set(np.linspace(0, len(few) - 1, min(count, len(few))).round().astype(int).tolist()))
    return [int(few["row"].iloc[place]) for place in places]


def cards_a_kind(targets: int) -> int:
    """Cards of each kind for one target: fewer where there are more targets, so that the page stays small."""
    return {1: 4, 2: 3}.get(targets, 2)


def with_nearest(case: dict[Any, Any], target: str, rows: Mapping[str, int]) -> dict[Any, Any] | None:
    """A case with the nearest training cases of each state in place of those of the largest weights; None without such.

    Args:
        case: a row of predictions.csv.
        target: whose states they are.
        rows: of each training case, by its id.
    """
    columns = [f"nearest_{state}_{target}" for state in ("present", "absent")]
    if not all(column in case for column in columns):
        return None
    found = [one for column in columns for one in as_list(case[column]) if one[0] in rows]
    ids, distances, weights = ([one[place] for one in found] for place in range(3))
    listed = [abs(weight) for weight in as_list(case.get(f"weights_{target}")) if weight is not None]
    carried = float(case.get(f"shown_share_{target}") or 0.0)
    whole = math.fsum(listed) / carried if carried > 0 else 0.0
    shown = math.fsum(abs(weight) for weight in weights)
    return case | {
        "neighbours": [rows[name] for name in ids],
        "neighbour_ids": ids,
        "neighbour_folds": [],
        "distances": distances,
        f"weights_{target}": weights,
        f"effects_{target}": [],
        f"shown_share_{target}": min(1.0, shown / whole) if whole else math.nan,
    }


def thumbnails_needed(predictions: "DataFrame", gallery: "DataFrame | None" = None) -> set[int]:
    """The rows (in splits.csv numbering) whose thumbnails the report shows: the cards' cases and their neighbours.

    With ``gallery`` also the training cases that are shown as the network sees them.
    """
    targets = targets_in(predictions)
    by_row = predictions.set_index("row")
    needed = set() if gallery is None else set(seen_rows(gallery))
    rows = {} if gallery is None else rows_by_id(gallery)
    for target in targets:
        column = f"{evidence_prefix(predictions, target)}neighbours"
        for _, row in choose_cards(predictions, target, count=cards_a_kind(len(targets))):
            needed.add(row)
            near = with_nearest(by_row.loc[row].to_dict(), target, rows)
            listed = as_list(by_row.loc[row].get(column))[:SHOWN_NEIGHBOURS] if near is None else near["neighbours"]
            needed.update(int(neighbour) for neighbour in listed)
    return needed


def rows_by_id(gallery: "DataFrame") -> dict[str, int]:
    """The row of each training case."""
    return dict(zip(map(str, gallery["id"]), map(int, gallery["row"]), strict=True))


def seen_rows(gallery: "DataFrame", count: int = 6) -> list[int]:
    """Rows of training cases that are shown as the network sees them, spread evenly over the labels of the first target.

    - Shape: ``gallery`` as in gallery.csv; at most ``count`` rows, by label; none without a label.
    """
    names = [str(column) for column in gallery.columns if str(column).startswith("label_")]
    if not names:
        return []
    known = gallery[np.isfinite(gallery[names[0]])].sort_values([names[0], "row"], kind="stable")
    if len(known) == 0:
        return []
    places = sorted(set(np.linspace(0, len(known) - 1, min(count, len(known))).round().astype(int).tolist()))
    return [int(known["row"].iloc[place]) for place in places]


def as_list(value: Any) -> list[Any]:
    """A list from a cell that holds one, or its JSON text, or nothing."""
    if isinstance(value, str):
        value = json.loads(value) if value.strip() else []
    return list(value) if isinstance(value, list | tuple | np.ndarray) else []
