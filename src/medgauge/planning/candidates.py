"""What a fit without a recipe tries: each candidate is settings laid over those that were given."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from medgauge.fitting.stamp import make_recipe
from medgauge.recipes.schema import Recipe

QUICK, TIMES, SCRATCH, TUNED, BLEND = "quick", "quick_times", "scratch", "tuned", "blend"
WORDS = {
    QUICK: "features of a pretrained network as they are, and a predictor on them",
    TIMES: "the same, of labels divided by the size of a pixel",
    SCRATCH: "a network trained from random weights",
    TUNED: "a pretrained network trained on",
    BLEND: "a weighted mean of the values of the others",
}
"""The candidates, the cheapest first; those that are trained once more, with another seed each time, with _2, _3 behind."""
_AGAIN = re.compile(rf"({SCRATCH}|{TUNED})_([2-9])")
TRAINING = ("augmentation", "weights", "sampler", "represent", "model", "objective", "optimiser", "training")
"""Sections of a recipe that say how a model is trained."""
OTHER = ("data.fold", "data.fraction", "prediction.predictor", "prediction.average")
"""Further settings that say so."""


def says_how(changes: Mapping[str, Any]) -> list[str]:
    """Settings by dotted place that say how a model is trained, so that nothing is left to choose."""
    return [place for place in changes if place.partition(".")[0] in TRAINING or place in OTHER]


def seeds_of(name: str) -> tuple[str, int]:
    """Which candidate a name means, and the how-many-th seed of it.

    >>> seeds_of("tuned_3"), seeds_of("quick_times")
    (('tuned', 3), ('quick_times', 1))
    """
    found = _AGAIN.fullmatch(name)
    return (found[1], int(found[2])) if found else (name, 1)


def what_it_is(name: str) -> str:
    """A candidate in words."""
    first, seed = seeds_of(name)
    return WORDS[first] + (f", with its seed number {seed}" if seed > 1 else "")


@dataclass(frozen=True)
class Decision:
    """One thing that was decided: what, which way, and why."""

    what: str
    value: Any  # as JSON holds it
    why: str


@dataclass(frozen=True)
class Candidate:
    """One of the ways to try.

    Args:
        name: one of ``WORDS``, or of a further seed of one (``seeds_of``).
        changes: its settings by dotted place, over those that were given.
        minutes: that it is expected to take; NaN = not known.
        why: it is tried so, or left out.
        tried: False = left out.
        short: short fits that tell whether its labels are divided, where the quick candidates do not (``planning/short_fits.py``):
            column, steps of each, steps that are left for the candidate after them; and once they were made, whether labels are
            divided, and why. None: there are none.
    """

    name: str
    changes: Mapping[str, Any]
    minutes: float
    why: str
    tried: bool = True
    short: Mapping[str, Any] | None = None

    @property
    def trains(self) -> bool:
        """Whether anything is trained."""
        return seeds_of(self.name)[0] in (SCRATCH, TUNED)

    @property
    def blends(self) -> bool:
        """Whether it is made of the other candidates."""
        return self.name == BLEND

    def recipe(self, given: Mapping[str, Any]) -> Recipe:
        """With the settings that were given, by dotted place; those of training count where something is trained.

        A further seed draws initial weights, batches and validation cases anew, and has the same folds and test split.
        """
        own = given if self.trains else {place: value for place, value in given.items() if place not in says_how(given)}
        made = make_recipe(None if self.trains else "frozen", changes={**self.changes, **own})
        further = seeds_of(self.name)[1] - 1
        if not further:
            return made
        parts = made.seed if made.data.test_seed is None else made.data.test_seed  # folds and test split stay
        return replace(made, seed=made.seed + further, data=replace(made.data, test_seed=parts))
