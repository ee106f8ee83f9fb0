"""Axes of arrays: every shape that is one image, as it is in memory; shapes that may be two are refused."""

import itertools
import zipfile
from pathlib import Path

import numpy as np
import pytest

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.layout import FOUR_KEPT, image_of
from medgauge.data.images.readers import read_image

H, W, D = 12, 9, 7
PIXELS = np.random.default_rng(0).integers(0, 4000, (D, H, W), dtype=np.uint16)
FLAT = PIXELS[0]
SOURCE = ImageSource(Path("a.npy"), None, 0)


def pixel_by_pixel(image: RawImage) -> dict[tuple[int, ...], int]:
    """The values by place, of all axes but those of one."""
    long = np.array(image.array.shape) > 1
    return {tuple(np.array(place)[long]): int(value) for place, value in np.ndenumerate(image.array)}


@pytest.mark.parametrize(
    "shape", [(H, W), (H, W, 1), (1, H, W), (1, H, W, 1), (1, 1, H, W), (H, W, 1, 1)], ids=str
)  # fmt: skip
def test_grey_pictures(shape: tuple[int, ...]) -> None:
    image = image_of(FLAT.reshape(shape), SOURCE)
    assert image.array.shape == (1, H, W)
    assert image.array.dtype == np.uint16
    assert pixel_by_pixel(image) == {(row, column): int(FLAT[row, column]) for row in range(H) for column in range(W)}


@pytest.mark.parametrize("shape", [(D, H, W), (D, H, W, 1), (1, D, H, W)], ids=str)
def test_grey_volumes(shape: tuple[int, ...]) -> None:
    image = image_of(PIXELS.reshape(shape), SOURCE)
    assert image.array.shape == (1, D, H, W)
    places = itertools.product(range(D), range(H), range(W))
    assert pixel_by_pixel(image) == {place: int(PIXELS[place]) for place in places}


@pytest.mark.parametrize("slices", [2, 3, 4])
def test_few_slices_need_a_channel_of_one(slices: int) -> None:
    few = PIXELS[:slices]
    for array in (few[None], few[..., None]):
        np.testing.assert_array_equal(image_of(array, SOURCE).array, few[None])
    with pytest.raises(InputError, match=r"1 to 4 may be channels.*one of few slices as \(1, slices, rows, columns\)"):
        image_of(few, SOURCE)


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "f4"])
@pytest.mark.parametrize("channels", [3, 4])
def test_channels_are_last_and_all_are_kept(channels: int, kind: str) -> None:
    many = np.random.default_rng(1).integers(0, 256, (D, H, W, channels)).astype(kind)
    for array in (many, many[0]):
        for source in (SOURCE, ImageSource(Path("a.npy"))):
            image = image_of(array, source)
            assert image.array.shape == (channels, *array.shape[:-1])
            assert all((image.array[channel] == array[..., channel]).all() for channel in range(channels))
            assert image.notes == ((FOUR_KEPT,) if channels == 4 else ())


@pytest.mark.parametrize(
    "shape",
    [
        (3, H, W), (4, H, W), (2, H, W), (H, W, 2), (4, W, 3), (H, 3, 3), (H, 3, W), (H, 2, W), (D, H, 3, W),
        (1, H, 3), (1, H, 1), (1, H, W, 3), (1, H, W, 4),
        (1, D, H, 2), (3, D, H, W), (2, D, H, W), (D, H, W, 2), (4, H, W, 3),
    ],
    ids=str,
)  # fmt: skip
def test_what_may_be_two_images_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError) as caught:
        image_of(np.zeros(shape), SOURCE)
    assert str(caught.value) == (
        f"a.npy[0] is an array of shape {shape}, in which an axis of 1 to 4 may be channels, slices, rows or columns; "
        "save grey as (rows, columns), colour as (rows, columns, 3), a volume as (slices, rows, columns), "
        "one of few slices as (1, slices, rows, columns)"
    )


@pytest.mark.parametrize("shape", [(D, 1, W), (1, D, 1, W), (D, 1, W, 1)], ids=str)
def test_a_volume_of_one_voxels_thickness_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="a volume that is one voxel thick; save grey as"):
        image_of(np.zeros(shape), SOURCE)


@pytest.mark.parametrize("shape", [(H,), (D, D, H, W), (1, 1, D, H, W), (D, H, W, 1, 1)], ids=str)
def test_other_shapes_are_no_image_and_a_row_is_asked_for(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"which is not one image; name a row, as in file.npz#images\[0\], or save"):
        image_of(np.zeros(shape), ImageSource(Path("a.npy")))
    with pytest.raises(InputError, match="which is not one image; save grey"):
        image_of(np.zeros(shape), SOURCE)


def test_a_short_last_axis_is_told() -> None:
    note = "array with a short last axis read as (slices, rows, columns) all the same,"
    for shape in ((H, 10, 5), (1, H, 10, 5), (H, 10, 5, 1)):
        image = image_of(np.zeros(shape), SOURCE)
        assert (image.array.shape, image.notes) == ((1, H, 10, 5), (note,))
    for shape in ((H, 10, 6), (5, H, 10), (H, 5, 10)):
        assert image_of(np.zeros(shape), SOURCE).notes == ()


@pytest.mark.parametrize(("ending", "other"), [("npy", "npz"), ("npz", "npy")])
def test_the_first_bytes_tell_an_archive_and_not_the_name(tmp_path: Path, ending: str, other: str) -> None:
    np.save(tmp_path / "a.npy", PIXELS)
    np.savez(tmp_path / "a.npz", images=PIXELS)
    path = (tmp_path / f"a.{ending}").rename(tmp_path / f"b.{other}")
    np.testing.assert_array_equal(read_image(ImageSource(path, None, 3)).array, PIXELS[3][None])
    if ending == "npy":
        with pytest.raises(InputError, match="names an array, but the file holds only one"):
            read_image(ImageSource(path, "images", 3))
    else:
        np.testing.assert_array_equal(read_image(ImageSource(path, "images", 3)).array, PIXELS[3][None])


@pytest.mark.parametrize(
    "header",
    [b"{'descr': ('<u2'", b"'\\", b"{'descr': '<u2', 'fortran_order': False, 'shape': (9" + b"9" * 30 + b",)}"],
)
def test_a_header_that_is_none_is_damage(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(32))
    with pytest.raises(InputError, match="is not a NumPy file of numbers, or is truncated"):
        read_image(ImageSource(tmp_path / "a.npy"))


def test_an_array_larger_than_memory_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "a.npz", images=np.zeros((64, 64, 64)))
    monkeypatch.setattr("medgauge.data.images.unpack.memory", lambda: 10**6)
    with pytest.raises(InputError, match="says that its pixels take 0 GB, too much for this machine's memory"):
        read_image(ImageSource(tmp_path / "a.npz", "images", 3))


def test_an_archive_of_other_files_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.txt", "no array")
    for key in (None, "a.txt"):
        with pytest.raises(InputError, match="is not a NumPy file of numbers"):
            read_image(ImageSource(tmp_path / "a.npz", key))


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_a_stack_with_a_channel_of_one_at_its_end(tmp_path: Path, ending: str) -> None:
    stack = PIXELS[..., None]
    np.save(tmp_path / "a.npy", stack)
    np.savez(tmp_path / "a.npz", images=stack)
    for row in range(D):
        image = read_image(ImageSource(tmp_path / f"a.{ending}", None, row))
        np.testing.assert_array_equal(image.array, PIXELS[row : row + 1])
