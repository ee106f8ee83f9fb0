"""Whether a window that was given leaves something to see: refused where it leaves nothing, noted where it leaves little."""

from collections.abc import Sequence

import numpy as np

from medgauge.core.errors import InputError
from medgauge.core.problem import name_cases
from medgauge.data.images.decode import PreparedImages
from medgauge.recipes.image_settings import ImageSettings

INSIDE = 0.01
"""Share of pixels between the ends of the window, at the least, of the middle image."""
SAMPLE = 64


def window_notes(images: PreparedImages, ids: Sequence[str], image: ImageSettings) -> list[str]:
    """A line on a window that images lie beyond, or that leaves black and white alone.

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
    beyond = [row for row, fact in seen if fact.high <= low or fact.low >= high]
    told = f"image.window ({low:.6g} to {high:.6g})"
    if seen and len(beyond) == len(seen):
        lowest, highest = min(fact.low for _, fact in seen), max(fact.high for _, fact in seen)
        raise InputError(
            f"{told} leaves nothing to see: the intensities of all images lie between {lowest:.6g} and {highest:.6g}; "
            "leave it out, or give a window among them"
        )
    notes = []
    if beyond:
        named = name_cases([ids[row] for row in beyond])
        who = "1 image lies" if len(beyond) == 1 else f"{len(beyond)} images lie"
        notes.append(
            f"{who} beyond {told}, with nothing to see ({named}); look at their intensities, or give another window"
        )
    cut = [row for row, fact in seen if row not in set(beyond) and (fact.low < low or fact.high > high)]
    if len(cut) * 2 > len(seen):
        share = float(np.median([_inside(images.array[row], images.scale) for row in cut[:: -(-len(cut) // SAMPLE)]]))
        if share < INSIDE:
            notes.append(
                f"{told} leaves black and white alone: {100 * (1 - share):.4g} % of the middle image's pixels lie at its ends; "
                "give a wider one, or leave it out"
            )
    return notes


def _inside(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]], scale: float) -> float:
    """The share of an image's numbers that lie between the ends of its scale."""
    return float(((array > 0) & (array < scale)).mean())
