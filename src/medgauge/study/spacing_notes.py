"""Notes on sizes of pixels that cannot all be right: two units in a column or in files, and a table that contradicts its files."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medgauge.core.problem import name_cases
from medgauge.core.words import counted, plural
from medgauge.data.images.facts import ImageFact
from medgauge.data.tables.clumps import find_clumps
from medgauge.data.tables.table import Table
from medgauge.recipes.schema import Recipe
from medgauge.study.pixel_size import millimetres, pixel_measure

FACTORS = (10.0, 1000.0)
"""Between the units that sizes of pixels are given in: centimetres, millimetres and micrometres."""
LEAST_GAP = 3.0
"""Factor between two groups of sizes, with nothing between them."""
NEAR = 0.1
"""How far two sizes that are the same may differ, of the smaller one."""


def spacing_notes(recipe: Recipe, table: Table, facts: Sequence[ImageFact | None]) -> list[str]:
    """What is odd in the sizes of pixels, a line each, with what can be done.

    Args:
        recipe: with the covariates that are sizes decided.
        table: n cases, as their table has them.
        facts: of the images of the n cases, None where unreadable.
    """
    times, notes = recipe.data.label_times, list[str]()
    names = recipe.augmentation.named_sizes
    names += [times] if times and times not in names and pixel_measure(times) == "size" else []
    for name in (name for name in names if name in table.covariate):
        values = table.covariates[:, table.covariate.index(name)]
        if find_clumps(values) is None:  # else it is told as of any column
            notes.append(two_units(f"sizes of pixels in {name}", "write all in one", values, table.id))
        notes.append(_against_files(name, values * millimetres(name), table.id, facts))
    notes.append("" if names else _untold(table.id, facts))
    finest = np.array([np.nan if fact is None or fact.spacing is None else min(fact.spacing) for fact in facts])
    remedy = "correct the files, or leave such cases out"
    notes.append(two_units("sizes of pixels that the files give, in mm,", remedy, finest, table.id))
    return [note for note in notes if note]


def _untold(ids: Sequence[str], facts: Sequence[ImageFact | None]) -> str:
    """On files that do not say the size of a pixel, where others do; or no text."""
    read = [(id, fact.spacing) for id, fact in zip(ids, facts, strict=True) if fact is not None]
    without = [id for id, spacing in read if spacing is None]
    if len(without) in (0, len(read)):
        return ""
    return (
        f"{len(without)} of {len(read)} files ({name_cases(without)}) {plural(len(without), 'does', 'do')} not say the size of a "
        "pixel, and the others do: whether their pixels are as large is not known; take files that say it, or give the size as a "
        "covariate"
    )


def unit_groups(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64], float] | None:
    """Positions of two groups of positive values, of which the one is among the other in another unit, and the factor.

    None without such groups. The groups have a gap of a factor of 3 between them.

    >>> unit_groups(np.array([0.2, 0.02, np.nan, 0.25]))
    (array([1]), array([0, 3]), 10.0)
    """
    known = np.flatnonzero(values > 0)
    if len(known) < 2:
        return None
    order = known[np.argsort(values[known], kind="stable")]
    sizes = values[order]
    cut = int((sizes[1:] / sizes[:-1]).argmax()) + 1
    low, high = sizes[:cut], sizes[cut:]
    few, many, way = (low, high, 1) if len(low) <= len(high) else (high, low, -1)
    for factor in FACTORS if high[0] >= LEAST_GAP * low[-1] else ():
        moved = few * factor**way
        if moved[0] >= many[0] / (1 + NEAR) and moved[-1] <= many[-1] * (1 + NEAR):
            return np.sort(order[:cut]), np.sort(order[cut:]), factor
    return None


def two_units(what: str, remedy: str, values: NDArray[np.float64], ids: Sequence[str]) -> str:
    """On sizes that fall into two groups a unit apart; or no text.

    Args:
        what: they are.
        remedy: what can be done.
        values: one a case, NaN where unknown.
        ids: of the cases.
    """
    found = unit_groups(values)
    if found is None:
        return ""
    *groups, factor = found
    few, many = sorted(groups, key=len)
    return (
        f"{what} are {_ends(values[few])} in {len(few)} of {len(few) + len(many)} cases ({name_cases([ids[row] for row in few])}), "
        f"and {_ends(values[many])} in the others, about {factor:.0f} times as {'large' if values[many[0]] > values[few[0]] else 'small'}; "
        f"if these are two units, {remedy}"
    )


def _against_files(name: str, sizes: NDArray[np.float64], ids: Sequence[str], facts: Sequence[ImageFact | None]) -> str:
    """On sizes in millimetres that are those of no axis of the image's file; or no text."""
    told = {row: fact.spacing for row, fact in enumerate(facts) if fact is not None and fact.spacing is not None}
    unlike = [row for row, spacing in told.items() if sizes[row] > 0 and not _is_any(sizes[row], spacing)]
    if not unlike:
        return ""
    files = np.array([min(told[row]) for row in unlike])
    return (
        f"{name} is not the size of a pixel in {len(unlike)} of {counted(len(told), 'file that gives one', 'files that give one')} "
        f"({name_cases([ids[row] for row in unlike])}): the files say {_ends(files)} mm, the covariate {_ends(sizes[unlike])} mm; "
        "correct the covariate, or the files"
    )


def _is_any(size: float, spacing: Sequence[float]) -> bool:
    return any(max(size, own) <= (1 + NEAR) * min(size, own) for own in spacing)


def _ends(values: NDArray[np.float64]) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.4g}" if f"{low:.4g}" == f"{high:.4g}" else f"{low:.4g} to {high:.4g}"
