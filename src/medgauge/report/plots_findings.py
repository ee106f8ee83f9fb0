"""Figures of one finding, as Plotly specifications: ROC curve and reliability curve."""

import numpy as np
import torch
from jaxtyping import Float64

from medgauge.metrics.reliability import reliability
from medgauge.report.plots import Plot, axis, colour, layout, line, note
from medgauge.report.words import counted, number, percent

Numbers = Float64[np.ndarray, " n"]


def roc_points(value: Numbers, label: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """False and true positive rates at each threshold that differs, and the thresholds, falling, infinity first.

    A case is called present from the threshold on. Labels are 0 and 1, and there is one of each at least.

    >>> [part.tolist() for part in roc_points(np.array([0.2, 0.8, 0.8]), np.array([0.0, 1.0, 0.0]))]
    [[0.0, 0.5, 1.0], [0.0, 1.0, 1.0], [inf, 0.8, 0.2]]
    """
    order = np.argsort(-value, kind="stable")
    value, label = value[order], label[order]
    last = np.append(np.flatnonzero(np.diff(value)), len(value) - 1)
    true, false = np.cumsum(label)[last], np.cumsum(1 - label)[last]
    rates = [np.append(0.0, part / part[-1]) for part in (false, true)]
    return rates[0], rates[1], np.append(np.inf, value[last])


def roc_curve(value: Numbers, label: Numbers, called: Numbers, threshold: tuple[float, float] | None) -> Plot | None:
    """The ROC curve with the point of the decisions (``called``: 1 or 0), made from thresholds (smallest, largest) on.

    None unless there are cases with and without the finding.
    """
    if len(set(label.tolist())) < 2:
        return None
    false, true, at = roc_points(value, label)
    traces = [
        line([0.0, 1.0], [0.0, 1.0], "knows nothing", dash="dash"),
        {
            "type": "scatter", "mode": "lines", "x": false.tolist(), "y": true.tolist(), "name": "ROC curve",
            "line": {"color": colour("accent"), "width": 2.4, "shape": "hv"}, "hoverinfo": "text",
            "hovertext": [
                f"from {number(float(one), 3)} on<br>sensitivity {percent(float(up))}, specificity {percent(1 - float(over))}"
                for over, up, one in zip(false, true, at, strict=True)
            ],
        },
    ]  # fmt: skip
    if threshold is not None:
        low, high = (number(one, 3) for one in threshold)
        words = f"threshold {low}" if low == high else f"thresholds of the folds {low} to {high}"
        sensitivity, over = float(called[label == 1].mean()), float(called[label == 0].mean())
        traces.append(
            {
                "type": "scatter", "mode": "markers", "x": [over], "y": [sensitivity], "name": "threshold",
                "marker": {"size": 12, "symbol": "diamond", "color": colour("few")}, "hoverinfo": "text",
                "hovertext": [f"{words}<br>sensitivity {percent(sensitivity)}, specificity {percent(1 - over)}"],
            }
        )  # fmt: skip
    return {
        "data": traces,
        "layout": layout(
            height=380,
            xaxis=axis("1 − specificity", range=[-0.02, 1.02]),
            yaxis=axis("sensitivity", range=[-0.02, 1.02]),
        ),
    }


def reliability_curve(value: Numbers, label: Numbers) -> Plot | None:
    """Share of cases with the finding by probability, in tenths of the cases with Wilson's intervals; None without cases."""
    if not len(value):
        return None
    found = reliability(torch.tensor(value.copy()), torch.tensor(label.copy()))
    x, y, low, high = (part.tolist() for part in found[:4])
    top = max(*x, *high, 0.05) * 1.05
    return {
        "data": [
            line([0.0, top], [0.0, top], "as said", dash="dash"),
            {
                "type": "scatter", "mode": "lines+markers", "x": x, "y": y, "name": "observed",
                "line": {"color": colour("accent"), "width": 1.6}, "marker": {"size": 8, "color": colour("accent")},
                "error_y": {
                    "type": "data", "symmetric": False, "thickness": 1.4, "width": 4, "color": colour("accent"),
                    "array": [end - one for end, one in zip(high, y, strict=True)],
                    "arrayminus": [one - end for end, one in zip(low, y, strict=True)],
                },
                "hoverinfo": "text",
                "hovertext": [
                    f"said {percent(said)}<br>observed {percent(seen)} of {count:,} cases"
                    for said, seen, count in zip(x, y, found.cases.tolist(), strict=True)
                ],
            },
        ],
        "layout": layout(
            height=380,
            xaxis=axis("mean probability", range=[0, top], tickformat=".0%"),
            yaxis=axis("share with the finding", range=[0, top], tickformat=".0%"),
            annotations=[note(top, 0, f"{len(value):,} cases in {counted(len(x), 'bin')}")],
        ),
    }  # fmt: skip
