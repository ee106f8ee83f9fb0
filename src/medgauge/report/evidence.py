"""What a card says of one case: its value, its interval, and the training cases beside it, called by what they are."""

import base64
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medgauge.report.cards import SHOWN_NEIGHBOURS, as_list, cards_a_kind, choose_cards
from medgauge.report.words import counted, percent, quantity, span

if TYPE_CHECKING:
    from medgauge.report.reading import RunView

Case = dict[Any, Any]
BARE = ("–", "infinite")
FAR = "farther from the gallery than 99 % of validation cases"
KINDS = {
    "best": ("Best", "the smallest absolute errors"),
    "median": ("Median", "errors in the middle of all"),
    "worst": ("Worst", "the largest absolute errors"),
    "rare": ("Rare", "cases of region few, spread over their labels, chosen without regard to their error"),
}


class Thumbnails:
    """The run's thumbnails as data addresses; counts those handed out. Without images every answer is None."""

    def __init__(self, folder: Path, *, images: bool) -> None:
        self.folder = folder
        self.images = images
        self.used: set[int] = set()

    def __call__(self, row: int) -> str | None:
        """The thumbnail of a row as a ``data:`` address, or None."""
        path = self.folder / f"{row}.png"
        if not self.images or not path.is_file():
            return None
        self.used.add(row)
        return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def card_groups(view: "RunView", target: str, decimals: int, unit: str, picture: Thumbnails) -> list[dict[str, Any]]:
    """The cards of one target by kind, ready for the template."""
    cases: dict[int, Case] = {int(case["row"]): dict(case) for case in view.cases.to_dict("records")}
    labels = dict(zip(view.gallery["row"].tolist(), view.gallery[f"label_{target}"].tolist(), strict=True))
    groups: dict[str, list[dict[str, Any]]] = {}
    for kind, row in choose_cards(view.predictions, target, count=cards_a_kind(len(view.targets))):
        record = str(cases[row].get("predictor") or view.record)
        card = _card(cases[row], target, decimals, unit, record, picture)
        card["neighbours"] = _neighbours(cases[row], target, labels, decimals, unit, picture)
        card["words"] = evidence_words(cases[row], target, record, decimals, unit, _radius(view))
        groups.setdefault(kind, []).append(card)
    return [
        {"kind": kind, "title": KINDS[kind][0], "meaning": KINDS[kind][1], "cards": cards}
        for kind, cards in groups.items()
    ]


def _radius(view: "RunView") -> float | None:
    """The neighbours' radius, where the run has one."""
    radius = view.predictors.get("radius")
    return float(radius) if isinstance(radius, int | float) else None


def _number(case: Case, column: str) -> float | None:
    """A case's number, or None where the column or the value is missing."""
    value = case.get(column)
    return float(value) if value is not None and not math.isnan(value) else None


def _card(case: Case, target: str, decimals: int, unit: str, record: str, picture: Thumbnails) -> dict[str, Any]:
    """The case itself: image, value, interval, true label, region and flag."""
    value, label = float(case[f"value_{target}"]), float(case[f"label_{target}"])
    low, high = _number(case, f"lower_{target}"), _number(case, f"upper_{target}")
    conditional = f"plain_lower_{target}" in case  # else the interval of record is the plain one, in one piece
    pieces = _number(case, f"pieces_{target}") if conditional else None
    return {
        "id": str(case["id"]),
        "group": str(case["group"]),
        "image": picture(int(case["row"])),
        "value": quantity(value, decimals, unit),
        "label": quantity(label, decimals, unit),
        "error": quantity(value - label, decimals, unit, sign=True),
        "interval": _span(low, high, pieces, decimals, unit),
        "inside": low is not None and high is not None and low <= label <= high,
        "region": str(case[f"region_{target}"]),
        "far": FAR if case.get("far") == 1 else "",
        "record": record,
    }


def _span(low: float | None, high: float | None, pieces: float | None, decimals: int, unit: str) -> str:
    """The interval; where the label-conditional set is in pieces, of how many."""
    words = span(low, high, decimals, unit)
    return f"{words}, around {pieces:.0f} pieces" if pieces is not None and pieces > 1 and words not in BARE else words


def _neighbours(
    case: Case, target: str, labels: dict[int, float], decimals: int, unit: str, picture: Thumbnails
) -> list[dict[str, Any]]:
    """The nearest training cases that are shown: image, label, weight, distance.

    ``scaled`` is what a label says at this case's scale, where labels are divided by a covariate before training.
    """
    rows = as_list(case.get("neighbours"))[:SHOWN_NEIGHBOURS]
    ids, distances = as_list(case.get("neighbour_ids")), as_list(case.get("distances"))
    weights = as_list(case.get(f"weights_{target}"))
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
                "label": quantity(labels.get(int(row)), decimals, unit),
                "scaled": quantity(scaled[place], decimals, unit) if place < len(scaled) else "",
                "fold": f"fold-{folds[place]}" if place < len(folds) else "",
                "weight": percent(weight),
                "bar": f"{100 * min(max(weight or 0.0, 0.0), 1.0):.1f}",
                "distance": "–" if distance is None else f"{distance:.3g}",
            }
        )
    return shown


def evidence_words(
    case: Case, target: str, record: str, decimals: int, unit: str, radius: float | None
) -> dict[str, str]:
    """The heading and the sentences beside the training cases of a card.

    Only the neighbours' value rests on them, so only there are they called evidence. Where both values exist, their
    disagreement is said. The share of the weight is that of the cases shown, not of those listed in predictions.csv.
    """
    shown = [weight for weight in as_list(case.get(f"weights_{target}"))[:SHOWN_NEIGHBOURS] if weight is not None]
    share, many = percent(math.fsum(shown)), counted(len(shown), "case")
    head, neighbours = _number(case, f"head_{target}"), _number(case, f"neighbours_{target}")
    sentences = {}
    if record == "neighbours":
        heading = "Evidence: the training cases that this value rests on"
        if shown:
            sentences["share"] = f"The {many} shown carry {share} of the weight."
        nearest = _number(case, "nearest_distance")
        if radius is not None and nearest is not None and nearest > radius:
            sentences["fallback"] = f"No training case lies within the radius ({radius:.3g}): the nearest one decides."
    else:
        heading = "Similar training cases, not used for this value"
        if record == "by fold":
            heading = "Training cases that this value rests on in part: the folds’ predictors differ"
        if shown:
            sentences["share"] = f"The {many} shown would carry {share} of the weight in the neighbours’ value."
    if head is not None and neighbours is not None:
        gap = quantity(abs(head - neighbours), decimals, unit)
        of = {"head": quantity(head, decimals, unit), "neighbours": quantity(neighbours, decimals, unit)}
        sentences["disagreement"] = f"The head says {of['head']}, the neighbours {of['neighbours']}: {gap} apart."
    return {"heading": heading, **sentences}
