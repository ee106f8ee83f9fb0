"""Figures of predicted values and their errors, as Plotly specifications (plain mappings, ready for JSON).

Colours are names of the page's CSS variables (``var(--few)``); the page's script puts in the values of the light or the
dark theme. Whatever comes from a table or a recipe is escaped here, because Plotly renders some HTML in its texts.
"""

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from medgauge.report.words import quantity, span

if TYPE_CHECKING:
    from pandas import DataFrame

Plot = dict[str, Any]
REGIONS = ("many", "medium", "few")
SYMBOLS = {"many": "circle", "medium": "diamond", "few": "triangle-up"}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
MOST_POINTS = 3000
MOST_BARS = 400


def colour(name: str) -> str:
    """The page's colour of that name, filled in by the page's script."""
    return f"var(--{name})"


def safe(text: object, longest: int = 60) -> str:
    """Text from outside for a Plotly label or hover: one line, not too long, no markup."""
    line = " ".join(str(text).split())
    if len(line) > longest:
        line = f"{line[: longest // 2]}…{line[-(longest // 2 - 1) :]}"
    return escape(line)


def axis(title: str, **settings: Any) -> dict[str, Any]:
    """An axis with the page's look; ``title`` is already safe."""
    return {
        "title": {"text": title, "standoff": 8},
        "gridcolor": colour("grid"),
        "linecolor": colour("rule"),
        "zeroline": False,
        "automargin": True,
        "fixedrange": False,
        **settings,
    }


def layout(**settings: Any) -> dict[str, Any]:
    """A layout with the page's look: transparent, the page's font, legend above and the tools above that."""
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13, "color": colour("ink")},
        "margin": {"l": 8, "r": 12, "t": 58, "b": 8},
        "height": 420,
        "hovermode": "closest",
        "hoverlabel": {
            "bgcolor": colour("card"),
            "bordercolor": colour("rule"),
            "font": {"color": colour("ink"), "size": 13},
            "align": "left",
        },
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
        **settings,
    }


def line(x: list[float], y: list[float], name: str, *, dash: str = "solid", shade: str = "ink-2") -> dict[str, Any]:
    """A thin line that is not hovered."""
    return {
        "type": "scatter", "mode": "lines", "x": x, "y": y, "name": name, "hoverinfo": "skip",
        "line": {"color": colour(shade), "width": 1.4, "dash": dash},
    }  # fmt: skip


def note(x: float, y: float, text: str, **settings: Any) -> dict[str, Any]:
    """A small text in a figure, with the page's background behind it; ``text`` is already safe."""
    return {
        "x": x, "y": y, "text": text, "showarrow": False, "xanchor": "right", "yanchor": "bottom",
        "font": {"size": 12, "color": colour("ink-2")}, "bgcolor": colour("veil"), **settings,
    }  # fmt: skip


def fewer(cases: "DataFrame", most: int = MOST_POINTS) -> "DataFrame":
    """At most ``most`` cases, spread evenly over the labels; the same ones every time."""
    if len(cases) <= most:
        return cases
    places = np.linspace(0, len(cases) - 1, most).round().astype(int)
    return cases.sort_values("label", kind="stable").iloc[places]


def hover(cases: "DataFrame", decimals: int, unit: str, level: float) -> list[str]:
    """What is shown when a case is hovered: id, value, interval, error, region."""
    texts = []
    for case in cases.to_dict("records"):
        label, value = case["label"], case["value"]
        texts.append(
            f"<b>{safe(case['id'])}</b><br>true {escape(quantity(label, decimals, unit))}"
            f"<br>predicted {escape(quantity(value, decimals, unit))}"
            f"<br>{level:.0%} interval {escape(span(case['lower'], case['upper'], decimals, unit))}"
            f"<br>error {escape(quantity(value - label, decimals, unit, sign=True))}<br>region {safe(case['region'])}"
        )
    return texts


def points(cases: "DataFrame", x: str, y: str, texts: list[str], *, legend: bool = True) -> list[dict[str, Any]]:
    """One trace a label region, told apart by colour and by symbol."""
    traces = []
    named = dict(zip(cases.index, texts, strict=True))
    for region in REGIONS:
        part = cases[cases["region"] == region]
        if len(part) == 0:
            continue
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": region,
                "legendgroup": region,
                "showlegend": legend,
                "x": part[x].tolist(),
                "y": part[y].tolist(),
                "hoverinfo": "text",
                "hovertext": [named[place] for place in part.index],
                "marker": {
                    "color": colour(region),
                    "symbol": SYMBOLS[region],
                    "size": 9 if region == "few" else 8,
                    "opacity": 0.85,
                    "line": {"color": colour("card"), "width": 0.8},
                },
            }  # fmt: skip
        )
    return traces


def with_unit(name: str, unit: str) -> str:
    """A target's name with its unit in brackets."""
    return f"{name} [{unit}]" if unit else name


def agreement(cases: "DataFrame", target: str, unit: str, decimals: int, level: float) -> Plot:
    """Predicted against true, with the identity line and the intervals.

    Up to 400 cases each have their bar; above that a band of the mean half-width stands for them.
    """
    drawn = fewer(cases)
    low = float(min(drawn["label"].min(), drawn["value"].min()))
    high = float(max(drawn["label"].max(), drawn["value"].max()))
    pad = (high - low) * 0.05 or 1.0
    ends = [low - pad, high + pad]
    traces = [{**line(ends, ends, "identity", dash="dash"), "showlegend": False}]
    finite = drawn[np.isfinite(drawn["lower"]) & np.isfinite(drawn["upper"])]
    if len(finite):
        traces.insert(0, _bars(finite, level) if len(finite) <= MOST_BARS else _band(finite, ends, level))
    traces += points(drawn, "label", "value", hover(drawn, decimals, unit, level))
    name = safe(with_unit(target, unit))
    return {
        "data": traces,
        "layout": layout(
            xaxis=axis(f"true {name}", range=ends, constrain="domain"), yaxis=axis(f"predicted {name}", range=ends)
        ),
    }


def _bars(cases: "DataFrame", level: float) -> dict[str, Any]:
    """The intervals as vertical bars (one trace with gaps, so that they lie behind the points)."""
    x: list[float | None] = []
    y: list[float | None] = []
    for case in cases.to_dict("records"):
        x += [case["label"], case["label"], None]
        y += [case["lower"], case["upper"], None]
    return {
        "type": "scatter", "mode": "lines", "x": x, "y": y, "name": f"{level:.0%} interval", "hoverinfo": "skip",
        "line": {"color": colour("bar"), "width": 1.5},
    }  # fmt: skip


def _band(cases: "DataFrame", ends: list[float], level: float) -> dict[str, Any]:
    """The intervals as one band about the identity line."""
    half = float((cases["upper"] - cases["lower"]).mean()) / 2
    return {
        "type": "scatter", "mode": "lines", "name": f"{level:.0%} interval (mean width)", "hoverinfo": "skip",
        "x": [*ends, *ends[::-1]], "y": [ends[0] - half, ends[1] - half, ends[1] + half, ends[0] + half],
        "fill": "toself", "fillcolor": colour("bar"), "line": {"width": 0},
    }  # fmt: skip


def bland_altman(cases: "DataFrame", target: str, unit: str, decimals: int, level: float) -> Plot:
    """Difference (predicted − true) against the mean of both, with the bias and the limits at 1.96 SD.

    - Source: Bland and Altman, Lancet 1986; SD with n − 1.
    """
    cases = cases.assign(mean=(cases["value"] + cases["label"]) / 2, difference=cases["value"] - cases["label"])
    bias = float(cases["difference"].mean())
    limit = 1.96 * float(cases["difference"].std(ddof=1)) if len(cases) > 1 else 0.0
    drawn = fewer(cases)
    ends = [float(drawn["mean"].min()), float(drawn["mean"].max())]
    pad = (ends[1] - ends[0]) * 0.05 or 1.0
    ends = [ends[0] - pad, ends[1] + pad]
    marks = [(bias, "bias", "solid"), (bias + limit, "+1.96 SD", "dot"), (bias - limit, "−1.96 SD", "dot")]
    traces = [line(ends, [0, 0], "zero", shade="rule")]
    traces += [line(ends, [height, height], name, dash=dash) for height, name, dash in marks]
    for trace in traces:
        trace["showlegend"] = False
    traces += points(drawn, "mean", "difference", hover(drawn, decimals, unit, level))
    notes = [
        note(0.995, height, f"{name}: {escape(quantity(height, decimals + 1, unit, sign=True))}", xref="paper")
        for height, name, _ in marks
    ]
    name = safe(with_unit(target, unit))
    return {
        "data": traces,
        "layout": layout(
            xaxis=axis(f"mean of predicted and true {name}", range=ends),
            yaxis=axis(f"predicted − true{f' [{safe(unit)}]' if unit else ''}"),
            annotations=notes,
        ),
    }
