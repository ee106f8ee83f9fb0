"""What the report says of parts of the cases: folds, subgroups of the table, groups as one value; and which split it shows."""

from collections.abc import Sequence
from typing import Any

from medgauge.report.intervals import between
from medgauge.report.look import Look
from medgauge.report.reading import RunView
from medgauge.report.words import counted, finite, number, percent

Block = dict[str, Any]
SPLITS = {"test": "from the test split", "val": "from the validation split", "out_of_fold": "read out of fold"}
RECORDS = {
    "neighbours": "the neighbours’",
    "head": "the head’s",
    "kernel": "the kernel regression’s",
    "logistic": "the logistic regression’s",
    "ridge": "the ridge regression’s",
    "svm": "the support vector machine’s",
    "by fold": "each fold’s own",
    "blend": "the blended",
}


def record_words(record: str) -> str:
    """Whose value it is."""
    return RECORDS.get(record, f"the {record}’" + "s" * (not record.endswith("s")))


def split_words(view: RunView) -> dict[str, str]:
    """How the shown split, the training and the calibration cases are called."""
    folds = len(view.results.get("folds") or [])
    return {
        "shown": SPLITS.get(view.shown, view.shown),
        "trained": f"Each of {folds} models was trained on a part of" if folds else "The model was trained on",
        "calibration": "the out-of-fold cases (residuals)" if folds else "the calibration split",
        "folds": str(folds) if folds else "",
    }


def fold_rows(view: RunView, target: str, look: Look, names: Sequence[str]) -> list[Block]:
    """Each fold's figures of ``names``, their spread last; nothing for a run without folds."""
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
            "cells": [look.figure(figure, part.get(figure), sign="n" in part) for figure in names],
        }
        for name, part in rows
    ]


def subgroup_tables(block: Block, look: Look, names: Sequence[str]) -> list[Block]:
    """For each subgroup column the figures of ``names`` of its values."""
    tables = []
    for column, values in (block.get("subgroups") or {}).items():
        rows = []
        for value, part in values.items():
            ends = part.get("ci95") or {}
            figures = [(look.figure(name, part.get(name)), look.ends(name, ends.get(name))) for name in names]
            covered = (percent(finite(part.get("coverage"))), between(part | {"coverage_ci95": ends.get("coverage")}))
            rows.append(
                {
                    "value": str(value),
                    "n": number(finite(part.get("n")), 0),
                    "groups": number(finite(part.get("groups")), 0),
                    "cells": [cell for pair in (*figures, covered) for cell in pair],
                }
            )
        tables.append({"column": str(column), "rows": rows})
    return tables


def group_words(block: Block, look: Look, said: str, holding: str = "") -> str:
    """The figures of groups whose images are one value, in a few sentences; nothing where they were not asked for.

    ``said`` is the block's key of what is said of each: its intervals, or sets; ``holding`` what the share of groups of which it
    holds is called, where that is no coverage.
    """
    part = block.get("by_group_mean")
    if not part:
        return ""
    main = look.main
    covered, ranges = part.get(said) or {}, part.get("labels_within_groups") or {}
    words = (
        f"With each group’s images as one value (their mean, against the mean of their labels), {counted(part.get('n'), 'group')} "
        f"are read with a {look.figures[main].words} of {look.figure(main, part.get(main))} "
        f"(95 %: {look.ends(main, (part.get('ci95') or {}).get(main))})"
    )
    words += f" and a bias of {look.figure('bias', part['bias'])}" if "bias" in part else ""
    covering = finite(covered.get("coverage"))
    held = f"{holding.lower()}: " if holding else f"their {said}s cover "
    words += "." if covering is None else f"; {held}{percent(covering)}."
    if ranges.get("differ"):
        differ = f"{counted(ranges['differ'], 'group')} with labels that differ from image to image"
        words += f" There {'is' if ranges['differ'] == 1 else 'are'} {differ}, "
        by = f"by up to {look.figure(main, ranges.get('largest_range'))}"
        words += f"{'which are of no class then and take no part' if look.names else by}."
    return words
