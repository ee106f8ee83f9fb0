"""Splits of a fit, scored and written."""

from pathlib import Path
from statistics import fmean

import pytest

from medgauge.runfolder import RunFolder
from medgauge.runs import files
from medgauge.runs.fitted import Fit
from medgauge.runs.outputs import Outputs
from medgauge.runs.score import Scorer, blocks
from medgauge.study import Study


@pytest.fixture
def scorer(fit: Fit, study: Study, tmp_path: Path) -> Scorer:
    cases = files.read_cases(fit.folder, study, ("train", "val", "calibration", "test"))
    return Scorer(RunFolder(tmp_path), study, fit.tasks, fit.readers, cases, fit.gallery_rows)


def test_what_is_written_is_what_is_there(scorer: Scorer, fit: Fit) -> None:
    results = scorer.write(
        ["train", "val", "calibration"],
        {"looks": {"test": 4}, "training": fit.results["training"]},
        Outputs(report=False),
    )
    assert results["looks"] == {"test": 4}
    assert list(results) == ["shown", "looks", "training", "val"]
    assert results["shown"] == {"split": "val", **fit.results["val"][results["shown"]["target"]]["shown"]} | {  # type: ignore[index]
        key: results["shown"][key]
        for key in ("target", "sentence")  # type: ignore[index]
    }
    for name in ("predictions.csv", "results.json"):
        assert (scorer.folder / name).exists()
    assert scorer.folder.read_table("predictions.csv") == fit.folder.read_table("predictions.csv")
    assert scorer.folder.read_json("results.json")["val"] == fit.results["val"]
    assert not (scorer.folder / "report.html").exists()


def test_the_test_split_is_written_where_it_is_asked_for(scorer: Scorer) -> None:
    scorer.write(["val", "test"], {"looks": {"test": 4}}, Outputs(report=False))
    assert {line["split"] for line in scorer.folder.read_table("predictions.csv")} == {"val", "test"}


def test_only_judged_splits_have_baselines(scorer: Scorer) -> None:
    number, grade = scorer.scored("val")
    assert set(number.baselines) == set(grade.baselines) == {"median", "covariates_only"}
    assert all(not one.baselines for one in scorer.scored("calibration"))
    found = blocks([number, grade], seed=None, by_group=False)
    assert list(found) == ["age", "stage"]
    age = found["age"]
    assert isinstance(age, dict)
    gap = (number.readings.value - number.cases.label).abs().flatten().tolist()
    assert age["mae"] == pytest.approx(fmean(gap))
    rows = scorer.study.rows("val")
    sex = [scorer.study.subgroups["sex"][row] for row in rows]
    assert {name: part["n"] for name, part in age["subgroups"]["sex"].items()} == {
        name: sex.count(name) for name in set(sex)
    }
