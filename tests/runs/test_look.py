"""Looks at a run's own splits."""

from pathlib import Path

import pandas
import pytest

import medgauge
from medgauge.core.errors import InputError
from medgauge.runs.fitted import Fit
from medgauge.runs.look import look_at, study_of
from medgauge.runs.outputs import Outputs
from medgauge.study import Study

QUIET = Outputs(report=False, images=False)


def looked(folder: Path, split: str = "test") -> dict[str, object]:
    run = medgauge.load(folder).finished
    assert isinstance(run, Fit)
    return look_at(run, split, QUIET)


def test_each_look_at_the_test_split_is_counted(copy: Path) -> None:
    before = medgauge.load(copy).results
    assert looked(copy, "val") == before
    for count in (1, 2):
        found = looked(copy)
        assert found["looks"] == medgauge.load(copy).results["looks"] == {"test": count}
        assert medgauge.load(copy).results["val"] == before["val"]
    frame = pandas.read_csv(copy / "predictions.csv")
    test = frame[frame["split"] == "test"]
    assert (before["shown"]["split"], found["shown"]["split"]) == ("val", "test")  # type: ignore[index]
    block = found["test"]
    assert isinstance(block, dict)
    assert block["age"]["n"] == len(test) == 12
    assert block["age"]["mae"] == pytest.approx((test["value_age"] - test["label_age"]).abs().mean())
    assert block["stage"]["mae"] == pytest.approx((test["value_stage"] - test["label_stage"]).abs().mean())


def test_other_splits_are_refused(fit: Fit) -> None:
    for split in ("train", "calibration", "out_of_fold"):
        with pytest.raises(InputError, match=f"--split must be val or test, got '{split}'"):
            look_at(fit, split, QUIET)


def test_the_study_is_read_again_and_other_splits_are_refused(copy: Path, fit: Fit, study: Study) -> None:
    assert study_of(fit).splits == study.splits
    path = copy / "splits.csv"
    path.write_text(path.read_text().replace(",val,", ",train,", 1))
    with pytest.raises(InputError, match=r"splits\.csv does not fit the seal of the run"):
        looked(copy)
