"""Units of length as headers write them."""

import math
import re

MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001, "µm": 0.001, "μm": 0.001, "nm": 1e-6}
PREFIXES = {"milli": "mm", "centi": "cm", "micro": "um", "nano": "nm", "": "m"}


def millimetres(unit: str) -> float:
    """Millimetres a unit, by its symbol or its name; NaN where it is not known.

    >>> millimetres("cm"), millimetres("Micrometers"), millimetres("microns"), millimetres("inch")
    (10.0, 0.001, 0.001, nan)
    """
    word = unit.strip().lower()
    full = re.fullmatch(r"(milli|centi|micro|nano|)met(?:er|re)s?", word)
    return MILLIMETRES.get(PREFIXES[full[1]] if full else "um" if word in ("micron", "microns") else word, math.nan)
