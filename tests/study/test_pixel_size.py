"""Which columns are the size of a pixel: by names as tables have them, and by values."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medgauge.data.tables.table import Table
from medgauge.study.pixel_size import pixel_measure, size_columns, size_notes
from tests.study.small import recipe_of, table_of

SIZES = [
    "mm_per_px", "mm/pixel", "mm per voxel", "mm_per_pixel_x", "us_mm_per_px", "um_per_pixel", "µm/px", "mmPerPixel", "mmperpx", "MPP",
    "openslide.mpp-x", "mmpp", "pixel_size", "pixel_size_mm", "pixel size(mm)", "Pixel Size [mm]", "PixelSpacing", "ImagerPixelSpacing",
    "pixelsize", "px_size_mm", "voxel_size_z", "VoxelSize", "spacing", "spacing_x", "spacing (mm)", "Pixel_mm", "px_mm", "mm_px",
    "Pixel spacing (mm/pixel)", "Resolution (µm/px)", "pixdim1",

    "PhysicalSizeX", "mm_pro_pixel", "mm_px_ratio", "OriginalImagePixelSpacing[x",
    "pixel_width", "pixel_pitch_um", "size_of_pixel", "resolution_mm", "pixel_to_mm", "px2mm",
]  # fmt: skip
INVERSES = [
    "px_per_mm",
    "number_of_pixels_per_mm",
    "px/µm",
    "pixels/mm",
    "pixels_per_cm",
    "pxpermm",
    "dpi",
    "PPI",
    "mm_to_px",
    "mm2px",
]
AREAS = ["pixel_area", "voxel_volume", "voxel_mm3", "mm2_per_px", "mm²/pixel", "pixel_area_mm^2"]
OTHERS = [
    "mean_pixel_value", "n_voxels", "n_pixels", "number of pixels", "pixel_count", "pixels", "pixel_mean", "pixel_std", "pixel_bits",
    "width_px", "size in px", "tumour_px", "area_px", "lesion_pixel_size", "echo_spacing", "pixel_group", "voxels_per_lesion", "mm_per_s",
    "mm", "width_mm", "depth_mm", "resolution", "pixel_resolution", "spacing=wide",
    "physical_activity", "pixelDistance", "pixel_to_noise_ratio", "slice_thickness", "age", "",
]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "expected"), [(SIZES, "size"), (INVERSES, "inverse"), (AREAS, "area"), (OTHERS, None)]
)
def test_names(names: list[str], expected: str | None) -> None:
    assert {name: pixel_measure(name) for name in names} == dict.fromkeys(names, expected)


def test_the_distance_of_slices_is_a_size_in_volumes_alone() -> None:
    for name in ("slice_spacing", "SpacingBetweenSlices"):
        assert (pixel_measure(name, 2), pixel_measure(name, 3)) == (None, "size")


def columns(tmp_path: Path, **values: list[float]) -> Table:
    table = table_of([1.0, 2.0, 3.0])
    return replace(table, covariate=list(values), covariates=np.array(list(values.values()), dtype=float).T)


AUTO = recipe_of()


def test_values_that_are_no_sizes_are_left_and_told(tmp_path: Path) -> None:
    table = columns(
        tmp_path, pixel_width=[512, 640.5, 512], pixel_size=[-1, 0.5, 1], pixel_um=[20, 30, 25], spacing=[0.1, 16, 1]
    )
    assert size_columns(table, 2) == ["pixel_um", "spacing"]
    taken, *left = size_notes(AUTO, table, 2, resized=False)
    assert taken.startswith("pixel_um, spacing are read as the size of a pixel, which is divided by the zoom")
    assert [note.split(" has the name of a pixel's size, but values that are none")[0] for note in left] == [
        "pixel_width",
        "pixel_size",
    ]


def test_what_looks_like_a_size_is_told_where_images_are_resized(tmp_path: Path) -> None:
    some = [0.5, 0.25, 1.0]
    table = columns(tmp_path, px_per_mm=some, pixel_area=some, lesion_pixel_size=some, age=some)
    assert size_columns(table, 2) == size_notes(AUTO, table, 2, resized=False) == []
    inverse, area, doubtful = size_notes(AUTO, table, 2, resized=True)
    assert inverse.startswith("px_per_mm is left as it is, though resized images have other pixels; give the size")
    assert area.startswith("pixel_area is left as it is")
    assert doubtful.startswith("lesion_pixel_size: left as in the table when images are resized; if it is the size")
    told = recipe_of(augmentation={"size_covariates": ["lesion_pixel_size"]})
    assert size_notes(told, table, 2, resized=True) == []


def test_coded_words_are_no_sizes(tmp_path: Path) -> None:
    table = replace(columns(tmp_path, **{"pixel_size=mm": [0, 1, 1]}), words={"pixel_size": ["cm", "mm"]})
    assert size_columns(table, 2) == size_notes(AUTO, table, 2, resized=True) == []


def test_what_labels_are_divided_by_is_asked_about_where_images_are_resized(tmp_path: Path) -> None:
    table = columns(tmp_path, calib=[0.1, 0.2, 0.3], age=[5, 6, 7])
    recipe = recipe_of(data={"label_times": "calib"})
    assert size_notes(recipe, table, 2, resized=False) == []
    (note,) = size_notes(recipe, table, 2, resized=True)
    assert note.startswith("calib: left as in the table when images are resized; if it is the size of a pixel, name it")
