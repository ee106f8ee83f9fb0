"""The errors of candidates and baselines, beside loops over the files."""

from pathlib import Path

import numpy as np
import pandas
import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.planning.candidates import QUICK, Candidate
from medgauge.planning.judge import Judge
from medgauge.runfolder import RunFolder
from medgauge.study import Study, load_study
from tests.fitting.small_study import make_table


def study(home: Path, folds: int, *, labels: tuple[str, ...] = ("age",), covariates: tuple[str, ...] = ()) -> Study:
    table = make_table(home / "data")
    frame = pandas.read_csv(table)
    frame["weight"] = 1000 - 7 * frame["age"]
    frame["near"] = frame["age"] + np.random.default_rng(2).normal(size=len(frame))
    frame.loc[[3, 9], "age"] = np.nan
    frame.to_csv(table, index=False)
    given = {
        "data.table": str(table), "data.image": "path", "data.label": list(labels), "data.group": "patient",
        "data.cache": str(home / "cache"), "data.covariates": list(covariates),
    }  # fmt: skip
    return load_study(Candidate(QUICK, {"data.folds": folds}, 0.0, "").recipe(given))


def write(folder: Path, judge: Judge, value: dict[str, np.ndarray]) -> RunFolder:
    order = np.random.default_rng(0).permutation(len(judge.id))
    columns = {"id": np.array(judge.id)[order]}
    columns |= {f"value_{name}": value[name][order] for name in judge.targets}
    folder.mkdir()
    pandas.DataFrame(columns).to_csv(folder / "predictions.csv", index=False)
    return RunFolder(folder)


def test_errors_are_found_by_id_and_missing_labels_have_none(tmp_path: Path) -> None:
    judge = Judge.of(study(tmp_path, 3))
    value = np.random.default_rng(1).uniform(20, 80, len(judge.id))
    found = judge.errors(write(tmp_path / "run", judge, {"age": value}))
    frame = pandas.read_csv(tmp_path / "data" / "cases.csv").set_index("path")
    by_hand = [abs(one - frame["age"][name]) for one, name in zip(value, judge.id, strict=True)]
    assert found.numpy() == pytest.approx(np.array(by_hand), nan_ok=True)
    assert int(found.isnan().sum()) == int(judge.baseline.isnan().sum()) == 2


def test_errors_of_several_targets_are_in_units_of_the_baselines(tmp_path: Path) -> None:
    judge = Judge.of(study(tmp_path, 3, labels=("age", "weight")))
    assert float(judge.baseline.nanmean()) == pytest.approx(1.0, abs=0.02)
    value = {name: np.full(len(judge.id), at) for name, at in (("age", 40.0), ("weight", 700.0))}
    found = judge.errors(write(tmp_path / "run", judge, value))
    row = next(row for row in range(len(judge.id)) if not judge.label[row].isnan().any())
    age, weight = judge.label[row].tolist()
    by_hand = (abs(40 - age) / judge.scale[0] + abs(700 - weight) / judge.scale[1]) / 2
    assert float(found[row]) == pytest.approx(by_hand)


def test_without_folds_validation_cases_are_judged_and_each_group_stands_alone(tmp_path: Path) -> None:
    whole = study(tmp_path, 0)
    judge = Judge.of(whole)
    assert judge.id == [whole.table.id[row] for row in whole.rows("val")]
    assert len(set(judge.fold)) == len(set(judge.group))
    median = np.nanmedian(whole.table.label[whole.rows("train")])
    assert judge.baseline.numpy() == pytest.approx((judge.label[:, 0] - median).abs().numpy(), nan_ok=True)


def test_the_constant_stands_beside_what_covariates_tell(tmp_path: Path) -> None:
    whole = study(tmp_path, 0, covariates=("near",))
    judge = Judge.of(whole)
    median = np.nanmedian(whole.table.label[whole.rows("train")])
    assert judge.constant.numpy() == pytest.approx((judge.label[:, 0] - median).abs().numpy(), nan_ok=True)
    assert judge.names == ["covariates_only"]
    assert float(judge.baseline.nanmean()) < 0.5 * float(judge.constant.nanmean())


def test_a_table_without_the_values_is_refused(tmp_path: Path) -> None:
    judge = Judge.of(study(tmp_path, 3))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "predictions.csv").write_text("id,value_other\na,1\n")
    with pytest.raises(InputError, match="value_age"):
        judge.errors(RunFolder(tmp_path / "run"))


def test_a_case_that_is_not_there_has_no_error(tmp_path: Path) -> None:
    judge = Judge.of(study(tmp_path, 3))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "predictions.csv").write_text(f"id,value_age\n{judge.id[0]},50\n")
    found = judge.errors(RunFolder(tmp_path / "run"))
    assert torch.nonzero(~found.isnan()).flatten().tolist() == [0]


def test_of_one_folds_fit_only_the_cases_that_it_left_out_count(tmp_path: Path) -> None:
    judge = Judge.of(study(tmp_path, 3))
    folder = write(tmp_path / "run", judge, {"age": np.full(len(judge.id), 40.0)})
    found, whole = judge.errors(folder, fold=1), judge.errors(folder)
    out = [row for row, fold in enumerate(judge.fold) if fold == 1]
    assert 0 < len(out) < len(judge.id)
    assert found[out].numpy() == pytest.approx(whole[out].numpy(), nan_ok=True)
    assert bool(found[[row for row in range(len(judge.id)) if row not in out]].isnan().all())


def test_a_finding_is_judged_by_its_log_loss(tmp_path: Path) -> None:
    table = make_table(tmp_path / "data")
    frame = pandas.read_csv(table)
    frame["old"] = (frame["age"] > frame["age"].median()).astype(int)
    frame.to_csv(table, index=False)
    given = {
        "data.table": str(table), "data.image": "path", "data.label": ["old"], "data.kind": {"old": "finding"},
        "data.group": "patient", "data.cache": str(tmp_path / "cache"),
    }  # fmt: skip
    judge = Judge.of(load_study(Candidate(QUICK, {"data.folds": 3}, 0.0, "").recipe(given)))
    value = np.random.default_rng(1).uniform(0.1, 0.9, len(judge.id))
    found = judge.errors(write(tmp_path / "run", judge, {"old": value}))
    true = np.where(judge.label[:, 0].numpy() == 1, value, 1 - value)
    assert found.numpy() == pytest.approx(-np.log(true))
    assert judge.names == ["base_rate"]
