"""Covariates with pixels in their names (see README.md of the cases): one is the size of a pixel, two are not."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from PIL import Image

from medgauge.recipes.read import build_recipe
from medgauge.study import load_study
from medgauge.study.study import Study

HERE = Path(__file__).parent / "pixel_covariates"
NAMES = ["mean_pixel_value", "mm_per_px", "n_voxels"]
NOTE = "mm_per_px is read as the size of a pixel, which is divided by the zoom where an image is resized; "


def study_of(tmp_path: Path, **sections: Any) -> Study:
    data = {"table": str(HERE / "cases.csv"), "image": "path", "label": ["mm"], "group": "patient", "covariates": NAMES}
    return load_study(build_recipe({"data": {**data, "cache": str(tmp_path)}, **sections}))


@pytest.mark.parametrize("side", ["auto", 64])
def test_the_size_of_a_pixel_is_divided_by_the_zoom_and_the_others_stay(tmp_path: Path, side: str | int) -> None:
    study = study_of(tmp_path, image={} if side == "auto" else {"size": [side, side], "fit": "resize"})
    table = pandas.read_csv(HERE / "cases.csv").set_index("path")
    height, width = study.recipe.image.size
    for name, row in zip(study.table.id, study.covariates, strict=True):
        with Image.open(HERE / name) as picture:
            zoom = min(width / picture.width, height / picture.height)
        assert zoom != 1 or side == "auto"
        expected = table.loc[name, NAMES].to_numpy(float) / [1, zoom, 1]
        np.testing.assert_allclose(row, expected, rtol=1e-12)
    assert study.recipe.augmentation.size_covariates == ["mm_per_px"]
    assert any(note.startswith(NOTE) for note in study.notes)


@pytest.mark.parametrize("named", [[], ["n_voxels"]])
def test_what_the_recipe_names_counts_and_none_is_none(tmp_path: Path, named: list[str]) -> None:
    image = {"size": [64, 64], "fit": "resize"}
    study = study_of(tmp_path, image=image, augmentation={"size_covariates": named})
    assert study.recipe.augmentation.size_covariates == named
    table = pandas.read_csv(HERE / "cases.csv").set_index("path").loc[study.table.id, NAMES].to_numpy(float)
    changed = (study.covariates != table).any(axis=0)
    assert [name for name, other in zip(NAMES, changed, strict=True) if other] == named
    assert not any("pixel" in note for note in study.notes)
