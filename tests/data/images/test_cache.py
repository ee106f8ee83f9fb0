"""Decoded once, whole or not at all, and the same however it was made."""

import os
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medgauge.core.errors import InputError
from medgauge.data.images import cache, decode, facts
from medgauge.data.images.cache import prepare_images
from medgauge.data.images.facts import image_facts
from medgauge.data.images.image import ImageSource
from medgauge.data.images.layout import FOUR_KEPT
from medgauge.data.images.prepare import PrepareSettings

SIZE = PrepareSettings(size=(8, 8))


def rows_of(path: Path, array: np.ndarray) -> list[ImageSource]:
    """One source a row of an array file."""
    np.save(path, array)
    return [ImageSource(path, None, row) for row in range(len(array))]


@pytest.fixture
def sources(tmp_path: Path) -> list[ImageSource]:
    return rows_of(tmp_path / "grey.npy", np.random.default_rng(0).integers(0, 256, (12, 8, 8), dtype=np.uint8))


def array_gone(place: Path) -> None:
    (place / "images.npy").unlink()


def facts_gone(place: Path) -> None:
    (place / "facts.json").unlink()


def seal_gone(place: Path) -> None:
    (place / "sha256.txt").unlink()


def empty_array(place: Path) -> None:
    (place / "images.npy").write_bytes(b"")


def cut_array(place: Path) -> None:
    content = (place / "images.npy").read_bytes()
    (place / "images.npy").write_bytes(content[:-1])


def no_rows(place: Path) -> None:
    np.save(place / "images.npy", np.zeros((0, 1, 8, 8), np.uint8))


def other_shape(place: Path) -> None:
    np.save(place / "images.npy", np.zeros((12, 1, 4, 16), np.uint8))


def one_bit(place: Path) -> None:
    content = bytearray((place / "images.npy").read_bytes())
    content[-5] ^= 1
    (place / "images.npy").write_bytes(content)


def list_of_facts(place: Path) -> None:
    (place / "facts.json").write_text("[]")


def other_zoom(place: Path) -> None:
    facts = (place / "facts.json").read_text()
    (place / "facts.json").write_text(facts.replace("1.0", "2.0", 1))


def folder_for_facts(place: Path) -> None:
    facts_gone(place)
    (place / "facts.json").mkdir()


def file_for_folder(place: Path) -> None:
    shutil.rmtree(place)
    place.write_text("no folder")


def empty_folder(place: Path) -> None:
    shutil.rmtree(place)
    place.mkdir()


def link_to_nowhere(place: Path) -> None:
    shutil.rmtree(place)
    place.symlink_to(place.parent / "nowhere")


def another_entry(place: Path) -> None:
    """The whole entry of other images, under this one's name."""
    shutil.rmtree(place)
    others = rows_of(place.parent.parent / "others.npy", np.zeros((12, 8, 8), np.uint8))
    prepare_images(others, SIZE, cache_dir=place.parent.parent / "other")
    next((place.parent.parent / "other").iterdir()).rename(place)


DAMAGES = (
    array_gone, facts_gone, seal_gone, empty_array, cut_array, no_rows, other_shape, one_bit, list_of_facts, other_zoom,
    folder_for_facts, file_for_folder, empty_folder, link_to_nowhere, another_entry,
)  # fmt: skip


def never(*given: object, **named: object) -> None:
    raise AssertionError("an image was decoded again")


class TestPreparedImages:
    @pytest.mark.parametrize("workers", [0, 3])
    @pytest.mark.parametrize("on_disk", [False, True])
    def test_8_bit_images_come_back_bit_for_bit(
        self, sources: list[ImageSource], tmp_path: Path, workers: int, on_disk: bool
    ) -> None:
        made = prepare_images(sources, SIZE, cache_dir=tmp_path / "cache" if on_disk else None, workers=workers)
        assert made.array.dtype == np.uint8
        np.testing.assert_array_equal(made.array[:, 0], np.load(sources[0].path))
        assert made.scale == 255.0
        assert made.problems == made.notes == []
        assert len(set(made.digests)) == len(made) == 12

    def test_other_depths_are_float(self, tmp_path: Path) -> None:
        made = prepare_images(rows_of(tmp_path / "a.npy", np.full((2, 8, 8), 65535, np.uint16)), SIZE, cache_dir=None)
        assert made.array.dtype == np.float32
        assert made.scale == made.array.max() == 1.0

    def test_a_window_on_8_bit_images_is_float(self, sources: list[ImageSource]) -> None:
        made = prepare_images(sources, PrepareSettings(window=(50, 100)), cache_dir=None)
        assert made.array.dtype == np.float32

    @pytest.mark.parametrize("on_disk", [False, True])
    def test_mixed_depths_do_not_depend_on_the_order(
        self, sources: list[ImageSource], tmp_path: Path, on_disk: bool
    ) -> None:
        mixed = [*sources, *rows_of(tmp_path / "deep.npy", np.full((1, 8, 8), 1000, np.uint16))]
        place = tmp_path / "cache" if on_disk else None
        forward = prepare_images(mixed, PrepareSettings(size=(5, 5)), cache_dir=place)
        backward = prepare_images(mixed[::-1], PrepareSettings(size=(5, 5)), cache_dir=place)
        assert forward.array.dtype == np.float32
        np.testing.assert_array_equal(forward.array, backward.array[::-1])

    def test_zoom_of_every_row(self, sources: list[ImageSource], tmp_path: Path) -> None:
        more = rows_of(tmp_path / "large.npy", np.zeros((1, 16, 16), np.uint8))
        np.testing.assert_array_equal(prepare_images([*sources, *more], SIZE, cache_dir=None).zoom, [1.0] * 12 + [0.5])

    def test_equal_pixels_have_equal_digests(self, tmp_path: Path) -> None:
        picture = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
        npy = rows_of(tmp_path / "a.npy", np.stack([picture, picture, 255 - picture]))
        np.savez(tmp_path / "b.npz", images=picture[None])
        made = prepare_images([*npy, ImageSource(tmp_path / "b.npz", "images", 0)], SIZE, cache_dir=None)
        assert made.digests[0] == made.digests[1] == made.digests[3] != made.digests[2]

    def test_digests_are_of_the_file_and_not_of_the_prepared_image(self, tmp_path: Path) -> None:
        pictures = np.zeros((5, 16, 16), np.uint8)
        for number, place in enumerate([(0, 0), (0, 1), (1, 0), (15, 15)], start=1):
            pictures[number][place] = 1
        made = prepare_images(rows_of(tmp_path / "a.npy", pictures), SIZE, cache_dir=None)
        assert made.array.max() == 0
        assert len(set(made.digests)) == 5

    def test_averages_are_rounded_and_not_cut(self, tmp_path: Path) -> None:
        picture = np.zeros((1, 2, 2), np.uint8)
        picture[0, 0] = 255, 244  # the mean of the four is 124.75
        made = prepare_images(rows_of(tmp_path / "a.npy", picture), PrepareSettings(size=(1, 1)), cache_dir=None)
        assert made.array.item() == 125

    def test_notes_are_said_once_with_a_count(self, tmp_path: Path) -> None:
        made = prepare_images(rows_of(tmp_path / "a.npy", np.zeros((3, 8, 8, 4), np.uint8)), SIZE, cache_dir=None)
        assert made.array.shape[:2] == (3, 4)
        assert made.notes == [f"{FOUR_KEPT} in 3 images"]

    def test_pixels_that_are_not_square_are_told_unless_they_are_resampled(self, tmp_path: Path) -> None:
        files = [tmp_path / f"{step}.nii" for step in (0.5, 1.5, 1.504)]
        for file, step in zip(files, (0.5, 1.5, 1.504), strict=True):
            nibabel.save(nibabel.Nifti1Image(np.eye(8, dtype=np.uint8)[:, :, None], np.diag([step, 1.5, 3, 1])), file)
        sources = [ImageSource(file) for file in files]
        assert prepare_images(sources, SIZE, cache_dir=None).notes == [
            "pixels are not square by the file's spacing: shapes stay as stored (fit with image.spacing to resample them) in 1 image"
        ]
        resampled = replace(SIZE, spacing=(1.5, 1.5), fit="pad_or_crop")
        assert prepare_images(sources, resampled, cache_dir=None).notes == []

    def test_every_bad_image_is_a_problem(self, sources: list[ImageSource], tmp_path: Path) -> None:
        (tmp_path / "text.npy").write_text("no array")
        bad = [ImageSource(tmp_path / "gone.npy", None, 0), *sources, ImageSource(tmp_path / "text.npy", None, 0)]
        made = prepare_images(bad, SIZE, cache_dir=tmp_path / "cache", workers=2)
        assert [row for row, _ in made.problems] == [0, 13]
        assert "does not exist" in made.problems[0][1]
        assert made.digests[0] == made.digests[13] == ""
        np.testing.assert_array_equal(made.array[1:13, 0], np.load(sources[0].path))
        assert list((tmp_path / "cache").iterdir()) == []

    def test_all_bad(self, tmp_path: Path) -> None:
        made = prepare_images([ImageSource(tmp_path / "gone.npy")] * 2, SIZE, cache_dir=tmp_path / "cache")
        assert len(made.problems) == len(made) == 2

    @pytest.mark.parametrize(
        ("shape", "settings", "said"),
        [
            ((1, 9, 8), PrepareSettings(), "image.size"),
            ((1, 8, 8, 3), SIZE, "image.channels"),
            ((1, 8, 8, 8), SIZE, "3-D"),
        ],
    )
    def test_images_of_another_shape_are_problems(
        self, sources: list[ImageSource], tmp_path: Path, shape: tuple[int, ...], settings: PrepareSettings, said: str
    ) -> None:
        other = rows_of(tmp_path / "other.npy", np.zeros(shape, np.uint8))
        made = prepare_images([*sources, *other], settings, cache_dir=None)
        assert [row for row, _ in made.problems] == [12]
        assert said in made.problems[0][1]
        assert "other.npy[0]" in made.problems[0][1]

    def test_no_room_is_one_sentence(
        self, sources: list[ImageSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(decode.shutil, "disk_usage", lambda place: type("Usage", (), {"free": 10})())
        with pytest.raises(InputError, match="make room"):
            prepare_images(sources, SIZE, cache_dir=tmp_path / "cache")
        assert list((tmp_path / "cache").iterdir()) == []

    def test_nothing_to_read(self) -> None:
        with pytest.raises(ValueError, match="at least one"):
            prepare_images([], SIZE, cache_dir=None)

    def test_memory_stays_small_on_disk(self, tmp_path: Path) -> None:
        """120 images of 256 x 256 are 7.9 MB; a tenth of it is in memory at once."""
        sources = rows_of(tmp_path / "a.npy", np.zeros((120, 256, 256), np.uint8))
        prepare_images(sources[:2], PrepareSettings(), cache_dir=tmp_path / "warm")
        tracemalloc.start()
        prepare_images(sources, PrepareSettings(), cache_dir=tmp_path / "cache")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 120 * 256 * 256 / 4


class TestCache:
    def test_the_second_call_never_decodes(
        self, sources: list[ImageSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls: list[tuple[int, int]] = []
        first = prepare_images(
            sources, SIZE, cache_dir=tmp_path, progress=lambda done, count: calls.append((done, count))
        )
        assert calls == [(done, 12) for done in range(1, 13)]
        monkeypatch.setattr(decode, "read_image", never)
        second = prepare_images(sources, SIZE, cache_dir=tmp_path, progress=never)
        assert isinstance(second.array, np.memmap)
        np.testing.assert_array_equal(first.array, second.array)
        np.testing.assert_array_equal(first.zoom, second.zoom)
        assert (first.digests, first.notes, first.scale) == (second.digests, second.notes, second.scale)

    def test_it_moves_with_its_files(
        self, sources: list[ImageSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        prepare_images(sources, SIZE, cache_dir=tmp_path / "cache")
        moved = sources[0].path.rename(tmp_path / "renamed.npy")
        monkeypatch.setattr(decode, "read_image", never)
        prepare_images([source._replace(path=moved) for source in sources], SIZE, cache_dir=tmp_path / "cache")

    def test_a_changed_pixel_is_decoded_anew(self, sources: list[ImageSource], tmp_path: Path) -> None:
        prepare_images(sources, SIZE, cache_dir=tmp_path / "cache")
        state = sources[0].path.stat()
        array = np.load(sources[0].path)
        array[3, 2, 1] ^= 1
        np.save(sources[0].path, array)
        os.utime(sources[0].path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))  # as good as the same time
        again = prepare_images(sources, SIZE, cache_dir=tmp_path / "cache")
        np.testing.assert_array_equal(again.array[:, 0], array)

    def test_other_settings_rows_and_orders_are_others(self, sources: list[ImageSource], tmp_path: Path) -> None:
        for given, settings in (
            (sources, SIZE),
            (sources, PrepareSettings(size=(4, 4))),
            (sources, PrepareSettings(size=(8, 8), channels=3)),
            (sources[::-1], SIZE),
            (sources[:5], SIZE),
        ):
            prepare_images(given, settings, cache_dir=tmp_path / "cache")
        assert len(list((tmp_path / "cache").iterdir())) == 5

    @pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
    def test_a_damaged_entry_is_made_anew(
        self, sources: list[ImageSource], tmp_path: Path, damage: Callable[[Path], object]
    ) -> None:
        first = prepare_images(sources, SIZE, cache_dir=tmp_path / "cache")
        (place,) = (tmp_path / "cache").iterdir()
        damage(place)
        again = prepare_images(sources, SIZE, cache_dir=tmp_path / "cache")
        np.testing.assert_array_equal(again.array[:, 0], np.load(sources[0].path))
        assert (again.digests, again.zoom.tolist(), again.scale) == (first.digests, [1.0] * 12, 255.0)
        assert again.notes == [f"the cache entry {place} was damaged; its images were decoded anew"]
        third = prepare_images(sources, SIZE, cache_dir=tmp_path / "cache", progress=never)
        np.testing.assert_array_equal(third.array, again.array)
        assert third.notes == []
        assert list((tmp_path / "cache").iterdir()) == [place]

    def test_a_damaged_entry_that_cannot_be_removed_is_one_sentence(
        self, sources: list[ImageSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        prepare_images(sources, SIZE, cache_dir=tmp_path / "cache")
        (place,) = (tmp_path / "cache").iterdir()
        (place / "facts.json").write_text("[]")

        def refused(*given: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "rename", refused)
        with pytest.raises(InputError, match=r"is damaged and cannot be removed \(Permission denied\); remove it"):
            prepare_images(sources, SIZE, cache_dir=tmp_path / "cache")

    def test_another_process_may_be_first(
        self, sources: list[ImageSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The other one publishes between our decoding and our renaming."""
        real = cache.decode_images

        def slow(*given: object, **named: object) -> object:
            made = real(*given, **named)  # type: ignore[arg-type]
            monkeypatch.setattr(cache, "decode_images", real)
            prepare_images(sources, SIZE, cache_dir=tmp_path / "cache")
            return made

        monkeypatch.setattr(cache, "decode_images", slow)
        made = prepare_images(sources, SIZE, cache_dir=tmp_path / "cache")
        np.testing.assert_array_equal(made.array[:, 0], np.load(sources[0].path))
        assert len(list((tmp_path / "cache").iterdir())) == 1

    def test_an_error_leaves_nothing_behind(
        self, sources: list[ImageSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(decode, "read_image", never)
        with pytest.raises(AssertionError):
            prepare_images(sources, SIZE, cache_dir=tmp_path / "cache")
        assert list((tmp_path / "cache").iterdir()) == []

    def test_a_killed_process_leaves_no_half_cache(self, sources: list[ImageSource], tmp_path: Path) -> None:
        """A real SIGKILL in the middle of decoding; the next call decodes all, and removes the rest once it is old."""
        folder = tmp_path / "cache"
        program = (
            "import sys, time\n"
            "from pathlib import Path\n"
            "from medgauge.data.images.cache import prepare_images\n"
            "from medgauge.data.images.prepare import PrepareSettings\n"
            "from medgauge.data.images.readers import ImageSource\n"
            "sources = [ImageSource(Path(sys.argv[1]), None, row) for row in range(12)]\n"
            "def stop(done, count):\n"
            "    if done == 6:\n"
            "        print('half', flush=True)\n"
            "        time.sleep(60)\n"
            "prepare_images(sources, PrepareSettings(size=(8, 8)), cache_dir=Path(sys.argv[2]), progress=stop)\n"
        )
        command = [sys.executable, "-c", program, str(sources[0].path), str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "half"
            process.send_signal(signal.SIGKILL)
        (part,) = folder.iterdir()
        assert part.suffix == ".part"
        made = prepare_images(sources, SIZE, cache_dir=folder)
        np.testing.assert_array_equal(made.array[:, 0], np.load(sources[0].path))
        long_ago = time.time() - 2 * cache.ABANDONED
        os.utime(part, (long_ago, long_ago))
        prepare_images(sources, PrepareSettings(size=(4, 4)), cache_dir=folder)
        assert not part.exists()
        assert len(list(folder.iterdir())) == 2


class TestFacts:
    def test_of_mixed_images(self, sources: list[ImageSource], tmp_path: Path) -> None:
        colour = rows_of(
            tmp_path / "colour.npy", np.random.default_rng(0).integers(0, 256, (3, 9, 9, 3), dtype=np.uint8)
        )
        found = image_facts([*sources, *colour, ImageSource(tmp_path / "gone.npy")], limit=100)
        assert (found.ndims, found.sizes, found.channels) == ([2], [(8, 8), (9, 9)], [1, 3])
        assert found.dtypes == ["uint8"]
        assert not found.grey
        assert {fact.spacing for fact in found.each} == {None}
        assert found.window == (0.0, 255.0)
        assert [row for row, _ in found.problems] == [15]

    def test_colour_that_is_grey(self, tmp_path: Path) -> None:
        grey = np.random.default_rng(0).integers(0, 256, (3, 9, 9, 1), dtype=np.uint8)
        assert image_facts(rows_of(tmp_path / "a.npy", grey.repeat(3, axis=3))).grey

    def test_a_sample_is_spread(self, sources: list[ImageSource], monkeypatch: pytest.MonkeyPatch) -> None:
        read = []
        real = facts.read_image
        monkeypatch.setattr(
            facts, "read_image", lambda source, **named: (read.append(source.index), real(source, **named))[1]
        )
        image_facts(sources, limit=3)
        assert read == [0, 6, 11]

    def test_all_bad(self, tmp_path: Path) -> None:
        found = image_facts([ImageSource(tmp_path / "gone.npy")])
        assert found.window is None
        assert found.sizes == []


def test_real_pictures_from_the_shared_data(shared: Path, tmp_path: Path) -> None:
    paths = sorted((shared / "data" / "hc18" / "images").iterdir())[:20]
    sources = [ImageSource(path) for path in paths]
    settings = PrepareSettings(size=(64, 96))
    serial = prepare_images(sources, settings, cache_dir=None)
    threaded = prepare_images(sources, settings, cache_dir=tmp_path, workers=4)
    assert serial.problems == []
    np.testing.assert_array_equal(serial.array, threaded.array)
    np.testing.assert_allclose(serial.zoom, 64 / 108)
    assert 20 < serial.array.mean() < 120
