"""One finished run of two kinds of label that all tests of this folder share: an age that is divided, and a stage."""

import shutil
from pathlib import Path

import numpy as np
import pandas
import pytest

import medgauge
from medgauge.runs.fitted import Fit
from medgauge.study import Study, load_study
from tests.fitting.small_study import SMALL, make_table

TWO = {"image": "path", "label": ["stage", "age"], "group": "patient", "kind": {"stage": "grade"}}


def graded_table(folder: Path) -> Path:
    """The small table with a stage from 0 to 2, of which some are missing, and a pixel size by which the age is divided."""
    table = make_table(folder)
    frame = pandas.read_csv(table)
    stage = np.digitize(frame["age"], [40, 60])
    frame["stage"] = [("" if row % 9 == 4 else str(value)) for row, value in enumerate(stage)]
    frame["pixel_mm"] = np.where(frame.index % 2, 1.0, 2.0)
    frame.to_csv(table, index=False)
    return table


@pytest.fixture(scope="package")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return graded_table(tmp_path_factory.mktemp("graded"))


@pytest.fixture(scope="package")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> medgauge.Run:
    """Of one fit, its test split not read."""
    out = tmp_path_factory.mktemp("two") / "run"
    changes = {**SMALL, "data.cache": str(out.parent / "cache"), "data.subgroups": ["sex"]}
    return medgauge.fit(
        table=str(table), out=out, split="part", covariates=["pixel_mm"], label_times="pixel_mm", changes=changes,
        report=False, **TWO,
    )  # fmt: skip


@pytest.fixture(scope="package")
def fit(run: medgauge.Run) -> Fit:
    assert isinstance(run.finished, Fit)
    return run.finished


@pytest.fixture(scope="package")
def study(fit: Fit) -> Study:
    return load_study(fit.recipe)


@pytest.fixture
def copy(run: medgauge.Run, tmp_path: Path) -> Path:
    """The run folder, to be changed."""
    return Path(shutil.copytree(run.folder.path, tmp_path / "run"))
