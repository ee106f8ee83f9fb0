"""Several findings together on the page: a table of all of them, and their macro figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from medgauge.core.beside import BESIDE
from medgauge.metrics.catalogue import FIGURES
from medgauge.report.look import Look
from medgauge.report.reading import RunView
from medgauge.report.words import counted, finite, number

Block = dict[str, Any]
SHOWN = ("roc_auc", "average_precision", "log_loss")
"""Figures of the table, where a finding has them."""


def together_words(view: RunView) -> Block:
    """The table of all findings and their macro figures; ``there`` is false where the split has no such block."""
    part = view.block.get("findings")
    if not isinstance(part, dict):
        return {"there": False, "targets": []}
    names, better = told_together(view.block)
    look = Look(FIGURES["finding"], "", "", 3)
    return {
        "there": True,
        "targets": names,
        "sentence": together_sentence(names, better),
        "heads": [_head(name, look) for name in SHOWN],
        "rows": [_row(view.block[name], name, look, better) for name in names],
        "macros": _macros(part, look),
        "regions": list(next(iter(part["figures"].values()))["by_frequency"]) if part["figures"] else [],
        "columns": ", ".join(part["columns"]) or "none",
        "few": ", ".join(f"{name} ({count})" for name, count in part["few_positives"].items()),
        "least": part["least_positives"],
        "by_fold": any(view.block[name].get("ordered_within") == "folds" for name in names),
        "ranking": number(finite(part.get("ranking_precision")), 3),
    }


def told_together(block: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The findings of a split's block that are told together, and those of them that are shown better; of one alone none."""
    if not isinstance(block.get("findings"), dict):
        return [], []
    names = [name for name, one in block.items() if name not in BESIDE and "frequency" in (one or {})]
    shown = {name: block[name].get("shown") or {} for name in names}
    return names, [name for name, one in shown.items() if _is_better(one)]


def _is_better(shown: Mapping[str, Any]) -> bool:
    """Shown better than the baseline, with nothing to say against it."""
    return str(shown.get("verdict", "")).startswith("shown") and not shown.get("reason")


def _head(name: str, look: Look) -> str:
    words = look.figures[name].words
    return f"{words[:1].upper()}{words[1:]}"


def together_sentence(names: Sequence[str], better: Sequence[str]) -> str:
    """How many findings are shown better than their baselines, and which."""
    listed = f": {', '.join(better)}" if better else ""
    are = "is" if len(better) < 2 else "are"
    return f"{len(better) or 'None'} of {counted(len(names), 'finding')} {are} shown better than the better baseline{listed}."


def _row(block: Mapping[str, Any], name: str, look: Look, better: Sequence[str]) -> Block:
    """One finding: how often it is there, its figures with their intervals, and the error of the constant."""
    intervals, training = block.get("ci95") or {}, block.get("training") or {}
    baselines: Block = block.get("baselines") or {}
    rate: Block = next(iter(baselines.values()), {})
    present = ((block.get("by_region") or {}).get("present") or {}).get("n")
    return {
        "name": name,
        "frequency": str(block.get("frequency") or ""),
        "training": number(finite(training.get("present")), 0),
        "present": number(finite(present), 0),
        "n": number(finite(block.get("n")), 0),
        "cells": [
            (look.figure(figure, block.get(figure)), look.ends(figure, intervals.get(figure))) for figure in SHOWN
        ],
        "constant": look.figure(look.main, rate.get(look.main)),
        "better": name in better,
    }


def _macros(part: Mapping[str, Any], look: Look) -> list[Block]:
    """The macro mean of each figure, whole with its interval and by frequency."""
    return [
        {
            "name": _head(name, look),
            "value": look.figure(name, one["macro"]["value"]),
            "interval": look.ends(name, one["macro"].get("ci95")),
            "parts": [look.figure(name, region["value"]) for region in one["by_frequency"].values()],
        }
        for name, one in part["figures"].items()
        if name in look.figures
    ]
