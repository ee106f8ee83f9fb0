"""What a recipe leaves to the data."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medgauge.core.errors import InputError
from medgauge.data.tables.sources import image_source
from medgauge.study.decide import augment_settings, decide_bins, decide_image, decide_training, prepare_settings
from tests.study.small import recipe_of, table_of


def pictures(folder: Path, shape: tuple[int, ...], count: int = 3, **more: Any) -> Any:
    for row in range(count):
        pixels = np.random.default_rng(row).integers(0, 255, (shape[0] - row, *shape[1:]), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{row}.png")
    sources = [image_source(str(folder / f"{row}.png"), folder) for row in range(count)]
    return table_of(range(count), image=sources, **more)


def test_small_pictures_keep_their_size_and_large_ones_are_resized(tmp_path: Path) -> None:
    image = decide_image(recipe_of(), pictures(tmp_path, (30, 40)), [0, 1, 2]).image
    assert (image.size, image.fit, image.channels, image.window) == ([30, 40], "pad_or_crop", 1, None)
    image = decide_image(recipe_of(), pictures(tmp_path, (225, 40)), [0, 1, 2]).image
    assert (image.size, image.fit) == ([224, 224], "resize")
    kept = decide_image(recipe_of(image={"size": [8, 9], "fit": "crop"}), pictures(tmp_path, (30, 40)), [0]).image
    assert (kept.size, kept.fit) == ([8, 9], "crop")


def test_colours_are_kept_and_grey_in_three_channels_is_one(tmp_path: Path) -> None:
    assert decide_image(recipe_of(), pictures(tmp_path, (20, 20, 3)), [0, 1]).image.channels == 3
    Image.fromarray(np.repeat(np.arange(144, dtype=np.uint8).reshape(12, 12, 1), 3, axis=2)).save(tmp_path / "0.png")
    table = table_of([1], image=[image_source(str(tmp_path / "0.png"), tmp_path)])
    assert decide_image(recipe_of(), table, [0]).image.channels == 1


def test_covariates_that_are_sizes_of_pixels_are_known_by_their_names(tmp_path: Path) -> None:
    names = ["weight", "Pixel_mm", "slice_spacing"]
    table = pictures(tmp_path, (9, 9), covariate=names, covariates=np.ones((3, 3)))
    recipe = recipe_of(data={"covariates": names})
    assert decide_image(recipe, table, [0]).augmentation.size_covariates == ["Pixel_mm"]


@pytest.mark.parametrize(
    ("wanted", "columns", "words"),
    [
        ({"size_covariates": ["pixl"]}, ["pixel"], r"size_covariates names 'pixl', .* \(did you mean pixel\?\)"),
        ({"size_covariates": ["pixel"]}, [], r"neither in data.covariates nor data.label_times \(there are none\)"),
        (
            {"flip": ["rows", "depth"]},
            [],
            "augmentation.flip names depth, and the images are 2-D; name rows or columns",
        ),
    ],
)
def test_augmentation_of_what_there_is_not(
    tmp_path: Path, wanted: dict[str, Any], columns: list[str], words: str
) -> None:
    table = pictures(tmp_path, (9, 9), covariate=columns, covariates=np.ones((3, len(columns))))
    with pytest.raises(InputError, match=words):
        decide_image(recipe_of(augmentation=wanted, data={"covariates": columns}), table, [0])


def test_what_labels_are_divided_by_may_be_the_size_of_a_pixel(tmp_path: Path) -> None:
    recipe = recipe_of(augmentation={"size_covariates": ["mm"]}, data={"label_times": "mm"})
    assert decide_image(recipe, pictures(tmp_path, (9, 9)), [0]).augmentation.size_covariates == ["mm"]


def test_without_a_readable_picture_it_says_so(tmp_path: Path) -> None:
    table = pictures(tmp_path, (9, 9))
    (tmp_path / "0.png").write_bytes(b"none")
    with pytest.raises(InputError, match="none of the images can be read; the first: "):
        decide_image(recipe_of(), table, [0])


@pytest.mark.parametrize(
    ("cases", "ndim", "batch", "steps"),
    [(100, 2, 25, 600), (1000, 2, 32, 4687), (5000, 2, 64, 11718), (100_000, 2, 64, 20_000), (100, 3, 16, 937), (4, 2, 2, 600)],
)  # fmt: skip
def test_batch_and_steps_follow_from_the_number_of_cases(cases: int, ndim: int, batch: int, steps: int) -> None:
    found = decide_training(recipe_of(), ndim, np.arange(float(cases))[:, None])
    assert (found.training.batch_size, found.training.steps) == (batch, steps)
    assert found.model.encoder.name == "small"
    assert found.model.encoder.norm == ("batch" if ndim == 2 else "group")
    assert found.optimiser.learning_rate == 0.01
    given = decide_training(recipe_of(training={"batch_size": 7, "steps": 9}), ndim, np.arange(float(cases))[:, None])
    assert (given.training.batch_size, given.training.steps) == (7, 9)


def test_bins_are_one_wide_for_whole_numbers_else_a_fiftieth_of_the_range() -> None:
    recipe = recipe_of(weights={"scheme": "inverse", "smoothing": "lds"})
    assert decide_bins(recipe, np.array([1.0, np.nan, 5.0])).weights.bin_width == 1
    assert decide_bins(recipe, np.array([0.5, 10.5])).weights.bin_width == pytest.approx(0.2)
    assert decide_bins(recipe_of(), np.array([0.5, 10.5])).weights.bin_width == "auto"
    fixed = recipe_of(weights={"scheme": "inverse", "smoothing": "lds", "bin_width": 3.0})
    assert decide_bins(fixed, np.array([0.5, 10.5])).weights.bin_width == 3.0


def test_settings_of_the_data_layer() -> None:
    image = {"size": [8, 9], "fit": "crop", "window": [-10, 50], "channels": 1}
    found = prepare_settings(recipe_of(image=image))
    assert (found.size, found.fit, found.window, found.channels, found.spacing) == (
        (8, 9),
        "crop",
        (-10.0, 50.0),
        1,
        None,
    )
    with pytest.raises(ValueError, match="image settings must be decided first"):
        prepare_settings(recipe_of())
    settings = augment_settings(recipe_of(augmentation={"flip": ["rows", "columns"], "intensity": 0.1, "noise": 0.2}))
    assert settings.flip == (-2, -1)
    assert (settings.brightness, settings.contrast, settings.noise) == (0.1, 0.1, 0.2)


@pytest.mark.parametrize(("cases", "steps"), [(100, 200), (1000, 781), (100_000, 20_000)])
def test_a_pretrained_network_that_is_trained_on_reads_the_cases_less_often(cases: int, steps: int) -> None:
    found = decide_training(
        recipe_of(represent={"name": "tuned"}, model={"encoder": {"name": "lite0"}}),
        2,
        np.arange(float(cases))[:, None],
    )
    assert found.training.steps == steps


@pytest.mark.parametrize(("background", "grey"), [(40, "body_percentiles"), (0, "image_percentiles")])
def test_volumes_of_unlike_ranges_are_scaled_by_their_body_where_they_have_a_background(
    tmp_path: Path, background: int, grey: str
) -> None:
    for row in range(3):
        volume = np.random.default_rng(row).uniform(1, 2, (6, 7, 8)).astype(np.float32) * 100**row
        volume.reshape(-1)[:background] = 0
        np.save(tmp_path / f"{row}.npy", volume)
    sources = [image_source(str(tmp_path / f"{row}.npy"), tmp_path) for row in range(3)]
    assert decide_image(recipe_of(), table_of([1, 2, 3], image=sources), [0, 1, 2]).image.grey == grey


def test_ranges_of_augmentation_are_handed_on() -> None:
    given = {"scale": [0.7, 1.3], "gamma": [0.7, 1.5], "sharpening": 1, "blur": 1.5}
    made = augment_settings(recipe_of(augmentation=given))
    assert (made.scale, made.gamma, made.sharpening, made.blur) == ((0.7, 1.3), (0.7, 1.5), 1.0, 1.5)
    assert augment_settings(recipe_of(augmentation={"scale": 0.2})).scale == 0.2
    with pytest.raises((ValueError, InputError), match="augmentation.gamma must be two numbers that do not fall"):
        recipe_of(augmentation={"gamma": [1.5, 0.7]})
