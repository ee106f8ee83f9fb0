"""NIfTI: files by hand and by nibabel; gzip by content, its checksum; orientation; what is refused."""

import gzip
import struct
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from medgauge.core.errors import InputError
from medgauge.data.images.decode import decode_images
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.nifti import read_nifti
from medgauge.data.images.prepare import PrepareSettings
from medgauge.data.images.readers import read_image
from medgauge.data.images.unpack import check_memory, memory, unpacked

RNG = np.random.default_rng(0)
CODES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
CHANNELS_SAID = "further axis taken as channels (one of time or of volumes is none: save one volume a file)"
LPS = np.array([[-2, 0, 0, 0], [0, -3, 0, 0], [0, 0, 5, 0]], float)


def read(path: Path, nan: float | None = None) -> RawImage:
    return read_image(ImageSource(path), nan=nan)


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def nifti1(
    array: np.ndarray[Any, Any], code: int, *, order: str = "<", sform: np.ndarray[Any, Any] | None = LPS,
    pixdim: tuple[float, ...] = (1, 2, 3, 5), slope: tuple[float, float] = (0, 0), quaternion: tuple[float, ...] = (),
    magic: bytes = b"n+1\0",
) -> bytes:  # fmt: skip
    """A NIfTI-1 file written by hand from nifti1.h: field by field at its byte."""
    head = bytearray(352)
    put = lambda at, form, *what: struct.pack_into(order + form, head, at, *what)  # noqa: E731
    put(0, "i", 348)
    put(40, "8h", array.ndim, *array.shape, *(1,) * (7 - array.ndim))
    put(70, "hh", code, 8 * array.dtype.itemsize)
    put(76, "8f", *pixdim, *(0,) * (8 - len(pixdim)))
    put(108, "fff", 352, *slope)
    put(123, "B", 2)
    put(252, "hh", 1 if quaternion else 0, 0 if sform is None else 1)
    put(256, "3f", *(quaternion or (0, 0, 0)))
    put(280, "12f", *(np.zeros(12) if sform is None else sform.ravel()))
    head[344:348] = magic
    return bytes(head) + array.astype(array.dtype.newbyteorder(order)).tobytes(order="F")


def nifti2(array: np.ndarray[Any, Any], code: int, order: str) -> bytes:
    """A NIfTI-2 file written by hand from nifti2.h."""
    head = bytearray(544)
    put = lambda at, form, *what: struct.pack_into(order + form, head, at, *what)  # noqa: E731
    put(0, "i", 540)
    head[4:12] = b"n+2\0\r\n\x1a\n"
    put(12, "hh", code, 8 * array.dtype.itemsize)
    put(16, "8q", array.ndim, *array.shape, *(1,) * (7 - array.ndim))
    put(104, "8d", 1, 2, 3, 5, 0, 0, 0, 0)
    put(168, "q", 544)
    put(344, "ii", 0, 1)
    put(400, "12d", *LPS.ravel())
    put(500, "i", 2)
    return bytes(head) + array.astype(array.dtype.newbyteorder(order)).tobytes(order="F")


def values(kind: str) -> np.ndarray[Any, Any]:
    """Values over the whole range of a type, (x, y, z) = (4, 5, 6)."""
    if kind[0] == "f":
        return RNG.normal(0, 100, (4, 5, 6)).astype(kind)
    return RNG.integers(0, 256, 120 * np.dtype(kind).itemsize, dtype=np.uint8).view(kind).reshape(4, 5, 6)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [1, 2])
def test_every_type_and_byte_order_by_hand(tmp_path: Path, code: int, order: str, version: int) -> None:
    array = values(CODES[code])
    data = nifti1(array, code, order=order) if version == 1 else nifti2(array, code, order)
    (tmp_path / "a.nii").write_bytes(data)
    image = read(tmp_path / "a.nii")
    assert image.array.dtype == CODES[code]
    np.testing.assert_array_equal(image.array[0], array.transpose())
    assert image.spacing == (5.0, 3.0, 2.0)
    assert image.notes == ()
    np.testing.assert_array_equal(nibabel.load(tmp_path / "a.nii").get_fdata(), array.astype(float))


def test_any_orientation_equals_nibabels_closest_canonical(tmp_path: Path) -> None:
    """nibabel turns to right, anterior, superior; ours is left, posterior, superior, in the order z, y, x."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        affine = np.eye(4)
        affine[:3, :3] = turn * [2, 3, 5]
        stored = nibabel.Nifti1Image(rng.integers(0, 999, (4, 5, 6)).astype(np.int16), affine)
        nibabel.save(stored, tmp_path / "a.nii.gz")
        canonical = nibabel.as_closest_canonical(stored)
        image = read(tmp_path / "a.nii.gz")
        np.testing.assert_array_equal(image.array[0], np.asarray(canonical.dataobj)[::-1, ::-1].transpose())
        assert image.spacing == pytest.approx(canonical.header.get_zooms()[::-1], rel=1e-5)


def test_qform(tmp_path: Path) -> None:
    """The quaternion (0, 0, 0, 1) turns by 180 degrees about z: x to the left, y to the back."""
    array = values("i2")
    (tmp_path / "a.nii").write_bytes(nifti1(array, 4, sform=None, quaternion=(0, 0, 1)))
    image = read(tmp_path / "a.nii")
    np.testing.assert_array_equal(image.array[0], array.transpose())
    assert image.spacing == (5.0, 3.0, 2.0)


def test_an_sform_of_other_voxel_sizes_gives_way_to_the_qform_and_that_is_said(tmp_path: Path) -> None:
    array, scaled = values("i2"), LPS * 1.2
    (tmp_path / "a.nii").write_bytes(nifti1(array, 4, sform=scaled, quaternion=(0, 0, 1)))
    image = read(tmp_path / "a.nii")
    assert image.spacing == (5.0, 3.0, 2.0)
    assert image.notes == ("sform and voxel sizes of the file differ: qform used",)
    (tmp_path / "a.nii").write_bytes(nifti1(array, 4, sform=scaled))  # and without a qform
    image = read(tmp_path / "a.nii")
    assert image.spacing == pytest.approx((6.0, 3.6, 2.4))
    assert image.notes == ("sform and voxel sizes of the file differ: sizes of the sform used",)


def test_no_orientation_is_said(tmp_path: Path) -> None:
    array = values("i2")
    (tmp_path / "a.nii").write_bytes(nifti1(array, 4, sform=None))
    image = read(tmp_path / "a.nii")
    np.testing.assert_array_equal(image.array[0], array[:, ::-1].transpose())  # y runs to the front there
    assert "no orientation in the file" in image.notes[0]


@pytest.mark.parametrize("slope", [(0.0, 7.0), (np.nan, 0.0), (1.0, 0.0)])
def test_a_slope_that_says_nothing_leaves_the_numbers(tmp_path: Path, slope: tuple[float, float]) -> None:
    (tmp_path / "a.nii").write_bytes(nifti1(values("i2"), 4, slope=slope))
    assert read(tmp_path / "a.nii").array.dtype == np.int16


@pytest.mark.parametrize("slope", [(2.0, np.nan), (1.0, np.inf), (2.0, -np.inf)])
def test_an_intercept_that_is_no_number_is_told(tmp_path: Path, slope: tuple[float, float]) -> None:
    (tmp_path / "a.nii").write_bytes(nifti1(values("i2"), 4, slope=slope))
    assert "has a scl_inter that is no finite number in its header; correct it or" in refused(tmp_path / "a.nii")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("place", "form", "value", "words"),
    [
        (40, "h", 9, "dim[0], the number of axes, of 9"),
        (40, "h", 0, "dim[0], the number of axes, of 0"),
        (42, "h", -4, "a dimension of -4"),
        (44, "h", 0, "a dimension of 0"),
        (70, "h", 1234, "datatype 1234, which is not read,"),
        (108, "f", np.nan, "a vox_offset of nan, where voxels begin at byte 352 or later,"),
        (108, "f", np.inf, "a vox_offset of inf, where voxels begin at byte 352 or later,"),
        (108, "f", 0.0, "a vox_offset of 0, where voxels begin at byte 352 or later,"),
        (108, "f", 351.0, "a vox_offset of 351, where voxels begin at byte 352 or later,"),
        (108, "f", 352.5, "a vox_offset of 352.5, where voxels begin at byte 352 or later,"),
        (70, "h", 0, "datatype 0, which is not read,"),
        (70, "h", 1, "datatype 1, which is not read,"),
        (112, "f", np.inf, "a scl_slope that is infinite"),
    ],
)
def test_a_field_with_which_nothing_can_be_read_is_named(
    tmp_path: Path, place: int, form: str, value: float, words: str, packed: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    head = bytearray(nifti1(values("i2"), 4))
    struct.pack_into(f"<{form}", head, place, value)
    path = tmp_path / ("a.nii.gz" if packed else "a.nii")
    path.write_bytes(gzip.compress(head) if packed else head)
    assert refused(path) == f"{path} has {words} in its header; correct it or leave the case out"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("size", [0.0, -2.0])
def test_voxel_sizes_that_nibabel_mends_are_mended_without_a_line_of_its_own(
    tmp_path: Path, size: float, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.nii").write_bytes(nifti1(values("i2"), 4, pixdim=(1, size, 3, 5)))
    assert read(tmp_path / "a.nii").spacing == (5, 3, 2)  # those of the sform
    assert capfd.readouterr() == ("", "")


def test_metres_are_turned_and_said(tmp_path: Path) -> None:
    head = bytearray(nifti1(values("i2"), 4))
    plain = read_bytes(tmp_path, head)
    assert plain.notes == ()
    head[123] = 1 | 8  # metres and seconds
    metres = read_bytes(tmp_path, head)
    assert metres.spacing == pytest.approx([1000 * step for step in plain.spacing or ()])
    assert metres.notes == ("voxel sizes turned from metres to millimetres",)


def read_bytes(folder: Path, data: bytes | bytearray) -> RawImage:
    (folder / "a.nii").write_bytes(data)
    return read(folder / "a.nii")


def test_slope_and_intercept(tmp_path: Path) -> None:
    array = values("i2")
    (tmp_path / "a.nii").write_bytes(nifti1(array, 4, slope=(2.0, -1000.0)))
    np.testing.assert_array_equal(read(tmp_path / "a.nii").array[0], array.transpose() * 2.0 - 1000)


@pytest.mark.parametrize("affine", [np.diag([-2.0, -3, 5, 1]), np.diag([2.0, 3, 5, 1]), np.diag([2.0, -3, 0, 1])])
def test_a_slice_is_the_same_whichever_way_it_is_stored(tmp_path: Path, affine: np.ndarray[Any, Any]) -> None:
    flat = values("i2")[:, :, 0]
    expected = flat[:: -1 if affine[0, 0] > 0 else 1, :: -1 if affine[1, 1] > 0 else 1].transpose()
    for shape in ((4, 5), (4, 5, 1), (4, 5, 1, 1)):
        (tmp_path / "a.nii").write_bytes(nifti1(flat.reshape(shape), 4, sform=affine[:3]))
        image = read(tmp_path / "a.nii")
        np.testing.assert_array_equal(image.array, expected[None])
        assert image.spacing == (3.0, 2.0)
    across = np.ascontiguousarray(flat.T[None])  # the same slice, its axes stored as z, y, x
    turned = affine[:3, [2, 1, 0, 3]]
    (tmp_path / "a.nii").write_bytes(nifti1(across, 4, sform=turned, pixdim=(1, 5, 3, 2)))
    np.testing.assert_array_equal(read(tmp_path / "a.nii").array, expected[None])


@pytest.mark.parametrize(("names", "code"), [("RGB", 128), ("RGBA", 2304)])
def test_colour(tmp_path: Path, names: str, code: int) -> None:
    parts = RNG.integers(0, 256, (4, 5, 6, len(names)), dtype=np.uint8)
    packed = np.ascontiguousarray(parts).view([(name, "u1") for name in names])[..., 0]
    (tmp_path / "a.nii").write_bytes(nifti1(packed, code))
    image = read(tmp_path / "a.nii")
    np.testing.assert_array_equal(image.array, parts[..., :3].transpose(3, 2, 1, 0))
    assert image.notes == (("alpha channel dropped",) if names == "RGBA" else ())


def test_a_further_axis_is_said_or_refused(tmp_path: Path) -> None:
    four = np.stack([values("i2"), values("i2")], axis=3)
    for array in (four, four[:, :, :, None]):
        (tmp_path / "a.nii").write_bytes(nifti1(array, 4))
        image = read(tmp_path / "a.nii")
        np.testing.assert_array_equal(image.array, four.transpose(3, 2, 1, 0))
        assert image.notes == (CHANNELS_SAID,)
    for shape in ((4, 5, 6, 20), (4, 5, 6, 2, 2)):
        (tmp_path / "a.nii").write_bytes(nifti1(np.zeros(shape, np.int16), 4))
        assert f"{' x '.join(map(str, shape))}, not one 2-D or 3-D image" in refused(tmp_path / "a.nii")
    (tmp_path / "a.nii").write_bytes(nifti1(np.zeros(7, np.int16), 4))
    assert "not one 2-D or 3-D image" in refused(tmp_path / "a.nii")


def test_complex_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(nifti1(np.zeros((4, 5, 6), np.complex64), 32))
    assert "complex64 values, not grey" in refused(tmp_path / "a.nii")


def test_nan_is_read_as_the_value_that_is_given(tmp_path: Path) -> None:
    array = values("f4")
    array[0] = np.nan
    (tmp_path / "a.nii").write_bytes(nifti1(array, 16))
    assert "30 pixels that are not a number (NaN)" in refused(tmp_path / "a.nii")
    assert "image.nan" in refused(tmp_path / "a.nii")
    image = read(tmp_path / "a.nii", nan=-7.5)
    np.testing.assert_array_equal(image.array[0], np.nan_to_num(array, nan=-7.5).transpose())
    assert image.array.dtype == np.float32
    assert image.notes == ("NaN read as -7.5",)
    array[1] = np.inf
    (tmp_path / "a.nii").write_bytes(nifti1(array, 16))
    with pytest.raises(InputError, match="not finite numbers"):
        read(tmp_path / "a.nii", nan=0.0)


WHOLE = gzip.compress(nifti1(values("i2"), 4), mtime=0)


def test_the_first_bytes_tell_gzip_and_not_the_name(tmp_path: Path) -> None:
    for name, data in (("a.nii", WHOLE), ("a.nii.gz", gzip.decompress(WHOLE))):
        (tmp_path / name).write_bytes(data)
        assert read(tmp_path / name).array.shape == (1, 6, 5, 4)


@pytest.mark.parametrize("level", [0, 9])
def test_no_flipped_bit_changes_a_number_unseen(tmp_path: Path, level: int) -> None:
    """Some bits of deflate and of gzip's first bytes mean nothing: then the numbers are the same."""
    array, unseen, messages = values("i2"), 0, []
    data = gzip.compress(nifti1(array, 4), compresslevel=level, mtime=0)
    for place in range(10, len(data), 3):
        damaged = bytearray(data)
        damaged[place] ^= 16
        (tmp_path / "a.nii.gz").write_bytes(damaged)
        try:
            np.testing.assert_array_equal(read(tmp_path / "a.nii.gz").array[0], array.transpose())
            unseen += 1
        except InputError as error:
            messages.append(str(error))
    assert all("is truncated or damaged" in said or "is not a NIfTI file" in said for said in messages)
    assert unseen <= 3


def test_every_cut_is_found(tmp_path: Path) -> None:
    for whole, name in ((WHOLE, "a.nii.gz"), (gzip.decompress(WHOLE), "a.nii")):
        for length in range(3, len(whole), 17):
            (tmp_path / name).write_bytes(whole[:length])
            message = refused(tmp_path / name)
            assert "is truncated or damaged" in message or (length < 348 and "is not a NIfTI file" in message)


def test_gzip_of_several_parts_and_with_zeros_at_its_end(tmp_path: Path) -> None:
    plain = gzip.decompress(WHOLE)
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(plain[:500]) + gzip.compress(plain[500:]) + bytes(64))
    assert read(tmp_path / "a.nii.gz").array.shape == (1, 6, 5, 4)


def test_headers_that_lie_about_the_size(tmp_path: Path) -> None:
    for shape in ((30000, 30000, 30000), (900, 900, 900)):
        data = bytearray(nifti1(np.zeros((2, 2, 2), np.int16), 4))
        struct.pack_into("<3h", data, 42, *shape)
        for name, stored in (("a.nii", bytes(data)), ("a.nii.gz", gzip.compress(data))):
            (tmp_path / name).write_bytes(stored)
            assert "truncated or damaged" in refused(tmp_path / name) or "memory" in refused(tmp_path / name)


def test_a_gzip_file_that_goes_on_and_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medgauge.data.images.unpack.SURPLUS", 1000)
    assert unpacked(gzip.compress(bytes(2000)), 1500) == bytes(1500)
    with pytest.raises(ValueError, match="much longer"):
        unpacked(gzip.compress(bytes(9000)), 1500)


def test_pixels_larger_than_memory_are_a_sentence() -> None:
    check_memory(2**20, Path("a.nii"))
    assert memory() > 2**28
    with pytest.raises(InputError, match=r"a.nii says that its pixels take .* GB, too much"):
        check_memory(memory(), Path("a.nii"))


def test_pairs_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(nifti1(values("i2"), 4, magic=b"ni1\0"))
    assert "keeps its pixels in another file (.img); save it as one" in refused(tmp_path / "a.nii")
    for name, one in (("a.hdr", ".nii.gz"), ("a.img", ".nii.gz"), ("a.nhdr", ".nrrd")):
        (tmp_path / name).write_bytes(b"some bytes")
        assert f"one of two files of an image; save it as one {one} file" in refused(tmp_path / name)


def test_what_is_no_nifti(tmp_path: Path) -> None:
    for data in (
        b"\0" * 999,
        b"short",
        gzip.compress(b"a text, but no image"),
        nifti1(values("i2"), 4, magic=b"abc\0"),
    ):
        (tmp_path / "a.nii").write_bytes(data)
        assert "is not a NIfTI file" in refused(tmp_path / "a.nii")
    with pytest.raises(InputError, match="not a NIfTI file"):
        read_nifti(ImageSource(tmp_path / "a.nii"))


FORMS: dict[str, dict[str, Any]] = {"qform": {"sform": None, "quaternion": (0, 0, 0)}, "neither": {"sform": None}}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [0.0, np.nan, np.inf, -np.inf])
def test_a_voxel_size_that_is_none_is_not_made_1_in_silence(tmp_path: Path, form: str, size: float) -> None:
    array = values("i2")
    head = bytearray(nifti1(array, 4, pixdim=(1, 2, 3, 5), **FORMS[form]))
    struct.pack_into("<h", head, 252, int(form == "qform"))
    whole = read_bytes(tmp_path, head)
    struct.pack_into("<f", head, 84, size)
    image = read_bytes(tmp_path, head)
    np.testing.assert_array_equal(image.array, whole.array)
    assert (whole.spacing, image.spacing) == ((5, 3, 2), None)
    told = "a voxel size in the file (pixdim) is no number above 0: sizes not used"
    assert told in image.notes
    assert told not in whole.notes


@pytest.mark.parametrize("form", FORMS)
def test_a_voxel_size_below_0_is_noted(tmp_path: Path, form: str) -> None:
    head = bytearray(nifti1(values("i2"), 4, pixdim=(1, -2, 3, 5), **FORMS[form]))
    struct.pack_into("<h", head, 252, int(form == "qform"))
    image = read_bytes(tmp_path, head)
    assert image.spacing == (5, 3, 2)
    assert "a voxel size in the file (pixdim) is below 0: read without its sign" in image.notes


def test_the_size_of_an_axis_that_a_picture_has_not_may_lack(tmp_path: Path) -> None:
    flat = values("i2")[:, :, 0]
    for shape in (flat.shape, (*flat.shape, 1)):
        image = read_bytes(tmp_path, nifti1(flat.reshape(shape), 4, sform=None, pixdim=(1, 2, 3, 0)))
        assert image.spacing == (3, 2)
        assert not any("pixdim" in note for note in image.notes)


def test_a_qform_without_voxel_sizes_does_not_replace_the_sform(tmp_path: Path) -> None:
    head = bytearray(nifti1(values("i2"), 4, pixdim=(1, 0, 3, 5)))
    struct.pack_into("<h", head, 252, 1)
    assert nibabel.Nifti1Image.from_bytes(bytes(head)).header.get_zooms() == (1, 3, 5)  # type: ignore[no-untyped-call]
    image = read_bytes(tmp_path, head)
    assert image.spacing == (5, 3, 2)
    assert "sform and voxel sizes of the file differ: sizes of the sform used" in image.notes


@pytest.mark.parametrize("part", [np.nan, 5.0, np.inf])
def test_a_quaternion_that_is_no_rotation_is_named(tmp_path: Path, part: float) -> None:
    (tmp_path / "a.nii").write_bytes(nifti1(values("i2"), 4, sform=None, quaternion=(part, 0, 0)))
    assert "has quatern_b, quatern_c and quatern_d that are no rotation in its header" in refused(tmp_path / "a.nii")
    (tmp_path / "a.nii").write_bytes(nifti1(values("i2"), 4, quaternion=(part, 0, 0), pixdim=(1, 9, 9, 9)))
    assert read(tmp_path / "a.nii").spacing == (5, 3, 2)  # those of the sform


@pytest.mark.parametrize("place", [280, 292, 296])
def test_an_sform_that_is_no_number_is_named(tmp_path: Path, place: int) -> None:
    head = bytearray(nifti1(values("i2"), 4))
    struct.pack_into("<f", head, place, np.nan)
    (tmp_path / "a.nii").write_bytes(head)
    assert "orientation that cannot be used (srow_x, srow_y, srow_z); set its directions" in refused(tmp_path / "a.nii")


def test_a_further_axis_is_noted_with_its_remedy_for_the_whole_table(tmp_path: Path) -> None:
    for name, shape in (("a", (8, 9, 10, 3)), ("b", (8, 9, 10, 1, 3))):
        (tmp_path / f"{name}.nii").write_bytes(nifti1(np.arange(2160, dtype="i2").reshape(shape), 4))
    sources = [ImageSource(tmp_path / f"{name}.nii") for name in "ab"]
    found = decode_images(sources, PrepareSettings(size=(8, 8, 8), window=(0.0, 2160.0)), None, 0, None)
    assert found.problems == []
    assert f"{CHANNELS_SAID} in 2 images" in found.notes
