"""The tuning trials: what they try, and which of them is the best, by validation cases alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from medgauge.core.beside import BESIDE
from medgauge.core.errors import InputError
from medgauge.core.words import did_you_mean
from medgauge.metrics.catalogue import FIGURES
from medgauge.recipes.read import parse_value
from medgauge.recipes.schema import Recipe
from medgauge.tasks import KINDS

RATE = "optimiser.learning_rate"


def factors(count: int) -> list[float]:
    """Factors of the learning rate: 1, 1/3, 3, 1/9, 9 and so on.

    >>> [round(factor, 3) for factor in factors(4)]
    [1.0, 0.333, 3.0, 0.111]
    """
    return [1.0, *(3.0**power for step in range(1, count) for power in (-step, step))][:count]


def parse_grid(text: str, methods: Mapping[str, Recipe]) -> tuple[str | None, str, list[Any]]:
    """The parts of METHOD:place=value,value (METHOD: may be left out)."""
    where, _, words = text.partition("=")
    method, colon, place = where.rpartition(":")
    if colon and method not in methods:
        raise InputError(f"--grid {text}: {method!r} is none of the methods ({did_you_mean(method, methods)})")
    values = [parse_value(word) for word in words.split(",") if word]
    if "." not in place or len(values) < 2 or place == RATE:
        raise InputError(
            f"--grid needs a setting and two values or more (--grid optimiser.weight_decay=0.01,0.1), got {text!r}; "
            "learning rates are tried in any case"
        )
    return (method if colon else None), place, values


def choose_trial(name: str, entries: Sequence[Mapping[str, Any]], laid: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The trial with the best score, of equal ones the first, and its changes; without tuning no trial and no change.

    Args:
        name: of the method, for the message.
        entries: of its trials, as they are recorded.
        laid: the changes of each trial.

    Raises:
        InputError: every trial failed.
    """
    if len(laid) == 1:
        return {"trial": None, "changes": {}}
    scores = {entry["trial"]: trial_score(entry) for entry in entries}
    best = min(scores, key=lambda trial: (scores[trial], trial))
    if scores[best] == float("inf"):
        raise InputError(
            f"every tuning trial of {name} failed; the first: {entries[0].get('failed', 'its error is not finite')}"
        )
    return {"trial": best, "changes": dict(laid[best - 1])}


def trial_score(entry: Mapping[str, Any]) -> float:
    """Validation error relative to that of the constant baseline, mean over the targets; infinite where it failed.

    Of values before a calibration where there is one (findings): it may give one probability to all cases, of every trial alike.
    """
    blocks = [block for target, block in (entry.get("val") or {}).items() if target not in BESIDE]
    mains = [next(iter(FIGURES[block["kind"]])) for block in blocks]
    parts = [
        _relative(_error(block, main), next(iter(block["baselines"].values()))[main])
        for main, block in zip(mains, blocks, strict=True)
    ]
    return sum(parts) / len(parts) if parts else float("inf")


def _error(block: Mapping[str, Any], main: str) -> float | None:
    """A target's error before calibration where there is one."""
    before = (block.get(KINDS[block["kind"]].certainty.key) or {}).get("uncalibrated") or block
    error: float | None = before.get(main)
    return error


def _relative(error: float | None, baseline: float | None) -> float:
    return float("inf") if error is None or not baseline else error / baseline
