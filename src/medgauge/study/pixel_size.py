"""Which number columns are the size of a pixel, by the units and words of their names and by their values."""

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np

from medgauge.data.tables.table import Table
from medgauge.data.tables.words import coded_names
from medgauge.recipes.schema import Recipe

Measure = Literal["size", "inverse", "area"]

MICRONS = frozenset([
    "um", "µm", "μm", "micron", "microns", "micrometer", "micrometers", "micrometre", "micrometres", "nm"
])  # fmt: skip
CENTIMETRES = frozenset(["cm", "centimeter", "centimetre"])
LENGTH = MICRONS | CENTIMETRES | frozenset([
    "mm", "m", "millimeter", "millimeters", "millimetre", "millimetres"
])  # fmt: skip
PIXEL = frozenset(["px", "pix", "pxl", "pixel", "pixels", "vox", "voxel", "voxels"])
EXTENT = frozenset([
    "size", "sizes", "spacing", "spacings", "width", "height", "depth", "pitch", "length", "side", "edge", "dim",
    "dimension"
])  # fmt: skip
OF_TWO = frozenset(["area", "volume"])  # they change with the square or cube of the zoom
OF_SLICES = frozenset(["slice", "slices", "between"])
BESIDE = frozenset([
    "x", "y", "z", "i", "j", "k", "d", "h", "w", "row", "rows", "col", "cols", "column", "columns", "in", "plane",
    "inplane", "of", "a", "an", "the", "one", "each", "mean", "average", "avg", "median", "original", "orig", "native",
    "image", "images", "img", "imager", "scan", "scanner", "scanned", "detector", "ct", "mr", "mri", "us", "xray", "dicom",
    "header", "file", "input", "source", "raw", "true", "real", "physical", "nominal", "effective", "calibrated",
    "calibration", "scale", "factor", "horizontal", "vertical", "isotropic", "slide", "base", "resolution", "ratio"
])  # fmt: skip
ARTICLES = ("a", "an", "the", "one", "each")
FUSED = (
    (r"pro", "per"), (r"mmpp", "mm per px"), (r"mpp", "um per px"), (r"dpi|ppi", "px per inch"),
    (r"(mm|cm|um|µm|μm|microns?)per(px|pix|pixels?|voxels?)", r"\1 per \2"),
    (r"(px|pix|pixels?|voxels?)per(mm|cm|um|µm|μm|microns?|inch)", r"\1 per \2"),
    (r"(px|pix|pixel|vox|voxel)s?(size|spacing|width|height|pitch|length|dim|area|volume)s?", r"\1 \2"),
)  # fmt: skip
LEAST_COUNT = 16
"""Columns of so much and more are lengths in pixels, unless their name has a smaller unit than millimetres."""


def pixel_measure(name: str, ndim: int = 2) -> Measure | None:
    """What a column tells of the pixels of an image, if its name says it.

    >>> [pixel_measure(name) for name in ("mm_per_px", "PixelSpacing", "pixels/mm", "n_voxels", "width_px", "echo_spacing")]
    ['size', 'size', 'inverse', None, None, None]

    Args:
        name: of the column.
        ndim: axes of the images; the distance of slices is the size of a voxel in volumes alone.
    """
    words = _words(name)
    known = LENGTH | PIXEL | EXTENT | OF_TWO | BESIDE | (OF_SLICES if ndim == 3 else frozenset())
    ratio = _of_ratio(words)
    if ratio is not None:
        return ratio
    if not known.issuperset(words):
        return None
    if (
        {"physical", "size"} <= {*words}
        or not {"spacing", "spacings"}.isdisjoint(words)
        or ("resolution" in words and not LENGTH.isdisjoint(words))
    ):
        return "size"
    return _of_pixel(words)


def _of_ratio(words: Sequence[str]) -> Measure | None:
    """What words around ``per`` or ``to`` say: lengths per pixel (pixel to length), or pixels per length."""
    plain = [word for word in words if word not in ARTICLES]
    for first, parting, last in zip(plain, plain[1:], plain[2:], strict=False):
        above, below = (first, last) if parting == "per" else (last, first)
        if parting in ("per", "to") and below in PIXEL and above in LENGTH | OF_TWO:
            return "area" if above in OF_TWO else "size"
        if parting in ("per", "to") and above in PIXEL and (below in LENGTH or below == "inch"):
            return "inverse"
    return None


def _of_pixel(words: Sequence[str]) -> Measure | None:
    """What words without ``per`` say: a pixel's size is named after the pixel, a size in pixels before it."""
    pixel = next((place for place, word in enumerate(words) if word in PIXEL), None)
    extent = next((place for place, word in enumerate(words) if word in EXTENT | OF_TWO), None)
    if pixel is None or (extent is None and LENGTH.isdisjoint(words)):
        return None
    if extent is not None and extent < pixel and "of" not in words[extent:pixel]:
        return None
    return "size" if OF_TWO.isdisjoint(words) else "area"


def _words(name: str) -> list[str]:
    """The words of a name in lower case, ``/`` as ``per``, a unit with a 2 or 3 as ``area``."""
    text = re.sub(r"(?<=[^\W\d_A-Z])(?=[A-Z])", " ", name).lower().replace("/", " per ")
    text = re.sub(r"(?<=[^\W\d_])2(?=[^\W\d_])", " to ", text)  # px2mm
    text = re.sub(r"(?<![^\W\d_])(mm|cm|um|µm|μm|micron)(\^?[23](?!\d)|[²³])", " area ", text)
    words = list[str]()
    for word in re.findall(r"[^\W\d_]+", text):
        fused = next((re.sub(form, plain, word) for form, plain in FUSED if re.fullmatch(form, word)), word)
        words += fused.split()
    return words


def millimetres(name: str) -> float:
    """The unit of a size of pixels in millimetres, as its column's name says; 1 where it names none.

    >>> millimetres("mm_per_px"), millimetres("pixel_size_um"), millimetres("PixelSpacing")
    (1.0, 0.001, 1.0)
    """
    words = set(_words(name))
    if "nm" in words:
        return 1e-6
    return 1e-3 if words & MICRONS else 10.0 if words & CENTIMETRES else 1000.0 if "m" in words else 1.0


def size_columns(table: Table, ndim: int) -> list[str]:
    """The number columns of a table that are sizes of pixels, by their names, and by values that can be one."""
    return [name for name in _of(table, "size", ndim) if _can_be_size(table, name)]


def number_names(table: Table) -> list[str]:
    """The number columns that are no coded words."""
    coded = {column for name, words in table.words.items() for column in coded_names(name, words)}
    return [name for name in table.covariate if name not in coded]


def _of(table: Table, measure: Measure, ndim: int) -> list[str]:
    return [name for name in number_names(table) if pixel_measure(name, ndim) == measure]


def _can_be_size(table: Table, name: str) -> bool:
    """Whether all values are above 0, and not counts."""
    values = table.covariates[:, table.covariate.index(name)]
    values = values[np.isfinite(values)]
    counts = len(values) and values.min() >= LEAST_COUNT
    return bool((values > 0).all()) and not (counts and MICRONS.isdisjoint(_words(name)))


def size_notes(recipe: Recipe, table: Table, ndim: int, *, resized: bool) -> list[str]:
    """What is taken as the size of a pixel, and what looks like one and is not.

    Args:
        recipe: as it was given; sizes that are named there need no word.
        table: the cases.
        ndim: axes of the images.
        resized: whether any image has other pixels than its file.
    """
    if recipe.augmentation.size_covariates != "auto":
        return []
    taken, notes = size_columns(table, ndim), list[str]()
    if taken:
        notes.append(
            f"{', '.join(taken)} {'is' if len(taken) == 1 else 'are'} read as the size of a pixel, which is divided by the "
            "zoom where an image is resized; if that is wrong, name the right covariates, or none, in augmentation.size_covariates"
        )
    for name in _of(table, "size", ndim):
        if name not in taken:
            notes.append(
                f"{name} has the name of a pixel's size, but values that are none (numbers of pixels, or not above 0): it is left "
                "as it is when images are resized"
            )
    for name in [*_of(table, "inverse", ndim), *_of(table, "area", ndim)] if resized else []:
        notes.append(
            f"{name} is left as it is, though resized images have other pixels; give the size of a pixel (mm_per_px) in its place"
        )
    unknown = [name for name in number_names(table) if pixel_measure(name, ndim) is None]
    doubtful = [name for name in unknown if _may_be_size(name) or name == recipe.data.label_times]
    if doubtful and resized:
        notes.append(
            f"{', '.join(doubtful)}: left as in the table when images are resized; if it is the size of a pixel, name it in "
            "augmentation.size_covariates"
        )
    return notes


def _may_be_size(name: str) -> bool:
    """Whether a name speaks of pixels and of a length, whatever else it says."""
    words = _words(name)
    size = bool(re.search(r"(?:pixel|voxel|px) (?:size|spacing)", " ".join(words)))
    return size or "spacing" in words or not (PIXEL.isdisjoint(words) or LENGTH.isdisjoint(words))
