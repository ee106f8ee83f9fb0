"""How often cases are flagged as far from the gallery: of cases that are like the training cases, each flag is a false alarm."""

from collections.abc import Sequence

from jaxtyping import Bool
from torch import Tensor

from medgauge.calibration.covering import binomial_interval
from medgauge.calibration.scores import one_a_group


def far_block(far: Bool[Tensor, " n"], group: Sequence[str]) -> dict[str, object]:
    """Cases and how many are flagged; of one drawn case a group the share that is, and its exact binomial 95 % interval.

    Cases of a group are not independent, so that the interval is one of drawn cases, and so is the share beside it. The
    validation cases set the distance of the flag, so that theirs is no measure; that of cases which set nothing (test,
    out of fold) is the false-alarm rate. The same seed in every run.

    - Shape: far and group of n cases; NaN for none.
    """
    drawn = one_a_group(far.double(), group, 0, 0)
    flagged, count = int(sum(drawn)), len(drawn)
    return {
        "cases": len(far),
        "flagged": int(far.sum()),
        "drawn": count,
        "drawn_flagged": flagged,
        "share": flagged / count if count else float("nan"),
        "ci95": list(binomial_interval(flagged, count)),
    }
