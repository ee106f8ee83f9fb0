"""The size that images are read in."""

from typing import Any

import pytest

from medgauge.data.images.facts import Facts, ImageFact
from medgauge.recipes.image_settings import ImageSettings
from medgauge.recipes.schema import RepresentSettings
from medgauge.study.sizes import decide_size, longest_side


def facts_of(*shapes: tuple[int, ...], spacing: tuple[float, ...] | None = None) -> Facts:
    each = [ImageFact((1, *shape), "int16", 0.0, 1.0, False, spacing, False) for shape in shapes]
    return Facts([len(shapes[0])], list(shapes), [1], ["int16"], True, (0.0, 1.0), each, [])


def decided(facts: Facts, *, sized: bool = False, **given: Any) -> tuple[Any, ...]:
    image = decide_size(ImageSettings(**given), facts, sized=sized)
    return image.size, image.fit, image.spacing


@pytest.mark.parametrize(
    ("shapes", "size", "fit"),
    [
        ([(30, 40), (20, 60)], [30, 60], "pad_or_crop"),
        ([(225, 40)], [224, 224], "resize"),
        ([(64, 64, 64)], [64, 64, 64], "pad_or_crop"),
        ([(8, 96, 96)], [8, 96, 96], "pad_or_crop"),  # 73,728 voxels, fewer than the 262,144 of the cube
        ([(1, 300, 300)], [1, 224, 224], "resize"),
        ([(70, 80, 90)], [64, 64, 64], "resize"),
        ([(30, 512, 512)], [10, 165, 165], "resize"),  # cube root of 262,144 / 7,864,320 = 0.3218
    ],
)
def test_of_images_that_do_not_say_the_size_of_their_pixels(shapes: Any, size: list[int], fit: str) -> None:

    assert decided(facts_of(*shapes)) == (size, fit, None)


def test_thick_slices_are_kept_and_the_finer_axes_made_coarser() -> None:
    # 30 slices of 5 mm; 262,144 / 30 = 93.5 squared: 358.4 mm on 93 voxels
    size, fit, spacing = decided(facts_of((30, 512, 512), spacing=(5.0, 0.7, 0.7)))
    assert (size, fit) == ([30, 93, 93], "pad_or_crop")
    assert spacing == pytest.approx([5.0, 358.4 / 93, 358.4 / 93], abs=0.002)
    # 100 slices: at 5 mm 100 x 72 x 72 are still too many, so all get coarser together
    size, fit, spacing = decided(facts_of((100, 512, 512), spacing=(5.0, 0.7, 0.7)))
    assert spacing[0] == spacing[1] == spacing[2] > 5.0
    assert size[0] * size[1] * size[2] <= 64**3 < (size[0] + 2) * (size[1] + 1) * (size[2] + 1)


def test_nothing_is_resampled_where_a_covariate_tells_one_size_of_a_pixel_or_the_user_says_how() -> None:
    facts = facts_of((30, 512, 512), spacing=(5.0, 0.7, 0.7))
    assert decided(facts, sized=True) == ([10, 165, 165], "resize", None)
    assert decided(facts, fit="resize") == ([10, 165, 165], "resize", None)
    assert decided(facts, size=[16, 32, 32]) == ([16, 32, 32], "resize", None)
    assert decided(facts_of((90, 96, 96), spacing=(1.0, 0.7, 0.7))) == ([64, 64, 64], "resize", None)
    assert decided(facts, spacing=[5.0, 4.0, 4.0]) == ([30, 90, 90], "pad_or_crop", [5.0, 4.0, 4.0])  # 358.4 / 4 = 89.6


def test_what_is_given_stays_and_a_smaller_size_does_not_cut() -> None:
    assert decided(facts_of((30, 40)), size=[8, 9], fit="crop") == ([8, 9], "crop", None)
    assert decided(facts_of((30, 40)), size=[8, 9]) == ([8, 9], "resize", None)
    assert decided(facts_of((30, 40)), size=[32, 64]) == ([32, 64], "pad_or_crop", None)
    assert decided(facts_of((300, 400)), size=[512, 512]) == ([512, 512], "resize", None)


@pytest.mark.parametrize(
    ("represent", "shape", "size"),
    [
        ({"name": "frozen"}, (161, 120), [160, 160]),
        ({"name": "frozen"}, (160, 120), [160, 120]),
        ({"name": "frozen", "size": 320}, (321, 40), [320, 320]),
        ({"name": "frozen", "size": 320}, (300, 40), [300, 40]),
        ({"name": "frozen", "size": 96}, (160, 120), [96, 96]),
        ({"name": "tuned"}, (225, 40), [224, 224]),
        ({"name": "tuned", "size": 128}, (225, 40), [128, 128]),
        ({"name": "scratch"}, (225, 40), [224, 224]),
    ],
)
def test_the_longest_side_that_a_pretrained_network_reads(
    represent: Any, shape: tuple[int, int], size: list[int]
) -> None:
    longest = longest_side(RepresentSettings(**represent))
    assert decide_size(ImageSettings(), facts_of(shape), sized=False, longest=longest).size == size
