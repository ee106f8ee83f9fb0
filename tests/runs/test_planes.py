"""Three planes of a volume, against slices taken by hand; the outline of a mask; the pictures of a run with masks."""

from pathlib import Path

import numpy as np
from PIL import Image

from medgauge.data.images.image import ImageSource
from medgauge.runfolder import RunFolder
from medgauge.runs.planes import GAP, OUTLINE, TILE, outline, three_planes
from medgauge.runs.thumbnails import prepared_mask, write_thumbnail
from tests.study.small import recipe_of

VOLUME = np.random.default_rng(0).integers(0, 255, (1, 4, 6, 8)).astype(np.uint8)  # c, z, y, x


def test_the_planes_are_those_through_the_middle_with_the_head_up() -> None:
    made = three_planes(VOLUME, None, None)
    assert made.shape == (6, 8 + 8 + 6 + 2 * GAP)
    np.testing.assert_array_equal(made[:, :8], VOLUME[0, 2])
    np.testing.assert_array_equal(made[1:5, 8 + GAP : 16 + GAP], VOLUME[0, ::-1, 3])
    np.testing.assert_array_equal(made[1:5, 16 + 2 * GAP :], VOLUME[0, ::-1, :, 4])
    assert not made[:, 8 : 8 + GAP].any()


def test_pixels_are_as_long_along_both_axes_and_the_longest_side_is_bounded() -> None:
    thick = three_planes(VOLUME, None, (2.0, 1.0, 1.0))
    assert thick.shape == (8, 8 + 8 + 6 + 2 * GAP)  # 4 slices of 2 mm
    large = three_planes(np.zeros((1, 50, 200, 100), np.uint8), None, (3.0, 1.0, 1.0))
    assert large.shape == (TILE, 48 + 48 + 96 + 2 * GAP)


def test_the_outline_is_red_and_leaves_the_inside() -> None:
    inside = np.zeros((4, 6, 8), bool)
    inside[1:4, 1:5, 2:7] = True
    made = three_planes(VOLUME, inside, None)
    red = (made == OUTLINE).all(axis=-1)
    assert red[:, :8].astype(int).tolist() == [
        [0] * 8, [0, 0, 1, 1, 1, 1, 1, 0], [0, 0, 1, 0, 0, 0, 1, 0], [0, 0, 1, 0, 0, 0, 1, 0], [0, 0, 1, 1, 1, 1, 1, 0],
        [0] * 8,
    ]  # fmt: skip
    np.testing.assert_array_equal(made[2, 3], np.repeat(VOLUME[0, 2, 2, 3], 3))
    assert red[1:5, 8 + GAP : 16 + GAP].astype(int).tolist()[0] == [0, 0, 1, 1, 1, 1, 1, 0]  # the head up: z = 3


def test_an_outline_is_that_of_a_loop_over_pixels() -> None:
    shape = np.random.default_rng(1).random((9, 11)) < 0.7
    for y, x in np.ndindex(shape.shape):
        around = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
        edge = any(not (0 <= a < 9 and 0 <= b < 11 and shape[a, b]) for a, b in around)
        assert outline(shape)[y, x] == (shape[y, x] and edge)


def test_a_volume_of_colours_keeps_them_and_a_picture_of_it_is_written(tmp_path: Path) -> None:
    colours = np.repeat(VOLUME, 3, axis=0)
    colours[2] = 0
    write_thumbnail(RunFolder(tmp_path), 3, colours, 255.0)
    with Image.open(tmp_path / "thumbnails" / "3.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture)[:, :8], np.moveaxis(colours[:, 2], 0, -1))


def test_the_mask_is_cut_as_its_image_is(tmp_path: Path) -> None:
    mask = np.zeros((4, 6, 8), np.uint8)
    mask[2:4, 3:5, 5:7] = 1
    np.save(tmp_path / "image.npy", VOLUME[0][None])
    np.save(tmp_path / "mask.npy", mask[None])
    source = ImageSource(tmp_path / "image.npy", mask=ImageSource(tmp_path / "mask.npy"))
    image = {
        "size": [4, 4, 4],
        "around": "mask",
        "fit": "pad_or_crop",
        "window": [0, 255],
        "channels": 1,
        "grey": "set",
    }
    recipe = recipe_of(image=image, data={"mask": "mask"})
    shown = prepared_mask(source, recipe)
    assert shown is not None
    assert np.argwhere(shown).tolist() == [[z, y, x] for z in (1, 2) for y in (1, 2) for x in (1, 2)]
    assert prepared_mask(ImageSource(tmp_path / "image.npy"), recipe) is None
    assert prepared_mask(source._replace(mask=ImageSource(tmp_path / "gone.npy")), recipe) is None
