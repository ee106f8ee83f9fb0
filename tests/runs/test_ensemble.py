"""Three folds of a number and a grade, of which some do not know the highest grade."""

from pathlib import Path

import numpy as np
import pandas
import pytest
import torch

import medgauge
from medgauge.core.errors import InputError
from medgauge.runfolder.seal import seal
from medgauge.runs.ensemble import OUT_OF_FOLD, Ensemble
from medgauge.runs.look import look_at_folds
from medgauge.runs.outputs import Outputs
from tests.fitting.small_study import SMALL, make_table
from tests.runs.conftest import TWO

CHANGES = {**SMALL, "training.steps": 2}


@pytest.fixture(scope="module")
def rare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grade 7 has one patient, so the fit that leaves him out has no such training case."""
    table = make_table(tmp_path_factory.mktemp("rare"))
    frame = pandas.read_csv(table)
    frame["stage"] = np.where(frame["patient"] == "p07", 7, (frame["age"] > 50).astype(int))
    frame.to_csv(table, index=False)
    return table


@pytest.fixture(scope="module")
def whole(rare: Path, tmp_path_factory: pytest.TempPathFactory) -> Ensemble:
    out = tmp_path_factory.mktemp("three") / "run"
    changes = {**CHANGES, "data.cache": str(out.parent / "cache")}
    run = medgauge.fit(table=str(rare), out=out, split="part", folds=3, changes=changes, report=False, **TWO)
    assert isinstance(run.finished, Ensemble)
    return run.finished


def test_folds_that_lack_a_grade_are_pooled(whole: Ensemble, rare: Path) -> None:
    levels = [fit.tasks.parts[1].to_dict()["strata"]["levels"][0] for fit in whole.fits]  # type: ignore[index]
    assert [0.0, 1.0] in levels
    assert whole.tasks.parts[1].to_dict()["strata"]["levels"] == [[0.0, 1.0, 7.0]]  # type: ignore[index]
    frame = pandas.read_csv(whole.folder / "predictions.csv", dtype={"id": str, "fold": str})
    assert len(frame) == 60
    chance = frame[[f"probability_{level}_stage" for level in (0, 1, 7)]].to_numpy()
    np.testing.assert_allclose(chance.sum(1), 1, atol=1e-5)
    lacking = [fold for fold, known in enumerate(levels) if known == [0.0, 1.0]]
    for fold in lacking:
        own = frame["grade:fold"].astype(int) == fold if "grade:fold" in frame else frame["fold"] == str(fold)
        assert own.any()
        assert set(chance[own.to_numpy(), 2]) == {0.0}
    rare_case = frame[frame["group"] == "p07"]
    assert not rare_case["value_stage"].gt(1).any()
    block = whole.results[OUT_OF_FOLD]["stage"]
    error = (frame["value_stage"] - frame["label_stage"]).abs()
    assert block["mae"] == pytest.approx(error.mean())
    assert block["set"]["by_grade"]["7"]["n"] == 2


def test_galleries_stand_one_after_the_other(whole: Ensemble) -> None:
    lengths = [len(fit.gallery) for fit in whole.fits]
    assert len(whole.gallery_rows) == sum(lengths)
    splits = whole.folder.read_table("splits.csv")
    gallery = whole.readers[0].gallery
    assert [splits[row]["id"] for row in whole.gallery_rows] == list(gallery.id)


def test_new_cases_have_the_mean_of_the_fits(whole: Ensemble, rare: Path) -> None:
    frame = medgauge.load(whole.folder.path).predict(rare, ids_are_local=True)
    parts = [medgauge.load(fit.folder.path).predict(rare, ids_are_local=True) for fit in whole.fits]
    for target in ("age", "stage"):
        values = np.stack([part[target] for part in parts])
        np.testing.assert_allclose(frame[target], values.mean(0), rtol=1e-6)
        np.testing.assert_allclose(frame[f"spread_{target}"].astype(float), values.std(0, ddof=1), rtol=1e-4, atol=1e-9)
    sevens = [part["probability_7_stage"] for part in parts if "probability_7_stage" in part]
    np.testing.assert_allclose(frame["probability_7_stage"], sum(sevens) / 3, atol=1e-5)


def test_the_kept_out_cases_are_looked_at(whole: Ensemble) -> None:
    found = look_at_folds(whole, "test", Outputs(images=False))
    assert found["looks"] == {"test": 1}
    block = found["test"]
    assert isinstance(block, dict)
    assert block["age"]["n"] == block["stage"]["n"] == 12
    with pytest.raises(InputError, match="--split must be out_of_fold or test for a run of folds, got 'val'"):
        look_at_folds(whole, "val", Outputs())


def test_another_number_of_folds_is_refused(whole: Ensemble) -> None:
    path = whole.folder / "predictors.json"
    before = path.read_text()
    try:
        path.write_text(before.replace('"folds": 3', '"folds": 4'))
        seal(whole.folder, [path.name])
        with pytest.raises(InputError, match=r"predictors\.json and recipe\.yaml name different numbers of folds"):
            medgauge.load(whole.folder.path)
    finally:
        path.write_text(before)
        seal(whole.folder, [path.name])
    assert torch.is_tensor(whole.readers[0].gallery.label)
