"""Windows that leave nothing, or little, to see."""

from typing import Any

import numpy as np
import pytest

from medgauge.core.errors import InputError
from medgauge.data.images.decode import PreparedImages
from medgauge.data.images.facts import ImageFact
from medgauge.recipes.image_settings import ImageSettings
from medgauge.study.window_notes import window_notes

RAMP = np.linspace(0, 243, 400).reshape(1, 20, 20).round()


def told(window: Any, pictures: list[np.ndarray[Any, Any]], **more: Any) -> list[str]:
    """Notes on pictures of 8 bits, with the window laid over them by hand."""
    low, high = window if isinstance(window, list) else (0.0, 255.0)
    array = np.stack([np.round((one.clip(low, high) - low) / (high - low) * 255) for one in pictures]).astype(np.uint8)
    facts: list[ImageFact | None] = [
        ImageFact(one.shape, "uint8", float(one.min()), float(one.max()), one.min() == one.max(), None, False)
        for one in pictures
    ]
    n = len(pictures)
    images = PreparedImages(array, np.ones(n), [""] * n, [], [], 255.0, facts)
    return window_notes(images, [f"c{row}" for row in range(n)], ImageSettings(window=window, **more))


def test_a_window_beyond_all_images_is_refused() -> None:
    for window in ([300.0, 400.0], [-400.0, -10.0], [243.0, 400.0]):
        with pytest.raises(
            InputError, match="leaves nothing to see: nearly all intensities of all images lie between 0 and 243"
        ):
            told(window, [RAMP] * 3)


def test_single_images_beyond_it_are_named() -> None:
    (note,) = told([100.0, 243.0], [RAMP, RAMP, RAMP / 4])
    assert note.startswith("1 image lies beyond image.window (100 to 243), with nothing to see (case c2)")


def test_a_window_that_leaves_black_and_white_is_told() -> None:
    (note,) = told([120.0, 121.0], [RAMP] * 100)
    ends = [100 * (RAMP <= 120).mean(), 100 * (RAMP >= 121).mean()]
    assert f"{ends[0]:.3g} % lie at its lower end and {ends[1]:.3g} % at its upper one" in note
    assert told([100.0, 140.0], [RAMP] * 5) == []
    assert told([225.0, 900.0], [RAMP] * 5) == []  # little is above the lower end, as of bones: no black and white


def test_what_a_window_does_not_cut_says_nothing() -> None:
    mask = (RAMP > 100).astype(float)
    assert told([0.0, 1.0], [mask] * 4) == []  # black and white of itself
    assert told("auto", [RAMP]) == told(None, [RAMP]) == []
    assert told([300.0, 400.0], [RAMP * 0]) == []  # told as blank elsewhere


def test_a_few_bright_pixels_in_the_window_are_something_to_see() -> None:
    spots = np.zeros((1, 40, 40))
    spots[0, 3, 3:6] = (150, 180, 240)  # beyond the 99.5th percentile
    facts: list[ImageFact | None] = [ImageFact((1, 40, 40), "uint8", 0.0, 0.0, False, None, False)] * 2
    array = np.stack([(spots.clip(100, 240) - 100) / 140 * 255] * 2).astype(np.uint8)
    images = PreparedImages(array, np.ones(2), [""] * 2, [], [], 255.0, facts)
    assert window_notes(images, ["a", "b"], ImageSettings(window=[100.0, 240.0])) == []
