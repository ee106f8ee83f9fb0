"""The section of a finding: how well its probability holds, by state, and what it is called on the cards."""

from collections.abc import Mapping
from typing import Any

from medgauge.metrics.catalogue import FIGURES
from medgauge.report.evidence import Case, Thumbnails, number_in
from medgauge.report.kinds.shared import Said, Section, shared_section
from medgauge.report.look import Look
from medgauge.report.reading import RunView
from medgauge.report.words import counted, finite, number, percent

DECIMALS = 3
SAID = Said(
    "calibration",
    "share_positive",
    "probabilities",
    "Called present, share",
    False,
    "calibration and threshold",
    "Right decisions",
)


def section(view: RunView, target: str, key: str, picture: Thumbnails) -> Section:
    """All of one target."""
    block = view.block.get(target) or {}
    look = Look(FIGURES["finding"], "", "", DECIMALS, whole=True)
    shown = ["log_loss"]
    texts, drawn = shared_section(
        view,
        target,
        key,
        picture,
        look,
        lambda case, _: on_card(case, target),
        said=SAID.key,
        in_regions=shown,
        in_folds=shown,
        in_subgroups=shown,
    )
    heads = [look.figures[name].words.capitalize() for name in shown]
    training = block.get("training") or {}
    texts |= {
        "heads": heads,
        "fold_heads": heads,
        "calibration": calibration_words(block.get("calibration") or {}),
        "present": counted(training.get("present"), "training case"),
        "absent": counted(training.get("absent"), "training case"),
        "frequency": str(block.get("frequency") or "–"),
        "split": view.shown,
        "parts_are": "State",
        "lead": ("has a log loss of", "a case"),
        "labels": f"{number(finite(training.get('present')), 0)} of them with the finding",
    }
    return texts, drawn


def calibration_words(part: Mapping[str, Any]) -> dict[str, Any]:
    """Threshold, share called present, and what must be said beside them."""
    return {
        "there": bool(part),
        "threshold": number(finite(part.get("threshold")), 2),
        "share": percent(finite(part.get("share_positive"))),
        "note": str(part.get("note") or ""),
    }


def on_card(case: Case, target: str) -> dict[str, Any]:
    """Whether the finding is called present."""
    said = number_in(case, f"positive_{target}")
    label = number_in(case, f"label_{target}")
    return {"called": "–" if said is None else "present" if said else "absent", "right": said == label}
