"""Notes on images that are unlike: blank, cut, mostly padding, of other depths, scales or sizes of pixels."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from medgauge.core.problem import name_cases
from medgauge.data.images.decode import PreparedImages
from medgauge.data.images.facts import ImageFact, range_ratio
from medgauge.data.images.prepare import WINDOWS
from medgauge.recipes.image_settings import ImageSettings
from medgauge.recipes.schema import Recipe
from medgauge.study.decide import UNLIKE

LEAST_USED = 0.1
"""Share of the run's window that a new image uses at the least, unless it is told."""
FILLED = 0.25
"""Share of the canvas that the usual image fills at the least, unless it is told."""
UNLIKE_PIXELS = 1.1
"""Times that the largest pixel is as large as the smallest, from where it is told."""
DEPTHS = {
    "uint8": "8-bit",
    "int8": "8-bit",
    "uint16": "16-bit",
    "int16": "16-bit",
    "float32": "float",
    "float64": "float",
}


def image_notes(images: PreparedImages, ids: Sequence[str], recipe: Recipe, asked: ImageSettings) -> list[str]:
    """What is odd in the images of a set, a line each, with what can be done.

    Args:
        images: n images.
        ids: of the n cases.
        recipe: the recipe, with its image settings decided.
        asked: the image settings before that.
    """
    rows = [row for row, fact in enumerate(images.facts) if fact is not None]
    facts = [fact for fact in images.facts if fact is not None]
    named = [ids[row] for row in rows]
    image = recipe.image
    notes = [
        blank_note(images, ids),
        _depths(facts, named, image),
        _scales(facts, image, asked),
        _resampled(image, asked),
        _boxed(image, asked),
        _kinds(facts, named),
        _directions(facts, named),
        "" if image.spacing or recipe.augmentation.named_sizes else _pixels(facts),
    ]
    zooms = [_zooms(fact, image, images.zoom[row]) for row, fact in zip(rows, facts, strict=True)]
    sides = [
        tuple(side * zoom for side, zoom in zip(fact.shape[1:], of, strict=False))
        for fact, of in zip(facts, zooms, strict=True)
    ]
    canvas = [] if image.around == "mask" or image.extent else [cut_note(sides, named, image), _empty(sides, image)]
    return [note for note in [*notes, *canvas] if note]


def new_image_notes(images: PreparedImages, ids: Sequence[str], image: ImageSettings) -> list[str]:
    """What is to be said of images that a finished run reads.

    Args:
        images: n images, prepared as the run's.
        ids: of the n cases.
        image: the run's settings.
    """
    return [note for note in [*images.notes, blank_note(images, ids), _lost(images, ids, image)] if note]


def _lost(images: PreparedImages, ids: Sequence[str], image: ImageSettings) -> str:
    """On images that use little of the run's window, or no text."""
    lost = [
        ids[row]
        for row, fact in enumerate(images.facts)
        if fact is not None and not fact.flat and image.grey == "set" and _used(fact, image) < LEAST_USED
    ]
    if not lost:
        return ""
    window = "" if image.window in (None, "auto") else f" ({image.window[0]:.6g} to {image.window[1]:.6g})"
    return (
        f"{'1 image uses' if len(lost) == 1 else f'{len(lost)} images use'} less than a tenth of the run's window{window} "
        f"({name_cases(lost)}): if their intensities are of another scale than the training images', save them with that one"
    )


def _used(fact: ImageFact, image: ImageSettings) -> float:
    """The share of the window between an image's lowest and highest intensity."""
    window = image.window
    ends = WINDOWS.get(fact.dtype) if window is None or window == "auto" else (window[0], window[1])
    if ends is None:
        return 1.0
    low, high = np.clip([fact.low, fact.high], *ends)
    return float(high - low) / (ends[1] - ends[0])


def blank_note(images: PreparedImages, ids: Sequence[str]) -> str:
    """On images of one single value, or no text."""
    blank = [ids[row] for row, fact in enumerate(images.facts) if fact is not None and fact.flat]
    if not blank:
        return ""
    who = (
        "1 image is"
        if len(blank) == 1
        else f"all {len(blank)} images are"
        if len(blank) == len(ids)
        else f"{len(blank)} images are"
    )
    return f"{who} of one single value ({name_cases(blank)}), with nothing to see; look at the files, and leave such cases out"


def _counted(words: Sequence[str], ids: Sequence[str]) -> str:
    """How many images each word is of, and those of the rarest; no text for fewer than two words. "" is none."""
    found = Counter(filter(None, words))
    if len(found) < 2:
        return ""
    rarest = min(found, key=lambda name: found[name])
    rare = [id for id, word in zip(ids, words, strict=True) if word == rarest]
    counts = ", ".join(f"{count} {name}" for name, count in found.most_common())
    return f"{counts} ({rarest}: {name_cases(rare)})"


def _depths(facts: Sequence[ImageFact], ids: Sequence[str], image: ImageSettings) -> str:
    told = _counted([f"of {DEPTHS.get(fact.dtype, '32-bit and more')}" for fact in facts], ids)
    if not told:
        return ""
    remedy = (
        "if their greys do not mean the same, set image.grey to image_percentiles"
        if image.grey == "set"
        else f"each has a scale of its own (image.grey {image.grey})"
    )
    return f"images differ in depth: {told}; {remedy}"


def _scales(facts: Sequence[ImageFact], image: ImageSettings, asked: ImageSettings) -> str:
    ratio = range_ratio(facts)
    chosen = asked.grey == "auto" and image.grey != "set"
    if image.grey != "set" and not chosen:
        return ""
    what = f"the ranges of intensities differ {ratio:.0f}-fold and the files carry no unit"
    if chosen:
        return (
            f"{what}: each image is scaled from its own 0.5th to 99.5th percentile"
            f"{' without its background' * image.grey.startswith('body')} (image.grey {image.grey}); "
            "set image.grey to set if intensities mean the same in all images"
        )
    remedy = (
        "contrast is lost in some; set image.grey to image_percentiles or image_zscore if greys are of no one scale"
    )
    return f"{what}: {remedy}" if ratio >= UNLIKE else ""


def _resampled(image: ImageSettings, asked: ImageSettings) -> str:
    if image.spacing is None or asked.spacing is not None or image.size == "auto" or image.extent is not None:
        return ""
    if image.around == "mask":
        return f"images are resampled to {_by(image.spacing)} mm (image.spacing), as their voxels, or sizes, are unlike"
    return (
        f"voxels are unlike along the axes: volumes are resampled to {_by(image.spacing)} mm (image.spacing), "
        f"{_by(image.size)} voxels (image.size)"
    )


def _boxed(image: ImageSettings, asked: ImageSettings) -> str:
    """On the box that is cut out of images, where it was not given; or no text."""
    if image.around != "mask" or image.size == "auto" or (asked.around, asked.size) == ("mask", image.size):
        return ""
    return f"images are cut around the centroids of their masks to {_by(image.size)} (image.size; image.around image reads them whole)"


def _kinds(facts: Sequence[ImageFact], ids: Sequence[str]) -> str:
    told = _counted([fact.kind and f"of {fact.kind}" for fact in facts], ids)
    if not told:
        return ""
    return (
        f"images are of several kinds by their headers: {told}; where some are among them by "
        "mistake leave them out, and where greys do not mean the same fit each kind alone"
    )


def _directions(facts: Sequence[ImageFact], ids: Sequence[str]) -> str:
    told = _counted([fact.direction and f"to {fact.direction}" for fact in facts], ids)
    if not told:
        return ""
    return (
        f"rows and columns run elsewhere in the patient: in {told}; "
        "where some are turned, or of another plane, by mistake, save all alike"
    )


def _pixels(facts: Sequence[ImageFact]) -> str:
    known = [fact.spacing for fact in facts if fact.spacing is not None]
    if not known or len({len(spacing) for spacing in known}) > 1:
        return ""
    ends = np.array([np.min(known, axis=0), np.max(known, axis=0)])
    if (ends[1] < UNLIKE_PIXELS * ends[0]).all():
        return ""
    what = f"pixels are {ends.min():.4g} to {ends.max():.4g} mm"
    if len(known) < len(facts):
        what += f" where the files say it ({len(known)} of {len(facts)})"
    if (ends[1] / ends[0]).max() < UNLIKE_PIXELS:
        return ""
    return (
        f"{what}, and images are not resampled: give image.spacing, or the size of a pixel as a covariate "
        "(and data.label_times where the label is a length)"
    )


def _zooms(fact: ImageFact, image: ImageSettings, zoom: float) -> list[float]:
    """The factor of every axis."""
    space = len(fact.shape) - 1
    if image.spacing is None or fact.spacing is None:
        return [zoom] * space
    return [own / wanted for own, wanted in zip(fact.spacing, image.spacing, strict=False)]


def cut_note(sides: Sequence[Sequence[float]], ids: Sequence[str], image: ImageSettings) -> str:
    """On images that are larger than the canvas, in its pixels, and lose their borders; or no text."""
    if image.fit != "pad_or_crop" or image.size == "auto":
        return ""
    cut = [
        id for id, of in zip(ids, sides, strict=True) if any(round(a) > b for a, b in zip(of, image.size, strict=False))
    ]
    if not cut:
        return ""
    who = "1 image is" if len(cut) == 1 else f"{len(cut)} images are"
    return (
        f"{who} larger than {_by(image.size)} and cut at the borders ({name_cases(cut)}); "
        "set a larger image.size, or image.fit to resize"
    )


def _empty(sides: Sequence[Sequence[float]], image: ImageSettings) -> str:
    if image.size == "auto" or not sides or image.fit == "stretch":
        return ""
    filled = [
        np.prod([min(side, target) / target for side, target in zip(of, image.size, strict=False)]) for of in sides
    ]
    share = float(np.median(filled))
    if share >= FILLED:
        return ""
    return f"the usual image fills {share:.0%} of {_by(image.size)}, the rest is padding; set image.size to the shape of the images"


def _by(numbers: Sequence[float]) -> str:
    return " x ".join(f"{number:.6g}" for number in numbers)
