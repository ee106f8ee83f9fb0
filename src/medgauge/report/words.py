"""Numbers and units as the report writes them."""

import math
import re
from collections.abc import Sequence
from typing import Any

from medgauge.core.words import plural

UNITS = {
    "px": "px", "mm": "mm", "cm": "cm", "um": "µm", "mm2": "mm²", "cm2": "cm²", "mm3": "mm³", "ml": "ml", "kg": "kg", "g": "g",
    "years": "years", "months": "months", "weeks": "weeks", "days": "days", "hours": "hours",
    "hu": "HU", "mmhg": "mmHg", "percent": "%", "degrees": "°",
}  # fmt: skip

MOST_NAMED = 6
"""Labels whose names a heading has room for."""


def finite(value: Any) -> float | None:
    """A number as JSON holds it, or None where there is none.

    >>> finite(2), finite(float("nan")), finite(None)
    (2.0, None, None)
    """
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def unit_of(target: str) -> str:
    """The unit that the target's name ends with (``hc_mm``), or nothing.

    >>> unit_of("hc_mm"), unit_of("score")
    ('mm', '')
    """
    ending = re.search(r"_([a-z0-9]+)$", target.lower())
    return UNITS.get(ending.group(1), "") if ending else ""


def decimals_for(error: float | None) -> int:
    """Decimals that show values to about a tenth of a typical error.

    >>> decimals_for(4.2), decimals_for(0.61), decimals_for(43.0), decimals_for(None)
    (1, 2, 0, 2)
    """
    if error is None or not math.isfinite(error) or error <= 0:
        return 2
    return min(max(1 - math.floor(math.log10(error)), 0), 6)


def number(value: float | None, decimals: int = 3, *, sign: bool = False) -> str:
    """A number with a true minus sign; ``–`` where there is none; ``infinite`` where it is.

    >>> number(1234.567, 1), number(-0.5, 2), number(None), number(float("inf")), number(0.25, 1, sign=True)
    ('1,234.6', '−0.50', '–', 'infinite', '+0.2')
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "infinite" if value > 0 else "−infinite"
    text = f"{value:{'+' if sign else ''},.{decimals}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def quantity(value: float | None, decimals: int, unit: str, *, sign: bool = False) -> str:
    """A number with its unit, joined by a no-break space."""
    text = number(value, decimals, sign=sign)
    return f"{text}\N{NO-BREAK SPACE}{unit}" if unit and text != "–" else text


def span(low: float | None, high: float | None, decimals: int, unit: str) -> str:
    """An interval in words; an infinite one is called so.

    >>> span(1.0, 2.0, 1, ""), span(float("-inf"), float("inf"), 1, "mm"), span(None, None, 1, "mm")
    ('1.0 to 2.0', 'infinite', '–')
    """
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return "–"
    if math.isinf(low) or math.isinf(high):
        return "infinite"
    return f"{number(low, decimals)} to {quantity(high, decimals, unit)}"


def percent(share: float | None) -> str:
    """A share as a percentage without decimals (below 10 and above 99 with one).

    >>> percent(0.9), percent(0.995), percent(1.0), percent(0.012), percent(-0.012), percent(None)
    ('90\\xa0%', '99.5\\xa0%', '100\\xa0%', '1.2\\xa0%', '−1.2\\xa0%', '–')
    """
    if share is None or not math.isfinite(share):
        return "–"
    size = abs(share)
    decimals = 1 if 0 < size < 0.0995 or 0.99 < size < 1 else 0
    return f"{number(share * 100, decimals)}\N{NO-BREAK SPACE}%"


def times(count: int | None) -> str:
    """How often.

    >>> times(1), times(3)
    ('once', '3 times')
    """
    return "once" if count == 1 else counted(count, "time")


def counted(count: int | None, noun: str) -> str:
    """A count with its noun.

    >>> counted(1, "case"), counted(1200, "case")
    ('1 case', '1,200 cases')
    """
    if count is None:
        return f"– {noun}s"
    return f"{count:,} {plural(count, noun)}"


def names_of(targets: Sequence[str]) -> list[str]:
    """The names of labels, or of more than a heading has room for how many they are.

    >>> names_of(["age", "sex"]), names_of(list("abcdefg"))
    (['age', 'sex'], ['7 labels'])
    """
    return list(targets) if len(targets) <= MOST_NAMED else [counted(len(targets), "label")]
