"""The classical features of one image within one mask: shape, first order, GLCM, GLRLM, GLSZM, GLDM and NGTDM."""

import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from medgauge.core.errors import InputError, came, check_counts

CLASSES = ("firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
"""Families of features beside shape, in the library's words."""
PACKAGES = ("pyradiomics-bhklab", "pyradiomics")
"""What the library is called where it is installed from, the first that is there."""
UNKNOWN = "unknown"
ORIGINAL = "original_"
MOST_GREYS = 4096
"""Grey levels within a mask above which matrices of pairs of them need gigabytes."""


@dataclass(frozen=True)
class RadiomicsSettings:
    """What decides the features of an image in a mask.

    Args:
        bin_width: width of a grey level, in the image's own intensities, for textures, entropy and uniformity.
        spacing: millimetres an axis to resample image and mask to, in the order z, y, x (of pictures y, x); empty: as they are.
        mask_label: the label of the mask that counts; None: all above 0.
    """

    bin_width: float = 25.0
    spacing: tuple[float, ...] = ()
    mask_label: int | None = None

    def __post_init__(self) -> None:
        numbers = {"bin_width": self.bin_width, **{f"spacing[{place}]": one for place, one in enumerate(self.spacing)}}
        for name, value in numbers.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InputError(f"{name} must be a number, got {came(value)}")
        if self.mask_label is not None:
            check_counts(mask_label=self.mask_label)
        if not 0 < self.bin_width < math.inf:
            raise InputError(f"the width of a grey level must be > 0, got {self.bin_width:g} (--bin-width 25)")
        sides = len(self.spacing)
        if sides not in (0, 2, 3) or not all(0 < side < math.inf for side in self.spacing):
            raise InputError(
                f"the spacing to resample to must be two or three numbers > 0, got {list(self.spacing)} (--spacing 1,1,1)"
            )


def library_versions() -> dict[str, str]:
    """The versions of the packages that decide values.

    Raises:
        InputError: the library of radiomics is not installed.
    """
    if find_spec("radiomics") is None or find_spec("SimpleITK") is None:
        raise InputError(
            "radiomics needs the package pyradiomics-bhklab, which is not installed: pip install 'medgauge[radiomics]' (with a C compiler)"
        )
    name = next((one for one in PACKAGES if _version(one) != UNKNOWN), "radiomics")
    return {one: _version(one) for one in (name, "SimpleITK", "numpy")}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return UNKNOWN


def extract(
    image: NDArray[Any], inside: NDArray[np.bool_], spacing: tuple[float, ...], settings: RadiomicsSettings
) -> dict[str, float]:
    """The features of an image (d, h, w) or (h, w) within a mask of its shape, by name.

    107 of a volume, 102 of a picture, whose shape has fewer. Names are the library's, with the settings that values hang
    on: ``original_glcm_Contrast_bin25``, after a resampling ``original_shape_MeshVolume_1x1x3mm``.

    Args:
        image: intensities, in their stored type.
        inside: True where a voxel counts.
        spacing: millimetres a voxel, in the order of the axes.
        settings: as they are.

    Raises:
        InputError: a mask or an image of which features cannot be made, in a sentence without their names.
    """
    _check(image, inside, spacing, settings)
    with _quiet():
        try:
            found = _extractor(image.ndim, settings).execute(
                _itk(image, spacing), _itk(inside.astype(np.uint8), spacing)
            )
        except ValueError as error:
            if settings.spacing and "mask" in str(error).lower():
                raise InputError(
                    f"the mask vanishes, or nearly, when it is resampled to {_millimetres(settings)}; give a finer --spacing, or none"
                ) from error
            raise
    # the library takes eigenvalues of symmetric matrices as of any, so that rounding gives equal ones imaginary parts of 1e-17
    values = {f"{name}{_suffix(name, settings)}": float(np.real(value)) for name, value in found.items()}
    odd = [name for name, value in values.items() if not math.isfinite(value)]
    if odd:
        raise InputError(
            f"{odd[0]} is no finite number within the mask" + (f", nor are {len(odd) - 1} others" if odd[1:] else "")
        )
    return values


def grey_levels(image: NDArray[Any], inside: NDArray[np.bool_], bin_width: float) -> int:
    """Into how many grey levels the intensities within the mask fall.

    >>> grey_levels(np.array([[0.0, 24.0, 25.0, 99.0]]), np.array([[True, True, True, False]]), 25.0)
    2
    """
    values = image[inside].astype(np.float64)
    return int(math.floor(values.max() / bin_width) - math.floor(values.min() / bin_width)) + 1


def _check(
    image: NDArray[Any], inside: NDArray[np.bool_], spacing: tuple[float, ...], settings: RadiomicsSettings
) -> None:
    """Raise InputError for what the library has no features of."""
    if settings.spacing and len(settings.spacing) != image.ndim:
        raise InputError(f"it has {image.ndim} axes, and --spacing names {len(settings.spacing)}")
    if not inside.any():
        raise InputError("the mask is empty")
    places = np.argwhere(inside)
    long = int((np.ptp(places, axis=0) > 0).sum())
    voxel = "voxel" if image.ndim == 3 else "pixel"
    if long == 0:
        raise InputError(f"the mask is one {voxel}, which has neither shape nor texture; draw a larger one")
    if long == 1:
        raise InputError(
            f"the mask is one line of {len(places)} {voxel}s, which has neither shape nor texture; draw a larger one"
        )
    if (greys := grey_levels(image, inside, settings.bin_width)) > MOST_GREYS:
        raise InputError(
            f"intensities within the mask fall into {greys} grey levels of {settings.bin_width:g}, more than {MOST_GREYS}; give a larger "
            "--bin-width (16 to 128 levels are usual)"
        )


def _extractor(axes: int, settings: RadiomicsSettings) -> Any:
    """The library's extractor of all classical features of original images, without its own facts of the run."""
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    resampling = {"resampledPixelSpacing": list(settings.spacing[::-1])} if settings.spacing else {}
    width = float(settings.bin_width)  # with a whole number the library's bins of 8-bit images overflow
    made = RadiomicsFeatureExtractor(binWidth=width, additionalInfo=False, label=1, **resampling)
    made.disableAllFeatures()
    for name in ("shape" if axes == 3 else "shape2D", *CLASSES):
        made.enableFeatureClassByName(name)
    return made


def _itk(array: NDArray[Any], spacing: tuple[float, ...]) -> Any:
    """SimpleITK's image of an array (z, y, x) or (y, x); axes are those of the patient already, so directions are plain."""
    import SimpleITK

    image: Any = SimpleITK.GetImageFromArray(np.ascontiguousarray(array))
    image.SetSpacing([float(step) for step in spacing[::-1]])
    return image


def _suffix(name: str, settings: RadiomicsSettings) -> str:
    """What of the settings the value of a feature hangs on."""
    bins = "" if name.startswith(f"{ORIGINAL}shape") else f"_bin{settings.bin_width:g}"
    return f"{bins}_{_millimetres(settings)}" if settings.spacing else bins


def _millimetres(settings: RadiomicsSettings) -> str:
    return "x".join(f"{side:g}" for side in settings.spacing) + "mm"


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's lines on standard error, on one thread: cases are what runs side by side."""
    import radiomics
    import SimpleITK

    logger, filters = radiomics.logger, cast(Any, SimpleITK.ProcessObject)  # its import sets the level
    level, threads = logger.level, filters.GetGlobalDefaultNumberOfThreads()
    logger.setLevel(logging.CRITICAL + 1)
    filters.SetGlobalDefaultNumberOfThreads(1)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # means of nothing, whose features are told by a sentence
            yield
    finally:
        logger.setLevel(level)
        filters.SetGlobalDefaultNumberOfThreads(threads)
