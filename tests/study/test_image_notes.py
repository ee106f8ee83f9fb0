"""What is told of images that are unlike."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from medgauge.data.images.decode import PreparedImages
from medgauge.data.images.facts import ImageFact, range_ratio
from medgauge.recipes.image_settings import ImageSettings
from medgauge.study.image_notes import blank_note, image_notes, new_image_notes
from tests.study.small import recipe_of

PLAIN = ImageFact((1, 8, 8), "uint16", 0.0, 1000.0, False, None, False)


def notes_of(facts: list[ImageFact | None], *, zoom: float = 1.0, asked: Any = None, **image: Any) -> list[str]:
    n = len(facts)
    images = PreparedImages(np.zeros((n, 1, 8, 8)), np.full(n, zoom), [""] * n, [], [], 1.0, facts)
    settings = {"size": [8, 8], "fit": "pad_or_crop", "channels": 1, "grey": "set", "window": [0.0, 1.0]} | image
    recipe = recipe_of(image=settings)
    return image_notes(images, [f"c{row}" for row in range(n)], recipe, ImageSettings(**(asked or {})))


def test_nothing_is_told_of_images_that_are_alike() -> None:
    assert notes_of([PLAIN] * 30) == []
    assert notes_of([None, PLAIN]) == []
    assert notes_of([PLAIN._replace(spacing=(0.5, 0.5)), PLAIN._replace(spacing=(0.52, 0.52))]) == []


def test_blank_images() -> None:
    assert notes_of([PLAIN, PLAIN._replace(flat=True), PLAIN._replace(flat=True)])[0].startswith(
        "2 images are of one single value (cases c1, c2), with nothing to see; "
    )
    assert notes_of([PLAIN, PLAIN._replace(flat=True)])[0].startswith("1 image is of one single value (case c1)")
    images = PreparedImages(np.zeros((2, 1)), np.ones(2), ["", ""], [], [], 1.0, [PLAIN._replace(flat=True)] * 2)
    assert blank_note(images, ["a", "b"]).startswith("all 2 images are of one single value (cases a, b)")


def test_rows_and_columns_that_run_elsewhere() -> None:
    ways = ["the left and the back"] * 2 + ["the right and the front", ""]
    [note] = notes_of([PLAIN._replace(direction=way) for way in ways])
    assert note == (
        "rows and columns run elsewhere in the patient: in 2 to the left and the back, 1 to the right and the front (to the right "
        "and the front: case c2); where some are turned, or of another plane, by mistake, save all alike"
    )


def test_kinds_of_images_that_headers_say() -> None:
    kinds = ["CT", "CT", "CT localizer", "", "CT"]
    [note] = notes_of([PLAIN._replace(kind=kind) for kind in kinds])
    assert note == (
        "images are of several kinds by their headers: 3 of CT, 1 of CT localizer (of CT localizer: case c2); where some are among "
        "them by mistake leave them out, and where greys do not mean the same fit each kind alone"
    )
    assert notes_of([PLAIN._replace(kind=kind) for kind in ("MR", "", "MR")]) == []


def test_depths_of_some_images_only() -> None:
    facts: list[Any] = [PLAIN, PLAIN, PLAIN._replace(dtype="uint8"), PLAIN._replace(dtype="int16")]
    start = "images differ in depth: 3 of 16-bit, 1 of 8-bit (of 8-bit: case c2); "
    assert notes_of(facts) == [start + "if their greys do not mean the same, set image.grey to image_percentiles"]
    own = {"grey": "image_zscore", "window": None}
    assert notes_of(facts, **own, asked=own) == [start + "each has a scale of its own (image.grey image_zscore)"]


def test_ranges_that_differ_tenfold() -> None:
    facts: list[Any] = [PLAIN, PLAIN._replace(high=100.0)]
    said = "the ranges of intensities differ 10-fold and the files carry no unit: "
    assert notes_of(facts)[0].startswith(said + "contrast is lost in some; set image.grey to ")
    own: dict[str, Any] = {"grey": "image_percentiles", "window": None}
    assert notes_of(facts, **own)[0].startswith(said + "each image is scaled from its own 0.5th to 99.5th percentile")
    assert notes_of(facts, **own, asked=own) == []
    assert notes_of([PLAIN, PLAIN._replace(high=101.0)]) == []
    assert notes_of([fact._replace(has_unit=True) for fact in facts]) == []


def test_the_ratio_of_ranges_leaves_blank_and_single_odd_images_out() -> None:
    assert range_ratio([PLAIN, PLAIN._replace(high=0.0)]) == 1.0
    assert range_ratio([PLAIN._replace(dtype="uint8", high=250.0), PLAIN._replace(dtype="uint8", high=2.0)]) == 1.0
    many = [PLAIN] * 23
    assert range_ratio([*many, PLAIN._replace(high=10.0)]) == 1.0
    assert range_ratio([*many, PLAIN._replace(high=10.0), PLAIN._replace(high=20.0)]) == pytest.approx(50.0)
    assert range_ratio([PLAIN, PLAIN._replace(high=10.0)]) == 100.0
    apart = [PLAIN._replace(low=low, high=low + 1000.0) for low in (0.0, 0.0, 64000.0)]
    assert range_ratio(apart) == 65.0
    assert range_ratio([apart[0], PLAIN._replace(low=1e9, high=1e9)]) == 1.0
    assert range_ratio([]) == 1.0


def test_pixels_of_several_sizes_that_nothing_makes_alike() -> None:
    facts: list[Any] = [PLAIN._replace(spacing=(0.2, 0.2)), PLAIN._replace(spacing=(0.8, 0.8)), PLAIN]
    said = "pixels are 0.2 to 0.8 mm where the files say it (2 of 3), and images are not resampled: give image.spacing, or "
    assert notes_of(facts)[0].startswith(said)
    assert notes_of(facts[:2], spacing=[0.2, 0.2], asked={"spacing": [0.2, 0.2]}, size=[32, 32]) == []
    # alike between images, though not between axes
    assert notes_of([PLAIN._replace(spacing=(0.2, 0.8))] * 2) == []


def test_images_that_are_cut_or_fill_little_of_the_canvas() -> None:
    wide = PLAIN._replace(shape=(1, 8, 20))
    assert notes_of([PLAIN, wide]) == [
        "1 image is larger than 8 x 8 and cut at the borders (case c1); set a larger image.size, or image.fit to resize"
    ]
    assert notes_of([PLAIN, wide], fit="resize", zoom=0.4) == []
    assert notes_of([PLAIN, wide], fit="crop") == []
    spaced = [wide._replace(spacing=(1.0, 0.4))] * 2
    assert notes_of(spaced, spacing=[1.0, 1.0], asked={"spacing": [1.0, 1.0]}) == []
    assert notes_of([PLAIN] * 3, size=[32, 32]) == [
        "the usual image fills 6% of 32 x 32, the rest is padding; set image.size to the shape of the images"
    ]
    assert notes_of([PLAIN] * 3, size=[16, 16]) == []


def test_a_spacing_that_was_decided_is_told() -> None:
    volume = replace(ImageSettings(), size="auto")
    assert volume.spacing is None
    fact = ImageFact((1, 30, 512, 512), "int16", 0.0, 1.0, False, (5.0, 0.7, 0.7), False)
    told = notes_of([fact], spacing=[5.0, 3.854, 3.854], size=[30, 93, 93])
    assert told == [
        "voxels are unlike along the axes: volumes are resampled to 5 x 3.854 x 3.854 mm (image.spacing), "
        "30 x 93 x 93 voxels (image.size)"
    ]


@pytest.mark.parametrize(
    ("dtype", "low", "high", "image", "told"),
    [
        ("uint8", 0, 255, {"window": [700.0, 3300.0]}, "window (700 to 3300) (case c0)"),  # 8 bits among 16
        ("uint16", 700, 960, {"window": [700.0, 3300.0]}, ""),  # a tenth
        ("uint16", 500, 950, {"window": [700.0, 3300.0]}, "window (700 to 3300) (case c0)"),
        ("uint16", 0, 4095, {"window": None}, "window (case c0)"),  # 12 bits where 16 are expected
        ("uint8", 0, 26, {"window": None}, ""),
        ("uint16", 0, 4095, {"window": None, "grey": "image_percentiles"}, ""),
    ],
)
def test_new_images_that_use_little_of_the_runs_window(
    dtype: str, low: float, high: float, image: dict[str, Any], told: str
) -> None:
    facts: list[ImageFact | None] = [PLAIN._replace(dtype=dtype, low=float(low), high=float(high)), None]
    images = PreparedImages(np.zeros((2, 1, 8, 8)), np.ones(2), [""] * 2, ["NaN read as 0 in 1 image"], [], 1.0, facts)
    first, *rest = new_image_notes(images, ["c0", "c1"], ImageSettings(**({"grey": "set"} | image)))
    assert first == "NaN read as 0 in 1 image"
    assert [note.startswith(f"1 image uses less than a tenth of the run's {told}:") for note in rest] == [True] * bool(
        told
    )
