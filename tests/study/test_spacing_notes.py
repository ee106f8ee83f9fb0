"""Sizes of pixels in two units, and tables that contradict their files."""

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medgauge.data.images.facts import ImageFact
from medgauge.data.tables.table import Table
from medgauge.recipes.schema import Recipe
from medgauge.study.loading import load_study
from medgauge.study.pixel_size import millimetres
from medgauge.study.spacing_notes import spacing_notes, unit_groups
from tests.study.small import recipe_of, table_of


def facts(*spacing: tuple[float, ...] | None) -> list[ImageFact | None]:
    return [ImageFact((1, 8, 8), "uint16", 0.0, 1.0, False, own, False) for own in spacing]


def table(name: str, sizes: list[float]) -> Table:
    return replace(table_of(list(range(len(sizes)))), covariate=[name], covariates=np.array(sizes)[:, None])


def sized(name: str, **image: object) -> Recipe:
    return recipe_of(data={"covariates": [name]}, augmentation={"size_covariates": [name]}, image=image)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("sizes", "low", "factor"),
    [
        ([0.2, 0.2, 0.25, 2.0, 2.5], [0, 1, 2], 10),
        ([0.2, 0.25, 200.0], [0, 1], 1000),
        ([0.2, 0.25, 0.0002, 0.3], [2], 1000),
        ([0.2, 2.0], [0], 10),
    ],
)
def test_sizes_in_two_units(sizes: list[float], low: list[int], factor: float) -> None:
    found = unit_groups(np.array(sizes))
    assert found is not None
    assert (found[0].tolist(), found[2]) == (low, factor)


@pytest.mark.parametrize(
    "sizes",
    [
        [0.2, 0.25, 0.9],
        [0.05, 0.1, 0.2, 0.33],
        [0.2, 0.2],
        [0.2],
        [],
        [np.nan, 0.5],
        [0.1, 0.2, 0.7, 1.0],
        [0.2, 0.3, 15.0],
    ],
)
def test_sizes_in_one_unit(sizes: list[float]) -> None:
    assert unit_groups(np.array(sizes)) is None


def test_a_column_of_few_sizes_in_two_units_is_told() -> None:
    (note,) = spacing_notes(sized("pixel_mm"), table("pixel_mm", [0.2, 0.2, 200, 0.25, 0.25]), facts(*[None] * 5))
    assert note == (
        "sizes of pixels in pixel_mm are 200 in 1 of 5 cases (case c2), and 0.2 to 0.25 in the others, about 1000 times as small; "
        "if these are two units, write all in one"
    )
    many = np.append(np.linspace(0.1, 0.3, 40), np.linspace(0.001, 0.003, 20)).tolist()
    assert spacing_notes(sized("pixel_mm"), table("pixel_mm", many), facts(*[None] * 60)) == []  # told as of any column


def test_a_column_that_contradicts_the_files_is_told() -> None:
    (note,) = spacing_notes(sized("pixel_mm"), table("pixel_mm", [0.2] * 4), facts(*[(0.5, 0.5)] * 3, None))
    assert note == (
        "pixel_mm is not the size of a pixel in 3 of 3 files that give one (cases c0, c1, c2): the files say 0.5 mm, the covariate "
        "0.2 mm; correct the covariate, or the files"
    )
    assert spacing_notes(sized("pixel_um"), table("pixel_um", [500.0, 498.0]), facts((0.5, 0.5), (0.5, 0.5))) == []
    assert spacing_notes(sized("slice_gap"), table("slice_gap", [3.0]), facts((3.0, 0.5, 0.5))) == []


def test_the_divisor_of_labels_is_compared_too() -> None:
    recipe = recipe_of(data={"label_times": "mm_per_px"}, augmentation={"size_covariates": []})
    (note,) = spacing_notes(recipe, table("mm_per_px", [0.05, 0.05]), facts((0.5, 0.5), (0.5, 0.5)))
    assert note.startswith("mm_per_px is not the size of a pixel in 2 of 2 files that give one")


def test_files_in_two_units_are_told() -> None:
    (note,) = spacing_notes(
        recipe_of(image={"spacing": [0.5, 0.5], "size": [8, 8]}),
        table("age", [1.0] * 4),
        facts((0.5, 0.5), (0.05, 0.05), (0.5, 0.5), (0.05, 0.05)),
    )
    assert note == (
        "sizes of pixels that the files give, in mm, are 0.05 in 2 of 4 cases (cases c1, c3), and 0.5 in the others, about 10 times "
        "as large; if these are two units, correct the files, or leave such cases out"
    )


def test_units_of_names() -> None:
    names = ("mm_per_px", "pixel_um", "MPP", "cm_per_pixel", "m_per_px", "nm_per_px", "pixel_spacing")
    assert [millimetres(name) for name in names] == [1.0, 1e-3, 1e-3, 10.0, 1000.0, 1e-6, 1.0]


def test_files_and_table_are_compared_when_a_study_is_read(tmp_path: Path) -> None:
    random, lines = np.random.default_rng(0), ["path,age,patient,pixel_mm"]
    for row in range(20):
        size = 0.5 if row < 10 else 0.05
        image = nibabel.Nifti1Image(random.integers(0, 200, (8, 8)).astype(np.uint8), np.diag([size, size, 1, 1]))
        nibabel.save(image, tmp_path / f"{row}.nii")
        lines.append(f"{row}.nii,{20 + row},p{row},0.2")
    (tmp_path / "cases.csv").write_text("\n".join(lines))
    data = {"table": str(tmp_path / "cases.csv"), "covariates": ["pixel_mm"]}
    notes = load_study(recipe_of(data=data, image={"spacing": [0.5, 0.5], "size": [8, 8]})).notes
    assert sum("pixel_mm is not the size of a pixel in 20 of 20 files" in note for note in notes) == 1
    assert sum("mm, are 0.05 in 10 of 20 cases" in note for note in notes) == 1


def test_files_without_a_size_among_others_are_told() -> None:
    cases, plain = table_of([0, 1, 2, 3]), recipe_of()
    some = facts((0.5, 0.5), None, (0.5, 0.5))
    [note] = spacing_notes(plain, cases, [*some, None])
    ids = cases.id
    assert note == (
        f"1 of 3 files (case {ids[1]}) does not say the size of a pixel, and the others do: whether their pixels are as large is "
        "not known; take files that say it, or give the size as a covariate"
    )
    assert spacing_notes(plain, cases, facts(None, None, None, None)) == []
    assert spacing_notes(plain, cases, facts(*[(0.5, 0.5)] * 4)) == []
    named = table("mm_per_px", [0.5] * 4)
    assert spacing_notes(sized("mm_per_px"), named, [*some, None]) == []
