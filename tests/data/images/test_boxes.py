"""Boxes around masks: what is cut out, against loops over voxels; padding, notes, and the cache."""

from pathlib import Path

import numpy as np
import pytest

from medgauge.data.images.boxes import centroid, is_cut, reach
from medgauge.data.images.cache import prepare_images
from medgauge.data.images.facts import image_facts
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.prepare import PrepareSettings, prepare

RNG = np.random.default_rng(3)
VOLUME = RNG.integers(1, 255, (9, 10, 11)).astype(np.uint8)


def blob(*places: tuple[int, int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    inside = np.zeros(VOLUME.shape, bool)
    for place in places:
        inside[place] = True
    return inside


def around(size: tuple[int, ...], spacing: tuple[float, ...] | None = None) -> PrepareSettings:
    return PrepareSettings(size=size, fit="pad_or_crop", spacing=spacing, around="mask")


def test_centroid_and_reach_are_those_of_a_loop_over_voxels() -> None:
    inside = RNG.random((4, 5, 6)) < 0.2
    places = np.argwhere(inside) + 0.5
    np.testing.assert_allclose(centroid(inside), places.mean(axis=0))
    away = np.abs(places - places.mean(axis=0)).max(axis=0) + 0.5
    np.testing.assert_allclose(reach(inside), 2 * away)


def test_a_box_without_resampling_holds_the_voxels_of_the_file() -> None:
    made = prepare(RawImage(VOLUME[None]), around((3, 5, 7)), blob((4, 5, 6))).array[0]
    np.testing.assert_allclose(made * 255, VOLUME[3:6, 3:8, 3:10], atol=1e-4)


def test_what_the_box_has_beyond_the_image_is_zero() -> None:
    made = prepare(RawImage(VOLUME[None]), around((5, 4, 5)), blob((0, 9, 10))).array[0]
    for z, y, x in np.ndindex(made.shape):
        place = (z - 2, y + 8, x + 8)  # 0.5 - 2.5 = -2; 9.5 - 2 = 7.5, rounded up; 10.5 - 2.5 = 8
        there = all(0 <= at < side for at, side in zip(place, VOLUME.shape, strict=True))
        assert made[z, y, x] * 255 == pytest.approx(float(VOLUME[place]) if there else 0.0, abs=1e-4)


def test_a_box_is_cut_after_resampling() -> None:
    # 2 mm to 1 mm along z: each voxel becomes two; linear between middles, about the centroid at z = 4.5 and y = 5.5
    raw = RawImage(VOLUME[None], (2.0, 1.0, 1.0))
    made = prepare(raw, around((4, 1, 1), (1.0, 1.0, 1.0)), blob((4, 5, 6))).array[0, :, 0, 0] * 255
    line = VOLUME[:, 5, 6].astype(float)
    places = 4.5 + (np.arange(4) + 0.5 - 2) / 2  # in voxels of the file
    # float32 shares of 255, made whole greys again
    np.testing.assert_allclose(made, np.interp(places, np.arange(9) + 0.5, line), atol=1e-3)


def test_a_box_about_the_middle_of_the_image_is_as_without_a_mask() -> None:
    middle = np.ones(VOLUME.shape, bool)
    for size in ((3, 4, 5), (12, 14, 15)):
        own = prepare(RawImage(VOLUME[None]), PrepareSettings(size=size, fit="pad_or_crop")).array
        made = prepare(RawImage(VOLUME[None]), around(size), middle).array
        assert made.shape == own.shape
        odd = [(side - target) % 2 for side, target in zip(VOLUME.shape, size, strict=True)]
        if not any(odd):
            np.testing.assert_array_equal(made, own)


def test_a_mask_larger_than_its_box_is_told() -> None:
    inside = blob((4, 5, 2), (4, 5, 8))  # 7 voxels along x, from the edge at 2 to that at 9
    assert reach(inside) == (1.0, 1.0, 7.0)
    assert not is_cut(inside, (1, 1, 7), (1.0, 1.0, 1.0))
    assert not is_cut(inside, (1, 1, 6), (1.0, 1.0, 1.0))  # by less than a voxel an end
    assert is_cut(inside, (1, 1, 5), (1.0, 1.0, 1.0))
    assert is_cut(inside, (1, 1, 7), (1.0, 1.0, 2.0))


@pytest.fixture
def sources(tmp_path: Path) -> list[ImageSource]:
    np.save(tmp_path / "images.npy", np.stack([VOLUME] * 3))
    masks = np.stack([blob((2, 5, 6)), blob((4, 5, 6)), blob((4, 5, 1), (4, 5, 9))]).astype(np.uint8)
    np.save(tmp_path / "masks.npy", masks)
    images, named = tmp_path / "images.npy", tmp_path / "masks.npy"
    return [ImageSource(images, None, row, ImageSource(named, None, row)) for row in range(3)]


def test_images_are_cut_each_around_its_mask_and_kept(sources: list[ImageSource], tmp_path: Path) -> None:
    settings, cache = around((3, 5, 3)), tmp_path / "cache"
    calls: list[int] = []
    for _ in range(2):
        made = prepare_images(sources, settings, cache_dir=cache, progress=lambda done, _: calls.append(done))
        np.testing.assert_array_equal(made.array[0, 0], VOLUME[1:4, 3:8, 5:8])
        np.testing.assert_array_equal(made.array[1, 0], VOLUME[3:6, 3:8, 5:8])
        assert made.notes == ["mask larger than its box of 3 x 5 x 3 (image.size) and cut in 1 image"]
        assert len(set(made.digests)) == 3  # one picture, three places in it
    assert calls == [1, 2, 3]


def test_another_mask_is_another_entry_of_the_cache(sources: list[ImageSource], tmp_path: Path) -> None:
    settings, cache = around((3, 5, 3)), tmp_path / "cache"
    first = prepare_images(sources, settings, cache_dir=cache).array.copy()
    turned = [one._replace(mask=other.mask) for one, other in zip(sources, sources[1:] + sources[:1], strict=True)]
    np.testing.assert_array_equal(prepare_images(turned, settings, cache_dir=cache).array[0], first[1])
    plain = PrepareSettings(size=(3, 5, 3), fit="pad_or_crop")
    assert len({prepare_images(kind, plain, cache_dir=cache).array[0].tobytes() for kind in (sources, turned)}) == 1
    assert len(list(cache.iterdir())) == 3  # the two, and one for both where masks are not read


def test_an_image_without_a_mask_is_a_problem(sources: list[ImageSource]) -> None:
    lacking = [sources[0], sources[1]._replace(mask=None)]
    ((row, what),) = prepare_images(lacking, around((3, 5, 3)), cache_dir=None).problems
    assert (row, what.partition(" has ")[2]) == (1, "no mask to be cut around; name it in the column of data.mask")


def test_a_box_needs_a_size_and_a_fit_that_cuts() -> None:
    with pytest.raises(ValueError, match="around mask needs a size, and fit pad_or_crop, got None and resize"):
        PrepareSettings(around="mask")


def test_facts_tell_how_far_masks_reach(sources: list[ImageSource]) -> None:
    found = image_facts(sources, masks=True)
    assert [sides for _, sides in found.reaches] == [(1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (1.0, 1.0, 9.0)]
    assert image_facts(sources).reaches == []
