"""The section of a grade: true and predicted grades, figures by label region, sets of grades, chances on the cards."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from medgauge.metrics.catalogue import FIGURES
from medgauge.report import plots_regions
from medgauge.report.evidence import Case, Thumbnails, number_in
from medgauge.report.kinds.levels import bar, confusion_rows, set_words, votes
from medgauge.report.kinds.shared import Said, Section, shared_section, training_cases
from medgauge.report.look import Look
from medgauge.report.reading import RunView
from medgauge.report.words import finite, number, percent

if TYPE_CHECKING:
    from pandas import DataFrame

Block = dict[str, Any]
DECIMALS = 1
SAID = Said("set", "size", "sets", "Grades in a set, mean", False, "which grades are in a set")


def section(view: RunView, target: str, key: str, picture: Thumbnails) -> Section:
    """All of one target."""
    block = view.block.get(target) or {}
    look = Look(FIGURES["grade"], "", "", DECIMALS, whole=True)
    level = view.level(target)
    names = _levels(view, target)
    shown = [name for name in ("mae", "bias", "accuracy", "within_one") if name in look.figures]
    folds = [name for name in ("mae", "bias", "accuracy", "quadratic_kappa") if name in look.figures]
    texts, drawn = shared_section(
        view,
        target,
        key,
        picture,
        look,
        lambda case, labels: _on_card(case, target, names, labels),
        said=SAID,
        in_regions=shown,
        in_folds=folds,
        in_subgroups=shown,
    )
    sets, training = block.get("set") or {}, training_cases(view, target)
    for row in texts["regions"]:
        part = sets if row["region"] == "all" else (sets.get("by_region") or {}).get(row["region"]) or {}
        row["cells"] += [percent(finite(part.get("coverage"))), number(finite(part.get("size")), 2)]
    by_grade = sets.get("by_grade") or {}
    if by_grade:
        parts = [("sets", [*by_grade.values(), sets])]
        drawn[f"{key}-coverage"] = plots_regions.coverage(parts, [*by_grade, "all"], "true grade", level)
    texts |= {
        "answer": texts["answer"] and {**texts["answer"], "value": f"{texts['answer']['value']} grades"},
        "heads": _heads(shown, look),
        "fold_heads": _heads(folds, look),
        "confusion": confusion_rows(block.get("confusion") or {}),
        "set": set_words(sets, "by_grade", level, _counts(training), len(training)),
        "split": view.shown,
    }
    return texts, drawn


def _counts(training: "DataFrame") -> Counter[str]:
    """Training cases of each grade."""
    return Counter(f"{label:g}" for label in training["label"])


def _heads(names: Sequence[str], look: Look) -> list[str]:
    """What columns of figures are called."""
    return ["MAE" if name == "mae" else look.figures[name].words.capitalize() for name in names]


def _levels(view: RunView, target: str) -> list[str]:
    """The grades, in rising order, that the table of predictions has a chance for."""
    column = re.compile(rf"probability_(-?[0-9.]+)_{re.escape(target)}")
    found = [match[1] for match in map(column.fullmatch, map(str, view.predictions.columns)) if match]
    return sorted((name for name in found if _known(view, f"probability_{name}_{target}")), key=float)


def _known(view: RunView, column: str) -> bool:
    """Whether any case has a value; a target has none of a grade that only another target has."""
    return bool(np.isfinite(view.predictions[column]).any())


def _on_card(case: Case, target: str, levels: Sequence[str], labels: Mapping[int, float]) -> Block:
    """The set of grades of one case, the chance of each, and how the neighbours shown vote."""
    inside = str(case.get(f"set_{target}") or "").split()
    label, value = float(case[f"label_{target}"]), float(case[f"value_{target}"])
    chances = {name: number_in(case, f"probability_{name}_{target}") for name in levels}
    return {
        "set": ", ".join(inside) or ("none" if f"set_{target}" in case else "–"),
        "inside": f"{label:g}" in inside,
        "nearest": min(levels, key=lambda name: (abs(float(name) - value), -float(name)), default="–"),
        "chances": [
            bar(number(float(name), 0), chance, true=float(name) == label, within=name in inside)
            for name, chance in chances.items()
        ],
        "votes": [
            bar(number(grade, 0), share, true=grade == label) for grade, share in votes(case, target, labels).items()
        ],
    }
