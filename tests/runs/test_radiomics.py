"""The file that radiomics writes, and which cases are in it."""

import json
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import joblib
import numpy as np
import pandas
import pytest
from pyarrow.parquet import read_schema, read_table

import medgauge
from medgauge.core.errors import InputError
from medgauge.data.features.about import read_about
from medgauge.runs.radiomics import failure_lines
from tests.data.radiomics.small import STEPS, ball, need_library, volume, write

need_library()
SHAPE = (12, 14, 9)


def make_cases(folder: Path, count: int = 4) -> Path:
    """Volumes with masks and their table; the last mask has one voxel."""
    folder.mkdir(parents=True, exist_ok=True)
    for row in range(count):
        write(folder / f"image_{row}.nii.gz", volume(row))
        mask = ball(SHAPE, 3.0 + 0.3 * row).astype(np.uint8)
        if row == count - 1:
            mask[:] = 0
            mask[3, 3, 3] = 1
        write(folder / f"mask_{row}.nii.gz", mask)
    pandas.DataFrame(
        {
            "case": [f"c{row}" for row in range(count)],
            "ct": [f"image_{row}.nii.gz" for row in range(count)],
            "tumour": [f"mask_{row}.nii.gz" for row in range(count)],
        }
    ).to_csv(folder / "cases.csv", index=False)
    return folder / "cases.csv"


def extract(table: Path, out: Path, **other: object) -> medgauge.runs.radiomics.RadiomicsFile:
    asked = {"image": "ct", "mask": "tumour", "id": "case", "cache": str(out.parent / "cache"), **other}
    return medgauge.radiomics(table, out=out, **asked)


def test_the_file_has_a_row_a_case_and_says_what_made_it(tmp_path: Path) -> None:
    table = make_cases(tmp_path / "data")
    made = extract(table, tmp_path / "f.parquet")
    frame = pandas.read_parquet(tmp_path / "f.parquet")
    assert list(frame) == ["case", *made.names]
    assert list(frame["case"]) == ["c0", "c1", "c2"]
    assert (len(made.names), made.cases, list(made.failed)) == (107, 3, ["c3"])
    assert "the mask is one voxel" in made.failed["c3"]
    inside = ball(SHAPE, 3.3)
    assert frame["original_firstorder_Mean_bin25"][1] == pytest.approx(volume(1)[inside].mean(), rel=1e-12)
    about = read_about(tmp_path / "f.parquet")
    assert about["settings"] == {"bin_width": 25.0, "spacing": [], "mask_label": None, "nan": None}
    assert about["made_by"].startswith("pyradiomics")
    assert {"SimpleITK", "numpy"} <= set(about["versions"])
    assert about["kurtosis"].startswith("not excess")
    assert about["failed"] == made.failed
    assert json.loads(read_schema(tmp_path / "f.parquet").metadata[b"medgauge"])["medgauge"] == medgauge.__version__


def test_several_workers_and_the_cache_give_the_same_file(tmp_path: Path) -> None:
    table = make_cases(tmp_path / "data")
    extract(table, tmp_path / "one.parquet")
    with joblib.parallel_config(backend="threading"):
        extract(table, tmp_path / "two.parquet", workers=2, cache=str(tmp_path / "other"))
    extract(table, tmp_path / "cached.parquet")
    files = [read_table(tmp_path / f"{name}.parquet") for name in ("one", "two", "cached")]
    assert files[0].equals(files[1])
    assert files[0].equals(files[2])


def test_arrays_have_their_masks_in_an_array_too(tmp_path: Path) -> None:
    masks = np.stack([ball(SHAPE, 3.0), ball(SHAPE, 4.0)]).astype(np.uint8)
    np.savez(tmp_path / "v.npz", images=np.stack([volume(0), volume(1)]), masks=masks)
    pandas.DataFrame({"case": ["a", "b"], "row": [1, 0]}).to_csv(tmp_path / "cases.csv", index=False)
    asked = {"image": None, "array": "v.npz#images", "index": "row", "mask": "v.npz#masks"}
    extract(tmp_path / "cases.csv", tmp_path / "f.parquet", **asked)
    frame = pandas.read_parquet(tmp_path / "f.parquet")
    assert list(frame["original_shape_VoxelVolume"]) == [masks[1].sum(), masks[0].sum()]


def test_a_picture_among_volumes_is_left_out(tmp_path: Path) -> None:
    table = make_cases(tmp_path)
    np.save(tmp_path / "flat.npy", volume(shape=(12, 14)))
    np.save(tmp_path / "mask.npy", ball((12, 14), 4.0).astype(np.uint8))
    frame = pandas.read_csv(table)
    frame.loc[1, ["ct", "tumour"]] = ["flat.npy", "mask.npy"]
    frame.to_csv(table, index=False)
    made = extract(table, tmp_path / "f.parquet")
    assert made.cases == 2
    assert made.failed["c1"] == "it is a picture among volumes, which has other features; give it a table of its own"


def test_grey_levels_that_are_unusually_few_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = make_cases(tmp_path)
    extract(table, tmp_path / "f.parquet", bin_width=1000.0, terminal=True)
    said = capsys.readouterr().err
    assert "grey levels of 1000, and 16 to 128 are usual, so that textures say little; --bin-width 3" in said


def test_one_grey_level_and_a_mask_of_two_images_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = make_cases(tmp_path, 4)
    write(tmp_path / "image_1.nii.gz", np.full(SHAPE, 7, np.int16))
    table.write_text(table.read_text().replace("mask_2", "mask_0"))
    assert extract(table, tmp_path / "f.parquet", terminal=True).cases == 3
    said = " ".join(capsys.readouterr().err.split())
    assert "intensities within the mask fall into one grey level in 1 case, whose textures say nothing" in said
    assert "1 mask is named for images of several groups (mask_0.nii.gz: cases c0, c2)" in said


def test_voxels_of_two_units_and_of_unlike_sizes_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = make_cases(tmp_path, 5)

    def said(factor: float, name: str, **other: object) -> str:
        steps = tuple(factor * step for step in STEPS)
        write(tmp_path / "image_1.nii.gz", volume(1), steps)
        write(tmp_path / "mask_1.nii.gz", ball(SHAPE, 3.3).astype(np.uint8), steps)
        extract(table, tmp_path / f"{name}.parquet", terminal=True, **other)
        return " ".join(capsys.readouterr().err.split())

    least = min(STEPS)
    words = f"the shortest side of a voxel is {least:.3g} to {5 * least:.3g} mm, and textures hang on it: --spacing brings all"
    assert "side of a voxel" not in said(1.5, "near")
    assert words in said(5.0, "far")
    assert words in said(5.0, "cached")
    assert "side of a voxel" not in said(5.0, "resampled", spacing=(2.0, 2.0, 2.0))
    units = said(0.001, "units")
    assert f"sizes of voxels that the files give, in mm, are {least / 1000:.3g} in 1 of 4 cases (case c1)" in units
    assert "if these are two units, correct the files, or leave such cases out" in units
    assert "side of a voxel" not in units


def test_what_is_lacking_or_wrong_is_refused(tmp_path: Path) -> None:
    table = make_cases(tmp_path)
    with pytest.raises(InputError, match="column 'ct' is given as the mask and as something else"):
        extract(table, tmp_path / "f.parquet", mask="ct")
    with pytest.raises(InputError, match="still needed: the id column"):
        extract(table, tmp_path / "f.parquet", id=None, image=None, array="v.npz#a", index="row")
    with pytest.raises(InputError, match="tumor"):
        extract(table, tmp_path / "f.parquet", mask="tumor")
    frame = pandas.read_csv(table)
    frame["tumour"] = ""
    frame.to_csv(table, index=False)
    with pytest.raises(
        InputError, match=r"none of 4 cases has features, and nothing is written:\n  case c0: the table names no mask"
    ):
        extract(table, tmp_path / "f.parquet")
    assert not (tmp_path / "f.parquet").exists()


def test_failures_are_told_a_line_each_up_to_a_number() -> None:
    lines = failure_lines({f"c{row}": "no mask" for row in range(5)}, limit=3)
    assert lines == ["case c0: no mask", "case c1: no mask", "case c2: no mask", "and 2 more: cases c3, c4"]


def test_a_process_that_ends_by_itself_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(work: object) -> None:
        raise BrokenProcessPool

    monkeypatch.setattr(joblib, "Parallel", lambda **given: ended)
    with pytest.raises(InputError, match="a process ended by itself .out of memory.*; the same command goes on"):
        extract(make_cases(tmp_path), tmp_path / "f.parquet", workers=2)


def test_embed_says_what_makes_such_a_file(tmp_path: Path) -> None:
    table = make_cases(tmp_path)
    extract(table, tmp_path / "f.parquet")
    with pytest.raises(
        InputError, match="which network made its features; classical features are made by `medgauge radiomics`"
    ):
        medgauge.embed(tmp_path / "f.parquet", table=table, image="ct", id="case", out=tmp_path / "new.parquet")
