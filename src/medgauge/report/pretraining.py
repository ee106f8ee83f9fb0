"""The page of a pretraining: what it was trained on, loss, collapse, clusters over training, correlations of features."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.report.evidence import Thumbnails
from medgauge.report.page import render
from medgauge.report.plots import Plot, axis, colour, layout, line
from medgauge.report.words import counted, finite, number
from medgauge.runfolder import RunFolder
from medgauge.runfolder.folder import PRETRAINED
from medgauge.runfolder.opening import said_of_pretraining
from medgauge.runfolder.seal import CORRELATIONS, PAGE, rewriting
from medgauge.runfolder.whole import refuse_damaged

METHODS = {"siamese": "Siamese, with stop-gradient", "vicreg": "VICReg"}
SELECTIONS = {
    "none": "all cases of a step count the same",
    "reweight": "RE: cases of small clusters count more",
    "balanced": "SE: of each step the cases nearest to the two centroids that are farthest apart",
}
SPREADS = {"spread": "representation", "spread_predicted": "predictions"}
SHADES = ("many", "few", "medium", "accent", "ink-2")
LOW = 0.1
"""Spread below which outputs are said to collapse."""


@said_of_pretraining()
def write_pretraining_page(path: Path, *, images: bool = True) -> Path:
    """Make report.html of a pretraining, from its folder alone, and return its path; no id and no value of a case is in it.

    Args:
        path: the folder.
        images: False leaves out the pictures of two views, also those that the folder holds.

    Raises:
        InputError: a file of it is missing or damaged.
    """
    folder = RunFolder(path)
    refuse_damaged(
        folder, (*PRETRAINED[1:], CORRELATIONS, *(PAGE[1:] if images else ()))
    )  # recipe.yaml a person may have edited
    told, log = folder.read_json(PRETRAINED[-1]), folder.read_table("log.csv")
    encoder = folder.read_json("model.json")
    matrix = folder.read_tensors(CORRELATIONS)["matrix"].numpy() if folder.has(CORRELATIONS) else None
    try:
        page = describe_pretraining(told, _numbers(log), matrix, folder.path.resolve().name)
        page["encoder"] = str(encoder["model"]["encoder"]["name"])
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise InputError(
            f"{folder / PRETRAINED[-1]} or log.csv is not as it was written; give the same `medgauge pretrain` command again"
        ) from error
    page["views"] = view_pairs(folder) if images else []
    with rewriting(folder, PAGE[:1]):
        folder.write_text(PAGE[0], render(page, "pretraining.html.j2"))
    return folder / PAGE[0]


def view_pairs(folder: RunFolder) -> list[list[str]]:
    """Both views of each case that the folder holds pictures of, as ``data:`` addresses; nothing but pixels."""
    picture = Thumbnails(folder, images=True)
    pairs: list[list[str]] = []
    while len(pair := [one for view in (0, 1) if (one := picture(2 * len(pairs) + view))]) == 2:
        pairs.append(pair)
    return pairs


def trained_sentence(told: Mapping[str, Any]) -> str:
    """On what an encoder was trained.

    >>> trained_sentence({"cases": 16, "of": 24, "scope": "inductive", "steps": 6})
    'Trained on 16 of 24 cases, without labels, in 6 steps (inductive: training cases alone).'
    """
    whole = "all cases are taken for training cases" if told["cases"] == told["of"] else "training cases alone"
    which = whole if told["scope"] == "inductive" else "the images of all cases, test cases among them"
    of = "" if told["cases"] == told["of"] else f" of {told['of']:,}"
    count = f"{told['cases']:,}{of} cases" if of else counted(told["cases"], "case")
    return f"Trained on {count}, without labels, in {counted(told['steps'], 'step')} ({told['scope']}: {which})."


def describe_pretraining(
    told: Mapping[str, Any], log: Sequence[Mapping[str, float]], matrix: np.ndarray | None, name: str
) -> dict[str, Any]:
    """Everything that the template shows, as texts, and the figures as specifications under ``figures``.

    Args:
        told: what pretraining.json holds.
        log: rows of log.csv, columns without a value left out.
        matrix: |r| of the features that are shown, (m, m) in [0, 1]; None: the folder has none.
        name: of the folder.
    """
    clusters = sorted({key for row in log for key in row if key.startswith("cluster_")}, key=lambda key: int(key[8:]))
    figures = {
        "loss-plot": _lines(log, {"total": "loss"}, "loss"),
        "spread-plot": _lines(log, SPREADS, "spread", floor=LOW),
    }
    if clusters:
        named = {key: f"cluster {key[8:]}" for key in clusters}
        figures["sizes-plot"] = _lines(log, named, "cases of a step")
    if matrix is not None and len(matrix) > 1:
        figures["alike-plot"] = _heat(matrix)
    return {
        "name": name,
        "version": str(told["medgauge"]),
        "sentence": trained_sentence(told),
        "method": METHODS[told["method"]],
        "selection": SELECTIONS[told["selection"]],
        "minutes": number(told["seconds"] / 60, 1),
        "stopped": str(told["stopped_because"]),
        "spreads": [
            {"what": SPREADS[key], "value": number(finite(one), 2), "low": one < LOW}
            for key, one in told["spread"].items()
        ],
        "notes": [str(note) for note in told["notes"][1:]],
        "clusters": _clusters(log, clusters),
        "correlations": _correlations(told.get("correlations"), 0 if matrix is None else len(matrix)),
        "figures": figures,
    }


def _numbers(log: Sequence[Mapping[str, str]]) -> list[dict[str, float]]:
    return [{key: float(value) for key, value in row.items() if value} for row in log]


def _clusters(log: Sequence[Mapping[str, float]], clusters: Sequence[str]) -> list[dict[str, str]]:
    """Mean cases of each cluster in the first and the last row that has them."""
    held = [row for row in log if any(key in row for key in clusters)]
    return [
        {"name": key[8:], "first": number(held[0].get(key), 1), "last": number(held[-1].get(key), 1)}
        for key in clusters
    ]


def _correlations(found: Mapping[str, Any] | None, shown: int) -> str:
    """How much the features tell the same, in a sentence; empty where nothing is known."""
    if not found:
        return ""
    varying = found["features"] - found["constant"]
    still = (
        f" {counted(found['constant'], 'feature')} of {found['features']} did not vary." if found["constant"] else ""
    )
    if varying < 2:
        return f"No two features vary, so that there is no correlation.{still}"
    part = f" {shown} of them are shown." if shown < varying else ""
    return f"The mean of |r| over all pairs of {varying} features is {number(finite(found['mean']), 2)}.{still}{part}"


def _lines(
    log: Sequence[Mapping[str, float]], columns: Mapping[str, str], title: str, *, floor: float | None = None
) -> Plot:
    """Columns of the log over steps; ``floor``: a level that values should be above."""
    traces: list[dict[str, Any]] = []
    for place, (key, name) in enumerate(columns.items()):
        rows = [row for row in log if key in row]
        if rows:
            x, y = [row["step"] for row in rows], [row[key] for row in rows]
            drawn = line(x, y, name, shade=SHADES[place % len(SHADES)])
            lone = {"mode": "lines+markers", "marker": {"size": 5}} if len(rows) < 30 else {}
            traces.append({**drawn, **lone, "hoverinfo": "x+y+name"})
    if floor is not None and log:
        traces.append(line([log[0]["step"], log[-1]["step"]], [floor] * 2, "collapse", dash="dot"))
    low = {"rangemode": "tozero"} if floor is not None or len(columns) > 1 else {}
    return {"data": traces, "layout": layout(height=320, xaxis=axis("step"), yaxis=axis(title, **low))}


def _heat(matrix: np.ndarray) -> Plot:
    """|r| in hundredths as a square."""
    shades = [[place / 4, colour(f"scale-{place}")] for place in range(5)]
    trace = {
        "type": "heatmap", "z": np.rint(matrix * 100).astype(int).tolist(), "zmin": 0, "zmax": 100, "colorscale": shades,
        "hovertemplate": "|r| %{z} %<extra></extra>", "colorbar": {"title": {"text": "|r| [%]"}, "thickness": 14},
    }  # fmt: skip
    square = {"showticklabels": False, "ticks": "", "showgrid": False, "constrain": "domain"}
    return {
        "data": [trace],
        "layout": layout(
            height=620,
            xaxis=axis("features, alike ones side by side", **square),
            yaxis=axis("", scaleanchor="x", autorange="reversed", **square),
        ),
    }
