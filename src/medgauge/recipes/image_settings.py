"""What a recipe may say of how images are read, and of their random changes while training."""

from dataclasses import dataclass, field
from typing import Literal

Auto = Literal["auto"]


@dataclass
class ImageSettings:
    """How an image becomes the array that the model reads.

    Args:
        size: pixels or voxels an axis, rows first; auto from the images.
        fit: how an image of another size is fitted: pad_or_crop, pad, crop, resize (keeps the aspect, then pads) or stretch.
        window: lowest and highest intensity, mapped to 0 and 1; null = the whole range of 8- and 16-bit images; auto = that
            where 8-bit images occur, else one window found over the training images.
        spacing: millimetres an axis to resample to; null = as it is.
        channels: 1, 3 or keep; auto = as the images have.
    """

    size: list[int] | Auto = "auto"
    fit: Literal["pad", "crop", "pad_or_crop", "resize", "stretch", "auto"] = "auto"
    window: list[float] | Auto | None = "auto"
    spacing: list[float] | None = None
    channels: Literal[1, 3, "keep", "auto"] = "auto"


@dataclass
class AugmentationSettings:
    """Random changes of training images, none of which may change the label.

    Args:
        flip: axes that may be mirrored: rows, columns (and depth).
        rotation: largest angle, degrees.
        shift: largest shift, as a fraction of the size.
        scale: largest change of size, as a fraction; off by default, since it changes lengths.
        intensity: largest change of brightness and contrast, as a fraction.
        noise: standard deviation of added noise, in the 0 to 1 range of images.
        label_changes_with: transforms that would change the label (scale, flip, rotation, shift, intensity); refused, unless it
            is scale and size_covariates names what is updated with it.
        size_covariates: covariates that are a pixel's size: divided by the zoom.
    """

    flip: list[Literal["rows", "columns", "depth"]] = field(default_factory=list)
    rotation: float = 0.0
    shift: float = 0.0
    scale: float = 0.0
    intensity: float = 0.0
    noise: float = 0.0
    label_changes_with: list[Literal["scale", "flip", "rotation", "shift", "intensity"]] = field(
        default_factory=lambda: ["scale"]
    )
    size_covariates: list[str] = field(default_factory=list)
