"""What a card says of one case: its value, its interval, and the training cases beside it, called by what they are."""

import base64
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from medgauge.core.beside import SUMS
from medgauge.report.cards import SHOWN_NEIGHBOURS, as_list, cards_a_kind, choose_cards, rows_by_id, with_nearest
from medgauge.report.look import Look
from medgauge.report.thumbnails import read_thumbnail
from medgauge.report.words import counted, finite, number, percent
from medgauge.runfolder import RunFolder

if TYPE_CHECKING:
    from medgauge.report.reading import RunView

Case = dict[Any, Any]
More = Callable[[Case, dict[int, float]], dict[str, Any]]
"""What a kind of label adds to a card: (case, training labels by row) -> texts for the template."""
RESTING = ("neighbours", *SUMS)
"""Predictors whose value is a weighted sum of training labels."""
MANY = 0.5
"""Share of the weight below which a value rests on more cases than are shown."""
EFFECTS = (
    "A case raises the value where its weight times (its label − the value) is above 0, and lowers it where that is below 0; "
    "over all training cases the two cancel."
)
FAR = "farther from the gallery than 97.5 % of cases like the training cases"
KINDS = {
    "best": ("Best", "the smallest absolute errors"),
    "median": ("Median", "errors in the middle of all"),
    "worst": ("Worst", "the largest absolute errors"),
    "rare": (
        "Rare",
        "cases of region few, or with the finding, spread over their labels, chosen without regard to their error",
    ),
}


OF_CLASSES = {"best": "the highest chances of the true class", "worst": "the lowest chances of the true class"}
"""What the cards of a class are."""


class Thumbnails:
    """The run's thumbnails as data addresses; counts those handed out. Without images every answer is None."""

    def __init__(self, folder: RunFolder, *, images: bool) -> None:
        self.folder = folder
        self.images = images
        self.used: set[int] = set()

    def __call__(self, row: int) -> str | None:
        """The thumbnail of a row as a ``data:`` address, or None."""
        name = f"thumbnails/{row}.png"
        if not self.images or not self.folder.has(name):
            return None
        content = read_thumbnail(self.folder, name)
        self.used.add(row)
        return "data:image/png;base64," + base64.b64encode(content).decode("ascii")


def card_groups(view: "RunView", target: str, look: Look, picture: Thumbnails, more: More) -> list[dict[str, Any]]:
    """The cards of one target by kind of card, ready for the template; ``more`` adds what the kind of label says."""
    cases: dict[int, Case] = {int(case["row"]): dict(case) for case in view.cases_of(target).to_dict("records")}
    labels = dict(zip(view.gallery["row"].tolist(), view.gallery[f"label_{target}"].tolist(), strict=True))
    radius, rows = view.radius(target), rows_by_id(view.gallery)
    groups: dict[str, list[dict[str, Any]]] = {}
    for kind, row in choose_cards(view.predictions, target, count=cards_a_kind(len(view.targets))):
        record = str(cases[row].get(f"predictor_{target}") or cases[row].get("predictor") or view.record(target))
        card = _card(cases[row], target, look, record, picture)
        near = with_nearest(cases[row], target, rows) if look.states else None
        case, most = (cases[row], SHOWN_NEIGHBOURS) if near is None else (near, len(near["neighbours"]))
        shown = _neighbours(case, target, record, labels, look, picture, most=most)
        card["sides"] = _sides(shown, record, look) if near is None else state_sides(shown, case, target, look)
        card["words"] = evidence_words(case, target, record, look, finite(radius), most=most)
        groups.setdefault(kind, []).append(card | more(cases[row], labels))
    meanings = OF_CLASSES if look.names else {}
    return [
        {"kind": kind, "title": KINDS[kind][0], "meaning": meanings.get(kind, KINDS[kind][1]), "cards": cards}
        for kind, cards in groups.items()
    ]


def number_in(case: Case, column: str) -> float | None:
    """A case's number, or None where the column or the value is missing."""
    value = case.get(column)
    return float(value) if value is not None and not math.isnan(value) else None


def _card(case: Case, target: str, look: Look, record: str, picture: Thumbnails) -> dict[str, Any]:
    """The case itself: image, value, true label, region and flag."""
    value, label = float(case[f"value_{target}"]), float(case[f"label_{target}"])
    return {
        "id": str(case["id"]),
        "group": str(case["group"]),
        "image": picture(int(case["row"])),
        "value": look.value(value),
        "label": look.label(label),
        "error": look.missed(value, label, number_in(case, f"error_{target}")),
        "region": str(case[f"region_{target}"]),
        "far": FAR if case.get("far") == 1 else "",
        "record": record,
    }


def _neighbours(
    case: Case,
    target: str,
    record: str,
    labels: dict[int, float],
    look: Look,
    picture: Thumbnails,
    *,
    most: int = SHOWN_NEIGHBOURS,
) -> list[dict[str, Any]]:
    """The nearest training cases that are shown: image, label, weight, distance.

    ``scaled`` is what a label says at this case's scale, where labels are divided by a covariate before training.
    """
    rows = as_list(case.get("neighbours"))[:most]
    ids, distances = as_list(case.get("neighbour_ids")), as_list(case.get("distances"))
    weights = as_list(case.get(f"weights_{target}"))
    effects = as_list(case.get(f"effects_{target}"))
    largest = max((abs(weight) for weight in weights if weight is not None), default=0.0)
    signed = record in (*SUMS, "blend")  # else weights are shares of one whole
    unit = largest if signed else 1.0
    scaled = as_list(case.get(f"neighbour_values_{target}"))
    folds = as_list(case.get("neighbour_folds"))
    shown = []
    for place, row in enumerate(rows):
        weight = weights[place] if place < len(weights) else None
        distance = distances[place] if place < len(distances) else None
        shown.append(
            {
                "id": str(ids[place]) if place < len(ids) else str(row),
                "image": picture(int(row)),
                "label": look.label(labels.get(int(row))),
                "scaled": look.label(scaled[place]) if place < len(scaled) else "",
                "fold": f"fold-{folds[place]}" if place < len(folds) else "",
                "weight": number(weight, 3, sign=True) if signed else percent(weight),
                "bar": f"{100 * min(abs(weight or 0.0) / (unit or 1.0), 1.0):.1f}",
                "size": abs(weight or 0.0),
                "own": finite(labels.get(int(row))),
                "against": weight is not None and weight < 0,
                "effect": _effect(case, target, labels.get(int(row)), effects, place, look),
                "distance": "–" if distance is None else f"{distance:.3g}",
            }
        )
    return shown


def _effect(case: Case, target: str, label: float | None, effects: list[Any], place: int, look: Look) -> float | None:
    """Above 0 where a training case raises the value; of classes where it is of the class that is read."""
    if look.names:
        return None if label is None else 1.0 if label == number_in(case, f"value_{target}") else -1.0
    return finite(effects[place]) if place < len(effects) else None


def _sides(shown: list[dict[str, Any]], record: str, look: Look) -> list[dict[str, Any]]:
    """The cases shown, those that raise the value apart from those that lower it, where it rests on them; else together.

    A case raises the value where weight times (label - value) is above 0; of classes where it is of the class that is read.
    Of labels that are states each state is a side, with its share of the weight of all that are shown.
    """
    if look.states:
        return sides_by_state(shown, look.sides)
    if record not in RESTING or all(one["effect"] is None for one in shown):
        return [{"title": "", "cases": shown}]
    parts = (
        (
            "Of the class that is read" if look.names else "Raise the value",
            [one for one in shown if (one["effect"] or 0) > 0],
        ),
        ("Of another class" if look.names else "Lower the value", [one for one in shown if (one["effect"] or 0) < 0]),
        ("Neither", [one for one in shown if not one["effect"]]),
    )
    return [{"title": title, "cases": cases} for title, cases in parts if cases]


def sides_by_state(shown: list[dict[str, Any]], states: Mapping[float, str]) -> list[dict[str, Any]]:
    """The cases shown by their label, with the share of each side in the sum of |weight| of those that have one."""
    known = [one for one in shown if one["own"] in states]
    whole = math.fsum(one["size"] for one in known)
    sides = [(name, [one for one in known if one["own"] == state]) for state, name in states.items()]
    return [
        {
            "title": f"{name}: {percent(math.fsum(one['size'] for one in cases) / whole) if whole else '–'} of the weight shown",
            "cases": cases,
        }
        for name, cases in sides
        if cases
    ]


def state_sides(shown: list[dict[str, Any]], case: Case, target: str, look: Look) -> list[dict[str, Any]]:
    """The nearest training cases of each state, with their share in the sum of |weight| over all training cases."""
    carried, size = number_in(case, f"shown_share_{target}"), math.fsum(one["size"] for one in shown)
    sides = []
    for state, name in look.sides.items():
        cases = [one for one in shown if one["own"] == state]
        own = math.fsum(one["size"] for one in cases)
        part = None if carried is None else carried * own / size if size else 0.0
        there = f"the {counted(len(cases), 'nearest case')}, {percent(part)} of the weight"
        sides.append({"title": f"{name}: {there if cases else 'no training case of another group'}", "cases": cases})
    return sides


def evidence_words(
    case: Case, target: str, record: str, look: Look, radius: float | None, *, most: int = SHOWN_NEIGHBOURS
) -> dict[str, str]:
    """The heading and the sentences beside the training cases of a card.

    Only a value that is a weighted sum of training labels rests on them, so only there are they called evidence. Where the
    head's, the regression's and the neighbours' values exist, their disagreement is said. The share is that of the cases shown
    in the sum of |weight| over all training cases, not of those listed in predictions.csv.
    """
    listed = [abs(weight) for weight in as_list(case.get(f"weights_{target}")) if weight is not None]
    shown, carried = listed[:most], number_in(case, f"shown_share_{target}")
    whole = math.fsum(listed) / carried if carried else 1.0
    part = math.fsum(shown) / whole
    share, many = percent(part), counted(len(shown), "case")
    says = {
        "kernel": "kernel regression",
        "logistic": "logistic regression",
        "ridge": "ridge regression",
        "svm": "support vector machine",
    }
    other = record if record in says else "head"
    own, neighbours = number_in(case, f"{other}_{target}"), number_in(case, f"neighbours_{target}")
    sentences = {}
    if record in RESTING:
        heading = "Evidence: the training cases that this value rests on"
        if shown:
            sizes = ", each weight taken without its sign" if record in SUMS else ""
            sentences["share"] = f"The {many} shown carry {share} of the weight{sizes}."
        if shown and part < MANY:
            sentences["many"] = (
                "This value rests on many cases: most of the weight is on training cases that are not shown."
            )
        nearest = number_in(case, "nearest_distance")
        if record == "neighbours" and radius is not None and nearest is not None and nearest > radius:
            sentences["fallback"] = f"No training case lies within the radius ({radius:.3g}): the nearest one decides."
    elif record == "blend":
        heading = "Training cases of the candidates, by their weights in the blend"
        if shown:
            sentences["share"] = f"The {many} shown carry {share} of the weight, each weight taken without its sign."
        sentences["mixture"] = "Where a candidate’s value rests on no training cases, they are its neighbours."
    else:
        heading = "Similar training cases, not used for this value"
        if record == "by fold":
            heading = "Training cases that this value rests on in part: the folds’ predictors differ"
        if shown:
            sentences["share"] = f"The {many} shown would carry {share} of the weight in the neighbours’ value."
    if own is not None and neighbours is not None and look.names:
        if own != neighbours:
            says_so = f"The {says.get(other, other)} says {look.value(own)}, the neighbours {look.value(neighbours)}."
            sentences["disagreement"] = says_so
    elif own is not None and neighbours is not None:
        gap = look.error(abs(own - neighbours))
        sentences["disagreement"] = (
            f"The {says.get(other, other)} says {look.value(own)}, the neighbours {look.value(neighbours)}: {gap} apart."
        )
    return {"heading": heading, **sentences}
