"""Values of images that a run was made with say nothing of new ones: predict says so."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from PIL import Image

import medgauge
from medgauge.cli.main import main
from tests.fitting.small_study import COLUMNS, SMALL, make_table


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDGAUGE_CACHE", str(tmp_path_factory.getbasetemp() / "own_cache"))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_table(tmp_path_factory.mktemp("own"))


def fit(table: Path, out: Path, **more: Any) -> medgauge.Run:
    return medgauge.fit(table=str(table), out=out, split="part", report=False, changes=SMALL, **COLUMNS, **more)


@pytest.fixture(scope="module")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> medgauge.Run:
    return fit(table, tmp_path_factory.mktemp("own_run") / "run")


def of_split(run: medgauge.Run, table: Path, split: str) -> list[Path]:
    """The images of a split, by splits.csv."""
    lines = pandas.read_csv(run.folder / "splits.csv", dtype=str)
    return [table.parent / name for name in lines.loc[lines["split"] == split, "id"]]


def new_image(folder: Path) -> Path:
    pixels = np.random.default_rng(9).integers(0, 255, (20, 24)).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "new.png")
    return folder / "new.png"


def test_own_images_are_counted_by_what_they_were_used_for(run: medgauge.Run, table: Path, tmp_path: Path) -> None:
    train, val, calibration = (of_split(run, table, split)[:2] for split in ("train", "val", "calibration"))
    copy = Path(shutil.copy(train[0], tmp_path / "another_name.png"))
    images = [new_image(tmp_path), copy, train[1], val[0], calibration[0], of_split(run, table, "test")[0]]
    assert run.predict(images).attrs["notes"] == [
        "4 of 6 images are the run's own (2 of train, 1 of val, 1 of calibration): the model was made with them, so their values "
        "say nothing of new images; look at new ones, or at the test split with medgauge evaluate"
    ]


def own_notes(frame: pandas.DataFrame) -> list[str]:
    """Notes of images that are the run's own; there may be one of cases that are far, too."""
    return [note for note in frame.attrs["notes"] if "the run's own" in note]


def test_the_same_pixels_in_another_format_are_own(run: medgauge.Run, table: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "stack.npy", np.asarray(Image.open(of_split(run, table, "train")[0]))[None])
    (note,) = own_notes(run.predict([f"{tmp_path / 'stack.npy'}[0]"]))
    assert note.startswith("1 of 1 image is the run's own (1 of train): ")


def test_new_images_and_test_images_give_no_note(run: medgauge.Run, table: Path, tmp_path: Path) -> None:
    assert own_notes(run.predict([new_image(tmp_path), *of_split(run, table, "test")])) == []


def test_tables_are_told_without_ids(
    run: medgauge.Run, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for more in ([], ["--aggregate", "mean"], ["--ids-are-local"]):
        assert (
            main(["predict", str(run.folder.path), "--table", str(table), *more, "--out", str(tmp_path / "v.csv")]) == 0
        )
        told = capsys.readouterr().err
        note = next(line for line in told.splitlines() if "the run's own" in line)
        assert note.startswith("60 of 72 images are the run's own (")
        assert not re.search(r"\bp\d\d\b|\.png", note)
    frame = run.predict(table)
    assert len(own_notes(frame)) == 1
    run.predict(table, out=tmp_path / "values.parquet")
    assert len(pandas.read_parquet(tmp_path / "values.parquet")) == 72


def test_all_images_of_folds_are_own(table: Path, tmp_path: Path) -> None:
    run = fit(table, tmp_path / "run", folds=2)
    kept = of_split(run, table, "test")
    assert len(kept) == 12
    assert own_notes(run.predict(kept)) == []
    (note,) = own_notes(run.predict([*kept, *of_split(run, table, "out_of_fold")[:3]]))
    assert note.startswith("3 of 15 images are the run's own (3 of its folds): ")
