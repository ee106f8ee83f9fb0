"""The box that is cut out of images, where the recipe leaves it to the data."""

import re
from typing import Any

import pytest

from medgauge.core.errors import InputError
from medgauge.data.images.facts import Facts, ImageFact
from medgauge.recipes.image_settings import ImageSettings
from medgauge.study.boxes import decide_around, decide_box

Sides = tuple[float, ...]


def facts_of(*of: tuple[tuple[int, ...], Sides | None, Sides]) -> Facts:
    """Facts of (shape, spacing, how far the mask reaches in voxels)."""
    each = [ImageFact((1, *shape), "int16", 0.0, 1.0, False, spacing, False) for shape, spacing, _ in of]
    reaches = [(fact, sides) for fact, (*_, sides) in zip(each, of, strict=True)]
    return Facts([len(of[0][0])], [of[0][0]], [1], ["int16"], True, (0.0, 1.0), each, [], reaches)


def decided(facts: Facts, *, sized: bool = False, **given: Any) -> tuple[Any, ...]:
    image = decide_box(ImageSettings(around="mask", **given), facts, sized=sized)
    assert image.fit == "pad_or_crop"
    return image.size, image.spacing


def test_masks_are_in_the_middle_where_there_are_any_and_the_fit_is_one_of_boxes() -> None:
    assert decide_around(ImageSettings(), masks=True).around == "mask"
    assert decide_around(ImageSettings(), masks=False).around == "image"
    assert decide_around(ImageSettings(fit="resize"), masks=True).around == "image"
    assert decide_around(ImageSettings(around="image"), masks=True).around == "image"


def test_a_box_holds_the_usual_mask_with_half_of_it_more() -> None:
    even = (1.0, 1.0, 1.0)
    facts = facts_of(*[((90, 90, 90), even, (20.0, 24.0, 30.0))] * 30, ((90, 90, 90), even, (80.0, 80.0, 80.0)))
    assert decided(facts) == ([30, 36, 45], None)  # one in 31 is beyond the 95th percentile
    assert decided(facts_of(((90, 90, 90), None, (20.0, 24.0, 30.0)))) == ([30, 36, 45], None)


def test_a_box_is_no_smaller_than_is_of_use_and_no_larger_than_images() -> None:
    facts = facts_of(((12, 90, 40), (1.0, 1.0, 1.0), (4.0, 4.0, 38.0)))
    assert decided(facts) == ([12, 16, 40], None)


def test_voxels_that_are_unlike_are_resampled_to_the_usual_ones() -> None:
    thick = ((40, 200, 200), (5.0, 0.8, 0.8), (6.0, 30.0, 30.0))
    assert decided(facts_of(thick, thick)) == ([16, 45, 45], [5.0, 0.8, 0.8])
    fine, coarse = ((50, 50, 50), (1.0, 1.0, 1.0), (10.0,) * 3), ((50, 50, 50), (2.0, 2.0, 2.0), (10.0,) * 3)
    assert decided(facts_of(fine, fine, coarse)) == ([30, 30, 30], [1.0, 1.0, 1.0])  # 1.5 times 20 mm
    assert decided(facts_of(fine, fine, coarse), spacing=[2.0, 2.0, 2.0]) == ([16, 16, 16], [2.0, 2.0, 2.0])
    assert decided(facts_of(fine, fine, coarse), sized=True) == ([16, 16, 16], None)
    assert decided(facts_of(fine, fine, coarse), size=[8, 8, 8]) == ([8, 8, 8], None)


def test_a_box_that_is_too_large_gets_coarser_voxels() -> None:
    facts = facts_of(((200, 200, 200), (1.0, 1.0, 1.0), (100.0, 100.0, 100.0)))
    size, spacing = decided(facts)
    assert max(size) <= 64
    assert spacing == pytest.approx([150 / 64] * 3, rel=0.02)


def test_a_box_of_millimetres_gives_size_or_spacing() -> None:
    facts = facts_of(((90, 90, 90), (2.0, 1.0, 1.0), (20.0, 24.0, 30.0)))
    assert decided(facts, extent=[48, 48, 48]) == ([24, 48, 48], [2.0, 1.0, 1.0])
    assert decided(facts, extent=[48, 48, 48], spacing=[2, 2, 2]) == ([24, 24, 24], [2, 2, 2])
    assert decided(facts, extent=[48, 48, 48], size=[96, 96, 96]) == ([96, 96, 96], [0.5, 0.5, 0.5])
    assert decided(facts, extent=[48, 48, 48], size=[24, 24, 24], spacing=[2, 2, 2]) == ([24, 24, 24], [2, 2, 2])
    with pytest.raises(InputError, match="image.extent has 2 numbers, and the images are 3-D; give 3"):
        decided(facts, extent=[48, 48])
    large = decided(facts, extent=[400, 400, 400])
    assert large[0] == [64, 64, 64]


def test_settings_of_a_box_that_contradict_one_another() -> None:
    for words, given in {
        "image.around mask and image.fit resize exclude each other; use image.fit pad_or_crop": {
            "around": "mask", "fit": "resize",
        },
        "image.extent and image.size must name as many axes, got [48.0, 48.0] and [8, 8, 8]": {
            "extent": [48, 48], "size": [8, 8, 8],
        },
        "image.extent [48.0, 48.0, 48.0] is not image.size [20, 24, 24] times image.spacing [2.0, 2.0, 2.0]; give two of them": {
            "extent": [48, 48, 48], "size": [20, 24, 24], "spacing": [2, 2, 2],
        },
    }.items():  # fmt: skip
        with pytest.raises(ValueError, match=re.escape(words)):
            ImageSettings(**given)  # type: ignore[arg-type]
