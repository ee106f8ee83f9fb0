"""The means over findings of a comparison in words: a table a figure."""

from collections.abc import Mapping
from typing import Any

from medgauge.metrics.catalogue import FINDING
from medgauge.report.comparison.rows import interval, mean_sd, p_words, short
from medgauge.report.plots import REGIONS
from medgauge.report.words import counted, finite, number

DIGITS = 3


def macro_tables(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each figure its name, the columns of its means and those left out, and one row a method; none without a block."""
    block = values["figures"].get("findings")
    if not block:
        return []
    return [_table(block, name, part) for name, part in block["figures"].items()]


def macro_note(values: Mapping[str, Any]) -> str:
    """What the means are of, in sentences; nothing without them."""
    block = values["figures"].get("findings")
    if not block:
        return ""
    out = "; cases of one fold alone are ordered" if "folds" in values["settings"] else ""
    return (
        f"Means over findings with {block['least_positives']} training cases or more that have them (in the runs of "
        f"{block['reference']}, mean), from probabilities before calibration{out}; many: above 100 of these, few: below 20. "
        f"{block['draws']:,} draws, the same for all findings and methods; p-values are adjusted by Holm, for each "
        "figure by itself: of all findings over the methods, of many, medium and few over methods and these three."
    )


def _table(block: Mapping[str, Any], name: str, part: Mapping[str, Any]) -> dict[str, Any]:
    left = [f"{column} ({block['positives'][column]})" for column in part["left_out"]]
    return {
        "figure": short(FINDING[name]),
        "words": FINDING[name].words,
        "columns": ", ".join(part["columns"]) or "none",
        "left_out": ", ".join(left),
        "regions": [f"{region} ({counted(len(part['parts'][region]['columns']), 'finding')})" for region in REGIONS],
        "rows": [
            _row(part["parts"], method, method == block["reference"]) for method in part["parts"]["all"]["methods"]
        ],
    }


def _row(parts: Mapping[str, Any], method: str, is_reference: bool) -> dict[str, Any]:
    whole = parts["all"]["methods"][method]
    row = {"method": method, "mean": mean_sd(whole, DIGITS), "interval": interval(whole["ci95"], DIGITS, "")}
    row |= {"difference": "reference", "difference_interval": "", "p": ""}
    if not is_reference:
        row |= _difference(whole) | {"p": p_words(finite(whole["p_holm"]))}
    regions = []
    for region in REGIONS:
        own = parts[region]["methods"][method]
        cell = {"mean": mean_sd(own, DIGITS), "difference": "", "difference_interval": "", "p": ""}
        known = own["mean"] is not None and not is_reference
        tested = {"p": p_words(finite(own["p_holm"]))} if known and "p_holm" in own else {}
        regions.append(cell | (_difference(own) if known else {}) | tested)
    return row | {"regions": regions}


def _difference(part: Mapping[str, Any]) -> dict[str, str]:
    return {
        "difference": number(finite(part["difference"]), DIGITS, sign=True),
        "difference_interval": interval(part["difference_ci95"], DIGITS, "", sign=True),
    }
