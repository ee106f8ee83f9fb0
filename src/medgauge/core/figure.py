"""A figure of a target: its function, and how it is to be read."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True)
class Figure:
    """One figure of a target, and how it is to be read.

    Args:
        name: its key in results.json and the name of its function.
        of: (prediction (n, t), label (n, t)) -> (t,), missing labels left out; of ``chances`` the prediction is (n, t, k).
        words: what it is called in tables.
        meaning: how to read it, in a few words.
        unit: ``label``, ``signed`` (label units with a sign) or ``plain``.
        best: the value of a perfect prediction.
        lower_is_better: else higher is.
        headline: shown large, with a bootstrap interval.
        in_strata: has a meaning within a part of the label range.
        each: of a mean over cases the number of each case, (prediction (..., n), label (n,)) -> (..., n); None: it is none.
        drawn: of one target on many draws at once, (prediction (n,), label (n,), how often each case is drawn (n, b)) ->
            (b,), of ``chances`` the prediction is (n, k); None: it is computed anew on each draw.
        chances: it is computed from the probabilities of the levels or classes, not from values; NaN where there are none.
        ranks: it rests on the order of the cases alone, and is computed from values before a calibration, which may tie them.
        least: cases of each part of the labels without which it shows nothing.
        folded: it orders cases, and ``of`` and ``drawn`` take the ``fold`` (n,) of each, to order cases of one fold alone.
    """

    name: str
    of: Callable[..., Tensor]
    words: str
    meaning: str
    unit: Literal["label", "signed", "plain"] = "plain"
    best: float = 0.0
    lower_is_better: bool = True
    headline: bool = False
    in_strata: bool = False
    each: Callable[[Tensor, Tensor], Tensor] | None = None
    drawn: Callable[..., Tensor] | None = None
    chances: bool = False
    ranks: bool = False
    least: int = 0
    folded: bool = False

    def within(self, fold: Int[Tensor, " n"] | None) -> "Figure":
        """The same of cases whose values come from the models of several folds, as all of them; None: of one model."""
        if fold is None or not self.folded:
            return self
        drawn = None if self.drawn is None else partial(self.drawn, fold=fold)
        return replace(self, of=partial(self.of, fold=fold), drawn=drawn)

    @property
    def a_mean_of_cases(self) -> bool:
        """Whether it is a mean of one number a case."""
        return self.each is not None
