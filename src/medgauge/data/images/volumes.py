"""NIfTI and NRRD, through MONAI's readers: spacing and orientation are respected.

A volume (x, y, z) is turned by whole axes to DICOM's directions and given as (c, z, y, x): see ``data.readers``. A
volume of one slice becomes a 2-D image. A 2-D file is given as (c, y, x), as stored.
"""

from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource, RawImage

MOST_CHANNELS = 4
NO_ORIENTATION = "no orientation in the file: axes taken as stored"
MILLIMETRES = {1: 1000.0, 2: 1.0, 3: 0.001}  # of NIfTI's codes for metre, millimetre and micrometre
SPACES = {"LPS": "left-posterior-superior", "RAS": "right-anterior-superior", "LAS": "left-anterior-superior"}


def read_nifti(source: ImageSource) -> RawImage:
    """Read a NIfTI file of one image, (1, d, h, w) or (1, h, w); a fourth axis of 2 to 4 is channels."""
    from monai.data.image_reader import NibabelReader
    from nibabel.filebasedimages import ImageFileError

    reader = NibabelReader(squeeze_non_spatial_dims=True)
    try:
        array, meta = reader.get_data(reader.read(source.path))
    except ImageFileError:
        raise InputError(f"{source.path} is not a NIfTI file; replace it or leave the case out") from None
    except Exception as error:  # noqa: BLE001 - gzip, zlib and nibabel each have their own for damage
        raise InputError(f"{source.path} is truncated or damaged; replace it or leave the case out") from error
    factor = MILLIMETRES.get(int(meta.get("xyzt_units", 2)) & 7, 1.0)
    return _image(np.asarray(array), np.asarray(meta["affine"]) * factor, source)


def read_nrrd(source: ImageSource) -> RawImage:
    """Read an NRRD file of one image, (c, d, h, w) or (c, h, w), with the file's own number type."""
    from monai.data.image_reader import NrrdReader

    reader = NrrdReader()
    try:
        picture: Any = reader.read(source.path)
    except Exception as error:  # noqa: BLE001 - pynrrd raises its own, zlib's and NumPy's errors
        raise InputError(
            f"{source.path} is not an NRRD file, or is damaged; replace it or leave the case out"
        ) from error
    if "data file" in picture.header or "datafile" in picture.header:
        raise InputError(f"{source.path} keeps its pixels in another file; save it as one attached .nrrd file")
    spacing = _channels_last(picture)
    if "space directions" not in picture.header:
        array, width = picture.array, len(spacing)
        plain = _image(array, np.diag([*spacing, *[1.0] * (4 - width)]), source, turn=False)
        return plain._replace(
            spacing=tuple(spacing[::-1]) if np.isfinite(spacing).all() else None, notes=(NO_ORIENTATION,)
        )
    reader.dtype = picture.array.dtype
    array, meta = reader.get_data(picture)
    affine = np.eye(4)
    part = np.asarray(meta["affine"], dtype=float)
    affine[: len(part) - 1, : len(part) - 1] = part[:-1, :-1]
    if meta.get("space") == SPACES["LAS"]:
        affine[0] *= -1  # to RAS, which MONAI does for LPS only
    return _image(array, affine, source)


def _channels_last(picture: Any) -> np.ndarray[Any, Any]:
    """Put the axis without a direction last, in array and header; return the spacing of the others (NaN: unknown)."""
    header, array = picture.header, picture.array
    directions = header.get("space directions")
    if directions is None:
        spacing = np.asarray(header.get("spacings", np.full(array.ndim, np.nan)), dtype=float)
    else:
        spacing = np.linalg.norm(np.asarray(directions, dtype=float), axis=1)
        header.setdefault("space origin", np.zeros(np.asarray(directions).shape[1]))
        header["space"] = SPACES.get(header.get("space", "LPS"), header.get("space"))
    kinds = header.get("kinds", ["domain"] * array.ndim)
    spatial = [axis for axis in range(array.ndim) if kinds[axis] in ("domain", "space") or np.isfinite(spacing[axis])]
    order = spatial + [axis for axis in range(array.ndim) if axis not in spatial]
    picture.array = np.transpose(array, order)
    if directions is not None:
        header["space directions"] = np.asarray(directions, dtype=float)[spatial]
    header["sizes"] = np.asarray(picture.array.shape[: len(spatial)])
    return spacing[spatial]


def _image(
    array: np.ndarray[Any, Any], affine: np.ndarray[Any, Any], source: ImageSource, turn: bool = True
) -> RawImage:
    """The image of an array (x, y[, z][, c]) and an affine to RAS millimetres."""
    shape = array.shape
    channels = array.ndim == 4
    if array.ndim not in (2, 3, 4) or (channels and shape[3] > MOST_CHANNELS):
        sides = " x ".join(str(side) for side in shape)
        raise InputError(f"{source.path} is {sides}, not one 2-D or 3-D image; save one volume a file")
    if array.ndim > 2 and turn:
        array, affine = _turned(array, affine, source)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)[: min(array.ndim, 3)]
    array = np.moveaxis(array, -1, 0) if channels else array[None]
    array = array.transpose(0, *range(array.ndim - 1, 0, -1))
    steps = [float(step) for step in spacing[::-1]]
    if array.ndim == 4 and 1 in array.shape[1:]:
        thin = array.shape.index(1, 1)
        array = array.squeeze(thin)
        steps.pop(thin - 1)
    known = all(0 < step < np.inf for step in steps)
    return RawImage(array, tuple(steps) if known else None)


def _turned(
    array: np.ndarray[Any, Any], affine: np.ndarray[Any, Any], source: ImageSource
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Array and affine with the axes running to the left, to the back and to the head."""
    from nibabel import orientations

    tools: Any = orientations  # nibabel does not type them
    found = tools.io_orientation(affine)
    if np.isnan(found).any():
        raise InputError(f"{source.path} has an orientation that cannot be used; set its directions anew")
    turn = tools.ornt_transform(found, tools.axcodes2ornt(("L", "P", "S")))
    turned: np.ndarray[Any, Any] = tools.apply_orientation(array, turn)
    return turned, affine @ tools.inv_ornt_aff(turn, array.shape[:3])
