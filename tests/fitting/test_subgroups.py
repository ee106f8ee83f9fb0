"""Subgroups, a column held out, several images of a group as one value: in a single run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import medgauge
from medgauge.calibration import binomial_interval
from medgauge.cli import main
from medgauge.core.errors import InputError
from tests.fitting.small_study import COLUMNS, SMALL, make_table


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_table(tmp_path_factory.mktemp("small"), groups=60)


@pytest.fixture(scope="module")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> medgauge.Run:
    """Site A is held out: 20 groups, 40 images."""
    changes = {**SMALL, "prediction.aggregate": "mean", "prediction.interval": "split", "prediction.level": 0.5}
    out = tmp_path_factory.mktemp("run") / "run"
    return medgauge.fit(
        table=str(table), out=out, holdout="site=A", subgroups=["sex", "site"], test=True, changes=changes, **COLUMNS
    )


def predictions(run: medgauge.Run, split: str, name: str = "predictions.csv") -> pandas.DataFrame:
    frame = pandas.read_csv(run.folder / name, dtype={"id": str, "group": str})
    return frame[frame["split"] == split]


def test_the_held_out_cases_are_the_test_split(run: medgauge.Run, table: Path) -> None:
    cases = pandas.read_csv(table)
    splits = pandas.read_csv(run.folder / "splits.csv", dtype=str)
    assert set(splits["id"][splits["split"] == "test"]) == set(cases["path"][cases["site"] == "A"])
    assert set(splits["split"]) == {"train", "val", "calibration", "test"}
    assert splits.groupby("group")["split"].nunique().max() == 1


def test_each_subgroup_has_its_figures(run: medgauge.Run, table: Path) -> None:
    frame = predictions(run, "test").merge(
        pandas.read_csv(table, keep_default_na=False)[["path", "sex", "site"]], left_on="id", right_on="path"
    )
    found = run.results["test"]["age"]["subgroups"]
    assert list(found) == ["sex", "site"]
    assert list(found["sex"]) == ["(missing)", "F", "M"]
    assert list(found["site"]) == ["A"]
    for name, block in found["sex"].items():
        own = frame[frame["sex"] == ("" if name == "(missing)" else name)]
        error = own["value_age"] - own["label_age"]
        assert (block["n"], block["groups"]) == (len(own), own["group"].nunique())
        assert block["mae"] == pytest.approx(error.abs().mean())
        assert block["bias"] == pytest.approx(error.mean())
        inside = (own["lower_age"] <= own["label_age"]) & (own["label_age"] <= own["upper_age"])
        assert block["coverage"] == pytest.approx(inside.mean())
        low, high = block["ci95"]["coverage"]
        choices = [binomial_interval(covered, block["groups"]) for covered in range(block["groups"] + 1)]
        assert any((low, high) == pytest.approx(ends) for ends in choices)
        assert block["ci95"]["mae"] == block["ci95"]["bias"] == "too few groups"
    site = found["site"]["A"]
    assert site["groups"] == 20
    assert site["ci95"]["mae"] == pytest.approx(run.results["test"]["age"]["ci95"]["mae"])
    low, high = site["ci95"]["bias"]
    assert low < site["bias"] < high


def test_groups_have_results_and_intervals_of_their_own(run: medgauge.Run) -> None:
    groups = predictions(run, "calibration", "predictions_by_group.csv")
    residual = sorted((groups["value_age"] - groups["label_age"]).abs())
    half = residual[int(np.ceil(0.5 * (len(residual) + 1))) - 1]
    test = predictions(run, "test", "predictions_by_group.csv").set_index("group")
    np.testing.assert_allclose((test["upper_age"] - test["lower_age"]) / 2, half, rtol=1e-6)
    cases = predictions(run, "test")
    single = (cases["upper_age"] - cases["lower_age"]).iloc[0] / 2
    assert single != pytest.approx(half)
    means = cases.groupby("group")[["value_age", "label_age", "neighbours_age", "nearest_distance"]].mean()
    for name in means.columns:
        np.testing.assert_allclose(test[name], means[name][test.index], rtol=1e-7)
    block = run.results["test"]["age"]["by_group_mean"]
    assert block["n"] == len(test) == 20
    assert block["mae"] == pytest.approx((test["value_age"] - test["label_age"]).abs().mean())
    assert block["subgroups"]["sex"]["F"]["n"] == block["subgroups"]["sex"]["F"]["groups"]
    assert block["labels_within_groups"]["differ"] == 20


def test_the_evidence_of_a_group_is_that_of_its_images(run: medgauge.Run) -> None:
    cases = predictions(run, "test").groupby("group")
    for group in predictions(run, "test", "predictions_by_group.csv").itertuples():
        own = cases.get_group(group.group)
        weight: dict[str, float] = {}
        for case in own.itertuples():
            for name, share in zip(json.loads(case.neighbour_ids), json.loads(case.weights_age), strict=True):
                weight[name] = weight.get(name, 0.0) + share / len(own)
        listed = dict(zip(json.loads(group.neighbour_ids), json.loads(group.weights_age), strict=True))
        assert len(listed) == len(json.loads(group.neighbour_ids))
        top = max(weight, key=lambda name: weight[name])
        assert listed[top] >= weight[top] - 1e-5


def test_the_report_and_the_terminal_show_subgroups_escaped(
    run: medgauge.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "By sex" in page
    assert "With each group’s images as one value" in page
    assert main(["evaluate", str(run.folder.path), "--split", "val"]) == 0
    out = capsys.readouterr().out
    assert "sex (missing)" in out
    assert "<i>C</i>" in out
    assert "the images of each as one value" in out


def test_hostile_values_of_subgroups_are_escaped_in_the_report(run: medgauge.Run) -> None:
    from medgauge.report.describe import describe
    from medgauge.report.page import render
    from medgauge.report.reading import read_run

    view = read_run(run.folder.path)
    part = view.block["age"]["subgroups"].pop("site")["A"]
    view.block["age"]["subgroups"]["<b>site"] = {"</script><img src=x onerror=alert(1)>": part}
    page = render(describe(view, images=False))
    assert "<b>site" not in page
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def check(table: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    words = ["--table", str(table), "--image", "path", "--label", "age", "--group", "patient", *more]
    status = main(["check", *words, *(f"--{place}={value}" for place, value in SMALL.items())])
    said = capsys.readouterr()
    return status, said.out if status == 0 else said.err


def test_check_honours_the_flags(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = check(
        table, capsys, "--folds", "4", "--holdout", "site=A,B", "--subgroups", "sex", "--aggregate", "mean"
    )
    assert status == 0
    assert "test 80" in said
    assert "fold-3" in said
    assert "for each fold" in said
    assert "subgroups by sex: (missing) 24, F 48, M 48" in said


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--subgroups", "sx"], "no column 'sx' for the subgroups (did you mean 'sex'?)"),
        (["--subgroups", "age"], "column 'age' is given as data.label and as data.subgroups"),
        (["--subgroups", "patient"], "column 'patient' is the group"),
        (["--holdout", "sit=A"], "no column 'sit' for the holdout (did you mean 'site'?)"),
        (["--holdout", "site=D"], "no case has site = D"),
        (["--holdout", "sex=F", "--split", "part"], "data.holdout and data.split both say which cases are test"),
        (["--folds", "many"], "data.folds must be a whole number in [0, 1000], got 'many'"),
        (["--aggregate", "median"], "prediction.aggregate must be one of none, mean, got median"),
    ],
)
def test_wrong_flags_end_with_a_sentence(
    table: Path, capsys: pytest.CaptureFixture[str], flags: list[str], words: str
) -> None:
    status, said = check(table, capsys, *flags)
    assert status == 1
    assert words in said
    assert len(said.strip().splitlines()) == 1


def test_a_holdout_ignores_a_split_column_with_resplit(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(table, capsys, "--holdout", "site=A", "--split", "part", "--resplit")[0] == 0


def test_settings_are_listed_with_their_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "settings"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    wanted: dict[str, Any] = {
        "data.folds": "left out by one model", "data.holdout": "test split", "data.subgroups": "figures",
        "prediction.aggregate": "one value",
    }  # fmt: skip
    assert all(words in lines[name] for name, words in wanted.items())


def test_predict_for_groups_needs_their_column(run: medgauge.Run, table: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs a table with the group column patient"):
        run.predict([str(table.with_name("1.png"))], aggregate="mean")
    assert main(["predict", str(run.folder.path), "--table", str(table), "--aggregate", "mean", "--out",
                 str(tmp_path / "values.csv")]) == 0  # fmt: skip
    told = pandas.read_csv(tmp_path / "values.csv", dtype={"group": str})
    assert len(told) == 60
    assert set(told["cases"]) == {2}
    assert (told["lower_age"] < told["age"]).all()
