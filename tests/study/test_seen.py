"""What training files say of pixels and directions, and new files that say otherwise."""

from typing import Any

import numpy as np
import pytest

from medgauge.data.images.decode import PreparedImages
from medgauge.data.images.facts import ImageFact
from medgauge.study.seen import seen_images, unlike_notes
from tests.study.small import recipe_of

AXIAL, PRONE = "the left and the back", "the right and the front"
PLAIN = ImageFact((1, 8, 8), "uint16", 0.0, 1000.0, False, (0.7, 0.7), False, AXIAL)


def images_of(*facts: ImageFact | None, zoom: float = 1.0) -> PreparedImages:
    n = len(facts)
    return PreparedImages(np.zeros((n, 1, 8, 8)), np.full(n, zoom), [""] * n, [], [], 1.0, list(facts))


def notes_of(seen: dict[str, object], *facts: ImageFact, zoom: float = 1.0, **changes: Any) -> list[str]:
    ids = [f"n{row}" for row in range(len(facts))]
    return unlike_notes(images_of(*facts, zoom=zoom), ids, recipe_of(**changes), [seen])


TRAIN = [PLAIN._replace(spacing=(size, size)) for size in (0.5, 0.7, 0.9)]
SEEN = seen_images(images_of(*TRAIN, PLAIN._replace(spacing=(9, 9))), [0, 1, 2])


def test_what_is_kept_is_of_the_rows_named_alone() -> None:
    assert SEEN == {
        "count": 3, "sized": 3, "pixels": [[0.5, 0.9], [0.5, 0.9]], "shapes": [1.0, 1.0], "directions": {AXIAL: 3},
    }  # fmt: skip
    bare = PLAIN._replace(spacing=None, direction="")
    assert seen_images(images_of(bare, None), [0, 1]) == {"count": 2, "sized": 0, "directions": {}}


def test_nothing_is_said_of_files_that_say_the_same_nor_of_runs_that_kept_nothing() -> None:
    assert notes_of(SEEN, *TRAIN, PLAIN._replace(spacing=(0.95, 0.95))) == []
    assert unlike_notes(images_of(PLAIN._replace(spacing=(7, 7))), ["n0"], recipe_of(), []) == []
    assert notes_of(seen_images(images_of(PLAIN._replace(spacing=None, direction="")), [0]), PLAIN) == []


def test_pixels_of_other_sizes_are_told_as_images_are_resized() -> None:
    twice = PLAIN._replace(spacing=(1.4, 1.4))
    [note] = notes_of(SEEN, PLAIN, twice, twice)
    assert note.startswith(
        "pixels of 2 of 3 images (cases n1, n2) are 1.4 mm, and those of the training images 0.5 to 0.9 mm, "
    )
    assert notes_of(SEEN, twice, zoom=2.0) == []
    assert notes_of(SEEN, PLAIN, zoom=2.0)[0].startswith("pixels of 1 of 1 images (case n0) are 0.35 mm, ")
    for told in ({"image": {"spacing": [1.0, 1.0]}}, {"augmentation": {"size_covariates": ["pixel_mm"]}}):
        assert notes_of(SEEN, twice, **told) == []


def test_pixels_of_another_shape_are_told_within_the_sizes_too() -> None:
    [note] = notes_of(SEEN, PLAIN._replace(spacing=(0.5, 0.9)))
    assert note.startswith(
        "pixels of 1 of 1 images (case n0) are 1.8 times as wide as high, and those of the training images 1 times"
    )


@pytest.mark.parametrize("sized", [3, 2])
def test_files_without_a_size_are_told_where_all_training_files_have_one(sized: int) -> None:
    found = notes_of({**SEEN, "sized": sized}, PLAIN._replace(spacing=None), PLAIN)
    said = "1 of 2 images (case n0) has no size of a pixel in the file, and all training images have one: "
    assert [note[: len(said)] for note in found] == [said] * (sized == 3)


def test_directions_that_no_training_image_has_are_told() -> None:
    [note] = notes_of(SEEN, PLAIN._replace(direction=PRONE), PLAIN._replace(direction=""))
    assert note == (
        "1 of 2 images (case n0) is turned, or of another plane: rows and columns run to the right and the front, those of the "
        "training images to the left and the back; turn them as these are, or leave them out"
    )
    assert notes_of({**SEEN, "directions": {AXIAL: 2, PRONE: 1}}, PLAIN._replace(direction=PRONE)) == []
