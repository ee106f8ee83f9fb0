"""From a file's image to the model's: intensity window, channels, spacing and size, without falsifying lengths.

Resampling is our own and not MONAI's ``Resize``: that one rounds the new size to whole pixels, so the two axes get
slightly different factors (up to 0.8 % at 64 pixels), which is an error of the label where the label is a length. Here
one factor holds exactly for every axis and the rest of the canvas is padding.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from medgauge.core.errors import InputError
from medgauge.core.words import counted
from medgauge.data.images.boxes import centroid
from medgauge.data.images.grey import GREYS, Grey, own_window
from medgauge.data.images.image import RawImage

Fit = Literal["pad", "crop", "pad_or_crop", "resize", "stretch"]
FITS = ("pad", "crop", "pad_or_crop", "resize", "stretch")
WINDOWS = {"uint8": (0.0, 255.0), "uint16": (0.0, 65535.0)}
LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as Pillow's "L"


@dataclass(frozen=True)
class PrepareSettings:
    """How every image of a run is prepared.

    Args:
        size: pixels of the result, (h, w) or (d, h, w); None: as the images are, which must then have one size.
        fit: how an image of another size gets there. ``resize``: one factor for all axes, then padding; ``pad``,
            ``crop`` and ``pad_or_crop``: centred, no resampling; ``stretch``: each axis its own factor, which
            falsifies shapes.
        window: values that become 0 and 1, the rest is cut; None: 0 to 255 for 8-bit and 0 to 65535 for 16-bit images.
            Other images (CT numbers, floats) need a window: see :func:`find_window`.
        spacing: millimetres a pixel to resample to, in the order of ``size``; None: pixels as they are. Not with
            ``resize`` and ``stretch``, which would undo it.
        channels: ``keep``, 1 (colour to luminance) or 3 (grey repeated).
        nan: what is read where a pixel is not a number; None: such images are refused. It is used in reading.
        around: what the middle of the result is: the ``image``'s, or the centroid of its ``mask``; the latter with ``size`` and fit
            ``pad_or_crop`` alone.
        mask_label: the label that is the mask; None: all above 0. It is used in reading.
        grey: ``set``: the window, the same for all images; ``image_percentiles``, ``image_zscore`` and those of the ``body``:
            each image on a scale of its own (:func:`~medgauge.data.images.grey.own_window`), without a window.
    """

    size: tuple[int, ...] | None = None
    fit: Fit = "resize"
    window: tuple[float, float] | None = None
    spacing: tuple[float, ...] | None = None
    channels: Literal["keep", 1, 3] = "keep"
    nan: float | None = None
    grey: Grey = "set"
    around: Literal["image", "mask"] = "image"
    mask_label: int | None = None

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise ValueError(f"fit must be one of {', '.join(FITS)}, got {self.fit!r}")
        if self.size is not None and (len(self.size) not in (2, 3) or min(self.size) < 1):
            raise ValueError(f"size must be 2 or 3 numbers >= 1, got {self.size}")
        if self.window is not None and not self.window[0] < self.window[1]:
            raise ValueError(f"window must be two rising numbers, got {self.window}")
        if self.spacing is not None and (len(self.spacing) not in (2, 3) or min(self.spacing) <= 0):
            raise ValueError(f"spacing must be 2 or 3 numbers > 0, got {self.spacing}")
        if self.spacing is not None and self.size is not None and self.fit in ("resize", "stretch"):
            raise ValueError(f"spacing and fit {self.fit} exclude each other; use fit pad_or_crop")
        if self.channels not in ("keep", 1, 3):
            raise ValueError(f"channels must be keep, 1 or 3, got {self.channels!r}")
        if self.grey not in GREYS:
            raise ValueError(f"grey must be one of {', '.join(GREYS)}, got {self.grey!r}")
        if self.around == "mask" and (self.size is None or self.fit != "pad_or_crop"):
            raise ValueError(f"around mask needs a size, and fit pad_or_crop, got {self.size} and {self.fit}")
        if self.grey != "set" and self.window is not None:
            raise ValueError(f"window and grey {self.grey} exclude each other")


class Prepared(NamedTuple):
    """A prepared image.

    - Shape: array (c, *size) float32 in [0, 1]; zoom: pixels of the result a pixel of the file, so that the physical
      size of a pixel is divided by it (the geometric mean of the axes, where a resampling to a spacing or ``stretch``
      makes them differ).
    """

    array: np.ndarray[Any, np.dtype[np.float32]]
    zoom: float


def prepare(raw: RawImage, settings: PrepareSettings, inside: NDArray[np.bool_] | None = None) -> Prepared:
    """Prepare one image; the same input gives the same bits. Padding becomes 0, the lower end.

    ``inside``: the voxels of its mask, where the settings ask for one.

    - Raises: InputError if the image lacks the number of axes, the spacing, the window or the channels that are needed.
    """
    space = raw.array.shape[1:]
    for name, value in (("size", settings.size), ("spacing", settings.spacing)):
        if value is not None and len(value) != len(space):
            flat = "; a volume of one slice is 2-D: name the whole volume, or leave the case out"
            raise InputError(
                f"the image is {len(space)}-D ({_sides(space)}), but image.{name} has {len(value)} numbers, for {len(value)}-D "
                f"images{flat if len(space) < len(value) else ''}"
            )
    zooms = zooms_of(raw, settings)
    size = settings.size or tuple(max(1, round(side * zoom)) for side, zoom in zip(space, zooms, strict=True))
    _check_fit(space, size, zooms, settings)
    window = settings.window if settings.grey == "set" else own_window(raw, settings.grey)
    windowed = _windowed(raw.array, window)
    if raw.padding is not None:
        windowed[:, raw.padding] = 0.0
    array = _channels(windowed, settings.channels)
    middle = centroid(inside) if settings.around == "mask" and inside is not None else None
    for axis, (target, zoom) in enumerate(zip(size, zooms, strict=True), start=1):
        array = _fitted(array, axis, target, zoom, None if middle is None else middle[axis - 1])
    zoom = float(np.exp(np.mean(np.log(zooms))))
    return Prepared(np.ascontiguousarray(array.clip(0.0, 1.0), dtype=np.float32), zoom)


def find_window(raws: Sequence[RawImage]) -> tuple[float, float]:
    """One window for all images from some (training) images: their usual lowest and highest values.

    The 5th percentile over the images of each image's 0.5th percentile, and the 95th of each one's 99.5th. One window
    for all keeps values comparable between images, which windows of their own would not. Padding does not count. 8-bit
    images give (0, 255).
    """
    if not raws:
        raise ValueError("raws must hold at least one image, got none")
    return window_of([ends_of(raw) for raw in raws], [raw.array.dtype.name for raw in raws])


def ends_of(raw: RawImage) -> tuple[float, float]:
    """The 0.5th and 99.5th percentile of all of an image's intensities, without padding."""
    low, high = np.percentile(raw.intensities, (0.5, 99.5))
    return float(low), float(high)


def window_of(of: Sequence[tuple[float, float]], dtypes: Sequence[str]) -> tuple[float, float]:
    """The window of :func:`find_window` from the ends of each image and the names of their types."""
    if all(dtype == "uint8" for dtype in dtypes):
        return WINDOWS["uint8"]
    ends = np.array(of)
    low, high = float(np.percentile(ends[:, 0], 5)), float(np.percentile(ends[:, 1], 95))
    return (low, high) if high > low else (low, low + 1.0)


def zooms_of(raw: RawImage, settings: PrepareSettings) -> tuple[float, ...]:
    """The factor of every axis."""
    space = raw.array.shape[1:]
    if settings.spacing is not None:
        if raw.spacing is None:
            raise InputError(
                "the file does not say the size of its pixels, so it cannot be resampled; fit with image.spacing null"
            )
        return tuple(own / wanted for own, wanted in zip(raw.spacing, settings.spacing, strict=True))
    if settings.size is None or settings.fit in ("pad", "crop", "pad_or_crop"):
        return (1.0,) * len(space)
    zooms = tuple(target / side for target, side in zip(settings.size, space, strict=True))
    return zooms if settings.fit == "stretch" else (min(zooms),) * len(space)


def _check_fit(
    space: tuple[int, ...], size: tuple[int, ...], zooms: tuple[float, ...], settings: PrepareSettings
) -> None:
    sides = [round(side * zoom) for side, zoom in zip(space, zooms, strict=True)]
    if settings.fit == "pad" and any(side > target for side, target in zip(sides, size, strict=True)):
        raise InputError(
            f"the image is {_sides(sides)}, larger than {_sides(size)}; fit with image.fit resize or pad_or_crop"
        )
    if settings.fit == "crop" and any(side < target for side, target in zip(sides, size, strict=True)):
        raise InputError(
            f"the image is {_sides(sides)}, smaller than {_sides(size)}; fit with image.fit resize or pad_or_crop"
        )


def _windowed(array: np.ndarray[Any, Any], window: tuple[float, float] | None) -> np.ndarray[Any, Any]:
    """Values in [0, 1], float32."""
    ends = window or WINDOWS.get(array.dtype.name)
    if ends is None:
        raise InputError(
            f"the image has {array.dtype.name} values, which have no natural range; fit with two values as image.window"
        )
    scaled = (array.astype(np.float32) - np.float32(ends[0])) / np.float32(ends[1] - ends[0])
    return scaled.clip(0.0, 1.0)


def _channels(array: np.ndarray[Any, Any], channels: Literal["keep", 1, 3]) -> np.ndarray[Any, Any]:
    if channels == "keep" or len(array) == channels:
        return array
    if len(array) == 1:
        return np.repeat(array, 3, axis=0)
    if len(array) == 3:
        grey: np.ndarray[Any, Any] = np.tensordot(LUMINANCE, array, axes=1)[None]
        return grey
    raise InputError(
        f"the image has {counted(len(array), 'channel')}, which cannot become {channels}; fit with image.channels keep, or save 1 or 3"
    )


def _fitted(
    array: np.ndarray[Any, Any], axis: int, target: int, zoom: float, middle: float | None
) -> np.ndarray[Any, Any]:
    """One axis resampled by ``zoom`` about a middle (None: its own), on ``target`` pixels; zero outside the image."""
    side = array.shape[axis]
    if zoom == 1.0:
        surplus = side - target
        centred = surplus // 2 if surplus > 0 else -(-surplus // 2)
        return _cut(array, axis, centred if middle is None else math.floor(middle - target / 2 + 0.5), target)
    weights = _weights(side, target, zoom, side / 2 if middle is None else middle)
    mixed: np.ndarray[Any, Any] = np.tensordot(weights, array, axes=(1, axis))
    return np.moveaxis(mixed, 0, axis)


def _cut(array: np.ndarray[Any, Any], axis: int, start: int, target: int) -> np.ndarray[Any, Any]:
    """``target`` pixels of an axis from ``start`` on, pixel for pixel; zero where the array has none."""
    side = array.shape[axis]
    low, high = min(max(start, 0), side), min(max(start + target, 0), side)
    part = array[(slice(None),) * axis + (slice(low, high),)]
    before = min(max(-start, 0), target)
    margins = [(0, 0)] * array.ndim
    margins[axis] = (before, target - before - (high - low))
    padded: np.ndarray[Any, Any] = np.pad(part, margins) if high - low < target else part
    return padded


def _weights(side: int, target: int, zoom: float, middle: float) -> np.ndarray[Any, Any]:
    """The matrix (target, side) that resamples an axis: area average when shrinking, linear when enlarging."""
    middles = (np.arange(target) + 0.5 - target / 2) / zoom + middle  # of the result's pixels, in the file's pixels
    starts = np.arange(side)
    if zoom < 1.0:
        low, high = middles[:, None] - 0.5 / zoom, middles[:, None] + 0.5 / zoom
        covered = np.minimum(high, starts + 1.0) - np.maximum(low, starts)
        weights = covered.clip(min=0.0) * zoom
    else:
        inside = (middles >= 0) & (middles <= side)
        near = middles.clip(0.5, side - 0.5)[:, None]
        weights = (1.0 - np.abs(near - (starts + 0.5))).clip(min=0.0) * inside[:, None]
    single: np.ndarray[Any, Any] = weights.astype(np.float32)
    return single


def _sides(space: Sequence[int]) -> str:
    return " x ".join(str(side) for side in space)
