"""Features of several files, joined to the cases of a table row by row, in place of images."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from medgauge.core.errors import InputError
from medgauge.core.problem import Problem, name_cases
from medgauge.core.words import counted, plural
from medgauge.data.features.reading import LISTED, FeatureBlock
from medgauge.data.images.decode import PreparedImages

ALIKE = 1e-9
"""Of 1 less the correlation of a feature with a label, below which they say the same."""
LEAST_CORRELATED = 8
"""Cases from which a correlation tells that."""
SINGLE = 2.0**-24
"""Share of a number that single precision rounds it by."""
LOST = 1e-3
"""Share of a feature's deviation that this may be."""
ROUNDING = 1e-12
"""Share of its largest value by which a feature may spread that is one number, summed in several orders."""
TELLING = 8
"""Features from which equal rows are taken for one case's; of fewer, cases may share them by chance."""
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class FeatureRows(PreparedImages):
    """Features in the place of images: array (n, f) float32, blocks side by side; digests are those of rows of 8 and more.

    ``columns``: the names of each block's features.
    """

    columns: tuple[tuple[str, ...], ...] = ()


def feature_rows(values: NDArray[np.float64], columns: Sequence[Sequence[str]], notes: Sequence[str]) -> FeatureRows:
    """Features (n, f) that were checked, as a run takes them."""
    n = len(values)
    array = values.astype(np.float32)
    named = tuple(map(tuple, columns))
    digests = (
        [hashlib.sha256(row.tobytes()).hexdigest()[:32] for row in array] if array.shape[1] >= TELLING else [""] * n
    )
    return FeatureRows(array, np.ones(n), digests, list(notes), [], 1.0, [None] * n, named)


def find_rows(block: FeatureBlock, keys: Sequence[str], ids: Sequence[str]) -> tuple[NDArray[np.int64], list[Problem]]:
    """The row of each case, -1 where it has none, which is a problem.

    Args:
        block: of features.
        keys: of the n cases, as the block's own.
        ids: of the n cases.
    """
    places = {key: row for row, key in enumerate(block.key)}
    rows = np.array([places.get(key, -1) for key in keys], dtype=np.int64)
    absent = np.flatnonzero(rows < 0).tolist()
    if not absent:
        return rows, []
    what = f"has no row in {block.path.name} (column {block.by}: {keys[absent[0]]!r})"
    together = ""
    if len(absent) > 1:
        named = name_cases([ids[row] for row in absent])
        together = (
            f"{len(absent)} of {len(keys)} cases have no row in {block.path.name} ({named}); its column {block.by} has "
            f"{', '.join(map(repr, block.key[:3]))} and so on: write the same names in both tables, or leave these cases out"
        )
    return rows, [Problem(ids[row], what, "file", row, together) for row in absent]


def finite_problems(block: FeatureBlock, values: NDArray[np.float64], ids: Sequence[str]) -> list[Problem]:
    """Cases with a feature that is missing or no finite number, told by one sentence with the columns and how many.

    Args:
        block: whose features they are.
        values: (n, f) of the n cases.
        ids: of the n cases.
    """
    wrong = ~(np.abs(values) <= LARGEST)
    rows, counts = np.flatnonzero(wrong.any(1)).tolist(), wrong.sum(0)
    if not rows:
        return []
    places = np.flatnonzero(counts).tolist()
    told = ", ".join(f"{block.columns[place]} in {counts[place]}" for place in places[:LISTED])
    more = f" and {len(places) - LISTED} more columns" if len(places) > LISTED else ""
    together = (
        f"{counted(len(places), 'feature')} of {block.path.name} {plural(len(places), 'is', 'are')} missing, not a number or infinite "
        f"in {counted(len(rows), 'case')} ({told}{more}; {name_cases([ids[row] for row in rows])}); no feature may be missing: make "
        "them anew, or leave such cases or columns out"
    )
    return [
        Problem(
            ids[row],
            f"its feature {block.columns[int(wrong[row].argmax())]} is no finite number",
            "file",
            row,
            together,
        )
        for row in rows
    ]


def varying(block: FeatureBlock, values: NDArray[np.float64]) -> tuple[list[int], list[str]]:
    """Places of the features that are not the same in all cases (n, f), and what is said of the others.

    Features that differ by the rounding of double precision alone are the same: a shape feature of cubes, for one.

    Raises:
        InputError: all are; or the values of one differ by less than single precision tells.
    """
    constant = np.ptp(values, axis=0) <= ROUNDING * np.abs(values).max(0)
    kept = np.flatnonzero(~constant).tolist()
    names = [block.columns[place] for place in np.flatnonzero(constant).tolist()]
    if not kept:
        raise InputError(
            f"every feature of {block.path.name} is the same in all {len(values)} cases, so nothing can be learned from it"
        )
    coarse = np.abs(values).max(0) * SINGLE > LOST * values.std(0)
    if coarse[kept].any():
        place = next(place for place in kept if coarse[place])
        raise InputError(
            f"the feature {block.columns[place]} of {block.path.name} is {values[:, place].min():.10g} to {values[:, place].max():.10g}, "
            "which single precision hardly tells apart; subtract what is common to all, or leave it out"
        )
    if not names:
        return kept, []
    shown = ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
    are = plural(len(names), "is", "are")
    return kept, [
        f"{counted(len(names), 'feature')} of {block.path.name} {are} the same in all cases and {are} left out ({shown})"
    ]


def refuse_labels(
    block: FeatureBlock,
    values: NDArray[np.float64],
    label: Float64[np.ndarray, "n t"],
    target: Sequence[str],
) -> None:
    """Raise InputError where a feature is a label, or the label in another unit.

    Args:
        block: of f features.
        values: of the n cases, (n, f).
        label: NaN = missing.
        target: t names.
    """
    for name, given in zip(target, label.T, strict=True):
        known = ~np.isnan(given)
        own, features = given[known], values[known]
        if len(own) == 0 or own.min() == own.max():
            continue
        same = (features == own[:, None]).all(0) | (_correlation(features, own) > 1 - ALIKE)
        if same.any():
            column = block.columns[int(same.argmax())]
            raise InputError(
                f"the feature {column} of {block.path.name} is the label {name}, which gives the answer away; leave it out"
            )


def _correlation(features: NDArray[np.float64], label: NDArray[np.float64]) -> NDArray[np.float64]:
    """|Pearson's r| of each column (n, f) with the label (n,); 0 of a constant one, and of few cases."""
    if len(label) < LEAST_CORRELATED:
        return np.zeros(features.shape[1])
    centred, own = features - features.mean(0), label - label.mean()
    sizes = np.sqrt((centred**2).sum(0) * (own**2).sum())
    found: NDArray[np.float64] = np.abs(own @ centred) / np.where(sizes > 0, sizes, np.inf)
    return found


def equal_rows(values: NDArray[np.float64], group: Sequence[str], ids: Sequence[str]) -> list[str]:
    """A note where cases of different groups have the same features (n, f)."""
    first: dict[bytes, int] = {}
    alike = dict[str, None]()
    for row, own in enumerate(values):
        other = first.setdefault(hashlib.sha256(own.tobytes()).digest(), row)
        if group[other] != group[row]:
            alike |= {ids[other]: None, ids[row]: None}
    if not alike:
        return []
    return [
        f"{len(alike)} cases of different groups have the same features ({name_cases(list(alike))}): is one image there twice? Give such "
        "cases one group, or leave them out"
    ]


def content_digest(before: str, columns: Sequence[Sequence[str]], values: NDArray[np.float64]) -> str:
    """SHA-256 of a table's own digest, the names of its features and their values (n, f)."""
    made = hashlib.sha256(repr((before, columns)).encode())
    made.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
    return made.hexdigest()
