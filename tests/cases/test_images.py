"""Sets of images of the kinds that people report, and what is right for them (see README.md of the cases)."""

from pathlib import Path

import numpy as np

from medgauge.recipes.read import build_recipe
from medgauge.study import load_study
from medgauge.study.study import Study

HERE = Path(__file__).parent


def study_of(case: str, tmp_path: Path, **sections: object) -> Study:
    data = {"table": str(HERE / case / "cases.csv"), "image": "path", "label": ["mm"], "group": "patient"}
    return load_study(build_recipe({"data": {**data, "cache": str(tmp_path), **sections.pop("data", {})}, **sections}))


def test_blank_images_are_told(tmp_path: Path) -> None:
    notes = study_of("constant_images", tmp_path).notes
    assert any(note.startswith("all 30 images are of one single value (cases k00.png, ") for note in notes)
    again = study_of("constant_images", tmp_path).notes  # from the cache
    assert again == notes


def test_eight_bits_among_sixteen_are_told(tmp_path: Path) -> None:
    study = study_of("eight_bit_among_sixteen", tmp_path)
    assert any("145 of 16-bit, 5 of 8-bit (of 8-bit: cases i007.png, " in note for note in study.notes)
    assert any("differ 16-fold and the files carry no unit" in note for note in study.notes)
    own = study_of("eight_bit_among_sixteen", tmp_path, image={"grey": "image_percentiles"})
    contrast = np.asarray(own.images.array).reshape(150, -1).std(axis=1)
    assert contrast.max() / contrast.min() < 3  # the pictures themselves differ by that


def test_images_without_a_unit_get_a_scale_each(tmp_path: Path) -> None:
    study = study_of("mr_arbitrary_units", tmp_path)
    assert (study.recipe.image.grey, study.recipe.image.window) == ("image_percentiles", None)
    assert any("differ 231-fold and the files carry no unit: each image is scaled" in note for note in study.notes)
    contrast = np.asarray(study.images.array).reshape(40, -1).std(axis=1)
    assert contrast.max() / contrast.min() < 3  # the pictures themselves differ by that
    one = study_of("mr_arbitrary_units", tmp_path, image={"grey": "set"})
    spread = np.asarray(one.images.array).reshape(40, -1).std(axis=1)
    assert spread.max() / spread.min() > 50
    assert any("contrast is lost in some" in note for note in one.notes)


def test_two_sites_one_after_the_other_are_both_seen(tmp_path: Path) -> None:
    study = study_of("sample_first_half", tmp_path)
    assert study.recipe.image.size == [32, 32]
    array = np.asarray(study.images.array).reshape(210, -1)
    first, second = array[:126].max(axis=1), array[126:].max(axis=1)
    assert min(first.min(), second.min()) > 0.95
    assert any("126 of 8-bit, 84 of 16-bit" in note for note in study.notes)


def test_pixels_of_two_sizes_are_told(tmp_path: Path) -> None:
    notes = study_of("spacing_differs", tmp_path).notes
    assert any(note.startswith("pixels are 0.2 to 0.8 mm, and images are not resampled: ") for note in notes)
    alike = study_of("spacing_differs", tmp_path, image={"spacing": [0.2, 0.2]})
    assert not any(note.startswith("pixels are") for note in alike.notes)


def test_thick_slices_keep_their_planes(tmp_path: Path) -> None:
    study = study_of("volumes_thick_slices", tmp_path, data={"shares": {"train": 0.6, "val": 0.2, "test": 0.2}})
    assert (study.recipe.image.size, study.recipe.image.fit) == ([8, 96, 96], "pad_or_crop")
    assert not any("padding" in note for note in study.notes)
    cube = study_of(
        "volumes_thick_slices",
        tmp_path,
        data={"shares": {"train": 0.6, "val": 0.2, "test": 0.2}},
        image={"size": [64, 64, 64], "fit": "resize"},
    )
    assert any("fills 8% of 64 x 64 x 64, the rest is padding" in note for note in cube.notes)
