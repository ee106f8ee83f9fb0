"""How the values, labels, errors and figures of one target are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from medgauge.core.figure import Figure
from medgauge.report.words import finite, number, percent, quantity, span

SHORT = {"mae": "MAE"}
"""Figures that have a shorter name."""


@dataclass(frozen=True)
class Look:
    """How one target is written.

    Args:
        figures: those of its kind.
        unit: of labels and values.
        of_errors: unit of errors.
        decimals: of values and errors.
        whole: labels are written without decimals.
        states: of labels that are states, what each is called, in the order of a card.
        sides: of each state what training cases of it are called.
        names: of classes, in order of the places that labels and values are.
    """

    figures: Mapping[str, Figure]
    unit: str
    of_errors: str
    decimals: int
    whole: bool = False
    states: Mapping[float, str] = field(default_factory=dict)
    sides: Mapping[float, str] = field(default_factory=dict)
    names: Sequence[str] = ()

    @property
    def main(self) -> str:
        """The name of the figure that predictors and baselines are judged by."""
        return next(iter(self.figures))

    @property
    def main_words(self) -> str:
        """What that figure is called, capitalised."""
        words = self.figures[self.main].words
        return f"{words[:1].upper()}{words[1:]}"

    @property
    def main_short(self) -> str:
        """The same, in the head of a column."""
        return SHORT.get(self.main, self.main_words)

    @property
    def of_labels(self) -> int:
        """Decimals of labels."""
        return 0 if self.whole else self.decimals

    def label(self, value: float | None) -> str:
        """A label."""
        if self.names:
            return self._named(value)
        if value is not None and value in self.states:
            return self.states[value]
        return quantity(value, self.of_labels, self.unit)

    def labels(self, low: float | None, high: float | None) -> str:
        """From one label to another."""
        return span(low, high, self.of_labels, self.unit)

    def value(self, value: float | None) -> str:
        """A value that was read."""
        if self.names:
            return self._named(value)
        return quantity(value, self.decimals, self.unit)

    def error(self, value: float | None, *, sign: bool = False) -> str:
        """The error of one case, or how far two of its values are apart."""
        return quantity(value, self.decimals, self.of_errors, sign=sign)

    def missed(self, value: float, label: float, lacking: float | None) -> str:
        """The error of one case; of classes what the chance of the true one lacks to 1."""
        if not self.names:
            return self.error(value - label, sign=True)
        whether = "none" if value == label else "another class"
        return whether if lacking is None else f"{whether}, the true class has {percent(1 - lacking)}"

    def _named(self, place: float | None) -> str:
        """A class by its place."""
        there = place is not None and place == place and 0 <= int(place) < len(self.names)
        return self.names[int(place)] if there and place is not None else number(None)

    def figure(self, name: str, value: Any, *, sign: bool = True) -> str:
        """A figure; ``sign``: one that has a sign is written with it."""
        digits, unit = self._digits(name)
        return quantity(finite(value), digits, unit, sign=sign and self.figures[name].unit == "signed")

    def ends(self, name: str, ends: Any) -> str:
        """The two ends of a figure's interval, or why there is none."""
        if isinstance(ends, list | tuple) and len(ends) == 2:
            return span(finite(ends[0]), finite(ends[1]), *self._digits(name))
        return ends if isinstance(ends, str) else number(None)

    def _digits(self, name: str) -> tuple[int, str]:
        """Decimals and unit of a figure."""
        return (3, "") if self.figures[name].unit == "plain" else (self.decimals + 1, self.of_errors)
