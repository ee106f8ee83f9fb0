"""The figure of errors by label region, as a Plotly specification (see figures.py)."""

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from medgauge.report.figures import REGIONS, Figure, axis, colour, fewer, hover, layout, note, points, safe, with_unit
from medgauge.report.words import quantity, span

if TYPE_CHECKING:
    from pandas import DataFrame


def error_by_region(
    cases: "DataFrame", training: "DataFrame", regions: dict[str, Any], baselines: dict[str, float], unit: str,
    target: str, decimals: int, level: float,
) -> Figure:  # fmt: skip
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
    edges = np.histogram_bin_edges(label, bins=min(40, max(8, int(np.sqrt(len(label)) * 1.5))))
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
