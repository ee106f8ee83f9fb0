"""Random changes of a batch of images, in two steps: draw the numbers, then apply them.

The numbers are drawn for the whole (global) batch from a seeded generator and can be stored, split over processes and
applied again. A setting that is 0 changes nothing, and turning one on does not change what the others draw.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from medgauge.core.batch import Batch
from medgauge.core.errors import InputError
from medgauge.core.words import nearest
from medgauge.data.images.filters import sharpened, smoothed


@dataclass(frozen=True)
class AugmentSettings:
    """How far images are changed; everything is off by default.

    Args:
        flip: axes of the image that are flipped in half of the cases, counted from the end: -1 is left and right,
            -2 up and down, -3 the slices.
        rotation: largest angle in degrees; in 3-D about each of the three axes.
        shift: largest shift as a share of each side.
        scale: largest enlargement as a share: 0.1 draws factors from 1/1.1 to 1.1; or two factors, between which they are drawn.
        brightness: largest value added, as a share of the intensity window.
        contrast: largest change of the distance to the image's mean, as a share, below 1.
        gamma: largest exponent as a share: 0.2 draws exponents from 1/1.2 to 1.2; or two exponents, between which they are drawn.
        noise: largest standard deviation of added noise, as a share of the intensity window.
        sharpening: largest number of times that what a Gaussian of one pixel smooths away is added again.
        blur: largest standard deviation of a Gaussian that images are smoothed by, in pixels.
    """

    flip: tuple[int, ...] = ()
    rotation: float = 0.0
    shift: float = 0.0
    scale: float | tuple[float, float] = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    gamma: float | tuple[float, float] = 0.0
    noise: float = 0.0
    sharpening: float = 0.0
    blur: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple) and field.name != "flip":
                if not (len(value) == 2 and 0 < value[0] <= value[1] < math.inf):
                    raise ValueError(f"{field.name} must be two rising numbers > 0, got {value}")
                continue
            if field.name != "flip" and not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{field.name} must be >= 0, got {value}")
        if any(axis not in (-1, -2, -3) for axis in self.flip):
            raise ValueError(f"flip must name axes -1, -2 or -3, got {self.flip}")
        if self.contrast >= 1:
            raise ValueError(f"contrast must be < 1, got {self.contrast}")

    def kinds(self) -> set[str]:
        """What is on: of flip, rotation, shift, scale, intensity."""
        on = {name for name in ("flip", "rotation", "shift", "scale") if getattr(self, name)}
        intensity = self.brightness or self.contrast or self.gamma or self.noise or self.sharpening or self.blur
        return on | ({"intensity"} if intensity else set())


KINDS = ("flip", "rotation", "scale", "intensity", "shift", "mixup")


@dataclass(frozen=True)
class Drawn:
    """What was drawn for n images of 2 or 3 axes.

    - Shape: flipped (n, axes) bool, by axis h, w or d, h, w; angle (n, 1) or (n, 3) in radians; shift (n, axes) as a
      share of each side; zoom (n,), above 1 = enlarged: the physical size of a pixel is divided by it; brightness,
      contrast, gamma, noise, sharpening and blur (n,); seed (n,) int64 of each image's noise; kinds: what is on.
    """

    flipped: Bool[Tensor, "n axes"]
    angle: Float[Tensor, "n planes"]
    shift: Float[Tensor, "n axes"]
    zoom: Float[Tensor, " n"]
    brightness: Float[Tensor, " n"]
    contrast: Float[Tensor, " n"]
    gamma: Float[Tensor, " n"]
    noise: Float[Tensor, " n"]
    sharpening: Float[Tensor, " n"]
    blur: Float[Tensor, " n"]
    seed: Int[Tensor, " n"]
    kinds: frozenset[str]

    def take(self, rows: Sequence[int] | Tensor) -> "Drawn":
        """The numbers of some images: those of this process out of the global batch."""
        rows = torch.as_tensor(rows, dtype=torch.int64)
        taken = {field.name: getattr(self, field.name)[rows] for field in fields(self) if field.name != "kinds"}
        return replace(self, **taken)


def draw(settings: AugmentSettings, count: int, ndim: int, generator: torch.Generator) -> Drawn:
    """Draw the changes of ``count`` images with ``ndim`` axes (2 or 3) from a CPU generator."""
    if ndim not in (2, 3):
        raise ValueError(f"ndim must be 2 or 3, got {ndim}")
    if settings.flip and min(settings.flip) < -ndim:
        raise InputError(f"augmentation.flip names axis {min(settings.flip)}, but the images are {ndim}-D")
    chance = torch.rand(count, 14, generator=generator, dtype=torch.float64)
    seed = torch.randint(2**62, (count,), generator=generator)
    more = torch.rand(count, 2, generator=generator, dtype=torch.float64)
    even = 2 * chance - 1  # uniform in [-1, 1)
    may_flip = torch.tensor([axis - ndim in settings.flip for axis in range(ndim)])
    angle = even[:, 3:6] * math.radians(settings.rotation)
    return Drawn(
        flipped=(chance[:, :ndim] < 0.5) & may_flip,
        angle=(angle if ndim == 3 else angle[:, :1]).float(),
        shift=(even[:, 6 : 6 + ndim] * settings.shift).float(),
        zoom=_factors(chance[:, 9], settings.scale),
        brightness=(even[:, 10] * settings.brightness).float(),
        contrast=(even[:, 11] * settings.contrast).float(),
        gamma=_factors(chance[:, 12], settings.gamma),
        noise=(chance[:, 13] * settings.noise).float(),
        sharpening=(more[:, 0] * settings.sharpening).float(),
        blur=(more[:, 1] * settings.blur).float(),
        seed=seed,
        kinds=frozenset(settings.kinds()),
    )


def _factors(chance: Tensor, wanted: float | tuple[float, float]) -> Tensor:
    """Factors from chances (n,) in [0, 1): between two evenly, or about 1 evenly by their logarithm."""
    if isinstance(wanted, tuple):
        return (wanted[0] + chance * (wanted[1] - wanted[0])).float()
    return torch.exp((2 * chance - 1) * math.log1p(wanted)).float()


def apply(image: Float[Tensor, "n c *space"], drawn: Drawn) -> Float[Tensor, "n c *space"]:
    """The changed images, on the device of ``image``; the very same tensor when everything is off.

    The image is turned in pixels, so that a wide image is not sheared; what comes from outside it is zero. Intensities
    are cut to [0, 1] where they are changed.
    """
    if len(drawn.zoom) != len(image) or drawn.shift.shape[1] != image.ndim - 2:
        raise ValueError(f"drawn must be for {len(image)} images of shape {tuple(image.shape[1:])}")
    if drawn.kinds & {"rotation", "shift", "scale"}:
        image = _moved(image, drawn)
    elif "flip" in drawn.kinds:
        image = _flipped(image, drawn.flipped)
    return _toned(image, drawn) if "intensity" in drawn.kinds else image


def augment_batch(
    batch: Batch, drawn: Drawn, *, size_columns: Sequence[int] = (), divisor_is_size: bool = False
) -> Batch:
    """The batch with changed images, and sizes as :func:`resize` has them."""
    sized = resize(batch, drawn, size_columns=size_columns, divisor_is_size=divisor_is_size)
    return replace(sized, image=apply(batch.image, drawn))


def resize(batch: Batch, drawn: Drawn, *, size_columns: Sequence[int] = (), divisor_is_size: bool = False) -> Batch:
    """The batch with its images as they are; covariates in ``size_columns`` (sizes of a pixel) are divided by the zoom.

    So is ``divisor``, where that is the size of a pixel.
    """
    covariates = batch.covariates
    if covariates is not None and size_columns and "scale" in drawn.kinds:
        covariates = covariates.clone()
        covariates[:, list(size_columns)] /= drawn.zoom.to(covariates)[:, None]
    divisor = batch.divisor
    if divisor is not None and divisor_is_size and "scale" in drawn.kinds:
        divisor = divisor / drawn.zoom.to(divisor)
    return replace(batch, covariates=covariates, divisor=divisor)


def check_label_safety(
    settings: AugmentSettings, label_changes_with: Sequence[str], size_covariates: Sequence[str]
) -> None:
    """Raise InputError if a change that alters the label is on.

    Enlargement is let through where a covariate gives the physical size of a pixel: it is divided by the zoom, and the
    label stays right.
    """
    for name in label_changes_with:
        if name not in KINDS:
            near = nearest(str(name), KINDS, likeness=0.6)
            hint = f"; did you mean {near}?" if near else ""
            raise InputError(f"label_changes_with names {name!r}, which is none of {', '.join(KINDS)}{hint}")
        if name not in settings.kinds() or (name == "scale" and size_covariates):
            continue
        what = "brightness, contrast, gamma, noise, blur and sharpening" if name == "intensity" else name
        more = ", or name the covariate that holds the size of a pixel" if name == "scale" else ""
        raise InputError(
            f"augmentation {name} is on, but label_changes_with says it changes the label; turn {what} off{more}"
        )


def _flipped(image: Tensor, flipped: Tensor) -> Tensor:
    """Flips alone, exactly."""
    choice = flipped.to(image.device)
    for axis in range(flipped.shape[1]):
        if bool(flipped[:, axis].any()):
            rows = choice[:, axis].reshape(-1, *[1] * (image.ndim - 1))
            image = torch.where(rows, image.flip(axis + 2), image)
    return image


def _moved(image: Tensor, drawn: Drawn) -> Tensor:
    """Flip, rotation, zoom and shift in one interpolation."""
    grid = functional.affine_grid(_matrices(drawn, image.shape[2:]).to(image), list(image.shape), align_corners=False)
    return functional.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _matrices(drawn: Drawn, space: Sequence[int]) -> Tensor:
    """For each image the matrix (axes, axes + 1) from places in the result to places in the image, both in [-1, 1].

    In pixels from the middle: shown = rotation * zoom * flip * own + shift, solved for ``own``.
    """
    half = torch.tensor(space, dtype=torch.float64) / 2
    flip = torch.where(drawn.flipped, -1.0, 1.0).double()
    turn = _rotation(drawn.angle.double()).transpose(1, 2)
    inverse = flip[:, :, None] * turn / drawn.zoom.double()[:, None, None]
    offset = -torch.einsum("nij,nj->ni", inverse, drawn.shift.double() * 2 * half)
    inverse = inverse * half[None, None, :] / half[None, :, None]
    matrix = torch.cat(
        [inverse.flip(1, 2), (offset / half).flip(1)[:, :, None]], dim=2
    )  # torch counts axes from the last
    return matrix.float()


def _rotation(angle: Tensor) -> Tensor:
    """Rotation matrices (n, axes, axes) for angles (n, 1) or (n, 3), one in the plane of each pair of axes."""
    axes = 2 if angle.shape[1] == 1 else 3
    planes = [(0, 1)] if axes == 2 else [(1, 2), (0, 2), (0, 1)]
    total = torch.eye(axes, dtype=angle.dtype).expand(len(angle), axes, axes)
    for column, (first, second) in enumerate(planes):
        one = torch.eye(axes, dtype=angle.dtype).repeat(len(angle), 1, 1)
        cosine, sine = torch.cos(angle[:, column]), torch.sin(angle[:, column])
        one[:, first, first], one[:, second, second] = cosine, cosine
        one[:, first, second], one[:, second, first] = -sine, sine
        total = one @ total
    return total


def _toned(image: Tensor, drawn: Drawn) -> Tensor:
    """Blur or sharpening, contrast about the image's mean, brightness, gamma, noise; cut to [0, 1]."""
    image = sharpened(smoothed(image, drawn.blur), drawn.sharpening)
    wide = (-1, *[1] * (image.ndim - 1))
    brightness, contrast, gamma = (
        value.to(image).reshape(wide) for value in (drawn.brightness, drawn.contrast, drawn.gamma)
    )
    middle = image.flatten(1).mean(dim=1).reshape(wide)
    image = torch.addcmul(brightness - middle * contrast, image, 1 + contrast).clamp_(0.0, 1.0)
    if not bool((drawn.gamma == 1).all()):
        image.pow_(gamma)
    if bool((drawn.noise > 0).any()):
        image.add_(_noise(image, drawn)).clamp_(0.0, 1.0)
    return image


def _noise(image: Tensor, drawn: Drawn) -> Tensor:
    """Noise from a seed for each image: the same in any batch, on the same kind of device."""
    made = torch.empty_like(image)
    source = torch.Generator(device=image.device)
    for row, (seed, deviation) in enumerate(zip(drawn.seed.tolist(), drawn.noise.tolist(), strict=True)):
        source.manual_seed(seed)
        made[row].normal_(0.0, 1.0, generator=source).mul_(deviation)
    return made
