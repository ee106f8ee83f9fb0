"""The table of a comparison: table.md and, with every figure, comparison.csv."""

from collections.abc import Iterator, Mapping
from typing import Any

from medgauge.report.comparison.macros import macro_note, macro_tables
from medgauge.report.comparison.rows import (
    cases_words,
    column_notes,
    further_figures,
    main_of,
    said_of,
    short,
    smallest_basis,
    smallest_words,
    table_rows,
)
from medgauge.report.plots import REGIONS
from medgauge.runfolder import RunFolder

COLUMNS = {
    "interval": "95 %",
    "few": "few",
    "few_interval": "95 %",
    "difference": "difference",
    "difference_interval": "95 %",
    "p": "p (Holm)",
    "verdict": "verdict",
}
WIDE = ("interval", "few_interval")
"""Columns that are left out where there is little room."""


def column_names(block: Mapping[str, Any], *, narrow: bool = False) -> dict[str, str]:
    """Columns of a target's table: keys of its rows, and what they are called."""
    further = {figure.name: short(figure) for figure in further_figures(block) if figure.unit == "plain"}
    columns = {"method": "method", "main": short(main_of(block)), **COLUMNS, **further, "rv": "RV"}
    return {key: name for key, name in columns.items() if not (narrow and key in WIDE)}


def write_tables(values: Mapping[str, Any], folder: RunFolder) -> None:
    """Write table.md and comparison.csv."""
    folder.write_text("table.md", "\n".join(_markdown(values)) + "\n")
    rows = list(_lines(values))
    columns = list(dict.fromkeys(column for row in rows for column in row))  # targets of other kinds have others
    folder.write_table("comparison.csv", columns, [[row.get(column) for column in columns] for row in rows])


def _markdown(values: Mapping[str, Any]) -> Iterator[str]:
    for target in values["settings"]["targets"]:
        kept = column_names(values["figures"][target])
        yield f"{target}: {cases_words(values, target)}; differences to {values['settings']['reference']}"
        yield ""
        if smallest := smallest_words(values, target):
            yield f"Smallest difference that could be shown, {smallest_basis(values)}: {smallest}."
            yield ""
        yield f"| {' | '.join(kept.values())} |"
        yield f"| {' | '.join('---' for _ in kept)} |"
        for row in table_rows(values, target):
            yield f"| {' | '.join(row[key].replace('|', '/') for key in kept)} |"
        yield ""
    for part in macro_tables(values):
        yield f"Mean {part['words']} of {part['columns']}"
        yield ""
        yield from _macro_lines(part)
        yield ""
    if note := macro_note(values):
        yield note
        yield ""
    yield " ".join(column_notes(values))


def _macro_lines(part: Mapping[str, Any]) -> Iterator[str]:
    heads = ["method", "mean", "95 %", "difference", "95 %", "p (Holm)"]
    heads += [head for region in part["regions"] for head in (region, "difference", "95 %", "p (Holm)")]
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---' for _ in heads)} |"
    for row in part["rows"]:
        cells = [row[key] for key in ("method", "mean", "interval", "difference", "difference_interval", "p")]
        cells += [one[key] for one in row["regions"] for key in ("mean", "difference", "difference_interval", "p")]
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _lines(values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One row a target, method and part of the label range."""
    for target in values["settings"]["targets"]:
        block = values["figures"][target]
        main, extent = block["figure"], said_of(block).extent
        others = [
            key
            for key, part in next(iter(block["methods"].values())).items()
            if isinstance(part, Mapping) and "mean" in part
        ]
        for method, one in block["methods"].items():
            for part in ("all", *REGIONS):
                figures = one if part == "all" else one["by_region"][part]
                whole = one if part == "all" else {}
                cover = one["coverage"] if part == "all" else one["coverage"]["by_region"][part]
                row: dict[str, Any] = {"target": target, "method": method, "part": part, **block["parts"][part]}
                row |= {main: figures[main], **_ends(main, figures["ci95"])}
                row |= {"difference": figures.get("difference"), **_ends("difference", figures.get("difference_ci95"))}
                row |= {"relative": figures.get("relative"), **_ends("relative", figures.get("relative_ci95"))}
                row |= {key: whole.get(key) for key in ("p", "p_holm", "verdict")}
                row |= {"coverage": cover["coverage"], extent: cover[extent]}
                for key in others:
                    row[key] = (whole.get(key) or {}).get("mean")
                for key in ("rv", "d5"):
                    row[key] = values["figures"]["space"][method][key]["mean"] if whole else None
                yield row
    yield from _macro_rows(values["figures"].get("findings"))


def _macro_rows(block: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:
    """One row a method and part of the findings: the means over them."""
    if block is None:
        return
    for method in next(iter(block["figures"].values()))["parts"]["all"]["methods"]:
        for part in ("all", *REGIONS):
            row: dict[str, Any] = {"target": "findings", "method": method, "part": part}
            for name, one in block["figures"].items():
                own = one["parts"][part]["methods"][method]
                key = f"mean_{name}"
                row |= {key: own["mean"], **_ends(key, own["ci95"]), f"{key}_difference": own.get("difference")}
                row |= {**_ends(f"{key}_difference", own.get("difference_ci95")), f"{key}_p_holm": own.get("p_holm")}
            yield row


def _ends(name: str, interval: Any) -> dict[str, Any]:
    low, high = (None, None) if interval is None or isinstance(interval, str) else interval
    return {f"{name}_low": low, f"{name}_high": high}
