"""The section of a finding: how well its probability holds, by state, and what it is called on the cards."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medgauge.metrics.catalogue import FIGURES
from medgauge.report.evidence import Case, Thumbnails, number_in
from medgauge.report.kinds.shared import Said, Section, shared_section
from medgauge.report.look import Look
from medgauge.report.plots import Plot
from medgauge.report.plots_findings import reliability_curve, roc_curve
from medgauge.report.reading import RunView
from medgauge.report.words import counted, finite, number, percent, span

DECIMALS = 3
HALF = 0.5
MEASURES = ("cosine", "distance")
"""By which nearness to a prototype is told."""
DECISIONS = {
    "sensitivity": ("sensitivity", percent),
    "specificity": ("specificity", percent),
    "f1": ("F1", lambda one: number(one, 2)),
}
STATES = {1.0: "present", 0.0: "absent"}
SIDES = {1.0: "With the finding", 0.0: "Without the finding"}
SAID = Said(
    "calibration",
    "share_positive",
    "probabilities",
    "Called present, share",
    False,
    "calibration and threshold",
    "Right decisions",
    ("absent", "present"),
)


def section(view: RunView, target: str, key: str, picture: Thumbnails) -> Section:
    """All of one target."""
    block = view.block.get(target) or {}
    look = Look(FIGURES["finding"], "", "", DECIMALS, whole=True, states=STATES, sides=SIDES)
    shown = ["log_loss"]
    texts, drawn = shared_section(
        view,
        target,
        key,
        picture,
        look,
        lambda case, _: on_card(case, target),
        said=SAID,
        in_regions=shown,
        in_folds=shown,
        in_subgroups=shown,
    )
    heads = [look.figures[name].words.capitalize() for name in shown]
    training = block.get("training") or {}
    texts |= {
        "heads": heads,
        "fold_heads": heads,
        "calibration": calibration_words(block.get("calibration") or {}, view.shown.replace("_", "-")),
        "present": counted(training.get("present"), "training case"),
        "absent": counted(training.get("absent"), "training case"),
        "frequency": str(block.get("frequency") or "–"),
        "by_fold": block.get("ordered_within") == "folds",
        "comparison": with_raw(texts["comparison"], block.get("calibration") or {}, look),
        "parts_are": "State",
        "lead": ("has a log loss of", "a case"),
        "labels": f"{number(finite(training.get('present')), 0)} of them with the finding",
    }
    return texts, drawn | _plots(view, target, key, of_cases(block.get("calibration") or {}))


def of_cases(part: Mapping[str, Any]) -> tuple[float, float] | None:
    """The smallest and the largest threshold by which the shown cases were decided; None where they have base rates."""
    ends = part.get("thresholds_of_cases", [None if part.get("kind") == "rate" else part.get("threshold")] * 2)
    low, high = (finite(one) for one in (ends if isinstance(ends, list) else [None] * 2))
    return None if low is None or high is None else (low, high)


def _plots(view: RunView, target: str, key: str, threshold: tuple[float, float] | None) -> dict[str, Plot]:
    """ROC curve and reliability of the shown cases."""
    names = {part: f"{part}_{target}" for part in ("label", "value", "positive", "uncalibrated")}
    cases = view.cases[[name for name in names.values() if name in view.cases]]
    cases = cases[np.isfinite(cases[names["label"]]) & np.isfinite(cases[names["value"]])]
    label, value, called, raw = (
        cases[names[part] if names[part] in cases else names[other]].to_numpy(dtype=np.float64)
        for part, other in (("label", "label"), ("value", "value"), ("positive", "value"), ("uncalibrated", "value"))
    )
    known = threshold if names["positive"] in cases else None
    drawn = {"roc": roc_curve(raw, label, called, known), "reliability": reliability_curve(value, label)}
    return {f"{key}-{name}": plot for name, plot in drawn.items() if plot is not None}


def with_raw(rows: Sequence[dict[str, Any]], part: Mapping[str, Any], look: Look) -> list[dict[str, Any]]:
    """The bars of predictors and baselines, with what was read before calibration after the first."""
    raw = finite((part.get("uncalibrated") or {}).get(look.main))
    if not rows or raw is None:
        return list(rows)
    added = {"name": rows[0]["name"], "note": "before calibration, as are those not of record", "error": raw}
    found = [rows[0], added | {"value": look.figure(look.main, raw)}, *rows[1:]]
    longest = max(row["error"] for row in found) or 1.0
    return [row | {"width": f"{100 * row['error'] / longest:.1f}"} for row in found]


def calibration_words(part: Mapping[str, Any], split: str) -> dict[str, Any]:
    """What was decided of the cases of a split by which threshold, and what must be said beside it."""
    return {
        "there": bool(part),
        "decisions": decision_words(part, split),
        "decided": of_cases(part) is not None,
        "note": str(part.get("note") or ""),
        "error": number(finite(part.get("calibration_error")), 3) + _between(part.get("calibration_error_ci95")),
        "by_chance": number(finite(part.get("calibration_error_by_chance")), 3),
    }


def _between(ends: Any) -> str:
    """The interval of a figure in brackets; nothing where there is none."""
    low, high = (finite(end) for end in (ends if isinstance(ends, list) else [None, None]))
    return "" if low is None or high is None else f" (95 % interval {span(low, high, 3, '')})"


def decision_words(part: Mapping[str, Any], split: str) -> str:
    """From where on new cases are called present, and how well the cases of a split were decided by which thresholds."""
    threshold, ends, rate = finite(part.get("threshold")), of_cases(part), part.get("kind") == "rate"
    if threshold is None and not rate:
        return ""
    told = ", ".join(
        f"{name} {write(finite(part.get(key)))}"
        for key, (name, write) in DECISIONS.items()
        if finite(part.get(key)) is not None
    )
    cases = f"{percent(finite(part.get('share_positive')))} of the {split} cases"
    rest = f": {told}." if told else "."
    if rate:
        new = rate_words(finite(part.get("rate")))
    elif ends == (threshold, threshold):
        return f"The finding is called present from a probability of {threshold:.3g} on, in {cases}{rest}"
    else:
        new = f"New cases are called present from a probability of {threshold:.3g} on"
    if ends is None:
        return f"{new}{'' if rate else f'; the {split} cases have base rates, and no threshold'}."
    own = f"{ends[0]:.3g}" + f" to {ends[1]:.3g}" * (ends[0] < ends[1])
    are = f"{cases} are called present" if rate else f"{cases} are"
    return f"{new}; with thresholds chosen without each fold’s own cases ({own}) {are}{rest}"


def rate_words(rate: float | None) -> str:
    """That every new case has the base rate (None: not stored), and what it is called by it."""
    if rate is None:
        return "There is no threshold: the probability of every new case is the base rate"
    state = "present" if rate >= HALF else "absent"
    return (
        f"There is no threshold: the probability of every new case is the base rate, {rate:.3g}, so each is called {state}, the "
        "likelier state"
    )


def prototype_words(case: Case, target: str) -> dict[str, str]:
    """How near the case is to the prototype, and to how many training cases it is nearer; nothing without a prototype."""
    found = {measure: number_in(case, f"prototype_{measure}_{target}") for measure in MEASURES}
    told = [f"{measure} {value:.3f}" for measure, value in found.items() if value is not None]
    if not told:
        return {}
    shares = [
        f"{percent(share)} of the training cases {state} the finding"
        for state, name in (("with", "present"), ("without", "absent"))
        if (share := number_in(case, f"nearer_than_{name}_{target}")) is not None
    ]
    return {"value": told[0], "shares": f"nearer than {' and '.join(shares)}" if shares else ""}


def on_card(case: Case, target: str) -> dict[str, Any]:
    """Whether the finding is called present, and the share of the neighbours' vote that has it."""
    said = number_in(case, f"positive_{target}")
    label = number_in(case, f"label_{target}")
    vote, raw = number_in(case, f"neighbours_{target}"), number_in(case, f"uncalibrated_{target}")
    return {
        "vote": "" if vote is None else percent(vote),
        "raw": "" if raw is None or raw == number_in(case, f"value_{target}") else number(raw, DECIMALS),
        "prototype": prototype_words(case, target),
        "called": "–" if said is None else "present" if said else "absent",
        "right": said == label,
    }
