"""Which axis of an array without a header is what: rows, columns, slices, channels.

====================== =================================================================
axes of the array      read as
====================== =================================================================
(h, w)                 grey
(h, w, 1), (1, h, w)   grey
(h, w, 3 or 4)         channels, which are colours where there are three
(d, h, w)              a grey volume
(d, h, w, 1)           a grey volume
(1, d, h, w)           a grey volume
(d, h, w, 3 or 4)      a volume of channels
(1, h, w, 1)           grey, and so are (1, 1, h, w) and (h, w, 1, 1)
====================== =================================================================

An axis of 2 to 4 may be channels, and so may one of 1. Where an array without a channel of one has such an axis, and it is
not channels as above, it could be a few slices, rows or columns as well: it is refused, and so is a volume that is one voxel
thick. A channel of one makes a volume of few slices plain: (1, 3, h, w), (3, h, w, 1). An array does not say that its fourth
channel is transparency, so it keeps all four.
"""

from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource, RawImage

MOST_CHANNELS = 4
COLOURS = (3, 4)
FOUR_KEPT = "array of four channels read with all four (where the last is transparency, save the first three)"
WRAPPED = ([0, 3], [0, 1], [2, 3])  # axes of one around rows and columns
NO_IMAGE = "which is not one image"
DOUBTFUL = "in which an axis of 1 to 4 may be channels, slices, rows or columns"
THIN = "a volume that is one voxel thick"
SLICES_FIRST = "array with a short last axis read as (slices, rows, columns) all the same,"
LAYOUTS = (
    "save grey as (rows, columns), colour as (rows, columns, 3), a volume as (slices, rows, columns), "
    "one of few slices as (1, slices, rows, columns)"
)


def image_of(array: np.ndarray[Any, Any], source: ImageSource) -> RawImage:
    """The image of an array, without spacing.

    - Raises: InputError for shapes that are no image or may be two, with the shapes that are one.
    """
    shape, ones = array.shape, [axis for axis, side in enumerate(array.shape) if side == 1]
    if array.ndim == 2:
        return RawImage(array[None])
    if array.ndim not in (3, 4):
        raise _refusal(NO_IMAGE, source, shape)
    if array.ndim == 4 and ones in WRAPPED:
        return RawImage(array.reshape([1, *(side for side in shape if side != 1)]))
    if shape[-1] in COLOURS and min(shape[:-1]) > MOST_CHANNELS:
        return RawImage(np.moveaxis(array, -1, 0), None, (FOUR_KEPT,) if shape[-1] == 4 else ())
    if shape[-1] == 1 != shape[0]:
        array = np.moveaxis(array, -1, 0)
    elif shape[0] != 1 or shape[-1] <= MOST_CHANNELS:
        if min(shape) <= MOST_CHANNELS and 1 not in shape[1:-1]:
            raise _refusal(DOUBTFUL, source, shape)
        if array.ndim == 4:
            raise _refusal(NO_IMAGE, source, shape)
        array = array[None]
    if array.ndim == 4 and 1 in array.shape[1:]:
        raise _refusal(THIN, source, shape)
    slices_last = array.ndim == 4 and 2 * array.shape[-1] <= min(array.shape[1:-1])
    return RawImage(array, None, (SLICES_FIRST,) if slices_last else ())


def _refusal(why: str, source: ImageSource, shape: tuple[int, ...]) -> InputError:
    row = "name a row, as in file.npz#images[0], or " if source.index is None else ""
    return InputError(f"{source.text} is an array of shape {shape}, {why}; {row}{LAYOUTS}")
