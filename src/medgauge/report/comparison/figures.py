"""Figures of a comparison, as Plotly specifications (see plots.py)."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from medgauge.report.comparison.rows import change, change_interval, error_digits, interval, main_of, short
from medgauge.report.plots import REGIONS, SYMBOLS, Plot, axis, colour, layout, note, safe, with_unit
from medgauge.report.words import finite, number, quantity, unit_of

PARTS = ("all", *REGIONS)
MARGINS = {"all": 3.0, "few": 10.0}  # percent, as in metrics.comparison


def error_by_region(block: Mapping[str, Any], target: str) -> Plot:
    """The main figure of each method, overall and in each label region, with 95 % intervals."""
    unit, digits, main = unit_of(target), error_digits(block), main_of(block)
    names = list(block["methods"])
    traces = []
    for place, part in enumerate(PARTS):
        blocks = [one if part == "all" else one["by_region"][part] for one in block["methods"].values()]
        words = [
            f"<b>{safe(name)}</b>, {part}<br>{short(main)} {escape(quantity(finite(one[main.name]), digits, unit))}"
            f"<br>95 % interval {escape(interval(one['ci95'], digits, unit))}"
            for name, one in zip(names, blocks, strict=True)
        ]
        height = [at + (place - 1.5) * 0.18 for at in range(len(names))]
        traces.append(
            _dots(part, [finite(one[main.name]) for one in blocks], height, [one["ci95"] for one in blocks], words)
        )
    title = f"{main.words}{f' [{safe(unit)}]' if unit else ''}"
    return {
        "data": traces,
        "layout": layout(height=110 + 74 * len(names), xaxis=axis(title, rangemode="tozero"), yaxis=_names(names)),
    }


def differences(block: Mapping[str, Any]) -> Plot:
    """Relative difference of the main figure to the reference, overall and in the region few, with the margins of not worse."""
    names = [name for name in block["methods"] if name != block["reference"]]
    traces = []
    for place, part in enumerate(("all", "few")):
        blocks = [block["methods"][name] for name in names]
        blocks = blocks if part == "all" else [one["by_region"][part] for one in blocks]
        words = [
            f"<b>{safe(name)}</b>, {part}<br>{escape(change(one))} ({escape(change_interval(one))})"
            for name, one in zip(names, blocks, strict=True)
        ]
        height = [at + (place - 0.5) * 0.3 for at in range(len(names))]
        values = [None if finite(one["relative"]) is None else 100 * one["relative"] for one in blocks]
        ends = [
            one["relative_ci95"]
            if isinstance(one["relative_ci95"], str)
            else [_percent(end) for end in one["relative_ci95"]]
            for one in blocks
        ]
        traces.append(_dots(part, values, height, ends, words))
    side_of_worse = 1 if main_of(block).lower_is_better else -1
    margins = {part: side_of_worse * margin for part, margin in MARGINS.items()}
    lines = [_upright(0, "ink-2", "solid"), *(_upright(margins[part], _shade(part), "dash") for part in margins)]
    notes = [
        note(
            margins[part],
            1,
            f"{MARGINS[part]:g} %",
            yref="paper",
            xanchor=side,
            font={"size": 12, "color": colour(_shade(part))},
        )
        for part, side in (("all", "right"), ("few", "left"))
    ]
    title = f"change of the {short(main_of(block))}, % of {safe(block['reference'], 24)}"
    return {
        "data": traces,
        "layout": layout(
            height=130 + 52 * max(len(names), 1),
            xaxis=axis(title),
            yaxis=_names(names),
            shapes=lines,
            annotations=notes,
        ),
    }


def error_and_variance(block: Mapping[str, Any], space: Mapping[str, Any], target: str) -> Plot | None:
    """The main figure against residual variance (RV) of the space, means over the seeds; None without any RV."""
    unit, digits, main = unit_of(target), error_digits(block), main_of(block)
    points = []
    for name, one in block["methods"].items():
        rv, value = finite(space[name]["rv"]["mean"]), finite(one[main.name])
        if rv is not None and value is not None:
            points.append((name, rv, value))
    if not points:
        return None
    words = [
        f"<b>{safe(name)}</b><br>RV {number(rv, 4)}<br>{short(main)} {escape(quantity(value, digits, unit))}"
        for name, rv, value in points
    ]
    low, high = min(rv for _, rv, _ in points), max(rv for _, rv, _ in points)
    pad = 0.15 * (high - low) or 0.01  # room for the names
    trace = {
        "type": "scatter", "mode": "markers+text", "x": [rv for _, rv, _ in points], "y": [value for _, _, value in points],
        "text": [safe(name, 24) for name, _, _ in points], "textposition": "top center",
        "textfont": {"color": colour("ink-2"), "size": 12}, "hoverinfo": "text", "hovertext": words,
        "showlegend": False, "cliponaxis": False,
        "marker": {"size": 9, "color": [colour("ink" if name == block["reference"] else "accent") for name, _, _ in points]},
    }  # fmt: skip
    return {
        "data": [trace],
        "layout": layout(
            xaxis=axis("residual variance (RV) of the space", range=[low - pad, high + pad]),
            yaxis=axis(f"{short(main)} of {safe(with_unit(target, unit))}"),
        ),
    }


def _shade(part: str) -> str:
    return "ink" if part == "all" else part


def _percent(end: Any) -> float | None:
    value = finite(end)
    return None if value is None else 100 * value


def _dots(
    part: str, values: Sequence[float | None], height: Sequence[float], ends: Sequence[Any], words: Sequence[str]
) -> dict[str, Any]:
    """One trace of points with their intervals as bars."""
    sides: list[list[float | None]] = [[], []]
    for value, around in zip(values, ends, strict=True):
        pair = (None, None) if isinstance(around, str) or value is None else (finite(around[0]), finite(around[1]))
        for side, end in zip(sides, pair, strict=True):
            side.append(None if end is None or value is None else abs(end - value))
    return {
        "type": "scatter", "mode": "markers", "name": part, "x": list(values), "y": list(height),
        "hoverinfo": "text", "hovertext": list(words),
        "marker": {"color": colour(_shade(part)), "symbol": SYMBOLS.get(part, "square"), "size": 9},
        "error_x": {"type": "data", "symmetric": False, "arrayminus": sides[0], "array": sides[1],
                    "color": colour(_shade(part)), "thickness": 1.6, "width": 3},
    }  # fmt: skip


def _names(names: Sequence[str]) -> dict[str, Any]:
    """A vertical axis with a method a line, the first above."""
    return axis(
        "",
        tickmode="array",
        tickvals=list(range(len(names))),
        ticktext=[safe(name, 24) for name in names],
        range=[len(names) - 0.5, -0.5],
        showgrid=False,
    )


def _upright(place: float, shade: str, dash: str) -> dict[str, Any]:
    return {
        "type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": place, "x1": place,
        "line": {"color": colour(shade), "width": 1.3, "dash": dash},
    }  # fmt: skip
