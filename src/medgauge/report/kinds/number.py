"""The section of a number: values against labels, errors by label region, intervals."""

from typing import Any

from medgauge.metrics.catalogue import FIGURES
from medgauge.report import plots, plots_regions
from medgauge.report.evidence import Case, Thumbnails, number_in
from medgauge.report.headline import baseline_name
from medgauge.report.intervals import correction_words, interval_words
from medgauge.report.kinds.shared import Said, Section, shared_section, target_cases, training_cases
from medgauge.report.look import Look
from medgauge.report.plots import Plot
from medgauge.report.reading import RunView
from medgauge.report.words import decimals_for, finite, quantity, span, unit_of

BARE = ("–", "infinite")
SAID = Said("interval", "width", "intervals", "Mean width", True, "the width of the intervals")


def section(view: RunView, target: str, key: str, picture: Thumbnails) -> Section:
    """All of one target."""
    block = view.block.get(target) or {}
    unit, decimals = unit_of(target), decimals_for(finite(block.get("mae")))
    look = Look(FIGURES["number"], unit, unit, decimals)
    level = view.level(target)
    interval = interval_words(block, level, decimals, unit, view.shown)
    coverage = {f"{key}-coverage": plots_regions.coverage_by_region(block, level)} if interval["rows"] else {}
    texts, embedding = shared_section(
        view,
        target,
        key,
        picture,
        look,
        lambda case, _: _on_card(case, target, look),
        said=SAID,
        in_regions=("mae", "bias"),
        in_folds=("mae", "bias", "r2"),
        in_subgroups=("mae", "bias"),
    )
    texts |= {
        "correction": correction_words(block, decimals, unit),
        "transformed": _transformed(block.get("transformed")),
        "interval": interval,
    }
    return texts, _plots(view, target, key, look) | embedding | coverage


def _plots(view: RunView, target: str, key: str, look: Look) -> dict[str, Plot]:
    """The figures of values and errors."""
    block, level = view.block.get(target) or {}, view.level(target)
    cases, training = target_cases(view, target), training_cases(view, target)
    drawn = {}
    if len(cases):
        drawn[f"{key}-agreement"] = plots.agreement(cases, target, look.unit, look.decimals, level)
        drawn[f"{key}-bland-altman"] = plots.bland_altman(cases, target, look.unit, look.decimals, level)
    if len(cases) and len(training):
        regions = block.get("by_region") or {}
        drawn[f"{key}-regions"] = plots_regions.error_by_region(
            cases, training, regions, _baselines(block), look.unit, target, look.decimals, level
        )
    return drawn


def _on_card(case: Case, target: str, look: Look) -> dict[str, Any]:
    """The interval of one case; where the label-conditional set is in pieces, of how many."""
    low, high = number_in(case, f"lower_{target}"), number_in(case, f"upper_{target}")
    conditional = f"plain_lower_{target}" in case  # else the interval of record is the plain one, in one piece
    pieces = number_in(case, f"pieces_{target}") if conditional else None
    words = span(low, high, look.decimals, look.unit)
    in_pieces = pieces is not None and pieces > 1 and words not in BARE
    return {
        "interval": f"{words}, around {pieces:.0f} pieces" if in_pieces else words,
        "inside": low is not None and high is not None and low <= float(case[f"label_{target}"]) <= high,
    }


def _baselines(block: dict[str, Any]) -> dict[str, float]:
    """The baselines that have a mean absolute error, by their names in words."""
    parts = (block.get("baselines") or {}).items()
    known = {baseline_name(name): finite((part or {}).get("mae")) for name, part in parts}
    return {name: value for name, value in known.items() if value is not None}


def _transformed(part: dict[str, Any] | None) -> str:
    """The error in the transformed unit, where labels were scaled by a logarithm."""
    if not part or finite(part.get("mae")) is None:
        return ""
    return f"{quantity(finite(part['mae']), 3, '')} in {part.get('unit', 'transformed units')}"
