"""One DICOM file with one frame, through pydicom. No header value but numbers of pixels goes out."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.data.images.dicom_header import (
    HeaderError,
    check_pixels,
    number_of_frames,
    pixel_size,
)
from medgauge.data.images.dicom_kind import kind_of
from medgauge.data.images.dicom_orientation import direction_of
from medgauge.data.images.dicom_pixels import grey_values
from medgauge.data.images.dicom_units import has_unit, header_notes
from medgauge.data.images.image import ImageSource, RawImage

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
KNOWN_BY = ("SOPClassUID", "Modality", "Rows", *PIXELS)  # a data set without preamble has one of these
FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")  # of meta header and data set, little and big endian
RLE = "1.2.840.10008.1.2.5"


def says_dicom(path: Path) -> bool:
    """Whether the first bytes are those of a DICOM file, with or without preamble."""
    with path.open("rb") as file:
        start = file.read(132)
    return start[128:] == b"DICM" or start[:2] in FIRST_GROUPS


def has_preamble(path: Path) -> bool:
    """Whether the file says by its preamble that it is DICOM."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def read_dicom(source: ImageSource) -> RawImage:
    """Read a DICOM file: grey (1, h, w) or colour (3, h, w); spacing between rows and between columns, if it is there.

    Modality LUT, rescale slope and intercept, and the scaling of a dose are applied (CT numbers); without them, or with 1 and 0, the stored
    integers are kept. MONOCHROME1 (white is low) is inverted by its bits, so that white is high as elsewhere.
    Palette colour and YBR become RGB. Padding is marked in the image's ``padding``. Preamble and meta header may lack.
    """
    dataset = _opened(source)
    _check_content(dataset, source)
    try:
        check_pixels(dataset, native=_is_native(dataset))
        spacing, notes = pixel_size(dataset)
        if int(dataset.SamplesPerPixel) == 1 and dataset.PhotometricInterpretation != "PALETTE COLOR":
            cells = _decoded(dataset, correct_unused_bits=not _is_native(dataset))
            grey = grey_values(cells, dataset, masked=not _is_native(dataset))
            array, padding, notes = grey.array[None], grey.padding, (*grey.notes, *header_notes(dataset), *notes)
        else:
            array, padding = np.moveaxis(_colours(dataset), -1, 0), None
        said = has_unit(dataset), direction_of(dataset), kind_of(dataset)
    except HeaderError as error:
        raise InputError(f"{source.path} has {error}; correct its header or leave the case out") from None
    except Exception:  # noqa: BLE001 - as many errors as codecs; none of their texts may go out
        raise InputError(_why_not(dataset, source)) from None
    return RawImage(array, spacing, notes, padding, *said)


def _opened(source: ImageSource) -> Any:
    """The data set; one without meta header gets the transfer syntax that it is written in."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    whole = says_dicom(source.path)
    try:
        dataset = pydicom.dcmread(source.path, force=True)
        known = any(name in dataset for name in KNOWN_BY)
    except Exception:  # noqa: BLE001 - a damaged header fails in many ways, and its text stays inside
        what = "a damaged DICOM file" if whole else "not a DICOM file"
        raise InputError(f"{source.path} is {what}; replace it or leave the case out") from None
    if not known and dataset.preamble is None:
        raise InputError(f"{source.path} is not a DICOM file; replace it or leave the case out")
    if not dataset.file_meta.get("TransferSyntaxUID"):
        implicit, little = dataset.original_encoding
        if any(name in dataset and dataset[name].is_undefined_length for name in PIXELS):
            raise InputError(
                f"{source.path} has compressed pixels and no meta header that says how; export it anew as a DICOM file"
            )
        meta = dataset.file_meta = FileMetaDataset(dataset.file_meta)
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return dataset


def _check_content(dataset: Any, source: ImageSource) -> None:
    if dataset.get("Modality") == "RTSTRUCT":
        raise InputError(
            f"{source.path} holds contours (DICOM RTSTRUCT), not voxels; convert them to a labelmap on the image's voxels, as NIfTI or NRRD"
        )
    if not any(name in dataset for name in PIXELS):
        raise InputError(
            f"{source.path} is a DICOM file without pixels (a report, a plan, or one that is cut off); name an image"
        )
    if "SegmentSequence" in dataset:
        raise InputError(
            f"{source.path} is a DICOM segmentation, which is not read; name the image, or save the mask as NIfTI"
        )
    if "MOSAIC" in (dataset.get("ImageType") or ()):
        raise InputError(
            f"{source.path} is a mosaic, the slices of a volume side by side in one picture; save the volume as NIfTI"
        )
    try:
        frames = number_of_frames(dataset)
    except (TypeError, ValueError):
        raise InputError(f"{source.path} is a damaged DICOM file; replace it or leave the case out") from None
    if frames < 1:
        raise InputError(f"{source.path} has a Number of Frames of {frames}; correct its header or leave the case out")
    if frames > 1:
        raise InputError(f"{source.path} has {frames} frames; save the one that counts, or a volume as NIfTI")
    if not _is_native(dataset) and _ends_in_zeros(dataset):
        raise InputError(f"{source.path} is truncated or damaged; replace it or leave the case out")


def _ends_in_zeros(dataset: Any) -> bool:
    """Whether compressed pixels end in zeros, where codes or a mark of the end must be: codecs make grey of them."""
    from pydicom.encaps import get_frame

    try:
        return get_frame(dataset.PixelData, 0, number_of_frames=1).endswith(bytes(8))
    except Exception:  # noqa: BLE001 - what is wrong is told when it is decoded
        return False


def _is_native(dataset: Any) -> bool:
    """Whether pixel cells are stored as they are, with all their bits (RLE keeps these too)."""
    syntax = dataset.file_meta.TransferSyntaxUID
    return syntax == RLE or not syntax.is_compressed or syntax.is_deflated


def _decoded(dataset: Any, *, correct_unused_bits: bool = True) -> np.ndarray[Any, Any]:
    """Pixels (h, w) or (h, w, 3), colours as RGB."""
    from pydicom.pixels import pixel_array  # type: ignore[attr-defined]  # documented, not in __all__

    array: np.ndarray[Any, Any] = pixel_array(dataset, correct_unused_bits=correct_unused_bits)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    array = array[0] if number_of_frames(dataset) == 1 and array.ndim > 2 and array.shape[0] == 1 else array
    if array.shape[:2] != (int(dataset.Rows), int(dataset.Columns)) or array.ndim > 3 - (
        int(dataset.SamplesPerPixel) == 1
    ):
        raise HeaderError(f"{dataset.Rows} rows and {dataset.Columns} columns of one frame, and pixels for more")
    return array


def _colours(dataset: Any) -> np.ndarray[Any, Any]:
    """Colours (h, w, 3)."""
    from pydicom.pixels import apply_color_lut  # type: ignore[attr-defined]  # documented, not in __all__

    array = _decoded(dataset)
    if dataset.PhotometricInterpretation != "PALETTE COLOR":
        return array
    array = apply_color_lut(array, dataset)[..., :3]
    return (array >> 8).astype(np.uint8) if array.dtype == np.uint16 and array.max() > 255 else array.astype(np.uint8)


def _why_not(dataset: Any, source: ImageSource) -> str:
    """Why the pixels could not be decoded: no codec, or damage."""
    from pydicom.pixels import get_decoder  # type: ignore[attr-defined]  # documented, not in __all__

    try:
        syntax = dataset.file_meta.TransferSyntaxUID
        needs_codec = not _is_native(dataset)
        codec_missing = needs_codec and not get_decoder(syntax).is_available
    except (AttributeError, RuntimeError, ValueError):  # pydicom says so that it has no decoder
        return f"{source.path} has DICOM pixels that cannot be decoded; replace it or leave the case out"
    if codec_missing:
        return f'{source.path} is compressed as {syntax.name}; pip install "medgauge[dicom]" to read it'
    if needs_codec and find_spec("gdcm") is None:
        return (
            f"{source.path} is compressed as {syntax.name}, and is damaged or needs another decoder; "
            'pip install "medgauge[dicom]", or replace it'
        )
    return f"{source.path} is truncated or damaged; replace it or leave the case out"
