"""The section of a class: true and predicted classes, figures by class, sets of classes, chances on the cards."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from medgauge.metrics.catalogue import FIGURES
from medgauge.report import plots_regions
from medgauge.report.evidence import Case, Thumbnails, number_in
from medgauge.report.kinds.levels import bar, confusion_rows, set_words, votes
from medgauge.report.kinds.shared import Said, Section, shared_section, training_cases
from medgauge.report.look import Look
from medgauge.report.reading import RunView
from medgauge.report.words import counted, finite, number, percent

Block = dict[str, Any]
DECIMALS = 3
SAID = Said("set", "size", "sets", "Classes in a set, mean", False, "which classes are in a set")


def section(view: RunView, target: str, key: str, picture: Thumbnails) -> Section:
    """All of one target."""
    block, names = view.block.get(target) or {}, view.classes.get(target, [])
    look = Look(FIGURES["class"], "", "", DECIMALS, whole=True, names=names)
    level = view.level(target)
    shown = ["log_loss", "error_rate"]
    folds = list(look.figures)
    texts, drawn = shared_section(
        view,
        target,
        key,
        picture,
        look,
        lambda case, labels: on_card(case, target, names, labels),
        said=SAID,
        in_regions=shown,
        in_folds=folds,
        in_subgroups=shown,
    )
    sets, training = block.get("set") or {}, training_cases(view, target)
    for row in texts["regions"]:
        part = sets if row["region"] == "all" else (sets.get("by_class") or {}).get(row["region"]) or {}
        row["cells"] += [percent(finite(part.get("coverage"))), number(finite(part.get("size")), 2)]
    by_class = sets.get("by_class") or {}
    if by_class:
        parts = [("sets", [*by_class.values(), sets])]
        drawn[f"{key}-coverage"] = plots_regions.coverage(parts, [*by_class, "all"], "true class", level)
    count = Counter(names[int(label)] for label in training["label"] if int(label) < len(names))
    texts |= {
        "lead": ("has a log loss of", "a case"),
        "labels": "of " + ", ".join(f"{name} ({counted(count[name], 'case')})" for name in names),
        "parts_are": "True class",
        "heads": [look.figures[name].words.capitalize() for name in shown],
        "fold_heads": [look.figures[name].words for name in folds],
        "confusion": confusion_rows(block.get("confusion") or {}),
        "set": set_words(sets, "by_class", level, count, len(training)),
        "split": view.shown,
    }
    return texts, drawn


def on_card(case: Case, target: str, names: Sequence[str], labels: Mapping[int, float]) -> Block:
    """The set of classes of one case, the chance of each, and how the neighbours shown vote."""
    inside = [name for name in str(case.get(f"set_{target}") or "").split(" | ") if name]
    label = number_in(case, f"label_{target}")
    true = "" if label is None else names[int(label)]
    chances = {name: number_in(case, f"probability_{name}_{target}") for name in names}
    return {
        "set": ", ".join(inside) or ("none" if f"set_{target}" in case else "–"),
        "inside": true in inside,
        "chances": [bar(name, chance, true=name == true, within=name in inside) for name, chance in chances.items()],
        "votes": [
            bar(names[int(place)], share, true=place == label)
            for place, share in votes(case, target, labels).items()
            if 0 <= int(place) < len(names)
        ],
    }
