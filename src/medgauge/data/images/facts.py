"""What images are like as their files have them: one by one, and of a sample that settings are chosen by."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from medgauge.core.errors import InputError
from medgauge.data.images.boxes import reach
from medgauge.data.images.grey import body, usual_ends
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.masks import read_mask
from medgauge.data.images.prepare import ends_of, window_of
from medgauge.data.images.readers import read_image

__all__ = ["Facts", "ImageFact", "fact_of", "fact_of_values", "image_facts", "range_ratio"]

ODD = 0.01
"""Share of the images at each end of their ranges, and at least one of many, that does not count."""
MANY = 20


class ImageFact(NamedTuple):
    """What one image is like.

    shape: channels first; dtype: as NumPy names it; low, high: the 0.5th and 99.5th percentile of its intensities; flat:
    every channel is of one single value; spacing: millimetres a pixel, None where the file does not say; has_unit,
    direction and kind: as in :class:`~medgauge.data.images.image.RawImage`.
    """

    shape: tuple[int, ...]
    dtype: str
    low: float
    high: float
    flat: bool
    spacing: tuple[float, ...] | None
    has_unit: bool
    direction: str = ""
    kind: str = ""


def fact_of(raw: RawImage) -> ImageFact:
    """What an image is like."""
    low, high = usual_ends(raw)
    flat = low == high and all(_is_flat(channel[None], raw) for channel in raw.array)
    said = raw.spacing, raw.has_unit, raw.direction, raw.kind
    return ImageFact(raw.array.shape, raw.array.dtype.name, low, high, flat, *said)


def _is_flat(channel: np.ndarray[Any, Any], raw: RawImage) -> bool:
    values = raw._replace(array=channel).intensities
    return bool(values.min() == values.max())


def fact_of_values(values: Sequence[Any]) -> ImageFact:
    """A fact as JSON keeps it."""
    shape, dtype, low, high, flat, spacing, *more = values
    return ImageFact(tuple(shape), dtype, low, high, flat, None if spacing is None else tuple(spacing), *more)


class Facts(NamedTuple):
    """What a sample of the images is like, to choose settings by.

    sizes, channels, dtypes and ndims: what occurs, the most frequent first; grey: every colour image has equal channels;
    window: as :func:`~medgauge.data.images.prepare.find_window`; each: the facts of each image that could be read;
    problems: (row, sentence) of sampled images that could not; reaches: of each image with a mask, the sides of the smallest
    box about its centroid that holds it, in voxels, beside its fact; background: most of the images have one about a body.
    """

    ndims: list[int]
    sizes: list[tuple[int, ...]]
    channels: list[int]
    dtypes: list[str]
    grey: bool
    window: tuple[float, float] | None
    each: list[ImageFact]
    problems: list[tuple[int, str]]
    reaches: Sequence[tuple[ImageFact, tuple[float, ...]]] = ()
    background: bool = False


def image_facts(
    sources: Sequence[ImageSource],
    limit: int = 32,
    *,
    nan: float | None = None,
    masks: bool = False,
    mask_label: int | None = None,
) -> Facts:
    """Read up to ``limit`` images, spread evenly over the sources and one at a time, and tell what they are like.

    Args:
        sources: of the images.
        limit: how many are read.
        nan: what is read where a pixel is not a number.
        masks: read masks too.
        mask_label: the label that is the mask; None: all above 0.
    """
    count = min(limit, len(sources))
    problems, reaches, each, ends, greys, bodies = [], [], [], [], [], []
    for row in sorted({round(place) for place in np.linspace(0, len(sources) - 1, count)}):
        try:
            raw, mask = read_image(sources[row], nan=nan), sources[row].mask
            reached = reach(read_mask(mask, raw, mask_label)) if masks and mask is not None else None
        except InputError as error:
            problems.append((row, str(error)))
            continue
        fact = fact_of(raw)
        each.append(fact)
        ends.append(ends_of(raw))
        greys.append(len(raw.array) != 3 or bool((raw.array == raw.array[:1]).all()))
        bodies.append(body(raw).size < raw.intensities.size)
        reaches += [] if reached is None else [(fact, reached)]
    return Facts(
        ndims=_frequent(len(fact.shape) - 1 for fact in each),
        sizes=_frequent(fact.shape[1:] for fact in each),
        channels=_frequent(fact.shape[0] for fact in each),
        dtypes=_frequent(fact.dtype for fact in each),
        grey=all(greys),
        window=window_of(ends, [fact.dtype for fact in each]) if each else None,
        each=each,
        problems=problems,
        reaches=reaches,
        background=2 * sum(bodies) > len(bodies),
    )


def _frequent(values: Iterable[Any]) -> list[Any]:
    """What occurs, the most frequent first."""
    return [value for value, _ in Counter(values).most_common()]


def range_ratio(facts: Sequence[ImageFact]) -> float:
    """How many times as wide the widest range of intensities is as the narrowest, where ranges mean nothing by themselves.

    Or how many times as wide all of them together are as the widest, where that is more: ranges lie apart. Ranges are between
    the 0.5th and 99.5th percentile; of 20 images and more one in a hundred at each end, and at least one, does not
    count. 1 where every image has a unit, and where all have 8 bits.
    """
    if all(fact.has_unit for fact in facts) or all(fact.dtype == "uint8" for fact in facts):
        return 1.0
    facts = [fact for fact in facts if fact.high > fact.low]
    widths = sorted(fact.high - fact.low for fact in facts)
    odd = max(1, int(ODD * len(widths))) if len(widths) >= MANY else 0
    widths = widths[odd : len(widths) - odd]
    if not widths:
        return 1.0
    lowest, highest = sorted(fact.low for fact in facts)[odd], sorted(fact.high for fact in facts)[-1 - odd]
    return max(widths[-1] / widths[0], (highest - lowest) / widths[-1])
