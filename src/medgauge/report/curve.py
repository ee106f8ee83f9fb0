"""Learning curves as values, as a table and as a page."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.core.figure import Figure
from medgauge.metrics.catalogue import FIGURES
from medgauge.metrics.learning_curve import LearningCurve
from medgauge.report.look import SHORT
from medgauge.report.page import render
from medgauge.report.plots import Plot, axis, colour, layout, line
from medgauge.report.words import counted, decimals_for, finite, number, quantity, span, unit_of
from medgauge.runfolder import RunFolder

VALUES, TABLE, PAGE = "curve.json", "curve.csv", "curve.html"
HEADS = ("target", "groups", "cases", "what", "figure", "error", "low", "high")
CONSTANTS = {"median": "error of the training median", "base_rate": "log loss of the training rate"}


def curve_values(
    found: LearningCurve, cases: Sequence[float], constant: Mapping[str, float], count: int, *, figure: str, kind: str
) -> dict[str, Any]:
    """One target's curve as curve.json holds it; where nothing can be told there is no law and nothing beyond the cases.

    Args:
        found: the curve.
        cases: mean number of training cases at each size.
        constant: error of the constant baseline by its name, at the largest size.
        count: all cases with a label.
        figure: the name of the mean error.
        kind: of the label.
    """
    points = [
        {"groups": size, "cases": many, figure: error, "ci95": list(ends)}
        for size, many, error, ends in zip(found.size, cases, found.error, found.ci95, strict=True)
    ]
    values: dict[str, Any] = {
        "kind": kind,
        "figure": figure,
        "n": count,
        "groups": found.groups,
        "baselines": {name: {figure: error} for name, error in constant.items()},
        "points": points,
        "fall": {figure: found.fall, "ci95": list(found.fall_ci95)},
        "told": found.told,
    }
    if not found.told:
        return values | {"law": None, "now": None, "twice": None, "gain": None, "tried": None}
    law = found.law
    return values | {
        "law": {"a": float(law.floor[0]), "b": float(law.rise[0]), "c": float(law.exponent[0])},
        "now": {"groups": found.groups, figure: found.now, "ci95": list(found.now_ci95)},
        "twice": {"groups": 2 * found.groups, figure: found.twice, "ci95": list(found.twice_ci95)},
        "gain": {figure: found.gain, "ci95": list(found.gain_ci95)},
        "tried": None if found.tried is None else {"groups": found.tried[0], figure: found.tried[1]},
    }


def curve_rows(values: Mapping[str, Any]) -> tuple[list[str], list[list[object]]]:
    """Heads and lines of curve.csv: what was measured, and what the law says of all groups and of twice as many."""
    rows: list[list[object]] = []
    for target, one in values["targets"].items():
        rows += [
            [
                target,
                point["groups"],
                round(point["cases"], 1),
                "measured",
                one["figure"],
                point[one["figure"]],
                *point["ci95"],
            ]
            for point in one["points"]
        ]
        rows += [
            [target, one[key]["groups"], "", "extrapolated", one["figure"], one[key][one["figure"]], *one[key]["ci95"]]
            for key in ("now", "twice")
            if one[key]
        ]
    return list(HEADS), rows


def verdict(target: str, one: Mapping[str, Any]) -> str:
    """What twice as many labelled groups would give, in a sentence."""
    points, figure, unit, decimals = _look(target, one)
    if not one["told"]:
        fall = _between(one["fall"], decimals, unit)
        return (
            f"What further labels give cannot be told: from {points[0]['groups']} to {counted(points[-1]['groups'], 'group')} the "
            f"{_error(one)} is not shown to fall (by {quantity(one['fall'][figure], decimals, unit)}, 95 % interval {fall})."
        )
    twice, gain = one["twice"], one["gain"]
    return (
        f"With twice as many labelled groups ({number(twice['groups'], 0)}) the {_error(one)} would be about "
        f"{quantity(twice[figure], decimals, unit)} (95 % interval {_between(twice, decimals, unit)}), "
        f"{quantity(gain[figure], decimals, unit)} ({_between(gain, decimals, unit)}) less than with the "
        f"{counted(one['groups'], 'group')} there are.{_tried(one, decimals, unit)}"
    )


def _tried(one: Mapping[str, Any], decimals: int, unit: str) -> str:
    """What the law of the smaller sizes says of the largest one, beside what was measured there."""
    tried, last, figure = one.get("tried"), one["points"][-1], one["figure"]
    if tried is None:
        return ""
    return (
        f" The law tried on what is known: of sizes up to {counted(tried['groups'], 'group')} it says "
        f"{quantity(tried[figure], decimals, unit)} at {number(last['groups'], 0)}, where "
        f"{quantity(last[figure], decimals, unit)} was measured; beyond the cases it can be as far off."
    )


def _look(target: str, one: Mapping[str, Any]) -> tuple[Sequence[Mapping[str, Any]], str, str, int]:
    """The points of a target, the name of their error, its unit and its decimals."""
    points, figure = one["points"], one["figure"]
    unit = unit_of(target) if _figure(one).unit == "label" else ""
    return points, figure, unit, decimals_for(points[-1][figure]) + 1


def _figure(one: Mapping[str, Any]) -> Figure:
    return FIGURES[one["kind"]][one["figure"]]


def _error(one: Mapping[str, Any]) -> str:
    """What the error is called in a sentence."""
    return "error" if _figure(one).unit == "label" else _figure(one).words


def _head(one: Mapping[str, Any]) -> str:
    words = _figure(one).words
    return SHORT.get(one["figure"], f"{words[:1].upper()}{words[1:]}")


def _between(part: Mapping[str, Any], decimals: int, unit: str) -> str:
    """The interval of a figure."""
    low, high = part["ci95"]
    return span(finite(low), finite(high), decimals, unit)


def write_curve(path: Path) -> Path:
    """Make curve.html in a folder, from its curve.json, and return its path; no case and no image is in it.

    Raises:
        InputError: there is no curve.json, or it is damaged.
    """
    folder = RunFolder(path)
    values = folder.read_json(VALUES)
    try:
        page = describe_curve(values, folder.path.resolve().name)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise InputError(f"{folder / VALUES} is no learning curve; make it again with medgauge curve") from error
    folder.write_text(PAGE, render(page, "curve.html.j2"))
    return folder / PAGE


def describe_curve(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Everything that the template shows, as texts, and the figures as specifications under ``figures``."""
    targets, figures = [], {}
    for place, (target, one) in enumerate(values["targets"].items()):
        _, figure, unit, decimals = _look(target, one)
        ((constant, error),) = one["baselines"].items()
        figures[f"target-{place}-curve"] = _plot(one, unit)
        rows = [(point, "measured") for point in one["points"]]
        rows += [(one[key], "extrapolated") for key in ("now", "twice") if one[key]]
        targets.append(
            {
                "name": target,
                "key": f"target-{place}",
                "verdict": verdict(target, one),
                "n": counted(one["n"], "case"),
                "groups": counted(one["groups"], "group"),
                "figure": _head(one),
                "figure_words": _figure(one).words,
                "constant": f"{CONSTANTS[constant]} {quantity(error[figure], decimals, unit)}",
                "rows": [
                    {
                        "groups": number(point["groups"], 0),
                        "cases": number(finite(point.get("cases")), 0),
                        "error": quantity(point[figure], decimals, unit),
                        "between": _between(point, decimals, unit),
                        "what": what,
                    }
                    for point, what in rows
                ],
            }
        )
    return {
        "name": name,
        "version": str(values.get("medgauge", "")),
        "about": values["about"],
        "draws": counted(values["draws"], "draw"),
        "folds": counted(values["folds"], "fold"),
        "minutes": number(values["seconds"] / 60, 1),
        "targets": targets,
        "figures": figures,
    }


def _plot(one: Mapping[str, Any], unit: str) -> Plot:
    """Errors by the number of groups, with the law up to twice the groups."""
    points, figure = one["points"], one["figure"]
    size, error = [point["groups"] for point in points], [point[figure] for point in points]
    last = one["twice"]["groups"] if one["told"] else size[-1]
    ends = [point["ci95"] for point in points]
    measured = {
        "type": "scatter", "mode": "markers", "name": "measured, 95 % interval", "x": size, "y": error,
        "marker": {"color": colour("many"), "size": 8},
        "error_y": {
            "type": "data", "symmetric": False, "thickness": 1.2,
            "array": [(finite(high) or at) - at for (_, high), at in zip(ends, error, strict=True)],
            "arrayminus": [at - (finite(low) or at) for (low, _), at in zip(ends, error, strict=True)],
        },
        "hovertext": [f"{many:,} groups: {escape(quantity(at, 3, unit))}" for many, at in zip(size, error, strict=True)],
        "hoverinfo": "text",
    }  # fmt: skip
    ((constant, blind),) = one["baselines"].items()
    traces = [measured, line([size[0], last], [blind[figure]] * 2, CONSTANTS[constant], dash="dot")]
    if one["told"]:
        law = one["law"]
        for name, low, high, dash in (
            ("a + b n^-c", size[0], size[-1], "solid"),
            ("extrapolated", size[-1], last, "dash"),
        ):
            places = np.geomspace(low, high, 30)
            traces.append(
                line(
                    places.tolist(), (law["a"] + law["b"] * places ** -law["c"]).tolist(), name, dash=dash, shade="many"
                )
            )
    ticks = [*size, *([last] if one["told"] else [])]
    title = f"{_figure(one).words}{f' [{unit}]' if unit else ''}"
    return {
        "data": traces,
        "layout": layout(
            xaxis=axis(
                "labelled groups trained on", type="log", tickvals=ticks, ticktext=[f"{many:,}" for many in ticks]
            ),
            yaxis=axis(title, rangemode="tozero"),
        ),
    }
