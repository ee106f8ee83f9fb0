"""From which probability on a finding is called present."""

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64

from medgauge.core.checks import check_choice, check_number

Rule = Literal["f1", "youden", "sensitivity"]
HALF = 0.5
"""The threshold where nothing can be chosen."""


def choose_threshold(
    value: Float64[np.ndarray, " n"], label: Float64[np.ndarray, " n"], *, rule: Rule, sensitivity: float = 0.9
) -> float:
    """The threshold that serves a rule best on labelled cases: a case is called present from it on.

    ``f1``: the largest F1; ``youden``: the largest sensitivity + specificity - 1; ``sensitivity``: the largest threshold
    that finds at least that share of the present cases. It lies midway between the last probability that is called
    present and the next one below it. Equal ones: the largest threshold. One half where all labels are equal.

    - Source: Youden, Cancer 3, 1950.
    - Raises: ValueError for an unknown rule or a sensitivity out of (0, 1].

    >>> choose_threshold(np.array([0.1, 0.2, 0.6, 0.8]), np.array([0.0, 0.0, 1.0, 1.0]), rule="f1")
    0.4
    """
    check_choice("rule", rule, get_args(Rule))
    check_number("sensitivity", sensitivity, above=0, most=1)
    present = int(label.sum())
    absent = len(label) - present
    if not present or not absent:
        return HALF
    order = np.argsort(-value, kind="stable")
    ranked, last = value[order], np.append(np.diff(value[order]) != 0, True)
    found, false = np.cumsum(label[order])[last], np.cumsum(1 - label[order])[last]
    places = ranked[last]
    if rule == "sensitivity":
        at = int(np.argmax(found >= sensitivity * present - 1e-9))
    else:
        gain = 2 * found / (present + found + false) if rule == "f1" else found / present - false / absent
        at = int(np.argmax(gain >= gain.max() - 1e-12))
    below = places[at + 1] if at + 1 < len(places) else 0.0
    return float((places[at] + below) / 2)
