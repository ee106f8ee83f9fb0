"""What the report says of parts of the cases: folds, subgroups of the table, groups as one value; and which split it shows."""

from typing import Any

from medgauge.report.headline import finite
from medgauge.report.intervals import between
from medgauge.report.reading import RunView
from medgauge.report.words import counted, number, percent, quantity, span

Block = dict[str, Any]
SPLITS = {"test": "from the test split", "val": "from the validation split", "out_of_fold": "read out of fold"}
RECORDS = {"neighbours": "the neighbours’", "head": "the head’s", "by fold": "each fold’s own"}


def split_words(view: RunView) -> dict[str, str]:
    """How the shown split, the training and the calibration cases are called."""
    folds = len(view.results.get("folds") or [])
    return {
        "shown": SPLITS.get(view.shown, view.shown),
        "record": RECORDS.get(view.record, f"the {view.record}’s"),
        "trained": f"Each of {folds} models was trained on a part of" if folds else "The model was trained on",
        "calibration": "the out-of-fold cases (residuals)" if folds else "the calibration split",
        "folds": str(folds) if folds else "",
    }


def fold_rows(view: RunView, target: str, decimals: int, unit: str) -> list[Block]:
    """Each fold's figures, their spread last; nothing for a run without folds."""
    block = (view.results.get("out_of_fold") or {}).get(target) or {}
    rows = [(f"fold-{part['fold']}", part) for part in block.get("by_fold") or []]
    if not rows:
        return []
    rows += [("all", block), ("standard deviation over folds", block.get("spread_over_folds") or {})]
    return [
        {
            "name": name,
            "predictor": str(part.get("predictor", "")),
            "n": number(finite(part.get("n")), 0) if "n" in part else "",
            "groups": number(finite(part.get("groups")), 0) if "groups" in part else "",
            "mae": quantity(finite(part.get("mae")), decimals + 1, unit),
            "bias": quantity(finite(part.get("bias")), decimals + 1, unit, sign="n" in part),
            "r2": number(finite(part.get("r2")), 3),
        }
        for name, part in rows
    ]


def subgroup_tables(block: Block, decimals: int, unit: str) -> list[Block]:
    """For each subgroup column the figures of its values."""
    tables = []
    for column, values in (block.get("subgroups") or {}).items():
        rows = []
        for value, part in values.items():
            ends = part.get("ci95") or {}
            rows.append(
                {
                    "value": str(value),
                    "n": number(finite(part.get("n")), 0),
                    "groups": number(finite(part.get("groups")), 0),
                    "mae": quantity(finite(part.get("mae")), decimals + 1, unit),
                    "mae_ends": _ends(ends.get("mae"), decimals + 1, unit),
                    "bias": quantity(finite(part.get("bias")), decimals + 1, unit, sign=True),
                    "bias_ends": _ends(ends.get("bias"), decimals + 1, unit),
                    "coverage": percent(finite(part.get("coverage"))),
                    "coverage_ends": between(ends.get("coverage")),
                }
            )
        tables.append({"column": str(column), "rows": rows})
    return tables


def group_words(block: Block, decimals: int, unit: str) -> str:
    """The figures of groups whose images are one value, in a few sentences; nothing where they were not asked for."""
    part = block.get("by_group_mean")
    if not part:
        return ""
    interval, ranges = part.get("interval") or {}, part.get("labels_within_groups") or {}
    words = (
        f"With each group’s images as one value (their mean, against the mean of their labels), {counted(part.get('n'), 'group')} "
        f"are read with a mean absolute error of {quantity(finite(part.get('mae')), decimals + 1, unit)} "
        f"(95 %: {_ends((part.get('ci95') or {}).get('mae'), decimals + 1, unit)}) and a bias of "
        f"{quantity(finite(part.get('bias')), decimals + 1, unit, sign=True)}; "
        f"their intervals cover {percent(finite(interval.get('coverage')))}."
    )
    if ranges.get("differ"):
        differ = f"{counted(ranges['differ'], 'group')} with labels that differ from image to image"
        words += f" There {'is' if ranges['differ'] == 1 else 'are'} {differ}, by up to "
        words += f"{quantity(finite(ranges.get('largest_range')), decimals + 1, unit)}."
    return words


def _ends(ends: Any, decimals: int, unit: str) -> str:
    """The two ends of an interval in words, or why there is none."""
    if isinstance(ends, list | tuple) and len(ends) == 2:
        return span(finite(ends[0]), finite(ends[1]), decimals, unit)
    return str(ends) if isinstance(ends, str) else "–"
