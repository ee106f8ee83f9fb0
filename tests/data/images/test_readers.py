"""Every format with small real files, and the files that are none."""

import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import nrrd
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, JPEGLosslessSV1, generate_uid

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.readers import read_image

GREY = np.arange(7 * 5, dtype=np.uint8).reshape(5, 7) * 7
DEEP = (np.arange(7 * 5).reshape(5, 7) * 1871 + 3).astype(np.uint16)
COLOUR = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def read(path: Path, key: str | None = None, index: int | None = None) -> RawImage:
    return read_image(ImageSource(path, key, index))


def refused(path: Path, key: str | None = None, index: int | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read(path, key, index)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    return message


class TestPictures:
    @pytest.mark.parametrize("name", ["a.png", "a.tif", "a.TIFF", "a.bmp", "with space/ü ä.png"])
    def test_grey_has_rows_first(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(GREY).save(path)
        image = read(path)
        assert image.array.dtype == np.uint8
        np.testing.assert_array_equal(image.array, GREY[None])
        assert image.spacing is None
        assert image.notes == ()

    @pytest.mark.parametrize("name", ["a.png", "a.tif"])
    def test_sixteen_bit_is_kept(self, tmp_path: Path, name: str) -> None:
        Image.fromarray(DEEP).save(tmp_path / name)
        image = read(tmp_path / name)
        assert image.array.dtype == np.uint16
        np.testing.assert_array_equal(image.array, DEEP[None])

    def test_big_endian_tiff_becomes_native(self, tmp_path: Path) -> None:
        Image.frombytes("I;16B", (7, 5), DEEP.astype(">u2").tobytes()).save(tmp_path / "a.tif")
        image = read(tmp_path / "a.tif")
        assert image.array.dtype.isnative
        np.testing.assert_array_equal(image.array, DEEP[None])

    def test_float_tiff_is_kept(self, tmp_path: Path) -> None:
        values = np.linspace(-1, 1, 35, dtype=np.float32).reshape(5, 7)
        Image.fromarray(values).save(tmp_path / "a.tiff")
        np.testing.assert_array_equal(read(tmp_path / "a.tiff").array, values[None])

    def test_colour_has_channels_first(self, tmp_path: Path) -> None:
        Image.fromarray(COLOUR).save(tmp_path / "a.png")
        np.testing.assert_array_equal(read(tmp_path / "a.png").array, COLOUR.transpose(2, 0, 1))

    def test_jpeg_equals_pillow(self, tmp_path: Path) -> None:
        Image.fromarray(COLOUR).save(tmp_path / "a.jpg", quality=95)
        with Image.open(tmp_path / "a.jpg") as picture:
            expected = np.asarray(picture).transpose(2, 0, 1)
        np.testing.assert_array_equal(read(tmp_path / "a.jpg").array, expected)

    def test_jpeg_turned_by_the_camera_is_upright(self, tmp_path: Path) -> None:
        marks = Image.Exif()
        marks[0x0112] = 6  # to be turned by 90 degrees clockwise
        Image.fromarray(np.zeros((16, 8, 3), np.uint8)).save(tmp_path / "a.jpg", exif=marks)
        image = read(tmp_path / "a.jpg")
        assert image.array.shape == (3, 8, 16)
        assert len(image.notes) == 1

    def test_alpha_is_dropped_and_noted(self, tmp_path: Path) -> None:
        alpha = np.full((6, 8, 1), 9, np.uint8)
        Image.fromarray(np.concatenate([COLOUR, alpha], axis=2)).save(tmp_path / "rgba.png")
        Image.fromarray(np.stack([GREY, GREY // 2], axis=2)).save(tmp_path / "la.png")
        colour, grey = read(tmp_path / "rgba.png"), read(tmp_path / "la.png")
        np.testing.assert_array_equal(colour.array, COLOUR.transpose(2, 0, 1))
        np.testing.assert_array_equal(grey.array, GREY[None])
        assert colour.notes == grey.notes == ("alpha channel dropped",)

    def test_palette_becomes_colour(self, tmp_path: Path) -> None:
        picture = Image.fromarray(np.array([[0, 1, 2], [2, 1, 0]], np.uint8), mode="P")
        picture.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
        picture.save(tmp_path / "a.png")
        expected = np.array([[10, 40, 70], [70, 40, 10]])
        np.testing.assert_array_equal(
            read(tmp_path / "a.png").array, np.stack([expected, expected + 10, expected + 20])
        )

    def test_one_bit_becomes_0_and_255(self, tmp_path: Path) -> None:
        Image.fromarray(GREY > 100).save(tmp_path / "a.png")
        np.testing.assert_array_equal(read(tmp_path / "a.png").array[0], np.where(GREY > 100, 255, 0))

    def test_sixteen_bit_colour_keeps_its_bits(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(deep_colour_png(4, 3))
        image = read(tmp_path / "a.png")
        assert (image.array.dtype, image.notes) == (np.uint16, ())

    def test_png_named_jpg_is_read(self, tmp_path: Path) -> None:
        Image.fromarray(GREY).save(tmp_path / "a.png")
        (tmp_path / "a.png").rename(tmp_path / "a.jpg")
        np.testing.assert_array_equal(read(tmp_path / "a.jpg").array, GREY[None])

    def test_text_named_png_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_text("id,label\n1,2\n")
        assert "not a PNG" in refused(tmp_path / "a.png")

    @pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
    def test_truncated_is_refused(self, tmp_path: Path, name: str) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / name)
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        message = refused(tmp_path / name)
        assert "truncated" in message or "cannot be opened" in message or "not a PNG" in message

    def test_stack_of_frames_is_refused(self, tmp_path: Path) -> None:
        first, second = Image.fromarray(GREY), Image.fromarray(GREY // 2)
        first.save(tmp_path / "a.tif", save_all=True, append_images=[second])
        assert "2 frames" in refused(tmp_path / "a.tif")


def deep_colour_png(width: int, height: int) -> bytes:
    """A PNG with 16 bits a channel, which Pillow cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return len(data).to_bytes(4, "big") + kind + data + check.to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([16, 2, 0, 0, 0])
    rows = (b"\0" + bytes(range(width * 6))) * height
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class TestFiles:
    def test_missing_file(self, tmp_path: Path) -> None:
        assert "does not exist" in refused(tmp_path / "a.png")

    def test_folder(self, tmp_path: Path) -> None:
        assert "is a folder without DICOM files, and no image file" in refused(tmp_path)

    def test_empty_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").touch()
        assert "is empty" in refused(tmp_path / "a.png")

    def test_unknown_ending(self, tmp_path: Path) -> None:
        (tmp_path / "a.xyz").write_text("something")
        assert ".nii.gz" in refused(tmp_path / "a.xyz")

    def test_row_of_a_picture(self, tmp_path: Path) -> None:
        Image.fromarray(GREY).save(tmp_path / "a.png")
        assert "only .npy and .npz" in refused(tmp_path / "a.png", index=3)

    @pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.dcm", "a", "a.nii", "a.nii.gz", "a.nrrd", "a.npz"])
    def test_rubbish_is_one_sentence(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(bytes(range(256)) * 8)
        refused(tmp_path / name)

    def test_source_text(self) -> None:
        assert ImageSource(Path("a/b.png")).text == str(Path("a/b.png"))
        assert ImageSource(Path("v.npz"), "images", 12).text == "v.npz#images[12]"
        assert ImageSource(Path("v.npy"), None, 3).text == "v.npy[3]"


class TestArrays:
    def test_grey_rows(self, tmp_path: Path) -> None:
        stack = np.stack([GREY, GREY + 1])
        np.save(tmp_path / "a.npy", stack)
        np.savez_compressed(tmp_path / "a.npz", images=stack, other=np.zeros(3))
        np.testing.assert_array_equal(read(tmp_path / "a.npy", index=1).array, stack[1][None])
        np.testing.assert_array_equal(read(tmp_path / "a.npz", "images", 1).array, stack[1][None])

    def test_colour_rows_have_channels_first(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", images=COLOUR[None])
        np.testing.assert_array_equal(read(tmp_path / "a.npz", "images", 0).array, COLOUR.transpose(2, 0, 1))
        np.testing.assert_array_equal(read(tmp_path / "a.npz", None, 0).array, COLOUR.transpose(2, 0, 1))

    def test_a_fourth_channel_is_kept(self, tmp_path: Path) -> None:
        stack = np.random.default_rng(0).normal(size=(2, 8, 9, 4)).astype(np.float32)
        np.save(tmp_path / "a.npy", stack)
        for row in (0, 1):
            image = read(tmp_path / "a.npy", index=row)
            assert [image.array[channel, 3, 5] for channel in range(4)] == stack[row, 3, 5].tolist()
            assert [note.partition(" (")[0] for note in image.notes] == ["array of four channels read with all four"]

    def test_volume_stays_as_stored(self, tmp_path: Path) -> None:
        volume = np.random.default_rng(0).normal(size=(2, 5, 6, 7))
        np.save(tmp_path / "a.npy", volume)
        image = read(tmp_path / "a.npy", index=1)
        assert image.array.dtype == np.float64
        np.testing.assert_array_equal(image.array, volume[1][None])

    def test_one_channel_in_front(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", np.stack([GREY, GREY])[:, None])
        assert read(tmp_path / "a.npy", index=1).array.shape == (1, 5, 7)

    def test_a_file_that_is_one_image(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", GREY)
        np.testing.assert_array_equal(read(tmp_path / "a.npy").array, GREY[None])

    def test_an_npz_is_unpacked_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        np.savez_compressed(tmp_path / "once.npz", images=np.stack([GREY, GREY]))
        opened = []
        real = np.load
        monkeypatch.setattr(np, "load", lambda *given, **named: opened.append(given) or real(*given, **named))
        for index in (0, 1, 0):
            read(tmp_path / "once.npz", "images", index)
        assert len(opened) == 1

    def test_an_overwritten_file_is_read_anew(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", images=GREY[None])
        read(tmp_path / "a.npz", "images", 0)
        np.savez(tmp_path / "a.npz", images=np.zeros((3, 5, 7), np.uint8))
        assert read(tmp_path / "a.npz", "images", 2).array.max() == 0

    @pytest.mark.parametrize(
        ("key", "index", "said"),
        [("picture", 0, "images"), (None, 0, "say which"), ("images", 2, "rows 0 to 1"), ("images", -1, "rows 0 to 1")],
    )
    def test_wrong_key_or_row(self, tmp_path: Path, key: str | None, index: int, said: str) -> None:
        np.savez(tmp_path / "a.npz", images=np.stack([GREY, GREY]), label=np.zeros(2))
        assert said in refused(tmp_path / "a.npz", key, index)

    @pytest.mark.parametrize(
        ("array", "said"),
        [
            (np.zeros(5), "not images"),
            (np.zeros((2, 3, 8, 8)), "may be channels"),
            (np.zeros((2, 8, 8, 8, 8)), "not one image"),
            (np.full((2, 8, 8), np.nan), "64 pixels that are not a number (NaN)"),
            (np.full((2, 8, 8), np.inf), "not finite"),
            (np.zeros((2, 8, 8), complex), "complex"),
            (np.array([[["a", "b"]]]), "grey or colour numbers"),
            (np.array([[None, 1]], dtype=object), "not a NumPy file of numbers"),
            (np.zeros((2, 0, 8)), "not a 2-D"),
        ],
    )
    def test_odd_arrays_are_refused(self, tmp_path: Path, array: np.ndarray[Any, Any], said: str) -> None:
        np.save(tmp_path / "a.npy", array, allow_pickle=True)
        assert said in refused(tmp_path / "a.npy", index=0)

    def test_truncated_npz(self, tmp_path: Path) -> None:
        np.savez_compressed(tmp_path / "a.npz", images=np.random.default_rng(0).normal(size=(4, 30, 30)))
        whole = (tmp_path / "a.npz").read_bytes()
        (tmp_path / "a.npz").write_bytes(whole[: len(whole) // 2])
        refused(tmp_path / "a.npz", "images", 0)

    def test_booleans_become_0_and_255(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", GREY > 100)
        np.testing.assert_array_equal(np.unique(read(tmp_path / "a.npy").array), [0, 255])


Edit = Callable[[Dataset], None]


def write_dicom(path: Path, stored: np.ndarray[Any, Any], **values: Any) -> None:
    """A secondary capture with a name that must never be seen."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = values.pop("syntax", ExplicitVRLittleEndian)
    meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.PatientName, dataset.PatientID = "Secret^Person", "secret-4711"
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel = 3 if stored.ndim == 3 else 1
    dataset.PhotometricInterpretation = "RGB" if stored.ndim == 3 else "MONOCHROME2"
    if stored.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = stored.dtype.itemsize * 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.PixelData = stored.tobytes() + b"\0" * (stored.nbytes % 2)
    for name, value in values.items():
        setattr(dataset, name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(path, enforce_file_format=True)


class TestDicom:
    def test_stored_integers_without_rescale(self, tmp_path: Path) -> None:
        write_dicom(tmp_path / "a.dcm", DEEP, PixelSpacing=[0.4, 0.3])
        image = read(tmp_path / "a.dcm")
        assert image.array.dtype == np.uint16
        np.testing.assert_array_equal(image.array, DEEP[None])
        assert image.spacing == (0.4, 0.3)

    def test_rescale_by_1_and_0_keeps_integers(self, tmp_path: Path) -> None:
        write_dicom(tmp_path / "a.dcm", GREY, RescaleSlope=1, RescaleIntercept=0)
        assert read(tmp_path / "a.dcm").array.dtype == np.uint8

    def test_rescale_gives_ct_numbers(self, tmp_path: Path) -> None:
        stored = (DEEP // 16).astype(np.int16)
        write_dicom(tmp_path / "a.dcm", stored, RescaleSlope=2, RescaleIntercept=-1024)
        np.testing.assert_array_equal(read(tmp_path / "a.dcm").array[0], stored * 2.0 - 1024)

    def test_monochrome1_is_inverted_in_the_stored_range(self, tmp_path: Path) -> None:
        stored = (DEEP // 16).astype(np.uint16)
        write_dicom(tmp_path / "a.dcm", stored, PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11)
        image = read(tmp_path / "a.dcm")
        np.testing.assert_array_equal(image.array[0], 4095 - stored)
        assert image.array.dtype == np.uint16
        assert image.notes == ("MONOCHROME1 inverted as 4095 - value",)

    def test_monochrome1_after_rescale(self, tmp_path: Path) -> None:
        write_dicom(
            tmp_path / "a.dcm", GREY, PhotometricInterpretation="MONOCHROME1", RescaleSlope=2, RescaleIntercept=10
        )
        np.testing.assert_array_equal(read(tmp_path / "a.dcm").array[0], (255 - GREY.astype(float)) * 2 + 10)

    def test_monochrome1_of_signed_values(self, tmp_path: Path) -> None:
        stored = np.array([[-128, -1, 0, 127]], dtype=np.int8).astype(np.int16)
        write_dicom(tmp_path / "a.dcm", stored, PhotometricInterpretation="MONOCHROME1", BitsStored=8, HighBit=7)
        np.testing.assert_array_equal(read(tmp_path / "a.dcm").array[0], [[127, 0, -1, -128]])

    def test_colour(self, tmp_path: Path) -> None:
        write_dicom(tmp_path / "a.dcm", COLOUR)
        np.testing.assert_array_equal(read(tmp_path / "a.dcm").array, COLOUR.transpose(2, 0, 1))

    def test_palette_becomes_colour(self) -> None:
        path = Path(str(pydicom.data.get_testdata_file("examples_palette.dcm", download=False)))
        image = read(path)
        assert image.array.shape[0] == 3
        assert image.array.dtype == np.uint8

    def test_without_ending(self, tmp_path: Path) -> None:
        write_dicom(tmp_path / "IM0001", GREY)
        np.testing.assert_array_equal(read(tmp_path / "IM0001").array, GREY[None])

    def test_real_files(self) -> None:
        ct = read(Path(str(pydicom.data.get_testdata_file("CT_small.dcm", download=False))))
        assert ct.array.shape == (1, 128, 128)
        assert ct.array.min() >= -1024
        assert ct.spacing == pytest.approx((0.661468, 0.661468))

    def test_odd_geometry_is_no_matter(self, tmp_path: Path) -> None:
        write_dicom(tmp_path / "a.dcm", GREY, PixelSpacing="", ImageOrientationPatient=None, ImagePositionPatient=None)
        assert read(tmp_path / "a.dcm").spacing is None

    def test_empty_rescale(self, tmp_path: Path) -> None:
        write_dicom(tmp_path / "a.dcm", GREY, RescaleSlope=None, RescaleIntercept=None)
        np.testing.assert_array_equal(read(tmp_path / "a.dcm").array, GREY[None])

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"PixelData": None}, "truncated or damaged"),
            ({"NumberOfFrames": 3}, "3 frames"),
            ({"SegmentSequence": [Dataset()]}, "segmentation"),
            ({"Rows": 50}, "truncated or damaged"),
            ({"Modality": "RTSTRUCT"}, "holds contours (DICOM RTSTRUCT), not voxels; convert them to a labelmap"),
        ],
    )
    def test_refused_without_header_values(self, tmp_path: Path, values: dict[str, Any], said: str) -> None:
        write_dicom(tmp_path / "a.dcm", GREY, **values)
        message = refused(tmp_path / "a.dcm")
        assert said in message
        assert "ecret" not in message

    def test_no_pixels(self) -> None:
        path = Path(str(pydicom.data.get_testdata_file("rtplan.dcm", download=False)))
        assert "without pixels" in refused(path)

    def test_missing_codec_names_the_extra(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fragments = pydicom.encaps.encapsulate([b"\xff\xd8" + b"\1" * 20])
        write_dicom(tmp_path / "a.dcm", GREY, syntax=JPEGLosslessSV1, PixelData=fragments)
        decoder = type(pydicom.pixels.get_decoder(JPEGLosslessSV1))
        monkeypatch.setattr(decoder, "is_available", property(lambda self: False))
        message = refused(tmp_path / "a.dcm")
        assert "medgauge[dicom]" in message
        assert "JPEG Lossless" in message

    def test_truncated(self, tmp_path: Path) -> None:
        write_dicom(tmp_path / "a.dcm", np.zeros((64, 64), np.uint16))
        whole = (tmp_path / "a.dcm").read_bytes()
        (tmp_path / "a.dcm").write_bytes(whole[: len(whole) // 2])
        assert "truncated" in refused(tmp_path / "a.dcm")


def lps_volume() -> np.ndarray[Any, Any]:
    """(z, y, x) with z to the head, y to the back, x to the left: what every volume must come out as."""
    return np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)


def stored_as(codes: str, tilt: float = 0.0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The same volume stored with other axes, with its affine (2 mm right-left, 3 mm front-back, 5 mm feet-head)."""
    array = lps_volume().transpose(2, 1, 0)  # x, y, z in L, P, S
    turn = nibabel.orientations.ornt_transform(
        nibabel.orientations.axcodes2ornt("LPS"), nibabel.orientations.axcodes2ornt(codes)
    )
    cosine, sine = np.cos(tilt), np.sin(tilt)
    tilted = np.array([[cosine, -sine, 0, 0], [sine, cosine, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    affine = tilted @ np.diag([-2.0, -3.0, 5.0, 1.0])
    stored = nibabel.orientations.apply_orientation(array, turn)
    return np.ascontiguousarray(stored), affine @ nibabel.orientations.inv_ornt_aff(turn, array.shape)


class TestVolumes:
    @pytest.mark.parametrize("codes", ["LPS", "RAS", "PIR", "SAL"])
    @pytest.mark.parametrize("tilt", [0.0, 0.3])
    def test_nifti_of_any_orientation_comes_out_the_same(self, tmp_path: Path, codes: str, tilt: float) -> None:
        array, affine = stored_as(codes, tilt)
        nibabel.save(nibabel.Nifti1Image(array, affine), tmp_path / "a.nii.gz")
        image = read(tmp_path / "a.nii.gz")
        assert image.array.dtype == np.int16
        np.testing.assert_array_equal(image.array, lps_volume()[None])
        assert image.spacing == pytest.approx((5.0, 3.0, 2.0), rel=1e-6)

    @pytest.mark.parametrize("codes", ["LPS", "RAS", "PIR"])
    @pytest.mark.parametrize("space", ["left-posterior-superior", "right-anterior-superior", "LAS", "LPS", "RAS"])
    def test_nrrd_of_any_orientation_comes_out_the_same(self, tmp_path: Path, codes: str, space: str) -> None:
        array, affine = stored_as(codes)
        signs = {"l": [-1, -1, 1], "r": [1, 1, 1]}[space[0].lower()] if space != "LAS" else [-1, 1, 1]
        header = {
            "space": space,
            "space directions": (np.diag(signs) @ affine[:3, :3]).T,
            "space origin": np.diag(signs) @ affine[:3, 3],
            "kinds": ["domain"] * 3,
        }
        nrrd.write(str(tmp_path / "a.nrrd"), array, header)
        image = read(tmp_path / "a.nrrd")
        assert image.array.dtype == np.int16
        np.testing.assert_array_equal(image.array, lps_volume()[None])
        assert image.spacing == pytest.approx((5.0, 3.0, 2.0))

    def test_nrrd_with_channels_in_front(self, tmp_path: Path) -> None:
        array, affine = stored_as("LPS")
        header = {
            "space": "right-anterior-superior",
            "space directions": np.vstack([[np.nan] * 3, affine[:3, :3].T]),
            "space origin": affine[:3, 3],
            "kinds": ["vector", "domain", "domain", "domain"],
        }
        nrrd.write(str(tmp_path / "a.nrrd"), np.stack([array, array + 1]), header)
        image = read(tmp_path / "a.nrrd")
        np.testing.assert_array_equal(image.array, np.stack([lps_volume(), lps_volume() + 1]))
        assert image.spacing == pytest.approx((5.0, 3.0, 2.0))

    def test_nrrd_without_orientation(self, tmp_path: Path) -> None:
        nrrd.write(str(tmp_path / "a.nrrd"), GREY.T, {"spacings": [0.2, 0.3]})
        nrrd.write(str(tmp_path / "b.nrrd"), GREY.T)
        image, bare = read(tmp_path / "a.nrrd"), read(tmp_path / "b.nrrd")
        np.testing.assert_array_equal(image.array, GREY[None])
        assert image.spacing == pytest.approx((0.3, 0.2))
        assert bare.spacing is None

    def test_nrrd_with_its_pixels_elsewhere_is_refused(self, tmp_path: Path) -> None:
        nrrd.write(str(tmp_path / "a.nhdr"), lps_volume(), detached_header=True)
        (tmp_path / "a.nhdr").rename(tmp_path / "a.nrrd")
        assert "another file" in refused(tmp_path / "a.nrrd")

    def test_nifti_is_rescaled_and_its_unit_respected(self, tmp_path: Path) -> None:
        picture = nibabel.Nifti1Image(lps_volume().transpose(2, 1, 0).copy(), np.diag([-2.0, -3.0, 5.0, 1.0]))
        picture.header.set_xyzt_units("micron")
        nibabel.save(picture, tmp_path / "a.nii")
        stored = bytearray((tmp_path / "a.nii").read_bytes())
        stored[112:120] = np.array([2, -1000], dtype="<f4").tobytes()  # scl_slope and scl_inter
        (tmp_path / "a.nii").write_bytes(stored)
        image = read(tmp_path / "a.nii")
        np.testing.assert_array_equal(image.array[0], lps_volume() * 2.0 - 1000)
        assert image.spacing == pytest.approx((0.005, 0.003, 0.002))
        assert "voxel sizes turned from micrometres to millimetres" in image.notes

    def test_one_slice_is_2d(self, tmp_path: Path) -> None:
        nibabel.save(
            nibabel.Nifti1Image(GREY.T[::-1, :, None].copy(), np.diag([2.0, -3.0, 1.0, 1.0])), tmp_path / "a.nii"
        )
        image = read(tmp_path / "a.nii")
        np.testing.assert_array_equal(image.array, GREY[None])
        assert image.spacing == pytest.approx((3.0, 2.0))

    def test_fourth_axis_of_2_to_4_is_channels(self, tmp_path: Path) -> None:
        array, affine = stored_as("RAS")
        nibabel.save(nibabel.Nifti1Image(np.stack([array, -array], axis=3), affine), tmp_path / "a.nii")
        np.testing.assert_array_equal(read(tmp_path / "a.nii").array, np.stack([lps_volume(), -lps_volume()]))

    def test_time_series_is_refused(self, tmp_path: Path) -> None:
        nibabel.save(nibabel.Nifti1Image(np.zeros((3, 4, 5, 20), np.int16), np.eye(4)), tmp_path / "a.nii")
        assert "one volume a file" in refused(tmp_path / "a.nii")

    @pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
    def test_truncated_nifti(self, tmp_path: Path, name: str) -> None:
        noise = np.random.default_rng(0).normal(size=(20, 20, 20))
        nibabel.save(nibabel.Nifti1Image(noise, np.eye(4)), tmp_path / name)
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        assert "truncated" in refused(tmp_path / name)


class TestSharedData:
    def test_a_real_image_of_each_folder(self, shared: Path) -> None:
        shapes = {
            "hc18": (1, 108, 160),
            "idrid": (3, 160, 160),
            "nih_cxr1000": (1, 64, 64),
            "hannover_cxr": (1, 192, 192),
        }
        for folder, shape in shapes.items():
            path = sorted((shared / "data" / folder / "images").iterdir())[0]
            assert read(path).array.shape == shape

    def test_rows_of_real_arrays(self, shared: Path) -> None:
        data = shared / "data"
        assert read(data / "lidc_nodules" / "volumes.npz", "images", 5).array.shape == (1, 32, 32, 32)
        assert read(data / "retinamnist" / "retinamnist.npz", "train_images", 5).array.shape == (3, 28, 28)
