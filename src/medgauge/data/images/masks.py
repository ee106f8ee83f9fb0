"""Masks: which voxels of an image count, in a file of their own that lies on the image voxel by voxel."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from medgauge.core.errors import InputError
from medgauge.data.images.image import ARRAY_ENDINGS, SQUARE, ImageSource, RawImage, ending
from medgauge.data.images.readers import read_stored

NEAR = 0.1
"""Share of the smallest voxel that corners of mask and image may be apart: headers round."""
SEVERAL = "mask of several labels read as one (data.mask_label names one of them)"
WHOLE = "mask that covers its whole image"
NO_PLACE = "mask that does not say where it lies, taken to lie on its image"
REMEDY = "resample the mask to the image"
MOST_LABELS = 255
"""Labels that a mask has at the most; what has more is an image."""


class Mask(NamedTuple):
    """A mask as it was read.

    - Shape: inside (h, w) or (d, h, w), True where a voxel counts; notes: what is said of it.
    """

    inside: NDArray[np.bool_]
    notes: tuple[str, ...]


def read_mask(source: ImageSource, like: RawImage, label: int | None = None) -> NDArray[np.bool_]:
    """The voxels of an image (h, w) or (d, h, w) that are in its mask; see :func:`open_mask`."""
    return open_mask(source, like, label).inside


def open_mask(source: ImageSource, like: RawImage, label: int | None = None) -> Mask:
    """The mask of an image, with what is said of it.

    - Raises: InputError with one sentence: a file that cannot be read, another geometry than the image's, numbers that are
      no labels, an empty mask, a label that does not occur.

    Args:
        source: any format of images; 0 is outside.
        like: the image.
        label: the one that counts; None: all above 0.
    """
    stored = read_stored(source)
    said = _check_geometry(stored, like, source)
    labels = _labels(stored.array, source)
    found = np.unique(labels[labels > 0]).tolist()
    if not found:
        raise InputError(f"{source.text} is an empty mask; draw it, or leave the case out")
    if label is not None and label not in found:
        raise InputError(
            f"{source.text} is a mask without the label {label}; it has {_some(found)}: correct data.mask_label, or leave the case out"
        )
    if label is None and len(found) > MOST_LABELS:
        raise InputError(
            f"{source.text} holds {len(found)} values above 0, as an image does; name the mask's file, or the label "
            "that counts (data.mask_label)"
        )
    inside: NDArray[np.bool_] = labels > 0 if label is None else labels == label
    several = (SEVERAL,) if label is None and len(found) > 1 else ()
    return Mask(inside, (*said, *several, *((WHOLE,) if inside.all() else ())))


def _labels(array: np.ndarray[Any, Any], source: ImageSource) -> np.ndarray[Any, Any]:
    """The labels (h, w) or (d, h, w) of (c, ...), of channels that are equal."""
    if array.dtype.kind not in "buif":
        raise InputError(f"{source.text} holds {array.dtype} values, not labels; save a mask of whole numbers")
    if len(array) > 1 and not (array == array[:1]).all():
        raise InputError(
            f"{source.text} is a mask of {len(array)} channels, or of colours; save one channel of whole numbers, 0 outside"
        )
    labels: np.ndarray[Any, Any] = array[0]
    odd = labels[(labels != np.rint(labels)) | (labels < 0)] if labels.dtype.kind in "if" else labels[:0]
    if odd.size:
        raise InputError(
            f"{source.text} holds {odd.flat[0]:g}, and labels of a mask are whole numbers from 0; save it so, 0 outside"
        )
    return labels


def _check_geometry(mask: RawImage, like: RawImage, source: ImageSource) -> tuple[str, ...]:
    """Raise unless the mask lies on the image as far as both say; what is said where one does not."""
    space, wanted = mask.array.shape[1:], like.array.shape[1:]
    if len(space) == 3 and len(wanted) == 2:
        raise InputError(
            f"{source.text} is a mask of {_by(space)} voxels, and its image is one slice or picture; name the whole volume, "
            "of a DICOM series its folder"
        )
    if space != wanted:
        what = "voxels" if len(wanted) == 3 else "pixels"
        raise InputError(f"{source.text} is a mask of {_by(space)} {what}, and its image has {_by(wanted)}; {REMEDY}")
    if mask.spacing and like.spacing and not np.allclose(mask.spacing, like.spacing, rtol=SQUARE, atol=0):
        raise InputError(
            f"{source.text} is a mask of {_by(mask.spacing)} mm a voxel, and its image has {_by(like.spacing)} mm; {REMEDY}"
        )
    if mask.affine is None or like.affine is None:
        if like.affine is not None and ending(source.path) in ARRAY_ENDINGS:
            raise InputError(
                f"{source.text} is a mask without directions, and its image is turned by its own; save the mask as NIfTI or "
                "NRRD with the image's header"
            )
        return (NO_PLACE,) if like.affine is not None else ()
    corners = np.array(
        [[*(side - 1 if bit else 0 for side, bit in zip(space, bits, strict=True)), 1] for bits in np.ndindex(2, 2, 2)]
    )
    away = float(np.linalg.norm(((mask.affine - like.affine) @ corners.T)[:3], axis=0).max())
    if away > NEAR * float(np.linalg.norm(like.affine[:3, :3], axis=0).min()):
        raise InputError(
            f"{source.text} is a mask that lies up to {away:.3g} mm off its image (origin or directions differ); {REMEDY}"
        )
    return ()


def _by(sides: tuple[float, ...]) -> str:
    return " x ".join(f"{side:.4g}" if isinstance(side, float) else str(side) for side in sides)


def _some(labels: list[float]) -> str:
    return ", ".join(f"{label:g}" for label in labels[:5]) + (" and more" if len(labels) > 5 else "")
