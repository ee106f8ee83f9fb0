"""What a recipe may say of how images are read, and of their random changes while training."""

from dataclasses import dataclass, field
from math import prod
from typing import Annotated, Literal

from medgauge.core.settings import Range, Section, Size

Auto = Literal["auto"]
MOST_PIXELS = 2**28  # of an image as the model reads it
LEAST_PIXELS = 16
LEAST_RISE = 1e-6  # of a window, over its larger end: float32 tells no smaller one


@dataclass
class ImageSettings(Section):
    """How an image becomes the array that the model reads.

    Args:
        size: pixels or voxels an axis, rows first; auto from the images.
        around: what is in the middle: the image's own, or the centroid of its mask (data.mask), about which a box of size (or
            extent) is cut, with padding where it leaves the image; auto = mask where there are masks.
        extent: millimetres an axis of that box, in place of size or of spacing; null = as size says.
        fit: how an image of another size is fitted: pad_or_crop, pad, crop, resize (keeps the aspect, then pads) or stretch.
        window: lowest and highest intensity, mapped to 0 and 1; null = the whole range of 8- and 16-bit images; auto = that
            where all have 8 bits, else one window found over the training images.
        grey: set = one scale of greys for all images, the window; image_percentiles = each image has its own, from its
            0.5th to its 99.5th percentile; image_zscore = its own, four standard deviations about its mean; padding does
            not count; body_percentiles and body_zscore = the same of what is no background, the lowest value where it fills a
            twentieth of an image, and the noise of air in MR, known by the corners; auto = image_percentiles where files
            carry no unit and their ranges differ tenfold, of volumes with a background body_percentiles, else set.
        spacing: millimetres an axis to resample to; null = as it is.
        channels: 1, 3 or keep; auto = as the images have.
        nan: what is read where a pixel is not a number (NaN), as some programs write a background; null = such images are
            refused.
    """

    place = "image"

    size: Annotated[list[Annotated[int, Range(least=1)]], Size(2, 3)] | Auto = "auto"
    around: Literal["image", "mask", "auto"] = "auto"
    extent: Annotated[list[Annotated[float, Range(least=0.001, most=1e6)]], Size(2, 3)] | None = None
    fit: Literal["pad", "crop", "pad_or_crop", "resize", "stretch", "auto"] = "auto"
    window: Annotated[list[Annotated[float, Range(least=-1e30, most=1e30)]], Size(2, 2)] | Auto | None = "auto"
    spacing: Annotated[list[Annotated[float, Range(least=0.001, most=1000)]], Size(2, 3)] | None = None
    channels: Literal[1, 3, "keep", "auto"] = "auto"
    nan: Annotated[float, Range()] | None = None
    grey: Literal["set", "image_percentiles", "image_zscore", "body_percentiles", "body_zscore", "auto"] = "auto"

    def conflicts(self) -> list[str]:
        """What does not hold between settings, a sentence each."""
        found, size, spacing, window = [], self.size, self.spacing, self.window
        if size != "auto" and prod(size) > MOST_PIXELS:
            found.append(f"image.size must be at most {MOST_PIXELS} pixels in all, got {size}")
        if size != "auto" and prod(size) < LEAST_PIXELS:
            found.append(f"image.size must be at least {LEAST_PIXELS} pixels in all, got {size}")
        if size != "auto" and spacing is not None and len(size) != len(spacing):
            found.append(f"image.size and image.spacing must name as many axes, got {size} and {spacing}")
        if window is not None and window != "auto" and not window[0] < window[1]:
            found.append(f"image.window must rise, got {window}")
        elif (
            window is not None
            and window != "auto"
            and window[1] - window[0] < LEAST_RISE * max(1e-20, *map(abs, window))
        ):
            found.append(f"image.window must rise by more than {LEAST_RISE:g} of its ends, got {window}")
        if window is not None and window != "auto" and self.grey not in ("set", "auto"):
            found.append(f"image.window and image.grey {self.grey} exclude each other; set image.window to auto")
        if spacing is not None and self.fit in ("resize", "stretch"):
            found.append(f"image.spacing and image.fit {self.fit} exclude each other; use image.fit pad_or_crop")
        return found + self._box_conflicts()

    def _box_conflicts(self) -> list[str]:
        """What does not hold between the settings of a box, a sentence each."""
        found, extent = list[str](), self.extent
        boxed = {"image.around mask": self.around == "mask", "image.extent": extent is not None}
        found += [
            f"{name} and image.fit {self.fit} exclude each other; use image.fit pad_or_crop"
            for name, given in boxed.items()
            if given and self.fit not in ("auto", "pad_or_crop")
        ]
        if extent is None:
            return found
        for name, value in (("image.size", self.size), ("image.spacing", self.spacing)):
            if value is not None and value != "auto" and len(value) != len(extent):
                found.append(f"image.extent and {name} must name as many axes, got {extent} and {value}")
                return found
        if self.size != "auto" and self.spacing is not None:
            voxels = [long / own for long, own in zip(extent, self.spacing, strict=True)]
            if any(abs(voxel - side) > 1 for voxel, side in zip(voxels, self.size, strict=True)):
                found.append(
                    f"image.extent {extent} is not image.size {self.size} times image.spacing {self.spacing}; give two of them"
                )
        return found


@dataclass
class AugmentationSettings(Section):
    """Random changes of training images, none of which may change the label.

    Args:
        flip: axes that may be mirrored: rows, columns (and depth).
        rotation: largest angle, degrees.
        shift: largest shift, as a fraction of the size.
        scale: largest change of size, as a fraction, or two factors between which it is drawn (0.7, 1.3); off by default, since
            it changes lengths.
        intensity: largest change of brightness and contrast, as a fraction.
        noise: standard deviation of added noise, in the 0 to 1 range of images.
        gamma: two exponents between which that of the intensities is drawn (0.7, 1.5); null = off.
        sharpening: largest number of times that what a Gaussian of one pixel smooths away is added again.
        blur: largest standard deviation of a Gaussian that images are smoothed by, in pixels.
        mixup: mix each case with another one of its batch whose label is near (C-Mixup): images, labels and covariates.
        mixup_width: of mixup's kernel over labels, in normalised label units.
        label_changes_with: transforms that would change the label (scale, flip, rotation, shift, intensity, and mixup where a
            mixture has no label between the two); refused, unless it is scale and size_covariates names what is updated with it.
        size_covariates: covariates that are a pixel's size: divided by the zoom; auto = those whose name says so (mm_per_px,
            pixel_size, spacing_mm).
    """

    place = "augmentation"

    flip: Annotated[list[Literal["rows", "columns", "depth"]], Size(distinct=True)] = field(default_factory=list)
    rotation: Annotated[float, Range(least=0, most=180)] = 0.0
    shift: Annotated[float, Range(least=0, most=1)] = 0.0
    scale: (
        Annotated[float, Range(least=0, most=1)]
        | Annotated[list[Annotated[float, Range(least=0.1, most=10)]], Size(2, 2)]
    ) = 0.0
    intensity: Annotated[float, Range(least=0, below=1)] = 0.0
    noise: Annotated[float, Range(least=0, most=1)] = 0.0
    gamma: Annotated[list[Annotated[float, Range(least=0.1, most=10)]], Size(2, 2)] | None = None
    sharpening: Annotated[float, Range(least=0, most=10)] = 0.0
    blur: Annotated[float, Range(least=0, most=10)] = 0.0
    mixup: bool = False
    mixup_width: Annotated[float, Range(least=0.001, most=1000)] = 0.5
    label_changes_with: Annotated[
        list[Literal["scale", "flip", "rotation", "shift", "intensity", "mixup"]], Size(distinct=True)
    ] = field(default_factory=lambda: ["scale"])
    size_covariates: Annotated[list[Annotated[str, Size(1)]], Size(distinct=True)] | Auto = "auto"

    def conflicts(self) -> list[str]:
        """What does not hold between settings, a sentence each."""
        pairs = {"scale": self.scale, "gamma": self.gamma}
        found = [
            f"augmentation.{name} must be two numbers that do not fall, got {value}"
            for name, value in pairs.items()
            if isinstance(value, list) and value[0] > value[1]
        ]
        if self.mixup and "mixup" in self.label_changes_with:
            found.append(
                "augmentation.mixup is on, but augmentation.label_changes_with says it changes the label; turn it off"
            )
        return found

    @property
    def named_sizes(self) -> list[str]:
        """The covariates that are said to be sizes; none where that is left to the data."""
        return [] if self.size_covariates == "auto" else list(self.size_covariates)
