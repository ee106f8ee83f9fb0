"""The figures of errors and of coverage by label region, as Plotly specifications (see plots.py)."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from medgauge.report.intervals import NAMES, PLACES, between
from medgauge.report.plots import REGIONS, Plot, axis, colour, fewer, hover, layout, note, points, safe, with_unit
from medgauge.report.words import counted, percent, quantity, span

if TYPE_CHECKING:
    from pandas import DataFrame

SHADES = ("accent", "ink-2")
MARKS = ("circle", "square-open")


def error_by_region(
    cases: "DataFrame", training: "DataFrame", regions: dict[str, Any], baselines: dict[str, float], unit: str,
    target: str, decimals: int, level: float,
) -> Plot:  # fmt: skip
    """Absolute error, signed error and the training labels' histogram, one above the other, by label region.

    - Shape: ``cases`` id, label, value, lower, upper, region; ``training`` label, region; ``regions`` the ``by_region``
      part of results.json; ``baselines`` name to mean absolute error.
    """
    import pandas

    cases = cases.assign(error=cases["value"] - cases["label"])
    cases = cases.assign(distance=cases["error"].abs())
    drawn = fewer(cases)
    texts = hover(drawn, decimals, unit, level)
    both = pandas.concat([training[["label", "region"]], cases[["label", "region"]]])
    traces = points(drawn, "label", "distance", texts, legend=False)
    traces += [{**trace, "yaxis": "y2"} for trace in points(drawn, "label", "error", texts, legend=False)]
    for trace in traces:
        trace["marker"] = {**trace["marker"], "size": 7, "opacity": 0.7}
    traces += _steps(both, regions, "mae", "y") + _steps(both, regions, "bias", "y2")
    traces += _histogram(training, decimals, unit)
    top = (
        max([float(cases["distance"].max()), *[float(part.get("mae") or 0) for part in regions.values()]]) * 1.08 or 1.0
    )
    lines, notes, top = _baselines(baselines, top, decimals, unit)
    suffix = f" [{safe(unit)}]" if unit else ""
    return {
        "data": traces,
        "layout": layout(
            height=720,
            barmode="stack",
            bargap=0,
            xaxis=axis(safe(with_unit(target, unit)), anchor="y3"),
            yaxis=axis(f"absolute error{suffix}", domain=[0.62, 1], range=[-0.02 * top, top]),
            yaxis2=axis(f"predicted − true{suffix}", domain=[0.27, 0.58], zeroline=True, zerolinecolor=colour("rule")),
            yaxis3=axis("training cases", domain=[0, 0.23]),
            shapes=lines,
            annotations=notes,
        ),
    }


def _steps(both: "DataFrame", regions: dict[str, Any], key: str, place: str) -> list[dict[str, Any]]:
    """A region's figure, drawn as a level line wherever on the label axis that region lies."""
    ordered = both.dropna().sort_values("label", kind="stable")
    label, region = ordered["label"].to_numpy(), ordered["region"].to_numpy()
    if len(label) == 0:
        return []
    starts = [0, *(np.flatnonzero(region[1:] != region[:-1]) + 1).tolist()]
    ends = [*starts[1:], len(label)]
    traces = []
    for name in REGIONS:
        height = (regions.get(name) or {}).get(key)
        x: list[float | None] = []
        for start, end in zip(starts, ends, strict=True):
            if region[start] == name:
                left = (label[start - 1] + label[start]) / 2 if start else label[0]
                right = (label[end - 1] + label[end]) / 2 if end < len(label) else label[-1]
                x += [float(left), float(right), None]
        if height is None or not x:
            continue
        trace = {
            "type": "scatter", "mode": "lines", "name": name, "legendgroup": name, "showlegend": False, "yaxis": place,
            "x": x, "y": [height if end is not None else None for end in x], "hoverinfo": "skip",
            "line": {"color": colour(name), "width": 4},
        }  # fmt: skip
        traces.append(trace)
    return traces


def _histogram(training: "DataFrame", decimals: int, unit: str) -> list[dict[str, Any]]:
    """The training labels, stacked by region."""
    label: Float64[np.ndarray, " n"] = training["label"].to_numpy()
    low, high = float(label.min()), float(label.max())
    if low == high:  # one label: bars as wide as can be told from it
        low, high = low - max(0.5, abs(low) * 1e-3), high + max(0.5, abs(high) * 1e-3)
    edges = np.linspace(low, high, min(40, max(8, int(np.sqrt(len(label)) * 1.5))) + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    traces = []
    for region in REGIONS:
        counts = np.histogram(label[(training["region"] == region).to_numpy()], bins=edges)[0]
        texts = [
            f"{escape(span(low, high, decimals, unit))}<br>{count} training cases of region {region}"
            for low, high, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
        ]
        traces.append(
            {
                "type": "bar",
                "name": region,
                "legendgroup": region,
                "yaxis": "y3",
                "x": centres.tolist(),
                "y": counts.tolist(),
                "width": float(edges[1] - edges[0]),
                "hoverinfo": "text",
                "hovertext": texts,
                "textposition": "none",
                "marker": {"color": colour(region), "line": {"color": colour("card"), "width": 1}},
            }  # fmt: skip
        )
    return traces


def _baselines(
    baselines: dict[str, float], top: float, decimals: int, unit: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], float]:
    """Lines and notes for the baselines, and the axis' new upper end; one far above is a note with an arrow instead."""
    within = {name: value for name, value in baselines.items() if value <= top * 1.6}
    top = max([top, *[value * 1.12 for value in within.values()]])
    lines = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value,
         "line": {"color": colour("ink-2"), "width": 1.4, "dash": "dash"}}
        for value in within.values()
    ]  # fmt: skip
    notes = [
        note(0.995, value, f"{safe(name)}: {escape(quantity(value, decimals, unit))}", xref="paper")
        for name, value in within.items()
    ]
    outside = [(name, value) for name, value in baselines.items() if name not in within]
    top *= 1 + 0.12 * len(outside)
    for place, (name, value) in enumerate(outside):
        text = f"↑ {safe(name)}: {escape(quantity(value, decimals, unit))}"
        notes.append(note(0.995, 1 - 0.035 * place, text, xref="paper", yref="paper", yanchor="top"))
    return lines, notes, top


def coverage_by_region(block: dict[str, Any], level: float) -> Plot:
    """Coverage with its binomial 95 % interval in each label region and in all, for each kind of interval side by side.

    - Shape: ``block`` is the target's part of results.json.
    """
    parts = [part for part in (block.get(place) for place in PLACES) if isinstance(part, dict)]
    names = [*REGIONS, "all"]
    rows = [
        (
            NAMES.get(str(part.get("kind")), str(part.get("kind"))),
            [part if name == "all" else (part.get("by_region") or {}).get(name) or {} for name in names],
        )
        for part in parts
    ]
    return coverage(rows, names, "label region", level)


def coverage(
    parts: Sequence[tuple[str, Sequence[Mapping[str, Any]]]], names: Sequence[str], title: str, level: float
) -> Plot:
    """Coverage with its binomial 95 % interval for each of ``names``, what is said in several ways side by side.

    - Shape: ``parts`` has a name and the figures for each of ``names``; at most two parts.
    """
    traces = []
    lowest = level
    for at, (kind, rows) in enumerate(parts):
        kept = [(place, row) for place, row in enumerate(rows) if row.get("coverage") is not None]
        share = [float(row["coverage"]) for _, row in kept]
        ends = [_ends(row) for _, row in kept]
        lowest = min([lowest, *share, *(low for low, _ in ends)])
        aside = 0.16 * (2 * at - (len(parts) - 1))
        trace = {
            "type": "scatter", "mode": "markers", "name": kind, "x": [place + aside for place, _ in kept],
            "y": share, "hoverinfo": "text",
            "hovertext": [
                f"{kind}, {safe(names[place])}<br>{percent(float(row['coverage']))} of {counted(row.get('n'), 'case')}"
                f"<br>of one case a group, with its 95 % interval: {between(row)}"
                for place, row in kept
            ],
            "error_y": {
                "type": "data", "symmetric": False, "thickness": 1.6, "width": 5, "color": colour(SHADES[at]),
                "array": [high - one for one, (_, high) in zip(share, ends, strict=True)],
                "arrayminus": [one - low for one, (low, _) in zip(share, ends, strict=True)],
            },
            "marker": {"size": 10, "symbol": MARKS[at], "color": colour(SHADES[at])},
        }  # fmt: skip
        traces.append(trace)
    line = {
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level,
        "line": {"color": colour("ink-2"), "width": 1.4, "dash": "dash"},
    }  # fmt: skip
    bottom = max(0.0, lowest - 0.05)
    return {
        "data": traces,
        "layout": layout(
            height=340,
            xaxis=axis(
                title,
                tickvals=list(range(len(names))),
                ticktext=[safe(name) for name in names],
                range=[-0.5, len(names) - 0.5],
            ),
            yaxis=axis("coverage", range=[bottom, 1.02], tickformat=".0%"),
            shapes=[line],
            annotations=[note(0.995, level, f"level {percent(level)}", xref="paper")],
        ),
    }


def _ends(row: Mapping[str, Any]) -> tuple[float, float]:
    """The binomial interval of a coverage, widened to hold it: it comes from one drawn case a group."""
    share = float(row["coverage"])
    low, high = ((share if end is None else float(end)) for end in row.get("coverage_ci95") or (None, None))
    return min(low, share), max(high, share)
