"""Sites, devices and other subgroups whose images or labels are unlike: a model may tell them apart in place of the label."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgauge.data.images.decode import PreparedImages
from medgauge.data.images.facts import ImageFact
from medgauge.study.image_notes import DEPTHS

LEAST, MOST_VALUES = 5, 20
"""Cases of a subgroup, at the least, that tell what it is like, and subgroups of a column, at most."""
MOST = 0.95
"""Share of a subgroup's images that have what is said of it."""
ENDS = (5, 95)
"""Percentiles between which the numbers of a subgroup lie, for subgroups to be apart."""


def site_notes(
    subgroups: Mapping[str, Sequence[str]], images: PreparedImages, label: NDArray[np.float64], target: Sequence[str]
) -> list[str]:
    """A line a column whose subgroups differ in kind or depth, shape, or spacing of their files, in brightness, or in labels.

    Subgroups differ in what a file is where nearly all images of each are of one kind, and not of the same; in numbers where
    those of two of them, but for a twentieth at each end, do not overlap.

    Args:
        subgroups: of n cases, by column.
        images: n images, prepared.
        label: (n, t).
        target: t names.
    """
    notes = []
    axes = tuple(range(1, images.array.ndim))
    seen = bool(subgroups) and len(axes) > 1  # features of a table have no brightness
    bright = {"brightness (of 1)": images.array.mean(axis=axes) / images.scale} if seen else {}
    for column, values in subgroups.items():
        rows = {value: np.flatnonzero(np.array(values) == value) for value in dict.fromkeys(values)}
        rows = {value: of for value, of in rows.items() if len(of) >= LEAST}
        if not 2 <= len(rows) <= MOST_VALUES:
            continue
        found = [
            _words_apart(name, {value: [_words(images.facts[row], name) for row in of] for value, of in rows.items()})
            for name in ("depth", "shape", "spacing")
        ]
        numbers = bright | dict(zip(target, label.T, strict=True))
        found += [_apart(name, {value: each[of] for value, of in rows.items()}) for name, each in numbers.items()]
        told = "; ".join(filter(None, found))
        if told:
            notes.append(
                f"subgroups of {column} are unlike: {told}: a model may read {column} in place of the label; make them alike, "
                f"or hold one out to see (--holdout {column}={next(iter(rows))})"
            )
    return notes


def _words(fact: ImageFact | None, name: str) -> str:
    if fact is None:
        return ""
    if name == "depth":
        return DEPTHS.get(fact.dtype, "32-bit and more")
    sizes: Sequence[Any] = fact.shape[1:] if name == "shape" else [f"{one:.3g}" for one in fact.spacing or ()]
    return " x ".join(map(str, sizes)) + (" mm" if name == "spacing" and fact.spacing else "")


def _words_apart(name: str, each: Mapping[str, Sequence[str]]) -> str:
    """What nearly all images of each subgroup are, where that is not the same in all; or no text."""
    usual = {}
    for value, words in each.items():
        (word, count), *_ = Counter(words).most_common(1)
        if not word or count < MOST * len(words):
            return ""
        usual[value] = word
    if len(set(usual.values())) < 2:
        return ""
    return f"{name} {', '.join(f'{word} in {value}' for value, word in list(usual.items())[:5])}"


def _apart(name: str, each: Mapping[str, NDArray[np.float64]]) -> str:
    """The subgroup of the lowest and that of the highest numbers, where these do not overlap; or no text."""
    known = {value: numbers[~np.isnan(numbers)] for value, numbers in each.items()}
    ends = {value: np.percentile(numbers, ENDS) for value, numbers in known.items() if len(numbers) >= LEAST}
    if len(ends) < 2:
        return ""
    low, high = min(ends, key=lambda value: float(ends[value][1])), max(ends, key=lambda value: float(ends[value][0]))
    if low == high or ends[low][1] >= ends[high][0]:
        return ""
    spans = (f"{ends[value][0]:.3g} to {ends[value][1]:.3g} in {value}" for value in (low, high))
    return f"{name} {' and '.join(spans)}"
