"""NIfTI-1 and NIfTI-2 in one file, plain or gzip; the first bytes tell which, not the name."""

import io
import logging
import math
from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.data.images.image import ALPHA_DROPPED, ImageSource, RawImage
from medgauge.data.images.unpack import GZIP, check_memory, unpacked, unpacked_start
from medgauge.data.images.volumes import AXIS_AS_CHANNELS, check_axes, turned_image

HEADERS = {348: 1, 540: 2}  # NIfTI's version by the length of its header
MAGIC = {1: (344, b"n+1\0", b"ni1\0"), 2: (4, b"n+2\0", b"ni2\0")}  # where it is; of one file, of a pair
FIRST = {1: 352, 2: 544}  # the byte at which voxels begin at the earliest
MILLIMETRES = {1: 1000.0, 2: 1.0, 3: 0.001}  # of the codes for metre, millimetre and micrometre
UNITS = {code: f"voxel sizes turned from {unit} to millimetres" for code, unit in ((1, "metres"), (3, "micrometres"))}
NO_ORIENTATION = (
    "no orientation in the file: axes taken as NIfTI's older form has them, to the left, the front and the head"
)
NO_STEP = "a voxel size in the file (pixdim) is no number above 0: sizes not used"
NEGATIVE = "a voxel size in the file (pixdim) is below 0: read without its sign"
STEPS_DIFFER = "sform and voxel sizes of the file differ"

QUIET = logging.Logger("headers")
"""Where nibabel tells of the fields that it mends: nowhere, as it does not say of which file."""
QUIET.addHandler(logging.NullHandler())


def read_nifti(source: ImageSource) -> RawImage:
    """Read a NIfTI file of one image, (c, d, h, w) or (c, h, w).

    A further axis of 2 to 4 is taken as channels and noted; RGB is colour; slope and intercept are applied, unless the
    slope is 0.

    - Source: NIfTI-1.1 header (nifti1.h), methods 1 to 3; gzip: RFC 1952.
    """
    data = source.path.read_bytes()
    try:
        voxels, header, sizes = _picture(data, source)
        values = _values(voxels)
        affine, said = _affine(header, sizes)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - nibabel has its own for each field, and reads some later
        raise InputError(f"{source.path} is truncated or damaged; replace it or leave the case out") from error
    array, notes = _voxels(values, source)
    fields = "srow_x, srow_y, srow_z" if int(header["sform_code"]) > 0 else "qoffset_x, qoffset_y, qoffset_z"
    image = turned_image(array, affine, source, fields)
    return image._replace(
        spacing=None if NO_STEP in said else image.spacing,
        notes=(*notes, *said, *image.notes),
        affine=None if {NO_STEP, NO_ORIENTATION} & set(said) else image.affine,
    )


def _picture(data: bytes, source: ImageSource) -> tuple[Any, Any, list[float]]:
    """nibabel's voxels and header of the bytes, after the checksum of gzip fitted; pixdim as stored, of axes longer than 1."""
    import nibabel

    packed = data[:2] == GZIP
    start = unpacked_start(data, 540) if packed else data[:540]
    version = _version(start, packed, source)
    header: Any = (nibabel.Nifti1Header, nibabel.Nifti2Header)[version - 1]  # nibabel does not type its methods
    order = "<" if int.from_bytes(start[:4], "little") in HEADERS else ">"
    found: Any = header.from_fileobj(io.BytesIO(start), order, check=False)
    fault = _fault(found, FIRST[version])
    if fault:
        if packed:
            unpacked(data, len(start))  # a damaged file is called one, whatever its header says
        raise InputError(f"{source.path} has {fault} in its header; correct it or leave the case out")
    size = math.prod(found.get_data_shape()) * found.get_data_dtype().itemsize
    end = int(found["vox_offset"]) + size
    check_memory(size, source.path)
    whole = unpacked(data, end) if packed else data
    if len(whole) < end:
        raise EOFError("shorter than its header says")
    stored = np.array(found["pixdim"][1:4], dtype=float)
    found["pixdim"][1:4] = np.where(np.isfinite(stored), stored, 1.0)  # as nibabel does with 0
    found.check_fix(logger=QUIET)
    sizes = [float(size) for size, side in zip(stored, found.get_data_shape(), strict=False) if side > 1]
    proxy: Any = nibabel.arrayproxy.ArrayProxy  # nibabel does not type its methods
    return proxy(io.BytesIO(whole), found), found, sizes


def _fault(header: Any, first: int) -> str:
    """The field with which nothing can be read, in words; ``first``: where voxels may begin. "" where there is none."""
    axes, sides = int(header["dim"][0]), [int(side) for side in header["dim"][1:]]
    if not 1 <= axes <= 7:
        return f"dim[0], the number of axes, of {axes}"
    if min(sides[:axes]) < 1:
        return f"a dimension of {min(sides[:axes])}"
    try:
        kind = header.get_data_dtype()
        known = kind.kind != "V" or kind.names is not None  # not so for 0 (unknown) and 1 (bits)
    except Exception:  # noqa: BLE001 - nibabel has its own
        known = False
    if not known:
        return f"datatype {int(header['datatype'])}, which is not read,"
    offset = float(header["vox_offset"])
    if not (math.isfinite(offset) and offset >= first and offset.is_integer()):
        return f"a vox_offset of {offset:g}, where voxels begin at byte {first} or later,"
    if int(header["sform_code"]) <= 0 < int(header["qform_code"]) and not _is_rotation(header):
        return "quatern_b, quatern_c and quatern_d that are no rotation"
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if math.isinf(slope):
        return "a scl_slope that is infinite"
    return (
        "a scl_inter that is no finite number" if slope and not math.isnan(slope) and not math.isfinite(inter) else ""
    )


def _is_rotation(header: Any) -> bool:
    """Whether the quaternion of the qform is one of length 1."""
    try:
        return bool(np.isfinite(header.get_qform_quaternion()).all())
    except ValueError:
        return False


def _version(start: bytes, packed: bool, source: ImageSource) -> int:
    """1 or 2, from the first bytes."""
    found = {HEADERS.get(int.from_bytes(start[:4], order)) for order in ("little", "big")} - {None}
    version = found.pop() if found else None
    if packed and len(start) < 4:
        raise EOFError("no header")
    if version is not None:
        place, one, pair = MAGIC[version]
        if len(start) < place + 4:
            raise EOFError("the header is cut off")
        if start[place : place + 4] == pair:
            raise InputError(
                f"{source.path} keeps its pixels in another file (.img); save it as one .nii or .nii.gz file"
            )
        if start[place : place + 4] == one:
            return version
    raise InputError(f"{source.path} is not a NIfTI file; replace it or leave the case out")


def _values(voxels: Any) -> np.ndarray[Any, Any]:
    """The rescaled values, as many axes as the header says."""
    try:
        return np.asanyarray(voxels)
    except Exception as error:  # noqa: BLE001 - as many errors as fields
        raise ValueError("values cannot be read") from error


def _voxels(values: np.ndarray[Any, Any], source: ImageSource) -> tuple[np.ndarray[Any, Any], tuple[str, ...]]:
    """Voxels (x, y, z, c), z of 1 where there is none, and what was dropped or taken."""
    shape = (*values.shape, *(1,) * (3 - values.ndim)) if values.ndim == 2 else values.shape
    check_axes(shape, min(len(shape), 3), source)
    channels = math.prod(shape[3:])
    array = values.reshape(*shape[:3], channels)
    notes: tuple[str, ...] = (AXIS_AS_CHANNELS,) if channels > 1 else ()
    names = array.dtype.names
    if names is not None:
        if channels > 1 or names[:3] != ("R", "G", "B"):
            raise InputError(f"{source.path} has several colour volumes; save one volume a file")
        notes = (ALPHA_DROPPED,) if "A" in names else ()
        array = np.stack([array[name][..., 0] for name in names[:3]], axis=-1)
    return array, notes


def _affine(header: Any, stored: list[float]) -> tuple[np.ndarray[Any, Any], tuple[str, ...]]:
    """The affine to RAS millimetres, and what is said of it; ``stored``: voxel sizes as the file has them."""
    affine = np.asarray(header.get_best_affine(), dtype=float)
    notes: tuple[str, ...] = ()
    sizes = np.abs(np.asarray(header["pixdim"][1:4], dtype=float))
    ndim = min(int(header["dim"][0]), 3)
    told, by_sizes = all(0 < abs(size) < math.inf for size in stored), int(header["sform_code"]) <= 0
    if int(header["sform_code"]) > 0:
        steps = np.linalg.norm(affine[:3, :ndim], axis=0)
        if not np.allclose(steps, sizes[:ndim], rtol=1e-3):
            notes = (f"{STEPS_DIFFER}: sizes of the sform used",)
            if int(header["qform_code"]) > 0 and told and _is_rotation(header):
                affine, notes = np.asarray(header.get_qform(), dtype=float), (f"{STEPS_DIFFER}: qform used",)
                by_sizes = True
    elif int(header["qform_code"]) == 0:
        notes = (NO_ORIENTATION,)
    if by_sizes and not told:
        notes = (*notes, NO_STEP)
    elif by_sizes and any(size < 0 for size in stored):
        notes = (*notes, NEGATIVE)
    unit = int(header["xyzt_units"]) & 7
    factor, said = MILLIMETRES.get(unit, 1.0), UNITS.get(unit)
    notes = (*notes, said) if said else notes
    return np.vstack([affine[:3] * factor, affine[3:]]), notes
