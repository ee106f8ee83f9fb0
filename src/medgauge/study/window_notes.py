"""Whether a window that was given leaves something to see: refused where it leaves nothing, noted where it leaves little."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.core.problem import name_cases
from medgauge.data.images.decode import PreparedImages
from medgauge.data.images.facts import ImageFact
from medgauge.recipes.image_settings import ImageSettings

FEW = 0.1
"""Share of the middle image's pixels between the ends of a window that is too narrow, at most; at each end there are more."""
SAMPLE = 64


def window_notes(images: PreparedImages, ids: Sequence[str], image: ImageSettings) -> list[str]:
    """A line on a window that images lie beyond, or that leaves hardly more than black and white.

    Args:
        images: n images, prepared with the window.
        ids: of the n cases.
        image: settings as they were given; a window that is auto or none has nothing to say.

    Raises:
        InputError: every image lies beyond the window, so that nothing is to be seen.
    """
    if image.window is None or image.window == "auto":
        return []
    low, high = (float(end) for end in image.window)
    seen = [(row, fact) for row, fact in enumerate(images.facts) if fact is not None and not fact.flat]
    beyond = {row for row, fact in seen if _is_beyond(fact, images.array[row], images.scale, low, high)}
    told = f"image.window ({low:.6g} to {high:.6g})"
    if seen and len(beyond) == len(seen):
        lowest, highest = min(fact.low for _, fact in seen), max(fact.high for _, fact in seen)
        raise InputError(
            f"{told} leaves nothing to see: nearly all intensities of all images lie between {lowest:.6g} and {highest:.6g}; "
            "leave it out, or give a window among them"
        )
    notes = []
    if beyond:
        named = name_cases([ids[row] for row in sorted(beyond)])
        who = "1 image lies" if len(beyond) == 1 else f"{len(beyond)} images lie"
        notes.append(
            f"{who} beyond {told}, with nothing to see ({named}); look at their intensities, or give another window"
        )
    cut = [row for row, fact in seen if row not in beyond and (fact.low < low or fact.high > high)]
    if len(cut) * 2 > len(seen):
        shares = np.array([_shares(images.array[row], images.scale) for row in cut[:: -(-len(cut) // SAMPLE)]])
        below, inside, above = np.median(shares, axis=0).tolist()
        if inside < FEW < min(below, above):
            notes.append(
                f"{told} leaves hardly more than black and white: of the middle image's pixels {100 * below:.3g} % lie at its "
                f"lower end and {100 * above:.3g} % at its upper one; give a wider one, or leave it out"
            )
    return notes


def _is_beyond(fact: ImageFact, array: np.ndarray[Any, Any], scale: float, low: float, high: float) -> bool:
    """Whether nothing of an image is within the window or on its other side: a few bright pixels are something to see."""
    if fact.high <= low:
        return bool((array <= 0).all())
    return fact.low >= high and bool((array[array > 0] >= scale).all())  # padding is 0


def _shares(array: np.ndarray[Any, Any], scale: float) -> tuple[float, float, float]:
    """Of an image's numbers those at the lower end of its scale, between the ends, and at the upper one."""
    below, above = float((array <= 0).mean()), float((array >= scale).mean())
    return below, 1 - below - above, above
