"""DICOM by PS3.3 and PS3.5: what is read equals pydicom's own functions and sums done by hand."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    generate_uid,
)

from medgauge.core.errors import InputError
from medgauge.data.images import dicom
from medgauge.data.images.dicom import says_dicom
from medgauge.data.images.dicom_header import HIGH_BIT, HeaderError, check_pixels
from medgauge.data.images.dicom_pixels import FEWER_BITS, grey_values
from medgauge.data.images.dicom_units import has_unit
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.prepare import PrepareSettings, find_window, prepare
from medgauge.data.images.readers import read_image

SYNTAXES = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
]


def read(path: Path) -> RawImage:
    return read_image(ImageSource(path))


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert "ecret" not in str(caught.value)
    return str(caught.value)


def dataset_of(cells: np.ndarray[Any, Any], **values: Any) -> Dataset:
    """A secondary capture of pixel cells (h, w) or (h, w, 3), with a name that must never be seen."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = generate_uid()
    made.PatientName = "Secret^Person"
    made.Rows, made.Columns = cells.shape[:2]
    made.SamplesPerPixel = 1 if cells.ndim == 2 else 3
    made.PhotometricInterpretation = "MONOCHROME2" if cells.ndim == 2 else "RGB"
    if cells.ndim == 3:
        made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = cells.dtype.itemsize * 8
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(cells.dtype.kind == "i")
    made.PixelData = cells.tobytes() + b"\0" * (cells.nbytes % 2)
    for name, value in values.items():
        setattr(made, name, value)
    return made


def saved(path: Path, cells: np.ndarray[Any, Any], syntax: str = ExplicitVRLittleEndian, **values: Any) -> Path:
    """The file of such a data set."""
    made = dataset_of(cells, **values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if syntax == ExplicitVRBigEndian:
            made.PixelData = cells.astype(cells.dtype.newbyteorder(">")).tobytes() + b"\0" * (cells.nbytes % 2)
        if syntax == RLELossless:
            made.compress(RLELossless, generate_instance_uid=False)
        made.file_meta.TransferSyntaxUID = syntax
        made.save_as(path, enforce_file_format=True)
    return path


def without_meta(path: Path, cells: np.ndarray[Any, Any], implicit: bool, little: bool = True, **values: Any) -> Path:
    """A bare data set: no preamble, no meta header."""
    made = dataset_of(cells if little else cells.astype(cells.dtype.newbyteorder(">")), **values)
    del made.file_meta
    made.save_as(path, implicit_vr=implicit, little_endian=little, enforce_file_format=False)
    return path


def item(**values: Any) -> Dataset:
    """A data set as it is in a sequence."""
    made = Dataset()
    for name, value in values.items():
        setattr(made, name, value)
    return made


GRID = [
    (allocated, bits, signed, scale)
    for allocated, bits in [(8, 8), (8, 6), (16, 16), (16, 12), (16, 10), (32, 32), (32, 20)]
    for signed in (False, True)
    for scale in [None, (1, 0), (2, -1024), (0.25, 3.5), (-1, 100)]
]


class TestStoredBits:
    @pytest.mark.parametrize("syntax", SYNTAXES)
    @pytest.mark.parametrize(("allocated", "bits", "signed", "scale"), GRID)
    def test_every_bit_sign_and_rescale_equals_pydicom_and_the_sum_by_hand(
        self, tmp_path: Path, syntax: str, allocated: int, bits: int, signed: bool, scale: tuple[float, float] | None
    ) -> None:
        if syntax == RLELossless and allocated == 32:
            syntax = ExplicitVRLittleEndian  # the standard has no 32-bit grey RLE
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        stored = np.array([[low, low + 1, 0, 1], [high // 3, high // 2, high - 1, high]])
        cells = stored.astype(f"{'i' if signed else 'u'}{allocated // 8}")
        given = {} if scale is None else {"RescaleSlope": scale[0], "RescaleIntercept": scale[1]}
        path = saved(tmp_path / "a.dcm", cells, syntax, BitsStored=bits, HighBit=bits - 1, **given)
        image = read(path)
        by_hand = stored if scale is None else stored * float(scale[0]) + float(scale[1])
        np.testing.assert_array_equal(image.array[0], by_hand.astype(image.array.dtype))
        dataset = pydicom.dcmread(path)
        theirs = apply_modality_lut(pixel_array(dataset), dataset)
        np.testing.assert_array_equal(image.array[0], theirs.astype(image.array.dtype))
        whole = scale in (None, (1, 0))
        assert image.array.dtype == (cells.dtype if whole else np.float32)
        assert image.has_unit is not whole
        assert image.notes == ()

    @pytest.mark.parametrize("signed", [False, True])
    @pytest.mark.parametrize("high_bit", [11, 13, 15])
    def test_the_high_bit_says_where_the_stored_bits_are(self, tmp_path: Path, signed: bool, high_bit: int) -> None:
        stored = np.array([[-2048, -1, 0, 2047]] if signed else [[0, 1, 2047, 4095]])
        cells = ((stored & 0xFFF) << (high_bit - 11)).astype(np.uint16).view(np.int16 if signed else np.uint16)
        path = saved(tmp_path / "a.dcm", cells, BitsStored=12, HighBit=high_bit)
        np.testing.assert_array_equal(read(path).array[0], stored)

    @pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
    def test_an_overlay_in_the_upper_bits_is_no_intensity_and_is_told(self, tmp_path: Path, syntax: str) -> None:
        stored = np.array([[0, 5, 2047, 4095]], np.uint16)
        cells = stored | np.array([[0x8000, 0, 0x1000, 0]], np.uint16)
        image = read(saved(tmp_path / "a.dcm", cells, syntax, BitsStored=12, HighBit=11))
        np.testing.assert_array_equal(image.array[0], stored)
        assert image.notes == ("bits beside the stored ones (Bits Stored), such as overlays, left out",)

    def test_one_bit_is_black_and_white(self, tmp_path: Path) -> None:
        cells = np.packbits(np.array([[0, 1, 1, 0, 1, 0, 0, 1]]), bitorder="little")
        path = saved(
            tmp_path / "a.dcm", cells[None], Columns=8, BitsAllocated=1, BitsStored=1, HighBit=0, PixelData=b"\x96\0"
        )
        np.testing.assert_array_equal(read(path).array[0], [[0, 255, 255, 0, 255, 0, 0, 255]])

    def test_floats_are_kept(self, tmp_path: Path) -> None:
        values = np.array([[-1.5, 0.25], [3.0, 7.5]], np.float32)
        made = dataset_of(values, FloatPixelData=values.tobytes())
        del made.PixelData
        made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        np.testing.assert_array_equal(read(tmp_path / "a.dcm").array[0], values)

    def test_a_slope_of_zero_is_refused(self, tmp_path: Path) -> None:
        cells = np.arange(4, dtype=np.uint16).reshape(2, 2)
        message = refused(saved(tmp_path / "a.dcm", cells, RescaleSlope=0, RescaleIntercept=1))
        assert "has a rescale slope of 0, with which all pixels would be the same; correct its header or" in message


class TestModalityTable:
    @pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    @pytest.mark.parametrize(("first", "signed"), [(0, False), (20, False), (-3, True)])
    def test_equals_pydicom(self, tmp_path: Path, syntax: str, first: int, signed: bool) -> None:
        cells = (np.arange(12).reshape(3, 4) * 5 - (10 if signed else 0)).astype(np.int16 if signed else np.uint16)
        entries = (np.arange(30) ** 2 + 7).astype(np.uint16)
        table = item(LUTDescriptor=[30, first, 16], LUTData=entries.tobytes(), ModalityLUTType="OD")
        table["LUTDescriptor"].VR = "SS" if signed else "US"
        table["LUTData"].VR = "OW"
        path = saved(tmp_path / "a.dcm", cells, syntax, ModalityLUTSequence=[table])
        image = read(path)
        by_hand = entries[np.clip(cells.astype(int) - first, 0, 29)]
        np.testing.assert_array_equal(image.array[0], by_hand)
        dataset = pydicom.dcmread(path)
        np.testing.assert_array_equal(image.array[0], apply_modality_lut(pixel_array(dataset), dataset))
        assert image.has_unit

    def test_it_goes_before_a_rescale(self, tmp_path: Path) -> None:
        table = item(LUTDescriptor=[4, 0, 8], LUTData=bytes([9, 8, 7, 6]), ModalityLUTType="US")
        table["LUTDescriptor"].VR, table["LUTData"].VR = "US", "OW"
        cells = np.array([[0, 1], [2, 3]], np.uint8)
        path = saved(tmp_path / "a.dcm", cells, ModalityLUTSequence=[table], RescaleSlope=2, RescaleIntercept=1)
        np.testing.assert_array_equal(read(path).array[0], [[9, 8], [7, 6]])

    def test_one_shorter_than_it_says_is_refused(self, tmp_path: Path) -> None:
        table = item(LUTDescriptor=[400, 0, 16], LUTData=bytes(12), ModalityLUTType="US")
        table["LUTDescriptor"].VR, table["LUTData"].VR = "US", "OW"
        assert "damaged" in refused(saved(tmp_path / "a.dcm", np.zeros((2, 2), np.uint8), ModalityLUTSequence=[table]))


class TestPadding:
    @pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
    @pytest.mark.parametrize(("value", "vr"), [(-2000, "SS"), (63536, "US")])
    def test_it_is_marked_whatever_its_type_says(self, tmp_path: Path, syntax: str, value: int, vr: str) -> None:
        cells = np.array([[-2000, -1000], [40, -2000]], np.int16)
        path = tmp_path / "a.dcm"
        made = dataset_of(cells if syntax != ExplicitVRBigEndian else cells.astype(">i2"))
        made.add_new("PixelPaddingValue", vr, value)
        made.file_meta.TransferSyntaxUID = syntax
        made.save_as(path, enforce_file_format=True)
        image = read(path)
        assert image.padding is not None
        np.testing.assert_array_equal(image.padding, [[True, False], [False, True]])
        np.testing.assert_array_equal(np.sort(image.intensities), [-1000, 40])

    @pytest.mark.parametrize("ends", [(100, 300), (300, 100)])
    def test_a_range_has_both_ends_in_either_order(self, tmp_path: Path, ends: tuple[int, int]) -> None:
        made = dataset_of(np.array([[99, 100, 200, 300, 301]], np.uint16))
        made.add_new("PixelPaddingValue", "US", ends[0])
        made.add_new("PixelPaddingRangeLimit", "US", ends[1])
        made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        np.testing.assert_array_equal(read(tmp_path / "a.dcm").padding, [[False, True, True, True, False]])

    @pytest.mark.parametrize(
        ("kind", "value", "limit", "expected"),
        [
            ("Float", -1.0, None, [True, False, False, False]),
            ("Float", 0.5, -2.0, [True, True, False, False]),
            ("DoubleFloat", float("nan"), None, [False, False, False, True]),
        ],
    )
    def test_of_floats(
        self, tmp_path: Path, kind: str, value: float, limit: float | None, expected: list[bool]
    ) -> None:
        values = np.array([[-1, 0.25, 3, 9]], np.float32 if kind == "Float" else np.float64)
        if value != value:
            values[0, 3] = np.nan
        made = dataset_of(values, **{f"{kind}PixelData": values.tobytes(), f"{kind}PixelPaddingValue": value})
        if limit is not None:
            made.FloatPixelPaddingRangeLimit = limit
        del made.PixelData
        made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        image = read(tmp_path / "a.dcm")
        np.testing.assert_array_equal(image.padding, [expected])
        np.testing.assert_array_equal(image.intensities, values[0, ~np.array(expected)])
        assert np.isfinite(image.array).all()

    def test_one_beyond_the_stored_bits_is_no_overlay(self, tmp_path: Path) -> None:
        made = dataset_of(np.array([[63536, 2096, 7]], np.uint16), BitsStored=12, HighBit=11)
        made.add_new("PixelPaddingValue", "US", 63536)
        made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        image = read(tmp_path / "a.dcm")
        np.testing.assert_array_equal(image.padding, [[True, False, False]])
        np.testing.assert_array_equal(image.array[0, 0, 1:], [2096, 7])
        assert image.notes == ("padding (Pixel Padding Value) taken as no intensity",)

    def test_one_under_an_overlay_is_padding(self, tmp_path: Path) -> None:
        made = dataset_of(np.array([[0x8007, 7, 8]], np.uint16), BitsStored=12, HighBit=11)
        made.add_new("PixelPaddingValue", "US", 7)
        made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        np.testing.assert_array_equal(read(tmp_path / "a.dcm").padding, [[True, True, False]])

    @pytest.mark.parametrize("value", [-30000, 30000])
    def test_it_is_the_lower_end_of_the_prepared_image_and_never_in_a_window(self, tmp_path: Path, value: int) -> None:
        cells = np.full((20, 20), 500, np.int16)
        cells[:10] = 100
        cells[:5] = value
        made = dataset_of(cells)
        made.add_new("PixelPaddingValue", "SS", value)
        made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        image = read(tmp_path / "a.dcm")
        assert find_window([image]) == (100.0, 500.0)
        array = prepare(image, PrepareSettings(window=(-100.0, 500.0))).array[0]
        np.testing.assert_allclose(array[[0, 7, 15], 3], [0.0, 1 / 3, 1.0], rtol=1e-6)

    def test_nothing_but_padding_is_refused(self, tmp_path: Path) -> None:
        made = dataset_of(np.zeros((3, 3), np.uint16))
        made.add_new("PixelPaddingValue", "US", 0)
        made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        assert "nothing but padding" in refused(tmp_path / "a.dcm")

    def test_without_such_pixels_nothing_is_marked(self, tmp_path: Path) -> None:
        made = dataset_of(np.ones((3, 3), np.uint16))
        made.add_new("PixelPaddingValue", "US", 0)
        made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        assert read(tmp_path / "a.dcm").padding is None


class TestMonochrome1:
    def inverted(self, tmp_path: Path, cells: np.ndarray[Any, Any], **values: Any) -> RawImage:
        image = read(saved(tmp_path / "a.dcm", cells, PhotometricInterpretation="MONOCHROME1", **values))
        highest = 2 ** values.get("BitsStored", 8 * cells.itemsize) - 1
        assert image.notes[0] == f"MONOCHROME1 inverted as {-1 if cells.dtype.kind == 'i' else highest} - value"
        return image

    @pytest.mark.parametrize("most", [1023, 4000, 4095])
    def test_by_the_stored_bits_whatever_the_pixels_use(self, tmp_path: Path, most: int) -> None:
        cells = np.array([[10, 700, most]], np.uint16)
        image = self.inverted(tmp_path, cells, BitsStored=12, HighBit=11)
        np.testing.assert_array_equal(image.array[0], [[4085, 3395, 4095 - most]])
        assert (FEWER_BITS in image.notes) == (most == 1023)
        whole = self.inverted(tmp_path, cells)
        np.testing.assert_array_equal(whole.array[0], [[65525, 64835, 65535 - most]])
        assert FEWER_BITS in whole.notes

    def test_one_value_is_one_grey_in_all_files(self, tmp_path: Path) -> None:
        found = [
            self.inverted(tmp_path, np.array([[700, most]], np.uint16), BitsStored=14, HighBit=13).array[0, 0, 0]
            for most in (701, 1500, 9000, 16383)
        ]
        assert found == [2**14 - 1 - 700] * 4

    def test_signed_values_too(self, tmp_path: Path) -> None:
        for values in ([-100, 0, 3000], [-32768, 0, 32767]):
            cells = np.array([values], np.int16)
            np.testing.assert_array_equal(self.inverted(tmp_path, cells).array[0], [[-1 - value for value in values]])
        whole = np.array([[-2048, 0, 2000]], np.int16)
        found = self.inverted(tmp_path, whole, BitsStored=12, HighBit=11)
        np.testing.assert_array_equal(found.array[0], [[2047, -1, -2001]])

    def test_before_the_rescale(self, tmp_path: Path) -> None:
        cells = np.array([[0, 55, 255]], np.uint8)
        found = self.inverted(tmp_path, cells, RescaleSlope=2, RescaleIntercept=10)
        np.testing.assert_array_equal(found.array[0], [[520, 410, 10]])

    @pytest.mark.parametrize("tags", [{"Modality": "CT"}, {"Modality": "PT"}, {"Modality": "OT", "RescaleType": "HU"}])
    def test_numbers_of_a_unit_keep_their_sign(self, tmp_path: Path, tags: dict[str, Any]) -> None:
        cells = np.array([[0, 1024, 2000]], np.uint16)
        given = {"PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": 1, "RescaleIntercept": -1024}
        image = read(saved(tmp_path / "a.dcm", cells, **given, **tags))
        np.testing.assert_array_equal(image.array[0], [[-1024, 0, 976]])
        assert image.notes[0] == "MONOCHROME1 not inverted, as the values have a unit: it is about display alone"

    def test_padding_stays(self, tmp_path: Path) -> None:
        made = dataset_of(np.array([[65535, 10, 1000]], np.uint16), PhotometricInterpretation="MONOCHROME1")
        made.add_new("PixelPaddingValue", "US", 65535)
        made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        np.testing.assert_array_equal(read(tmp_path / "a.dcm").array[0], [[65535, 65525, 64535]])
        assert FEWER_BITS in read(tmp_path / "a.dcm").notes

    def test_a_lookup_table_by_its_own_bits(self, tmp_path: Path) -> None:
        for entries, expected in (([5, 1000, 4095], [4090, 3095, 0]), ([5, 1000, 4096], None)):
            table = item(LUTDescriptor=[3, 0, 12], LUTData=np.array(entries, "<u2").tobytes(), ModalityLUTType="US")
            table["LUTDescriptor"].VR, table["LUTData"].VR = "US", "OW"
            given = {"PhotometricInterpretation": "MONOCHROME1", "ModalityLUTSequence": [table]}
            saved(tmp_path / "a.dcm", np.array([[0, 1, 2]], np.uint8), **given)
            if expected is None:
                assert "a Modality LUT with entries of more bits than it says" in refused(tmp_path / "a.dcm")
            else:
                np.testing.assert_array_equal(read(tmp_path / "a.dcm").array[0], [expected])

    def test_floats_are_refused(self, tmp_path: Path) -> None:
        values = np.array([[-1.5, 0.25], [3.0, 7.5]], np.float32)
        made = dataset_of(values, FloatPixelData=values.tobytes(), PhotometricInterpretation="MONOCHROME1")
        del made.PixelData, made.PixelRepresentation
        made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        assert "float pixels as MONOCHROME1" in refused(tmp_path / "a.dcm")


def groups(**sequences: Dataset) -> Dataset:
    return item(**{f"{name}Sequence": [values] for name, values in sequences.items()})


class TestFunctionalGroups:
    CELLS = np.array([[0, 1000], [2000, 4000]], np.uint16)

    def test_shared_groups_hold_rescale_and_size(self, tmp_path: Path) -> None:
        shared = groups(
            PixelMeasures=item(PixelSpacing=[0.5, 0.7]),
            PixelValueTransformation=item(RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU"),
        )
        image = read(saved(tmp_path / "a.dcm", self.CELLS, NumberOfFrames=1, SharedFunctionalGroupsSequence=[shared]))
        np.testing.assert_array_equal(image.array[0], self.CELLS - 1024.0)
        assert (image.spacing, image.has_unit) == ((0.5, 0.7), True)

    def test_those_of_the_frame_go_first(self, tmp_path: Path) -> None:
        shared = groups(PixelMeasures=item(PixelSpacing=[0.5, 0.7]))
        frame = groups(
            PixelMeasures=item(PixelSpacing=[0.2, 0.3]),
            PixelValueTransformation=item(RescaleSlope=3, RescaleIntercept=1, RescaleType="US"),
        )
        image = read(
            saved(
                tmp_path / "a.dcm", self.CELLS, NumberOfFrames=1,
                SharedFunctionalGroupsSequence=[shared], PerFrameFunctionalGroupsSequence=[frame],
            )
        )  # fmt: skip
        np.testing.assert_array_equal(image.array[0], self.CELLS * 3.0 + 1)
        assert image.spacing == (0.2, 0.3)

    def test_empty_groups_are_no_matter(self, tmp_path: Path) -> None:
        path = saved(
            tmp_path / "a.dcm", self.CELLS, SharedFunctionalGroupsSequence=[], PerFrameFunctionalGroupsSequence=[item()]
        )
        assert read(path).spacing is None


class TestPixelSize:
    CELLS = np.arange(6, dtype=np.uint16).reshape(2, 3)

    @pytest.mark.parametrize(
        ("tags", "spacing", "said"),
        [
            ({"PixelSpacing": [0.4, 0.3]}, (0.4, 0.3), ""),
            ({"ImagerPixelSpacing": [0.143, 0.15]}, (0.143, 0.15), "at the detector"),
            ({"PixelSpacing": [0.1, 0.1], "ImagerPixelSpacing": [0.143, 0.143]}, (0.1, 0.1), ""),
            ({"PixelSpacing": [0.143, 0.143], "ImagerPixelSpacing": [0.143, 0.143]}, (0.143, 0.143), "at the detector"),
            (
                {
                    "PixelSpacing": [0.1, 0.1],
                    "ImagerPixelSpacing": [0.1, 0.1],
                    "PixelSpacingCalibrationType": "FIDUCIAL",
                },
                (0.1, 0.1),
                "",
            ),
            ({"NominalScannedPixelSpacing": [0.17, 0.17]}, (0.17, 0.17), "scanned film"),
            ({"PixelAspectRatio": [1, 2]}, None, "not square"),
            ({"PixelAspectRatio": [1, 1]}, None, ""),
            ({"PixelSpacing": [0, 0.3]}, None, "no number above 0: size not used"),
        ],
    )
    def test_where_it_is_from(
        self, tmp_path: Path, tags: dict[str, Any], spacing: tuple[float, float] | None, said: str
    ) -> None:
        image = read(saved(tmp_path / "a.dcm", self.CELLS, **tags))
        assert image.spacing == spacing
        assert len(image.notes) == bool(said)
        assert all(said in note and not note.endswith(",") for note in image.notes)

    @pytest.mark.parametrize(
        ("regions", "spacing"),
        [([(3, 0.02, 0.03)], (0.3, 0.2)), ([(3, 0.02, 0.03), (4, 1, 1)], (0.3, 0.2)), ([(4, 1, 1)], None),
         ([(3, 0.02, 0.03), (3, 0.04, 0.03)], None), ([(3, -0.02, 0.03)], (0.3, 0.2))],
    )  # fmt: skip
    def test_of_an_ultrasound_is_that_of_its_regions(
        self, tmp_path: Path, regions: list[tuple[int, float, float]], spacing: tuple[float, float] | None
    ) -> None:
        found = [
            item(PhysicalUnitsXDirection=unit, PhysicalUnitsYDirection=unit, PhysicalDeltaX=x, PhysicalDeltaY=y)
            for unit, x, y in regions
        ]
        image = read(saved(tmp_path / "a.dcm", self.CELLS, SequenceOfUltrasoundRegions=found))
        assert image.spacing == (None if spacing is None else pytest.approx(spacing))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, False),
        ({"Modality": "MR"}, False),
        ({"Modality": "CT"}, True),
        ({"Modality": "DX", "RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "US"}, False),
        ({"Modality": "MR", "RescaleSlope": 1.7, "RescaleIntercept": 0}, False),
        ({"Modality": "MR", "RescaleSlope": 1.7, "RescaleIntercept": 0, "RescaleType": "normalized"}, False),
        ({"Modality": "MR", "RescaleSlope": 1.7, "RescaleIntercept": 0, "RescaleType": "US"}, False),
        ({"Modality": "MR", "RescaleSlope": 1.7, "RescaleIntercept": 0, "RescaleType": "10E-6 MM2/S"}, True),
        ({"Modality": "CT", "RescaleSlope": 1.7, "RescaleIntercept": 0, "RescaleType": "US"}, True),
        ({"Modality": "NM", "RescaleSlope": 1.7, "RescaleIntercept": 0}, True),
        ({"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "OD"}, True),
    ],
)
def test_a_unit_is_known_by_modality_rescale_or_its_type(tags: dict[str, Any], expected: bool) -> None:
    assert has_unit(item(**tags)) is expected


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"RescaleIntercept": -1024}, "Rescale Intercept without Rescale Slope, for which 1 is taken"),
        ({"RescaleSlope": 2}, "Rescale Slope without Rescale Intercept, for which 0 is taken"),
        ({"RescaleSlope": 1, "RescaleIntercept": 0}, ""),
        ({"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -1024}, ""),
        ({"Modality": "CT"}, "CT without Rescale Slope and Intercept: the stored numbers are taken as CT numbers"),
        ({"Modality": "CR"}, ""),
        ({"PresentationLUTShape": "IDENTITY"}, ""),
        (
            {"PresentationLUTShape": "INVERSE"},
            "Presentation LUT Shape INVERSE does not fit MONOCHROME2, which is followed",
        ),
        ({"PresentationLUTShape": "INVERSE", "PhotometricInterpretation": "MONOCHROME1"}, "MONOCHROME1 inverted"),
        (
            {"PresentationLUTShape": "IDENTITY", "PhotometricInterpretation": "MONOCHROME1"},
            "Presentation LUT Shape IDENTITY does not fit MONOCHROME1, which is followed",
        ),
    ],
)
def test_half_a_rescale_and_a_shape_of_display_are_told(tmp_path: Path, tags: dict[str, Any], said: str) -> None:
    cells = np.array([[0, 1000], [2000, 4000]], np.uint16)
    image = read(saved(tmp_path / "a.dcm", cells, BitsStored=12, HighBit=11, **tags))
    assert said in "; ".join(image.notes)
    turned = tags.get("PhotometricInterpretation") == "MONOCHROME1"
    assert len(image.notes) == turned + bool(said and said != "MONOCHROME1 inverted")
    seen = np.abs(4095.0 * turned - cells) * tags.get("RescaleSlope", 1) + tags.get("RescaleIntercept", 0)
    np.testing.assert_array_equal(image.array[0], seen)


def test_half_a_rescale_in_functional_groups_is_told(tmp_path: Path) -> None:
    shared = groups(PixelValueTransformation=item(RescaleIntercept=-1024))
    made = saved(tmp_path / "a.dcm", np.ones((2, 2), np.uint16), SharedFunctionalGroupsSequence=[shared])
    assert read(made).notes == ("Rescale Intercept without Rescale Slope, for which 1 is taken",)


def test_bits_of_compressed_pixels_are_left_alone() -> None:
    """The codec has taken the other bits away; a value above the stored bits is its own."""
    cells = np.array([[5000, 3]], np.uint16)
    header = dataset_of(cells, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(grey_values(cells, header, masked=True).array, cells)
    np.testing.assert_array_equal(grey_values(cells, header, masked=False).array, [[5000 - 4096, 3]])


class TestWithoutPreamble:
    CELLS = np.arange(70, 76, dtype=np.uint16).reshape(2, 3)

    @pytest.mark.parametrize("name", ["a.dcm", "IM0001", "1.2.840.55"])
    @pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, True), (False, False)])
    def test_a_bare_data_set_is_read(self, tmp_path: Path, name: str, implicit: bool, little: bool) -> None:
        path = without_meta(tmp_path / name, self.CELLS, implicit, little, PixelSpacing=[0.4, 0.3])
        assert path.read_bytes()[128:132] != b"DICM"
        image = read(path)
        np.testing.assert_array_equal(image.array[0], self.CELLS)
        assert image.spacing == (0.4, 0.3)

    def test_a_meta_header_without_preamble_is_read(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "a.dcm", self.CELLS, ImplicitVRLittleEndian)
        path.write_bytes(path.read_bytes()[132:])
        assert says_dicom(path)
        np.testing.assert_array_equal(read(path).array[0], self.CELLS)

    def test_compressed_pixels_need_a_meta_header(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "a.dcm", self.CELLS, RLELossless)
        whole = path.read_bytes()
        path.write_bytes(whole[whole.index(b"\x08\x00\x16\x00") :])
        assert "no meta header" in refused(path)

    @pytest.mark.parametrize("content", [bytes(range(256)) * 8, b"id,path\n1,2\n" * 50, b"\x08\0" * 200])
    def test_what_is_none_is_told(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "a.dcm").write_bytes(content)
        assert "DICOM file" in refused(tmp_path / "a.dcm")


class TestColour:
    def test_ybr_becomes_rgb(self, tmp_path: Path) -> None:
        ybr = np.array([[[100, 128, 128], [150, 100, 160]], [[60, 200, 90], [200, 128, 140]]], np.uint8)
        image = read(saved(tmp_path / "a.dcm", ybr, PhotometricInterpretation="YBR_FULL"))
        y, blue, red = (ybr[..., part].astype(float) for part in range(3))
        expected = np.stack(
            [y + 1.402 * (red - 128), y - 0.344136 * (blue - 128) - 0.714136 * (red - 128), y + 1.772 * (blue - 128)]
        ).clip(0, 255)
        np.testing.assert_allclose(image.array, expected, atol=1)

    def test_colours_in_planes_come_out_the_same(self, tmp_path: Path) -> None:
        rgb = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
        planes = np.ascontiguousarray(rgb.transpose(2, 0, 1)).tobytes()
        image = read(saved(tmp_path / "a.dcm", rgb, PlanarConfiguration=1, PixelData=planes))
        np.testing.assert_array_equal(image.array, rgb.transpose(2, 0, 1))

    @pytest.mark.parametrize(("bits", "factor"), [(16, 257), (16, 1), (8, 1)])
    def test_a_palette_is_8_bit_colour(self, tmp_path: Path, bits: int, factor: int) -> None:
        cells = np.array([[0, 1], [2, 3]], np.uint8)
        levels = {"Red": [0, 100, 255, 9], "Green": [10, 20, 30, 40], "Blue": [255, 1, 0, 7]}
        tags: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
        for name, values in levels.items():
            entries = np.array(values, np.uint16) * factor
            tags[f"{name}PaletteColorLookupTableDescriptor"] = [4, 0, bits]
            tags[f"{name}PaletteColorLookupTableData"] = entries.astype(f"u{bits // 8}").tobytes()
        path = saved(tmp_path / "a.dcm", cells, **tags)
        image = read(path)
        by_hand = np.stack([np.array(values)[cells] for values in levels.values()])
        np.testing.assert_array_equal(image.array, by_hand)
        assert image.array.dtype == np.uint8
        if factor != 1:
            dataset = pydicom.dcmread(path)
            theirs = apply_color_lut(pixel_array(dataset), dataset) >> 8
            np.testing.assert_array_equal(image.array, theirs.transpose(2, 0, 1))


class TestFiles:
    def test_many_frames_are_refused_by_their_number(self, tmp_path: Path) -> None:
        cells = np.zeros((8, 3), np.uint8)
        message = refused(saved(tmp_path / "a.dcm", cells, Rows=2, NumberOfFrames=4))
        assert "has 4 frames" in message

    @pytest.mark.parametrize(
        "name",
        ["CT_small", "693_J2KI", "MR_small", "MR_small_RLE", "MR_small_bigendian", "MR_small_jp2klossless",
         "J2K_pixelrep_mismatch", "examples_overlay", "image_dfl"],
    )  # fmt: skip
    def test_real_files_equal_pydicoms_own_reading(self, name: str) -> None:
        found = str(pydicom.data.get_testdata_file(f"{name}.dcm", download=False))
        dataset = pydicom.dcmread(found)
        theirs = apply_modality_lut(pixel_array(dataset), dataset)
        np.testing.assert_array_equal(read(Path(found)).array[0], theirs)

    def test_a_header_that_cannot_be_understood_is_damage(self) -> None:
        found = str(pydicom.data.get_testdata_file("badVR.dcm", download=False))
        assert "is a damaged DICOM file" in refused(Path(found))

    def test_another_decoder_may_be_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """JPEG of 12 bits, which Pillow has not."""
        monkeypatch.setattr(dicom, "find_spec", lambda name: None)
        found = str(pydicom.data.get_testdata_file("JPEG-lossy.dcm", download=False))
        monkeypatch.setattr(dicom, "_decoded", lambda *given, **named: 1 / 0)
        assert "needs another decoder" in refused(Path(found))


class TestPixelCells:
    CELLS = (np.arange(48, dtype=np.uint16) * 80).reshape(6, 8)

    @pytest.mark.parametrize(
        ("tags", "words"),
        [
            ({"HighBit": 7}, "High Bit 7, where 12 bits stored of 16 allocated have none"),
            ({"HighBit": 10}, "High Bit 10, where 12 bits stored of 16 allocated have none"),
            ({"HighBit": 16}, "High Bit 16, where 12 bits stored of 16 allocated have none"),
            ({"BitsStored": 17, "HighBit": 16}, "17 bits stored (Bits Stored) of 16 allocated"),
            ({"BitsStored": 0}, "0 bits stored (Bits Stored) of 16 allocated"),
            ({"BitsStored": None}, "no Bits Stored"),
            ({"BitsAllocated": 12}, "12 bits allocated (Bits Allocated), which is not read"),
            ({"Rows": 0}, "0 rows and 8 columns"),
            ({"Columns": None}, "no Columns"),
            ({"SamplesPerPixel": 2}, "2 samples a pixel (Samples per Pixel), where 1 is grey and 3 is colour"),
            ({"SamplesPerPixel": None}, "no Samples per Pixel"),
            ({"PixelRepresentation": None}, "no Pixel Representation"),
            ({"PixelRepresentation": 2}, "Pixel Representation 2, where 0 and 1 are all there are"),
            ({"NumberOfFrames": -1}, "a Number of Frames of -1"),
            ({"Rows": 3}, "3 rows and 8 columns of one frame, and pixels for more"),
            (
                {"PhotometricInterpretation": "RGB"},
                "Samples per Pixel 1 and a Photometric Interpretation that does not go with it",
            ),
            ({"PhotometricInterpretation": None}, "no Photometric Interpretation"),
            ({"PhotometricInterpretation": "SECRETISH"}, "a Photometric Interpretation that is not read"),
        ],
    )
    def test_what_cannot_be_is_named(self, tmp_path: Path, tags: dict[str, Any], words: str) -> None:
        made = dataset_of(self.CELLS, **{"BitsStored": 12, "HighBit": 11} | tags)
        for name in [name for name, value in tags.items() if value is None]:
            delattr(made, name)
        path = tmp_path / "a.dcm"
        made.save_as(path, enforce_file_format=True)
        assert refused(path) == f"{path} has {words}; correct its header or leave the case out"

    @pytest.mark.parametrize(("high", "noted"), [(11, False), (15, True), (13, True)])
    def test_bits_that_begin_higher_are_read_and_noted(self, tmp_path: Path, high: int, noted: bool) -> None:
        cells = self.CELLS << np.uint16(high - 11)
        image = read(saved(tmp_path / "a.dcm", cells, BitsStored=12, HighBit=high))
        np.testing.assert_array_equal(image.array[0], self.CELLS)
        assert (HIGH_BIT in image.notes) == noted

    @pytest.mark.parametrize("text", [b"nan ", b"abc ", b"inf "])
    @pytest.mark.parametrize("tag", ["RescaleSlope", "RescaleIntercept"])
    def test_a_rescale_that_is_no_number_is_named(self, tmp_path: Path, tag: str, text: bytes) -> None:
        tags = {"RescaleSlope": "3", "RescaleIntercept": "5"} | {tag: "9.25"}
        path = saved(tmp_path / "a.dcm", self.CELLS, **tags)
        whole = path.read_bytes()
        assert whole.count(b"9.25") == 1
        path.write_bytes(whole.replace(b"9.25", text))
        assert "has a rescale slope or intercept that is n" in refused(path)

    COLOURS = np.stack([CELLS, CELLS // 2, CELLS // 3], axis=-1)

    @pytest.mark.parametrize(("stored", "high", "said"), [(12, 15, "15"), (10, 10, "10"), (12, 11, "")])
    def test_colours_whose_bits_begin_higher_are_refused(
        self, tmp_path: Path, stored: int, high: int, said: str
    ) -> None:
        path = saved(tmp_path / "a.dcm", self.COLOURS, BitsStored=stored, HighBit=high)
        if said:
            words = f"High Bit {said} of colour pixels with {stored} bits stored, where {stored - 1} alone is read"
            assert refused(path) == f"{path} has {words}; correct its header or leave the case out"
        else:
            np.testing.assert_array_equal(read(path).array, np.moveaxis(pixel_array(path), -1, 0))

    def test_compressed_cells_whose_bits_begin_higher_are_refused(self) -> None:
        made = dataset_of(self.CELLS, BitsStored=12, HighBit=15)
        check_pixels(made, native=True)
        with pytest.raises(HeaderError, match="High Bit 15 of compressed pixels with 12 bits stored, where 11 alone"):
            check_pixels(made, native=False)

    @pytest.mark.parametrize(
        ("tags", "words"),
        [
            ({"PlanarConfiguration": 7}, "Planar Configuration 7, where 0 and 1 are all there are"),
            ({"PlanarConfiguration": None}, "no Planar Configuration"),
            (
                {"PhotometricInterpretation": "MONOCHROME2"},
                "Samples per Pixel 3 and a Photometric Interpretation that does not go with it",
            ),
            ({"Columns": 4}, "6 rows and 4 columns of one frame, and pixels for more"),
        ],
    )
    def test_what_cannot_be_of_colours_is_named(self, tmp_path: Path, tags: dict[str, Any], words: str) -> None:
        path = saved(tmp_path / "a.dcm", self.COLOURS.astype(np.uint8), **tags)
        assert refused(path) == f"{path} has {words}; correct its header or leave the case out"
