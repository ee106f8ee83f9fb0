"""A run whose images are cut around their masks: fitted, written out, and asked about new cases."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas
import pytest
import yaml

import medgauge
from medgauge.core.errors import InputError
from tests.fitting.small_study import SMALL

COLUMNS = {"image": "path", "label": "age", "group": "patient"}
PATIENTS = 24


def volumes(folder: Path) -> Path:
    """Noise with a cube whose brightness is the label, and a mask that says where it is (label 2; label 1 is elsewhere)."""
    random = np.random.default_rng(0)
    folder.mkdir()
    lines = []
    for row in range(PATIENTS):
        image, mask = random.normal(0, 5, (14, 14, 14)), np.zeros((14, 14, 14), np.uint8)
        x, y, z = random.integers(2, 12, 3)
        place = tuple(slice(at - 2, at + 2) for at in (x, y, z))
        image[place] += 3 * row
        mask[place], mask[0, 0, 0] = 2, 1
        nib.save(nib.Nifti1Image(image.astype(np.float32), np.eye(4)), folder / f"{row}.nii.gz")
        nib.save(nib.Nifti1Image(mask, np.eye(4)), folder / f"{row}_mask.nii.gz")
        lines.append((f"{row}.nii.gz", f"{row}_mask.nii.gz", row, f"p{row}"))
    pandas.DataFrame(lines, columns=["path", "mask", "age", "patient"]).to_csv(folder / "cases.csv", index=False)
    return folder / "cases.csv"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return volumes(tmp_path_factory.mktemp("masked") / "data")


@pytest.fixture(scope="module")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> medgauge.Run:
    out = tmp_path_factory.mktemp("run") / "run"
    changes = {**SMALL, "data.mask": "mask", "data.mask_label": 2, "data.cache": str(out.parent / "cache")}
    return medgauge.fit(table=str(table), out=out, changes=changes, report=False, **COLUMNS)


def test_the_box_is_planned_and_written_out(run: medgauge.Run) -> None:
    written = yaml.safe_load((run.folder.path / "recipe.yaml").read_text())
    assert (written["data"]["mask"], written["data"]["mask_label"]) == ("mask", 2)
    image = written["image"]
    assert (image["around"], image["size"], image["fit"]) == (
        "mask",
        [14, 14, 14],
        "pad_or_crop",
    )  # 1.5 x 4 is below 16


def test_new_cases_are_cut_around_theirs(run: medgauge.Run, table: Path, tmp_path: Path) -> None:
    frame = pandas.read_csv(table).head(3)
    for name in ("path", "mask"):
        frame[name] = [str(table.parent / cell) for cell in frame[name]]
    frame.to_csv(tmp_path / "new.csv", index=False)
    values = run.predict(tmp_path / "new.csv")["age"]
    moved = frame.assign(mask=frame["mask"].to_list()[1:] + frame["mask"].to_list()[:1])
    moved.to_csv(tmp_path / "moved.csv", index=False)
    assert (run.predict(tmp_path / "moved.csv")["age"] != values).any()
    frame.drop(columns="mask").to_csv(tmp_path / "without.csv", index=False)
    with pytest.raises(InputError, match="mask"):
        run.predict(tmp_path / "without.csv")
    with pytest.raises(
        InputError, match="cuts images around their masks: give them in a table with --table, its column 'mask'"
    ):
        run.predict([frame["path"][0]])


def test_what_is_wrong_with_masks_is_told_a_case(table: Path) -> None:
    frame = pandas.read_csv(table)
    frame.loc[0, "mask"] = ""
    frame.loc[1, "mask"] = "gone.nii.gz"
    frame.to_csv(table.parent / "lacking.csv", index=False)
    changes = {"data.mask": "mask", "data.cache": str(table.parent / "cache")}
    with pytest.raises(InputError) as caught:
        medgauge.check(table=str(table.parent / "lacking.csv"), changes=changes, **COLUMNS)
    assert "0.nii.gz: names no mask on line 2; name one, or leave the case out" in str(caught.value)
    assert "its mask" in str(caught.value)
    with pytest.raises(InputError, match="is a mask without the label 7; it has 1, 2"):
        medgauge.check(table=str(table), changes={**changes, "data.mask_label": 7}, **COLUMNS)
