"""NRRD: files by hand and by pynrrd; spaces, units, encodings, kinds; what is refused."""

import bz2
import gzip
import textwrap
from pathlib import Path
from typing import Any

import nrrd
import numpy as np
import pytest

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.nrrd import read_nrrd
from medgauge.data.images.nrrd_header import KIND, read_header
from medgauge.data.images.readers import read_image
from medgauge.data.images.volumes import AXIS_AS_CHANNELS

RNG = np.random.default_rng(0)
VOLUME = RNG.integers(0, 999, (5, 6, 7)).astype("<i2")  # x, y, z
FLAT = np.arange(20, dtype=np.uint8).reshape(4, 5)  # x, y
SPACE = "space: left-posterior-superior\nspace directions: (2,0,0) (0,3,0) (0,0,5)\nspace origin: (0,0,0)\n"


def read(path: Path, nan: float | None = None) -> RawImage:
    return read_image(ImageSource(path), nan=nan)


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def by_hand(path: Path, array: np.ndarray[Any, Any], fields: str, data: bytes | None = None, more: str = "") -> Path:
    """An NRRD file; ``fields`` replace the usual encoding raw."""
    kinds = {"i2": "short", "u1": "uchar", "f4": "float", "f8": "double"}
    head = textwrap.dedent(
        f"""\
        NRRD0005
        # by hand
        type: {kinds[array.dtype.str[1:]]}
        dimension: {array.ndim}
        sizes: {" ".join(map(str, array.shape))}
        endian: little
        """
    )
    fields = fields if "encoding" in fields else f"encoding: raw\n{fields}"
    own = {line.partition(":")[0] for line in fields.splitlines()}
    head = "".join(line for line in head.splitlines(keepends=True) if line.partition(":")[0] not in own)
    data = array.tobytes(order="F") if data is None else data
    path.write_bytes(head.encode() + fields.encode() + more.encode() + b"\n" + data)
    return path


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ascii"])
def test_every_type_and_encoding_equals_what_pynrrd_reads(tmp_path: Path, kind: str, encoding: str) -> None:
    array = RNG.integers(0, 256, 120 * np.dtype(kind).itemsize, dtype=np.uint8).view(kind).reshape(4, 5, 6)
    if kind[0] == "f" or encoding == "ascii":
        array = RNG.integers(0, 100, (4, 5, 6)).astype(kind)
    nrrd.write(str(tmp_path / "a.nrrd"), array, {"encoding": encoding, "spacings": [2, 3, 5]})
    image = read(tmp_path / "a.nrrd")
    np.testing.assert_array_equal(image.array[0], nrrd.read(str(tmp_path / "a.nrrd"))[0].transpose())
    np.testing.assert_array_equal(image.array[0], array.transpose())
    assert image.array.dtype == kind
    assert image.spacing == (5.0, 3.0, 2.0)


def test_pixels_equal_what_a_reader_of_three_lines_finds(tmp_path: Path) -> None:
    header = {"encoding": "raw", "space": "left-posterior-superior", "space directions": np.diag([2.0, 3.0, 5.0])}
    nrrd.write(str(tmp_path / "a.nrrd"), VOLUME, header)
    head, _, data = (tmp_path / "a.nrrd").read_bytes().partition(b"\n\n")
    fields = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
    sizes = [int(word) for word in fields["sizes"].split()]
    image = read_nrrd(ImageSource(tmp_path / "a.nrrd"))
    np.testing.assert_array_equal(image.array, np.frombuffer(data, "<i2").reshape(1, *sizes[::-1]))
    assert image.spacing == (5.0, 3.0, 2.0)


def test_big_endian(tmp_path: Path) -> None:
    nrrd.write(str(tmp_path / "a.nrrd"), VOLUME.astype(">i2"), {"endian": "big"})
    np.testing.assert_array_equal(read(tmp_path / "a.nrrd").array[0], VOLUME.transpose())


@pytest.mark.parametrize(
    ("fields", "data"),
    [
        ("encoding: GZ\n", gzip.compress(VOLUME.tobytes(order="F"))),
        ("encoding: bz2\n", bz2.compress(VOLUME.tobytes(order="F"))),
        ("encoding: hex\n", VOLUME.tobytes(order="F").hex().encode()),
        ("encoding: txt\n", b"\n".join(b"%d" % number for number in VOLUME.ravel(order="F"))),
        ("encoding: text\n", b", ".join(b"%d" % number for number in VOLUME.ravel(order="F"))),
        ("encoding: raw\nline skip: 2\nbyte skip: 3\n", b"one\ntwo\nabc" + VOLUME.tobytes(order="F")),
        ("encoding: raw\nbyteskip: -1\n", b"anything before" + VOLUME.tobytes(order="F")),
        ("encoding: txt\nbyte skip: 2\n", b"# " + b"\n".join(b"%d" % number for number in VOLUME.ravel(order="F"))),
        ("encoding: gzip\nbyte skip: 5\n", gzip.compress(b"12345" + VOLUME.tobytes(order="F"))),
    ],
)
def test_encodings_and_skips(tmp_path: Path, fields: str, data: bytes) -> None:
    by_hand(tmp_path / "a.nrrd", VOLUME, fields, data)
    np.testing.assert_array_equal(read(tmp_path / "a.nrrd").array[0], VOLUME.transpose())


@pytest.mark.parametrize(
    ("space", "turned"),
    [
        ("left-posterior-superior", (1, 1)), ("Left-Posterior-Superior", (1, 1)), ("lps", (1, 1)), ("LPS", (1, 1)),
        ("RAS", (-1, -1)), ("ras", (-1, -1)), ("RIGHT-ANTERIOR-SUPERIOR", (-1, -1)), ("right anterior superior", (-1, -1)),
        ("LAS", (1, -1)), ("Left-Anterior-Superior", (1, -1)),
    ],
)  # fmt: skip
def test_spaces_in_any_case(tmp_path: Path, space: str, turned: tuple[int, int]) -> None:
    fields = SPACE.replace("left-posterior-superior", space)
    image = read(by_hand(tmp_path / "a.nrrd", VOLUME, fields.replace("space:", "Space:")))
    np.testing.assert_array_equal(image.array[0], VOLUME[:: turned[0], :: turned[1]].transpose())
    assert image.spacing == (5.0, 3.0, 2.0)
    assert image.notes == ()


@pytest.mark.parametrize("space", ["", "space: scanner-xyz\n", "space: 3D-right-handed\n", "space dimension: 3\n"])
def test_a_space_without_the_patients_directions_is_said(tmp_path: Path, space: str) -> None:
    fields = space + SPACE.partition("\n")[2]
    image = read(by_hand(tmp_path / "a.nrrd", VOLUME, fields))
    np.testing.assert_array_equal(image.array[0], VOLUME.transpose())
    assert image.notes == ("no directions of the patient in the file: axes taken as left, posterior, superior",)


@pytest.mark.parametrize("space", ["LPST", "left-posterior-inferior"])
def test_other_spaces_are_refused_by_name(tmp_path: Path, space: str) -> None:
    by_hand(tmp_path / "a.nrrd", VOLUME, SPACE.replace("left-posterior-superior", space))
    assert f"has the space {space.lower()}, which is not read" in refused(tmp_path / "a.nrrd")


@pytest.mark.parametrize(
    ("units", "factor"),
    [('"mm" "mm" "mm"', 1.0), ('"um" "um" "um"', 0.001), ("microns microns microns", 0.001), ('"µm" "µm" "µm"', 0.001),
     ('"micrometers" "Micrometres" "micron"', 0.001), ('"cm" "cm" "cm"', 10.0), ('"m" "meter" "metres"', 1000.0)],
)  # fmt: skip
def test_units(tmp_path: Path, units: str, factor: float) -> None:
    image = read(by_hand(tmp_path / "a.nrrd", VOLUME, SPACE + f"space units: {units}\n"))
    assert image.spacing == pytest.approx((5 * factor, 3 * factor, 2 * factor))
    flat = read(by_hand(tmp_path / "b.nrrd", VOLUME, f"spacings: 2 3 5\nunits: {units}\n"))
    assert flat.spacing == pytest.approx((5 * factor, 3 * factor, 2 * factor))


def test_an_unknown_unit_gives_no_size_and_is_said(tmp_path: Path) -> None:
    for fields in (SPACE + 'space units: "furlong" "mm" "mm"\n', 'spacings: 2 3 5\nunits: "mm" "px" "mm"\n'):
        image = read(by_hand(tmp_path / "a.nrrd", VOLUME, fields))
        assert image.spacing is None
        assert "unit of the voxel sizes not known: sizes not used" in image.notes


def test_a_slice_in_space_is_turned_like_a_volume_of_one(tmp_path: Path) -> None:
    fields = "space: RAS\nspace directions: (2,0,0) (0,3,0)\n"
    flat = read(by_hand(tmp_path / "a.nrrd", FLAT, fields))
    thick = read(by_hand(tmp_path / "b.nrrd", FLAT[:, :, None], fields.rstrip("\n") + " (0,0,1)\n"))
    np.testing.assert_array_equal(flat.array, FLAT[::-1, ::-1].transpose()[None])
    np.testing.assert_array_equal(thick.array, flat.array)
    assert flat.spacing == thick.spacing == (3.0, 2.0)


def test_a_picture_in_a_plane_is_as_stored(tmp_path: Path) -> None:
    image = read(by_hand(tmp_path / "a.nrrd", FLAT, "space dimension: 2\nspace directions: (0,2) (-3,0)\n"))
    np.testing.assert_array_equal(image.array, FLAT.transpose()[None])
    assert image.spacing == (3.0, 2.0)
    assert image.notes == ("no orientation in the file: axes taken as stored",)


COLOUR = RNG.integers(0, 256, (3, 4, 5), dtype=np.uint8)  # channel, x, y


@pytest.mark.parametrize("kinds", ["RGB-color domain domain", "rgb-color space space", "3-color domain domain"])
def test_colour_pictures(tmp_path: Path, kinds: str) -> None:
    image = read(by_hand(tmp_path / "a.nrrd", COLOUR, f"kinds: {kinds}\nspacings: nan 2 3\n"))
    np.testing.assert_array_equal(image.array, COLOUR.transpose(0, 2, 1))
    assert image.spacing == (3.0, 2.0)
    assert image.notes == ("no orientation in the file: axes taken as stored",)


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2, 0)], ids=["first", "last"])
def test_an_axis_of_three_without_a_kind_may_be_channels_or_slices(tmp_path: Path, axes: tuple[int, ...]) -> None:
    array = VOLUME[:3].transpose(axes)
    message = refused(by_hand(tmp_path / "a.nrrd", array, ""))
    assert "has an axis of 3 that may be channels or slices; write its kinds" in message
    slices = read(by_hand(tmp_path / "a.nrrd", array, "kinds: domain domain domain\n"))
    np.testing.assert_array_equal(slices.array, array.transpose()[None])
    spaced = read(by_hand(tmp_path / "a.nrrd", array, "spacings: 2 3 5\n"))
    np.testing.assert_array_equal(spaced.array, array.transpose()[None])
    assert spaced.spacing == (5.0, 3.0, 2.0)


@pytest.mark.parametrize("fields", ["spacings: nan 2 3\n", "kinds: vector domain domain\nspacings: 1 2 3\n"])
def test_an_axis_without_a_step_or_of_another_kind_is_channels(tmp_path: Path, fields: str) -> None:
    image = read(by_hand(tmp_path / "a.nrrd", COLOUR, fields))
    np.testing.assert_array_equal(image.array, COLOUR.transpose(0, 2, 1))
    assert image.spacing == (3.0, 2.0)
    assert AXIS_AS_CHANNELS in image.notes


@pytest.mark.parametrize(("kind", "said"), [("i2", True), ("f4", False)])
def test_quantised_numbers_are_told(tmp_path: Path, kind: str, said: bool) -> None:
    for fields in ("old min: -3.5\nold max: 80\n", "oldmax: 80\n"):
        image = read(by_hand(tmp_path / "a.nrrd", VOLUME.astype(kind), fields))
        np.testing.assert_array_equal(image.array[0], VOLUME.transpose())
        assert ("numbers that stand for others (old min, old max) read as stored" in image.notes) == said


def test_channels_and_transparency(tmp_path: Path) -> None:
    four = np.concatenate([COLOUR, COLOUR[:1]])
    image = read(by_hand(tmp_path / "a.nrrd", four, "kinds: RGBA-color domain domain\n"))
    assert image.array.shape == (3, 5, 4)
    assert "alpha channel dropped" in image.notes
    image = read(by_hand(tmp_path / "b.nrrd", COLOUR, "kinds: vector domain domain\n"))
    assert image.array.shape == (3, 5, 4)
    assert AXIS_AS_CHANNELS in image.notes
    image = read(by_hand(tmp_path / "c.nrrd", FLAT[None], "kinds: scalar domain domain\n"))
    np.testing.assert_array_equal(image.array, FLAT.transpose()[None])


def test_axes_that_are_no_channels_are_refused(tmp_path: Path) -> None:
    by_hand(tmp_path / "a.nrrd", COLOUR, "kinds: time domain domain\n")
    assert "an axis of kind time, which is not read" in refused(tmp_path / "a.nrrd")
    by_hand(tmp_path / "b.nrrd", np.zeros((7, 4, 5, 6), np.uint8), "kinds: list domain domain domain\n")
    assert "4 x 5 x 6 x 7, not one 2-D or 3-D image; save one volume a file" in refused(tmp_path / "b.nrrd")


def test_nan(tmp_path: Path) -> None:
    array = VOLUME.astype("<f4")
    array[0] = np.nan
    path = by_hand(tmp_path / "a.nrrd", array, SPACE)
    assert "42 pixels that are not a number (NaN)" in refused(path)
    np.testing.assert_array_equal(read(path, nan=-1.0).array[0], np.nan_to_num(array, nan=-1.0).transpose())
    by_hand(tmp_path / "b.nrrd", array, "encoding: text\n", " ".join(map(str, array.ravel(order="F"))).encode())
    np.testing.assert_array_equal(read(tmp_path / "b.nrrd", nan=-1.0).array, read(path, nan=-1.0).array)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_flipped_bit_or_a_cut_is_found(tmp_path: Path, pack: Any) -> None:
    data = pack(VOLUME.tobytes(order="F"))
    fields = f"encoding: {'gzip' if pack is gzip.compress else 'bzip2'}\n"
    for place in range(len(data) // 2, len(data), 11):
        flipped = bytearray(data)
        flipped[place] ^= 1
        for damaged in (bytes(flipped), data[:place]):
            by_hand(tmp_path / "a.nrrd", VOLUME, fields, damaged)
            assert "is not an NRRD file, or is damaged" in refused(tmp_path / "a.nrrd")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("data file: a.raw\n", "keeps its pixels in another file"),
        ("datafile: LIST\n", "keeps its pixels in another file"),
        ("encoding: zstd\n", "has the encoding zstd, which is not read"),
        ("sizes: 4 5\n", "not an NRRD file, or is damaged (sizes and dimension differ)"),
        ("sizes: 4000000 5000000 600000\n", "too much for this machine's memory"),
        ("sizes: 400 500 600\n", "damaged"),
        ("type: block\n", "damaged (the type is block)"),
        ("endian: middle\n", "damaged (no endian (byte order))"),
        ("spacings: 1 2 3\nspacings: 3 2 1\n", "damaged (spacings is there twice, with two values)"),
        ("space: LPS\nspace directions: (0,0,0) (0,3,0) (0,0,5)\n", "orientation that cannot be used"),
        ("space: LPS\nspace directions: (2,0) (0,3) (0,5)\n", "damaged"),
        ("space: LPS\nspace directions: (2,0,0) (0,3,0)\n", "damaged (not as many space directions as axes)"),
    ],
)
def test_what_is_refused(tmp_path: Path, fields: str, said: str) -> None:
    assert said in refused(by_hand(tmp_path / "a.nrrd", VOLUME, fields))


def test_a_voxel_size_that_is_none_is_noted(tmp_path: Path) -> None:
    image = read(by_hand(tmp_path / "a.nrrd", VOLUME, "spacings: -1 2 3\n"))
    assert image.spacing is None
    assert any("no number above 0: sizes not used" in note for note in image.notes)
    assert not any(
        "not above 0" in note for note in read(by_hand(tmp_path / "b.nrrd", VOLUME, "spacings: 1 2 3\n")).notes
    )


def test_a_header_by_hand() -> None:
    header = read_header(
        data
        := b'NRRD0004\r\n# a note\r\nType: unsigned short\r\nsizes: 2 3\r\nkey:=a: value\r\nunits: "a b" mm\r\n\r\nxy'
    )
    assert header.fields == {"type": "unsigned short", "sizes": "2 3", "units": '"a b" mm'}
    assert header.words("units") == ["a b", "mm"]
    assert data[header.start :] == b"xy"
    assert KIND["unsigned short"] == "u2"
    with pytest.raises(ValueError, match="no NRRD"):
        read_header(b"NRRD0009\n")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("sizes: 4 x\n", "sizes: 4 x"),
        ("sizes: 4 0\n", "a size is 0"),
        ("sizes: 4 5 1\n", "sizes and dimension differ"),
        ("dimension: two\n", "dimension: two"),
        ("type: shorty\n", "the type is shorty"),
        ("spacings: 1\n", "not as many spacings as axes"),
        ("spacings: 1 one\n", "spacings: one"),
        ("kinds: domain\n", "not as many kinds as axes"),
        ("byte skip: some\n", "byte skip: some"),
        ("byte skip: -2\n", "a byte skip of -2 with encoding raw"),
        ("line skip: 9\n", "a line skip of 9, and fewer lines"),
        ("space dimension: 2\nspace directions: (1,x) (0,1)\n", "space directions: (1,x) (0,1)"),
        ("space dimension: 2\nspace directions: (1,0) (0,nan)\n", "1 of 2 axes have space directions that are numbers"),
    ],
)
def test_a_field_that_is_wrong_is_named(tmp_path: Path, fields: str, words: str) -> None:
    path = by_hand(tmp_path / "a.nrrd", FLAT, fields)
    assert refused(path) == f"{path} is not an NRRD file, or is damaged ({words}); replace it or leave the case out"


@pytest.mark.parametrize("encoding", ["gzip", "bz2", "txt"])
def test_a_skip_to_the_end_is_of_raw_numbers_alone(tmp_path: Path, encoding: str) -> None:
    pack = {"gzip": gzip.compress, "bz2": bz2.compress, "txt": bytes}[encoding]
    data = pack(b"12345" + FLAT.tobytes(order="F"))
    path = by_hand(tmp_path / "a.nrrd", FLAT, f"encoding: {encoding}\nbyte skip: -1\n", data)
    assert f"or is damaged (a byte skip of -1 with encoding {encoding});" in refused(path)


@pytest.mark.parametrize("name", ["sizes", "dimension", "encoding"])
def test_a_field_that_lacks_is_named(tmp_path: Path, name: str) -> None:
    path = by_hand(tmp_path / "a.nrrd", FLAT, "encoding: raw\n")
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join(line for line in lines if not line.startswith(name.encode())))
    assert f"or is damaged (no {name});" in refused(path)


def test_a_step_that_is_not_told_leaves_an_image_one(tmp_path: Path) -> None:
    image = read(by_hand(tmp_path / "a.nrrd", FLAT, "spacings: 0.5 nan\n"))
    np.testing.assert_array_equal(image.array[0], FLAT.T)
    assert image.spacing is None
    assert "a voxel size in the file is no number above 0: sizes not used" in image.notes


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("spacings: 1 nan 2\n", "spacings are no number for axis 2, which is too long for channels"),
        ("spacings: NaN 1 2\n", "spacings are no number for axis 1, which is too long for channels"),
        (
            "space: LPS\nspace directions: (2,0,0) (0,3,0) (0,nan,5)\n",
            "space directions are no number for axis 3, which is too long for channels",
        ),
    ],
)
def test_an_axis_of_space_without_a_number_is_named(tmp_path: Path, fields: str, words: str) -> None:
    path = by_hand(tmp_path / "a.nrrd", VOLUME, fields)
    assert refused(path) == f"{path} is not an NRRD file, or is damaged ({words}); replace it or leave the case out"


def test_directions_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "a.nrrd", VOLUME, "space: LPS\nspace directions: (inf,0,0) (0,3,0) (0,0,5)\n")
    assert "has an orientation that cannot be used (space directions); set its directions anew" in refused(path)


def test_a_segmentation_of_slicer_is_refused(tmp_path: Path) -> None:
    header = {"Segment0_ID": "Segment_1", "Segment0_Name": "liver"}
    nrrd.write(str(tmp_path / "a.seg.nrrd"), VOLUME, header, custom_field_map=dict.fromkeys(header, "string"))
    assert "is a segmentation of Slicer, not an image; name the image, or export" in refused(tmp_path / "a.seg.nrrd")
