"""What NIfTI and NRRD have in common: voxels (x, y, z, channel) and where their axes point.

A volume is turned by whole axes to DICOM's directions and given as (c, z, y, x): see ``data.readers``. A volume of one
slice becomes a 2-D image, and so does a file of two axes, in the same way.
"""

from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.patient_axes import between_notes, direction_words

MOST_CHANNELS = 4
TO_LPS = np.array([-1, -1, 1])  # of cosines with NIfTI's axes, which run to the right, the front and the head
AXIS_AS_CHANNELS = "further axis taken as channels (one of time or of volumes is none: save one volume a file)"


def turned_image(
    array: np.ndarray[Any, Any], affine: np.ndarray[Any, Any], source: ImageSource, fields: str
) -> RawImage:
    """The image of voxels (x, y, z, c), with an affine (4, 4) to RAS millimetres, or of 2-D pixels with z of 1.

    It has a direction where it has rows and columns alone, and a note where an axis is about as near to another direction.

    - Raises: InputError where the affine says no directions, with the ``fields`` of the file that it is from.
    """
    from nibabel import orientations

    tools: Any = orientations  # nibabel does not type them
    for axis in range(3):
        if array.shape[axis] == 1 and not affine[:3, axis].any():  # a slice without a thickness lies across its normal
            normal = np.cross(affine[:3, (axis + 1) % 3], affine[:3, (axis + 2) % 3])
            affine = affine.copy()
            affine[:3, axis] = normal / (np.linalg.norm(normal) or 1.0)
    found = tools.io_orientation(affine) if np.isfinite(affine).all() else np.full((3, 2), np.nan)
    if np.isnan(found).any():
        raise InputError(f"{source.path} has an orientation that cannot be used ({fields}); set its directions anew")
    turn = tools.ornt_transform(found, tools.axcodes2ornt(("L", "P", "S")))
    turned: np.ndarray[Any, Any] = tools.apply_orientation(array, turn)
    placed = affine @ tools.inv_ornt_aff(turn, array.shape[:3])
    axes = placed[:3, :3]
    steps = np.linalg.norm(axes, axis=0)
    image = stored_image(turned, tuple(float(step) for step in steps))
    cosines = TO_LPS * (axes / steps).T
    plane = [axis for axis in range(3) if turned.shape[axis] > 1]
    direction = direction_words(cosines[plane]) if len(plane) == 2 else ""
    place = (np.array([*TO_LPS, 1])[:, None] * placed)[:, [2, 1, 0, 3]]
    volume = image.array.ndim == 4 and np.isfinite(place).all()
    return image._replace(notes=between_notes(cosines), direction=direction, affine=place if volume else None)


def stored_image(array: np.ndarray[Any, Any], steps: tuple[float, ...]) -> RawImage:
    """The image of (x, y, c) or (x, y, z, c) with the steps of the axes before c, not turned; z of 1 is left out."""
    array = array.transpose(*range(array.ndim - 1, -1, -1))
    spacing = list(steps[::-1])
    if array.ndim == 4 and 1 in array.shape[1:]:
        thin = array.shape.index(1, 1)
        array = array.squeeze(thin)
        spacing.pop(thin - 1)
    return RawImage(array, tuple(spacing) if all(0 < step < np.inf for step in spacing) else None)


def check_axes(sides: tuple[int, ...], spatial: int, source: ImageSource) -> None:
    """Raise unless 2 or 3 axes are of space and at most one more, of 1 to 4 channels, is not."""
    others = [side for side in sides[spatial:] if side != 1]
    if spatial not in (2, 3) or len(others) > 1 or any(side > MOST_CHANNELS for side in others):
        shape = " x ".join(str(side) for side in sides)
        raise InputError(f"{source.path} is {shape}, not one 2-D or 3-D image; save one volume a file")
