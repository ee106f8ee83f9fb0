"""How long a fit without a recipe may take."""

import math
from dataclasses import dataclass

from medgauge.core.errors import InputError, came
from medgauge.core.words import nearest

NAMES = {"quick": 0.0, "standard": 30.0, "best": 240.0}
"""Minutes of the budgets that have names; quick takes what it takes."""
LONG = 60.0
"""From so many minutes on all candidates are tried, as by best."""
MOST = 60.0 * 24 * 30


@dataclass(frozen=True)
class Budget:
    """How long a fit without a recipe may take.

    Args:
        name: quick, standard, best, or the number of minutes as it was given.
        minutes: on this machine, from the beginning; they become steps before anything is trained.
    """

    name: str
    minutes: float

    @property
    def trains(self) -> bool:
        """Whether anything is trained."""
        return self.minutes > 0

    @property
    def tunes(self) -> bool:
        """Whether a pretrained network is trained on, which is slow."""
        return self.minutes >= LONG


def read_budget(given: str | float) -> Budget:
    """A budget by its name or in minutes.

    >>> read_budget("standard")
    Budget(name='standard', minutes=30.0)
    >>> read_budget(12.5)
    Budget(name='12.5', minutes=12.5)

    Raises:
        InputError: it is none.
    """
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise InputError(f"the budget must be quick, standard, best or a number of minutes, got {came(given)}")
    if isinstance(given, str) and given in NAMES:
        return Budget(given, NAMES[given])
    try:
        minutes = float(given)
    except ValueError as error:
        raise InputError(
            f"the budget must be quick, standard, best or a number of minutes, got {given!r}"
            + (f" (did you mean {near}?)" if (near := nearest(str(given), NAMES, likeness=0.7)) else "")
        ) from error
    if not math.isfinite(minutes) or not 0 < minutes <= MOST:
        raise InputError(f"the budget must be above 0 and at most {MOST:g} minutes, got {given}")
    return Budget(f"{minutes:g}", minutes)
