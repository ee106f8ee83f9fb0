"""Figures of the embedding and of the training, as Plotly specifications (see plots.py)."""

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64, Shaped

from medgauge.report.plots import MOST_POINTS, Plot, axis, colour, fewer, layout, note, safe, with_unit
from medgauge.report.words import percent, quantity

if TYPE_CHECKING:
    from pandas import DataFrame

SPLITS = {"train": "circle-open", "val": "square", "calibration": "diamond", "test": "circle"}
NOT_TERMS = {"epoch", "step", "seconds", "lr", "total"}


def principal_plane(
    embedding: Shaped[np.ndarray, "n d"], fit: Shaped[np.ndarray, " n"]
) -> tuple[Float64[np.ndarray, "n 2"], tuple[float, float]]:
    """The first two principal components, fitted on the rows where ``fit`` is true.

    - Shape: embedding (n, d), fit (n,) bool -> coordinates (n, 2) in the embedding's unit, and the share of the fitted
      rows' variance along each. With d = 1 the second coordinate is 0. Signs: the largest entry of an axis is positive.
    """
    points = embedding.astype(np.float64)
    points = points - points[fit].mean(axis=0)
    size, axes = np.linalg.eigh(points[fit].T @ points[fit])  # d x d: quick for many cases
    size, axes = size[::-1].clip(min=0), axes.T[::-1]
    axes = np.vstack([axes, np.zeros((2, points.shape[1]))])[:2]
    leading = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    axes = axes * np.where(leading < 0, -1.0, 1.0)
    shares = [*(size / (float(size.sum()) or 1.0)).tolist(), 0.0, 0.0]
    return points @ axes.T, (shares[0], shares[1])


def embedding_plane(
    cases: "DataFrame",
    shares: tuple[float, float],
    target: str,
    unit: str,
    decimals: int,
    *,
    whole: bool = False,
    names: Sequence[str] = (),
) -> Plot:
    """The embedding's first two principal components, coloured by label, the splits told apart by symbol.

    - Shape: ``cases`` has id, split, label, first, second; ``whole``: labels are whole numbers; ``names``: of
      classes, whose places the labels are.
    """
    shared = {  # not a coloraxis: with one, Plotly's legend warns on the console
        "colorscale": [[step / 4, colour(f"scale-{step}")] for step in range(5)],
        "cmin": float(cases["label"].min()),
        "cmax": float(cases["label"].max()),
        "colorbar": {
            "title": {"text": safe(with_unit(target, unit)), "side": "right"},
            "thickness": 12,
            "outlinewidth": 0,
            **({"dtick": 1} if whole else {}),
            **({"tickvals": list(range(len(names))), "ticktext": list(map(safe, names))} if names else {}),
        },
    }
    traces: list[dict[str, Any]] = []
    for split in SPLITS:
        part = fewer(cases[cases["split"] == split], MOST_POINTS // (1 if split in ("train", "test") else 2))
        if len(part):
            texts = [
                f"<b>{safe(case['id'])}</b><br>{safe(target)} "
                f"{safe(names[int(case['label'])]) if names else escape(quantity(case['label'], decimals, unit))}"
                f"<br>{split}"
                for case in part.to_dict("records")
            ]
            traces.append(_split_points(part, split, texts, {**shared, "showscale": not traces}))
    return {
        "data": traces,
        "layout": layout(
            height=500,
            xaxis=axis(f"first component ({percent(shares[0])})"),
            yaxis=axis(f"second component ({percent(shares[1])})", scaleanchor="x", scaleratio=1),
        ),
    }


def _split_points(part: "DataFrame", split: str, texts: list[str], shared: dict[str, Any]) -> dict[str, Any]:
    """One split's points: the training cases small and open, the others filled with a thin rim."""
    if split == "train":
        look: dict[str, Any] = {"size": 6, "opacity": 0.7, "line": {"width": 1.2}}
    else:
        look = {"size": 8, "line": {"width": 0.8, "color": colour("paper")}}
    return {
        "type": "scatter",
        "mode": "markers",
        "name": split,
        "x": part["first"].tolist(),
        "y": part["second"].tolist(),
        "hoverinfo": "text",
        "hovertext": texts,
        "marker": {**shared, **look, "color": part["label"].tolist(), "symbol": SPLITS[split]},
    }


def _series(log: "DataFrame", column: str, name: str, shade: str, dash: str) -> dict[str, Any] | None:
    """One column of the log against the step, or None where it has no finite value."""
    part = log[np.isfinite(log[column])]
    if len(part) == 0:
        return None
    return {
        "type": "scatter", "mode": "lines+markers" if len(part) <= 60 else "lines", "name": safe(name),
        "x": part["step"].tolist(), "y": part[column].tolist(),
        "hovertext": [
            f"{safe(name)} {value:.4g}<br>step {step:,.0f}, epoch {epoch:,.0f}"
            for value, step, epoch in zip(part[column], part["step"], part["epoch"], strict=True)
        ],
        "hoverinfo": "text", "marker": {"size": 4}, "line": {"color": colour(shade), "width": 1.8, "dash": dash},
    }  # fmt: skip


def _curves(log: "DataFrame", names: dict[str, str], title: str, best_step: float | None) -> Plot:
    """Columns of the log against the step; the best checkpoint's step is marked."""
    looks = [
        ("many", "solid"),
        ("few", "solid"),
        ("medium", "solid"),
        ("ink-2", "dash"),
        ("many", "dot"),
        ("few", "dot"),
    ]
    traces = []
    for place, (column, name) in enumerate(names.items()):
        shade, dash = looks[place % len(looks)]
        traces.append(_series(log, column, name, shade, dash))
    drawn = [trace for trace in traces if trace]
    values = [value for trace in drawn for value in trace["y"]]
    spread = min(values, default=0) > 0 and max(values, default=0) / min(values, default=1) > 30
    shapes, notes = [], []
    if best_step is not None and math.isfinite(best_step):
        style = {"color": colour("ink-2"), "width": 1.2, "dash": "dot"}
        shapes.append(
            {"type": "line", "x0": best_step, "x1": best_step, "yref": "paper", "y0": 0, "y1": 1, "line": style}
        )
        notes.append(note(best_step, 1, "checkpoint used", yref="paper", yanchor="top"))
    vertical = axis(safe(title), **({"type": "log"} if spread else {"rangemode": "tozero"}))
    return {
        "data": drawn,
        "layout": layout(
            height=340, xaxis=axis("step"), yaxis=vertical, shapes=shapes, annotations=notes, showlegend=True
        ),
    }  # fmt: skip


def term_curves(log: "DataFrame", best_step: float | None) -> Plot | None:
    """Every term of the objective and their weighted total, a point an epoch."""
    terms = [name for name in map(str, log.columns) if name not in NOT_TERMS and not name.startswith("val_")]
    names = {term: term for term in terms}
    if "total" in log.columns and len(terms) != 1:
        names["total"] = "total"
    figure = _curves(log, names, "training objective", best_step)
    return figure if figure["data"] else None


def validation_curves(log: "DataFrame", best_step: float | None, main: str, title: str) -> Plot | None:
    """What chose the checkpoint, on the validation split: ``val_<main>``, or that of each predictor where the log has it."""
    before = f"val_{main}_"
    names = {
        column: f"{column.removeprefix(before)} on val"
        for column in map(str, log.columns)
        if column.startswith(before) and bool(np.isfinite(log[column]).any())
    }
    if not names and f"val_{main}" in log.columns:
        names = {f"val_{main}": "on val"}
    figure = _curves(log, names, title, best_step)
    return figure if figure["data"] else None
