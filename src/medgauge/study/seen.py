"""What the files of a run's training images say of pixels and directions, and new files that say otherwise."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgauge.core.problem import name_cases
from medgauge.core.words import plural
from medgauge.data.images.decode import PreparedImages
from medgauge.recipes.schema import Recipe
from medgauge.study.image_notes import UNLIKE_PIXELS

SIZES, SHAPES = "pixels", "shapes"


def seen_images(images: PreparedImages, rows: Sequence[int]) -> dict[str, object]:
    """What some images' files say, as results.json holds it.

    Returns:
        ``count`` of the images; ``sized``, how many files give the size of a pixel; ``pixels``: the smallest and the largest
        of each axis, in millimetres, as images are prepared; ``shapes``: the smallest and largest ratio of a pixel's width to
        its height; ``directions``: how many images have rows and columns that run where.
    """
    sizes = [of for row in rows if (of := _sizes(images, row)) is not None]
    directions = Counter(fact.direction for row in rows if (fact := images.facts[row]) is not None and fact.direction)
    seen: dict[str, object] = {"count": len(rows), "sized": len(sizes), "directions": dict(directions)}
    if len({len(of) for of in sizes}) == 1:
        each = np.array(sizes)
        seen[SIZES] = np.stack([each.min(axis=0), each.max(axis=0)], axis=1).tolist()
        seen[SHAPES] = [float(_shape(each).min()), float(_shape(each).max())]
    return seen


def unlike_notes(
    images: PreparedImages, ids: Sequence[str], recipe: Recipe, seen: Sequence[Mapping[str, Any]]
) -> list[str]:
    """What new files say otherwise than those of the training images do, a line each.

    Args:
        images: n images, prepared as the run's.
        ids: of the n cases.
        recipe: by which they are prepared.
        seen: of the training images of each fit; of runs that did not keep it none.
    """
    if not seen:
        return []
    sizes = {row: of for row in range(len(images)) if (of := _sizes(images, row)) is not None}
    told = recipe.image.spacing is not None or bool(recipe.augmentation.named_sizes)
    notes = [_directions(images, ids, seen)]
    known = [one for one in seen if SIZES in one]
    if known and not recipe.image.spacing:
        notes.append(_shapes(sizes, ids, np.array([one[SHAPES] for one in known])))
    if known and not told:
        notes.append(_other_sizes(sizes, ids, [one[SIZES] for one in known]))
        if all(one["sized"] == one["count"] for one in seen):
            notes.append(_unsized([name for row, name in enumerate(ids) if row not in sizes], len(ids)))
    return [note for note in notes if note]


def _sizes(images: PreparedImages, row: int) -> NDArray[np.float64] | None:
    """Millimetres a pixel of the prepared image, along each axis; None where the file does not say."""
    fact = images.facts[row]
    return None if fact is None or fact.spacing is None else np.array(fact.spacing) / images.zoom[row]


def _shape(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Width to height of pixels (n, axes)."""
    shape: NDArray[np.float64] = sizes[:, -1] / sizes[:, -2]
    return shape


def _outside(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.bool_]:
    return (values < low / UNLIKE_PIXELS) | (values > high * UNLIKE_PIXELS)


def _other_sizes(
    sizes: Mapping[int, NDArray[np.float64]], ids: Sequence[str], known: Sequence[Sequence[tuple[float, float]]]
) -> str:
    """On pixels that are smaller or larger than all of the training images; or no text."""
    each = np.array(known) if len({len(one) for one in known}) == 1 else np.empty((1, 0, 2))
    ends = np.stack([each[..., 0].min(axis=0), each[..., 1].max(axis=0)], axis=1)
    own = {row: of for row, of in sizes.items() if len(of) == len(ends)}
    unlike = [row for row, of in own.items() if any(map(_outside, of, *ends.T))]
    if not unlike:
        return ""
    return (
        f"pixels of {len(unlike)} of {len(ids)} images ({name_cases([ids[row] for row in unlike])}) are "
        f"{_range(np.array([own[row] for row in unlike]))} mm, and those of the training images {_range(ends)} mm, by what "
        "the files say and images are resized to: the model takes their sizes for others, and their values are not to be "
        "relied on; resample such images to the pixels of the training images"
    )


def _shapes(sizes: Mapping[int, NDArray[np.float64]], ids: Sequence[str], known: NDArray[np.float64]) -> str:
    """On pixels that are wider or narrower than all of the training images; or no text."""
    low, high = known[:, 0].min(), known[:, 1].max()
    shapes = {row: _shape(of[None])[0] for row, of in sizes.items()}
    unlike = [row for row, shape in shapes.items() if _outside(np.array(shape), low, high)]
    if not unlike:
        return ""
    return (
        f"pixels of {len(unlike)} of {len(ids)} images ({name_cases([ids[row] for row in unlike])}) are "
        f"{_range(np.array([shapes[row] for row in unlike]))} times as wide as high, and those of the training images "
        f"{_range(known)} times, by what the files say: such images look stretched to the model; resample them to pixels of "
        "that shape"
    )


def _unsized(ids: Sequence[str], count: int) -> str:
    """On files without a size of pixels, where all training images have one; or no text."""
    if not ids:
        return ""
    return (
        f"{len(ids)} of {count} images ({name_cases(ids)}) {plural(len(ids), 'has', 'have')} no size of a pixel in the file, and "
        "all training images have one: whether their pixels are as large as those is not known; take the files that give it"
    )


def _directions(images: PreparedImages, ids: Sequence[str], seen: Sequence[Mapping[str, Any]]) -> str:
    """On images whose rows and columns run as those of no training image; or no text."""
    known = Counter[str]()
    for one in seen:
        known.update(one["directions"])
    own = {row: fact.direction for row, fact in enumerate(images.facts) if fact is not None and fact.direction}
    unlike = [row for row, direction in own.items() if direction not in known]
    if not known or not unlike:
        return ""
    return (
        f"{len(unlike)} of {len(ids)} images ({name_cases([ids[row] for row in unlike])}) {plural(len(unlike), 'is', 'are')} "
        f"turned, or of another plane: rows and columns run to {_ways(own[row] for row in unlike)}, those of the training "
        f"images to {_ways(known)}; turn them as these are, or leave them out"
    )


def _ways(directions: Iterable[str]) -> str:
    return " or ".join(sorted(set(directions)))


def _range(values: NDArray[np.float64]) -> str:
    low, high = f"{values.min():.4g}", f"{values.max():.4g}"
    return low if low == high else f"{low} to {high}"
