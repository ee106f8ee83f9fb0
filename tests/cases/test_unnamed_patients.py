"""Patients of several rows whose groups do not name them: told at the end of a fit, in its results and on its page."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from PIL import Image

import medgauge
from medgauge.cli.main import main
from tests.fitting.small_study import SMALL

PATIENTS = 60
LARGER = SMALL | {"model.encoder.width": 0.5, "model.embedding": 16, "training.steps": 20, "training.batch_size": 16}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDGAUGE_CACHE", str(tmp_path_factory.getbasetemp() / "patients_cache"))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures of each patient with a little noise between them, under an examination's number each."""
    random, folder = np.random.default_rng(0), tmp_path_factory.mktemp("patients")
    rows = []
    for row in range(2 * PATIENTS):
        if row % 2 == 0:
            age, picture = random.uniform(20, 80), random.uniform(0, 200, (4, 4)).repeat(5, 0).repeat(6, 1)
        pixels = picture + random.normal(0, 2, picture.shape)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{row}.png")
        rows.append([f"{row}.png", round(age, 1), f"p{row // 2}", f"e{row}"])
    pandas.DataFrame(rows, columns=["path", "age", "patient", "examination"]).to_csv(folder / "cases.csv", index=False)
    return folder / "cases.csv"


def read(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "results.json").read_text(encoding="utf-8"))
    return found


def test_a_fit_tells_it_at_its_end(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = [f"--{name}={value}" for name, value in LARGER.items()]
    given = ["fit", "--table", str(table), "--image", "path", "--label", "age", "--group", "examination", *settings]
    assert main([*given, "--out", str(tmp_path / "run")]) == 0
    (note,) = read(tmp_path / "run")["notes"]
    assert "groups are nearer in the embedding to the group after them in the table than their labels tell" in note
    assert note.endswith("give --group a column that names the patient, or one name to all rows that belong together")
    assert note in capsys.readouterr().err
    assert main([*given, "--out", str(tmp_path / "run")]) == 0
    assert note in capsys.readouterr().err
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert f"Note: {note}." in page


def test_patients_that_are_named_give_no_note(table: Path, tmp_path: Path) -> None:
    run = medgauge.fit(
        table=str(table), image="path", label="age", group="patient", out=tmp_path / "run", changes=LARGER
    )
    assert run.results["notes"] == []
    assert "Note:" not in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_folds_tell_in_how_many_of_them(table: Path, tmp_path: Path) -> None:
    run = medgauge.fit(
        table=str(table),
        image="path",
        label="age",
        no_groups=True,
        folds=2,
        out=tmp_path / "run",
        changes=LARGER,
        report=False,
    )
    own = [read(tmp_path / "run" / f"fold-{fold}")["notes"] for fold in range(2)]
    assert run.results["notes"] == [f"{own[0][0]} (in 2 of 2 folds)"]
    assert own[1] != []
