"""NRRD of one image, with its pixels in the same file."""

import math
import re
from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.data.images.image import ALPHA_DROPPED, ImageSource, RawImage
from medgauge.data.images.lengths import millimetres
from medgauge.data.images.nrrd_header import Header, NrrdFault, read_header
from medgauge.data.images.unpack import DAMAGE, check_memory, unpacked
from medgauge.data.images.volumes import AXIS_AS_CHANNELS, MOST_CHANNELS, check_axes, stored_image, turned_image

NO_ORIENTATION = "no orientation in the file: axes taken as stored"
NO_SPACE = "no directions of the patient in the file: axes taken as left, posterior, superior"
UNIT_UNKNOWN = "unit of the voxel sizes not known: sizes not used"
QUANTISED = "numbers that stand for others (old min, old max) read as stored"
NO_STEP = "a voxel size in the file is no number above 0: sizes not used"
TO_RAS = {
    "right-anterior-superior": (1, 1, 1), "ras": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1), "las": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1), "lps": (-1, -1, 1),
}  # fmt: skip
UNNAMED = ("", "scanner-xyz", "3d-right-handed", "3d-left-handed")
COLOURS = ("rgb-color", "rgba-color", "3-color")
CHANNELS = ("vector", "list", "scalar", "stub", "none", "???", "4-color", "2-vector", "3-vector", "4-vector", *COLOURS)
SPATIAL, UNKNOWN = ("domain", "space"), ("???", "none")
TEXT = ("txt", "text", "ascii")


def read_nrrd(source: ImageSource) -> RawImage:
    """Read an NRRD file of one image, (c, d, h, w) or (c, h, w), with the file's own number type.

    - Source: NRRD 5, sections 4 (fields), 5 (space and orientation) and 6 (encodings).
    """
    data = source.path.read_bytes()
    try:
        header = read_header(data)
        if re.search(rb"^Segment\d+_ID:=", data[: header.start], re.MULTILINE):
            raise InputError(
                f"{source.path} is a segmentation of Slicer, not an image; name the image, or export the segmentation as a labelmap"
            )
        if "data file" in header.fields:
            raise InputError(f"{source.path} keeps its pixels in another file; save it as one attached .nrrd file")
        array = _stored(data[header.start :], header, source)
        return _image(array, header, source)
    except (*DAMAGE, KeyError, IndexError) as error:
        if isinstance(error, InputError):
            raise
        told = f" ({error})" if isinstance(error, NrrdFault) else ""
        raise InputError(
            f"{source.path} is not an NRRD file, or is damaged{told}; replace it or leave the case out"
        ) from error


def _stored(data: bytes, header: Header, source: ImageSource) -> np.ndarray[Any, Any]:
    """The numbers in the order of the axes, the fastest first."""
    kind, encoding, count = header.kind, header.encoding, math.prod(header.sizes)
    wanted, (skip,), (lines,) = count * kind.itemsize, header.whole("byte skip", "0"), header.whole("line skip", "0")
    check_memory(wanted, source.path)
    if skip < 0 and (skip, encoding) not in ((-1, "raw"), (-1, "hex")):
        raise NrrdFault(f"a byte skip of {skip} with encoding {encoding}")
    for _ in range(lines):
        if b"\n" not in data:
            raise NrrdFault(f"a line skip of {lines}, and fewer lines")
        data = data[data.index(b"\n") + 1 :]
    if encoding in ("gz", "gzip", "bz2", "bzip2"):
        data = unpacked(data, wanted + skip)[-wanted:]
    elif encoding in TEXT:
        numbers = re.split(rb"[\s,]+", data[skip:].strip())
        array = np.array([(float if kind.kind == "f" else int)(number) for number in numbers], kind)
        data = array.tobytes()
    elif encoding in ("raw", "hex"):
        data = bytes.fromhex(data.decode("ascii")) if encoding == "hex" else data
        data = data[-wanted:] if skip == -1 else data[skip:]
    else:
        raise InputError(f"{source.path} has the encoding {encoding}, which is not read; save it with encoding gzip")
    if len(data) != wanted:
        raise NrrdFault(f"{len(data)} bytes of numbers, and {wanted} by its sizes and type")
    return np.frombuffer(data, kind).reshape(header.sizes, order="F")


def _image(array: np.ndarray[Any, Any], header: Header, source: ImageSource) -> RawImage:
    """The image of the stored axes: those of space first, then channels."""
    directions, axes = header.directions, range(array.ndim)
    kinds = header.kinds
    spatial = [
        axis
        for axis in axes
        if (_of_space(kinds[axis], header.spacings, axis) if directions is None else directions[axis])
    ]
    if directions is not None and len(spatial) < 2:
        raise NrrdFault(f"{len(spatial)} of {array.ndim} axes have space directions that are numbers")
    if len(spatial) < 2:  # steps that are not told do not make an axis one of channels where an image needs it
        spatial = [axis for axis in axes if kinds[axis] in (*SPATIAL, *UNKNOWN)]
    doubtful = [side for side in array.shape if 1 < side <= MOST_CHANNELS]
    if array.ndim == 3 and len(spatial) == 3 and doubtful and "???" in kinds and not header.has_steps:
        raise InputError(
            f"{source.path} has an axis of {doubtful[0]} that may be channels or slices; write its kinds (RGB-color domain domain, "
            "or domain domain domain)"
        )
    others = [axis for axis in axes if axis not in spatial]
    for axis in others:
        if kinds[axis] not in CHANNELS and array.shape[axis] > 1:
            raise InputError(
                f"{source.path} has an axis of kind {kinds[axis]}, which is not read; save one image a file"
            )
    steps_of = "spacings" if directions is None else "space directions"
    untold = [axis for axis in others if array.shape[axis] > MOST_CHANNELS and kinds[axis] in (*SPATIAL, *UNKNOWN)]
    if untold and "nan" in header.fields.get(steps_of, "").lower():
        raise NrrdFault(f"{steps_of} are no number for axis {untold[0] + 1}, which is too long for channels")
    array = array.transpose(spatial + others)
    check_axes(array.shape, len(spatial), source)
    array = array.reshape(*array.shape[: len(spatial)], -1)
    channel = next((kinds[axis] for axis in others if kinds[axis] in COLOURS), "")
    notes = () if array.shape[-1] == 1 or channel else (AXIS_AS_CHANNELS,)
    if channel == "rgba-color":
        array, notes = array[..., :3], (ALPHA_DROPPED,)
    if {"old min", "old max"} & header.fields.keys() and array.dtype.kind in "ui":
        notes = (*notes, QUANTISED)
    if directions is None:
        factors = _factors(header, "units", len(axes))
        steps = np.array(header.spacings)[spatial] * factors[spatial]
        unknown = np.isnan(factors[spatial]).any()
        image, said = stored_image(array, tuple(map(float, steps))), NO_ORIENTATION
    else:
        rows = np.array([directions[axis] for axis in spatial], dtype=float)
        factors = _factors(header, "space units", rows.shape[1])
        unknown = bool(np.isnan(factors).any())
        factors = np.where(np.isnan(factors), 1.0, factors)
        image, said = _placed(array, factors * rows, factors, header, source)
    if image.spacing is None and header.has_steps and not unknown:
        notes = (*notes, NO_STEP)
    if unknown:
        image, notes = image._replace(spacing=None, affine=None), (*notes, UNIT_UNKNOWN)
    return image._replace(notes=(*notes, *([said] if said else []), *image.notes))


def _of_space(kind: str, spacings: list[float], axis: int) -> bool:
    """Whether an axis of a file without directions is of space: by its kind, or else by having a step as others have."""
    if kind in SPATIAL or kind not in UNKNOWN:
        return kind in SPATIAL
    return not math.isnan(spacings[axis]) or all(map(math.isnan, spacings))


def _placed(
    array: np.ndarray[Any, Any],
    rows: np.ndarray[Any, Any],
    factors: np.ndarray[Any, Any],
    header: Header,
    source: ImageSource,
) -> tuple[RawImage, str]:
    """The image of pixels whose axes have these steps in space (a row an axis, in mm), and what is said of it.

    ``factors``: millimetres a unit of each direction of space.
    """
    space = header.fields.get("space", "").lower().replace(" ", "-")
    if space not in TO_RAS and space not in UNNAMED:
        raise InputError(
            f"{source.path} has the space {space}, which is not read; save one volume in left-posterior-superior"
        )
    if rows.shape == (2, 2) and space in UNNAMED:
        return stored_image(array, tuple(map(float, np.linalg.norm(rows, axis=1)))), NO_ORIENTATION
    if rows.shape[1] != 3:
        raise ValueError("directions are not of three numbers")
    if len(rows) == 2:  # a slice: it lies across its normal
        normal = np.cross(*rows)
        rows, array = np.vstack([rows, normal / (np.linalg.norm(normal) or 1.0)]), array[:, :, None]
    affine = np.eye(4)
    turn, origin = np.diag(TO_RAS.get(space, TO_RAS["lps"])), header.origin
    affine[:3, :3] = turn @ rows.T
    if origin is not None:
        affine[:3, 3] = turn @ (factors * origin)
    image = turned_image(array, affine, source, "space directions")
    image = image if origin is not None else image._replace(affine=None)
    return image, NO_SPACE if space in UNNAMED else ""


def _factors(header: Header, name: str, count: int) -> np.ndarray[Any, Any]:
    """Millimetres a unit, for each of ``count`` axes; NaN for a unit that is not known."""
    text = header.fields.get(name, "").lower()
    words = re.findall(r'"([^"]*)"', text) or text.split() or [""] * count
    factors = [millimetres(word) if word.strip() else 1.0 for word in words]
    return np.array(factors if len(factors) == count else [math.nan] * count)
