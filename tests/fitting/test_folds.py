"""Folds: one model each, pooled out of fold, averaged for new cases."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch

import medgauge
from medgauge.calibration import SplitConformal
from medgauge.cli import main
from medgauge.core.errors import InputError
from tests.fitting.small_study import COLUMNS, SMALL, make_table

CHANGES = {**SMALL, "prediction.aggregate": "mean", "data.subgroups": ["sex"]}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_table(tmp_path_factory.mktemp("small"))


def fit(table: Path, out: Path, **settings: Any) -> medgauge.Run:
    given: dict[str, Any] = {"split": "part", "folds": 3, "report": False, "changes": CHANGES, **COLUMNS, **settings}
    return medgauge.fit(table=str(table), out=out, **given)


@pytest.fixture(scope="module")
def whole(table: Path, tmp_path_factory: pytest.TempPathFactory) -> medgauge.Run:
    return fit(table, tmp_path_factory.mktemp("folds") / "run")


def read(path: Path) -> pandas.DataFrame:
    texts = dict.fromkeys(("id", "group", "fold", "split", "predictor"), str)
    return pandas.read_csv(path, dtype=texts, keep_default_na=False, na_values={"spread_age": [""]})


def pooled(run: medgauge.Run) -> pandas.DataFrame:
    frame = read(run.folder / "predictions.csv")
    return frame[frame["split"] == "out_of_fold"].set_index("id")


def test_every_development_case_is_read_once_by_the_fit_that_left_it_out(whole: medgauge.Run, table: Path) -> None:
    cases, frame = pandas.read_csv(table), pooled(whole)
    assert sorted(frame.index) == sorted(cases["path"][cases["part"] == "train"])
    splits = read(whole.folder / "splits.csv").set_index("id")
    assert set(splits["fold"][splits["split"] == "test"]) == {""}
    assert frame.groupby("group")["fold"].nunique().max() == 1
    for fold in range(3):
        own = read(whole.folder / f"fold-{fold}" / "predictions.csv").set_index("id")
        left_out = own[own["split"] == "test"]
        assert set(left_out.index) == set(frame.index[frame["fold"] == str(fold)]) == set(
            splits.index[splits["fold"] == str(fold)]
        )  # fmt: skip
        np.testing.assert_allclose(left_out["value_age"], frame["value_age"][left_out.index], rtol=1e-9)
        sides = read(whole.folder / f"fold-{fold}" / "splits.csv")
        assert set(sides["split"]) == {"train", "val", "test", "kept_out"}
        assert set(sides["id"][sides["split"] == "kept_out"]) == set(splits.index[splits["split"] == "test"])
        gallery = read(whole.folder / f"fold-{fold}" / "gallery.csv")
        assert set(gallery["id"]) == set(sides["id"][sides["split"] == "train"])


def test_results_follow_from_the_pooled_predictions(whole: medgauge.Run) -> None:
    frame, block = pooled(whole), whole.results["out_of_fold"]["age"]
    error = frame["value_age"] - frame["label_age"]
    assert block["n"] == len(frame) == 60
    assert block["mae"] == pytest.approx(error.abs().mean())
    assert block["ci95"]["mae"] == "not computed"
    assert [part["mae"] for part in block["by_fold"]] == pytest.approx(
        error.abs().groupby(frame["fold"]).mean().tolist()
    )
    assert block["spread_over_folds"]["mae"] == pytest.approx(np.std([of["mae"] for of in block["by_fold"]], ddof=1))
    blind = block["baselines"][block["shown"]["baseline"]]["mae"]
    assert blind == min(one["mae"] for one in block["baselines"].values())
    assert block["shown"]["skill"] == pytest.approx(1 - error.abs().mean() / blind)
    speaks = whole.results["shown"]
    assert (speaks["split"], speaks["target"]) == ("out_of_fold", "age")
    assert {key: speaks[key] for key in block["shown"]} == block["shown"]
    assert f"{block['shown']['verdict']} (skill " in speaks["sentence"]
    assert "60 out-of-fold cases of 30 groups" in speaks["sentence"]
    assert whole.results["looks"] == {"test": 0}
    assert "test" not in whole.results
    assert len(whole.results["out_of_fold"]["space"]["by_fold"]) == 3
    for region in ("many", "medium", "few"):
        inside = error[frame["region_age"] == region]
        assert block["by_region"][region]["n"] == len(inside)


def test_an_out_of_fold_interval_comes_from_the_other_folds(whole: medgauge.Run) -> None:
    frame = pooled(whole)
    for fold, own in frame.groupby("fold"):
        others = frame[frame["fold"] != fold]
        value, label = (torch.tensor(others[[f"{name}_age"]].to_numpy()) for name in ("value", "label"))
        plain = SplitConformal.fit(value, label, list(others["group"]), level=0.9, seed=0, cross=True)
        half = (own["plain_upper_age"] - own["plain_lower_age"]) / 2
        np.testing.assert_allclose(half, plain.quantile[0], rtol=1e-8)
    inside = (frame["plain_lower_age"] <= frame["label_age"]) & (frame["label_age"] <= frame["plain_upper_age"])
    assert whole.results["out_of_fold"]["age"]["plain_interval"]["coverage"] == pytest.approx(inside.mean())
    assert "not guaranteed exactly" in whole.promise()


def test_neighbours_are_training_cases_of_the_same_fold_and_never_of_the_own_group(whole: medgauge.Run) -> None:
    splits, frame = read(whole.folder / "splits.csv"), pooled(whole)
    for case in frame.itertuples():
        rows = json.loads(case.neighbours)
        assert rows
        assert case.group not in set(splits["group"][rows])
        assert not {case.fold, ""} & set(splits["fold"][rows])
        assert list(splits["id"][rows]) == json.loads(case.neighbour_ids)
        assert set(json.loads(case.neighbour_folds)) == {int(case.fold)}


def test_predict_is_the_mean_of_what_the_folds_predict(whole: medgauge.Run, table: Path) -> None:
    frame = whole.predict(table, ids_are_local=True)
    parts = [medgauge.load(whole.folder / f"fold-{fold}").predict(table, ids_are_local=True) for fold in range(3)]
    values = np.stack([part["age"] for part in parts])
    np.testing.assert_allclose(frame["age"], values.mean(0), rtol=1e-9)
    np.testing.assert_allclose(frame["spread_age"], values.std(0, ddof=1), rtol=1e-6)
    np.testing.assert_allclose(frame["head_age"], np.mean([part["head_age"] for part in parts], axis=0), rtol=1e-9)
    error = pooled(whole)
    value, label = (torch.tensor(error[[f"{name}_age"]].to_numpy()) for name in ("value", "label"))
    plain = SplitConformal.fit(value, label, list(error["group"]), level=0.9, seed=0, cross=True)
    np.testing.assert_allclose(frame["plain_upper_age"] - frame["age"], plain.quantile[0], rtol=1e-8)
    exact = 0
    for place, case in enumerate(frame.itertuples()):
        weights, names = json.loads(case.weights_age), json.loads(case.neighbour_ids)
        assert weights == sorted(weights, reverse=True)
        assert (len(set(names)), case.neighbour_folds) == (len(names), "[]")  # a training case is named once
        found = dict.fromkeys(names, 0.0)
        for part in parts:
            own = part.iloc[place]
            for name, weight in zip(json.loads(own["neighbour_ids"]), json.loads(own["weights_age"]), strict=True):
                if name in found:
                    found[name] += weight / 3
        gaps = np.array(weights) - list(found.values())  # a fold's list of ten leaves out weights that are in the sum
        assert gaps.min() > -1e-5
        exact += int((np.abs(gaps) < 1e-5).sum())
    assert exact > len(frame)
    assert {"fold", "group", "split", "row"}.isdisjoint(frame.columns)


def test_training_cases_of_the_own_group_are_no_neighbours_of_known_groups(whole: medgauge.Run, table: Path) -> None:
    frame, cases = whole.predict(table), pandas.read_csv(table).set_index("path")
    for case in frame.itertuples():
        assert cases["patient"][case.id] not in set(cases["patient"][json.loads(case.neighbour_ids)])


def test_the_kept_out_cases_are_read_when_asked_and_each_look_is_counted(
    whole: medgauge.Run, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole.folder.path, tmp_path / "run")
    assert main(["evaluate", str(tmp_path / "run"), "--split", "test", "--no-images"]) == 0
    said = capsys.readouterr().out
    assert "age: test split, 12 cases of 6 groups" in said
    run = medgauge.load(tmp_path / "run")
    sentence = run.results["shown"]["sentence"]
    assert said.startswith(sentence)
    assert "no 95 % interval: too few groups; 12 test cases of 6 groups" in sentence
    assert "6 groups with labels are too few for an interval, which needs 20" in run.results["shown"]["reason"]
    assert run.results["looks"] == {"test": 1}
    frame, before = read(run.folder / "predictions.csv"), read(whole.folder / "predictions.csv")
    test = frame[frame["split"] == "test"]
    assert list(frame["split"]).count("out_of_fold") == len(before)
    cases = pandas.read_csv(table)
    given = whole.predict(table).set_index("id")
    # other batches, other float32 roundings of the embedding, which the kernel over the neighbours makes larger
    np.testing.assert_allclose(given["age"][test["id"]], test["value_age"], rtol=1e-4)
    assert sorted(test["id"]) == sorted(cases["path"][cases["part"] == "test"])
    assert run.results["test"]["age"]["mae"] == pytest.approx((test["value_age"] - test["label_age"]).abs().mean())
    assert run.look("out_of_fold")["age"] == whole.results["out_of_fold"]["age"]
    assert run.look("test", images=False)["age"]["n"] == 12
    assert medgauge.load(tmp_path / "run").results["looks"] == {"test": 2}
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "the <strong>test</strong> split" in page


def test_groups_are_one_value_with_intervals_of_their_own(whole: medgauge.Run, table: Path) -> None:
    frame = pooled(whole)
    groups = read(whole.folder / "predictions_by_group.csv").set_index("group")
    means = frame.groupby("group")[["value_age", "label_age"]].mean()
    np.testing.assert_allclose(groups["value_age"], means["value_age"][groups.index], rtol=1e-8)
    np.testing.assert_allclose(groups["label_age"], means["label_age"][groups.index], rtol=1e-8)
    assert set(groups["cases"]) == {2}
    block = whole.results["out_of_fold"]["age"]["by_group_mean"]
    assert block["n"] == block["groups"] == 30
    assert block["mae"] == pytest.approx((means["value_age"] - means["label_age"]).abs().mean())
    ranges = frame.groupby("group")["label_age"].agg(np.ptp)
    assert block["labels_within_groups"] == {"differ": (ranges > 0).sum(), "largest_range": pytest.approx(ranges.max())}
    for fold, own in groups.groupby("fold"):
        others = groups[groups["fold"] != fold]
        residual = sorted((others["value_age"] - others["label_age"]).abs())
        half = (own["plain_upper_age"] - own["plain_lower_age"]) / 2
        np.testing.assert_allclose(half, residual[int(np.ceil(0.9 * 21)) - 1], rtol=1e-8)
    told, cases = whole.predict(table, aggregate="mean"), whole.predict(table)
    expected = cases["age"].groupby(pandas.read_csv(table)["patient"]).mean()
    assert list(told["group"]) == list(expected.index)
    np.testing.assert_allclose(told["age"], expected, rtol=1e-9)
    patient = pandas.read_csv(table)["patient"]
    parts = [medgauge.load(whole.folder / f"fold-{fold}").predict(table) for fold in range(3)]
    values = np.stack([part["age"].groupby(patient).mean() for part in parts])
    np.testing.assert_allclose(told["spread_age"].astype(float), values.std(0, ddof=1), rtol=1e-6)
    assert {"id", "row", "split"}.isdisjoint(told.columns)


def test_a_stopped_run_goes_on_with_the_fold_that_is_missing(whole: medgauge.Run, table: Path, tmp_path: Path) -> None:
    shutil.copytree(whole.folder.path, tmp_path / "run")
    (tmp_path / "run" / "results.json").unlink()
    shutil.rmtree(tmp_path / "run" / "fold-2")
    with pytest.raises(InputError, match="is not whole"):
        medgauge.load(tmp_path / "run")
    stamp = (tmp_path / "run" / "fold-1" / "model.safetensors").stat().st_mtime_ns
    run = fit(table, tmp_path / "run")
    assert (tmp_path / "run" / "fold-1" / "model.safetensors").stat().st_mtime_ns == stamp
    assert (run.folder / "predictions.csv").read_text() == (whole.folder / "predictions.csv").read_text()
    with pytest.raises(InputError, match=r"data\.folds is 3 there and 4 here"):
        fit(table, tmp_path / "run", folds=4)


def test_folds_fitted_one_by_one_are_pooled_by_the_whole(whole: medgauge.Run, table: Path, tmp_path: Path) -> None:
    shutil.copytree(whole.folder / "fold-1", tmp_path / "run" / "fold-1")
    shutil.copytree(whole.folder / "fold-2", tmp_path / "run" / "fold-2")
    single = fit(table, tmp_path / "run" / "fold-0", fold=0, test=True)
    assert single.results["test"]["age"]["n"] == whole.results["out_of_fold"]["age"]["by_fold"][0]["n"]
    run = fit(table, tmp_path / "run")
    assert (run.folder / "predictions.csv").read_text() == (whole.folder / "predictions.csv").read_text()


def test_the_report_says_out_of_fold(whole: medgauge.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(whole.folder.path, tmp_path / "run")
    assert main(["report", str(tmp_path / "run"), "--no-images"]) == 0
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    for words in ("Figures are <strong>out of fold</strong>", "one of 3 models", "standard deviation over folds",
                  "read out of fold", "With each group’s images as one value", "By sex", "(missing)"):  # fmt: skip
        assert words in page
    assert "was used for selection" not in page


def test_a_table_from_elsewhere_is_scored(whole: medgauge.Run, table: Path, tmp_path: Path) -> None:
    cases = pandas.read_csv(table)
    elsewhere = cases[cases["part"] == "test"].drop(columns=["site"])
    elsewhere.to_csv(table.with_name("elsewhere.csv"), index=False)
    block = whole.evaluate(table.with_name("elsewhere.csv"), out=tmp_path / "scores")
    assert block["age"]["n"] == 12
    assert set(block["age"]["subgroups"]) == {"sex"}
    assert block["age"]["by_group_mean"]["n"] == 6
    frame = read(tmp_path / "scores" / "predictions.csv")
    assert block["age"]["mae"] == pytest.approx((frame["value_age"] - frame["label_age"]).abs().mean())
    assert len(read(tmp_path / "scores" / "predictions_by_group.csv")) == 6
    with pytest.raises(
        InputError, match="60 .*groups of the run's own|30 groups of the table are groups of the run's own"
    ):
        whole.evaluate(table)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"folds": 1}, r"data\.folds must be >= 2 \(or 0: one model on one split\), got 1"),
        ({"folds": -3}, r"data\.folds must be in \[0, 1000\], got -3"),
        ({"folds": 31}, "31 folds need at least 31 groups, and there are 30 groups"),
        ({"folds": 3, "fold": 3}, r"data\.fold must be below data\.folds \(3\), got 3"),
        ({"folds": 0, "fold": 0}, r"data\.fold is one of data\.folds, which needs a number of them, got 0"),
        (
            {"changes": {**CHANGES, "training.batch_size": 50}},
            r"fold 1 of 3 \(fold-0\): batch_size 50 is larger than the 34",
        ),
        ({"changes": {**CHANGES, "training.devices": 2}}, r"--data\.fold 0 --out .*fold-0"),
    ],
)
def test_wrong_folds_are_one_sentence_before_any_training(
    table: Path, tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words) as told:
        fit(table, tmp_path / "run", **settings)
    assert len(str(told.value).splitlines()) == 1
    assert not (tmp_path / "run" / "fold-0").exists()


def test_folds_share_their_images_and_a_fraction_leaves_out_training_groups_only(table: Path, tmp_path: Path) -> None:
    from medgauge.fitting.folds import plan_folds
    from medgauge.fitting.stamp import make_recipe
    from medgauge.study import load_study

    columns = {"data.label": ["age"], **{f"data.{name}": COLUMNS[name] for name in ("image", "group")}}
    folds = {"data.table": str(table), "data.split": "part", "data.folds": 3, "data.cache": str(tmp_path / "cache")}
    recipe = make_recipe(None, changes={**SMALL, **columns, **folds, "data.fraction": 0.5})
    whole = load_study(recipe)
    studies = plan_folds(whole)
    assert all(study.images.array is whole.images.array for study in studies)
    single = load_study(make_recipe(None, changes={**SMALL, **columns, **folds, "data.fraction": 0.5, "data.fold": 2}))
    assert single.splits == studies[2].splits
    assert single.recipe == studies[2].recipe
    assert len(list((tmp_path / "cache").iterdir())) == 1
    for fold, study in enumerate(studies):
        assert study.rows("test") == whole.rows(f"fold-{fold}")
        assert study.rows("kept_out") == whole.rows("test")
        left = {name: len(study.rows(name)) for name in ("train", "val", "unused")}
        assert 0.8 * left["unused"] < left["train"] + left["val"] < 1.4 * left["unused"]


def test_a_fold_without_enough_cases_left_says_which(table: Path, tmp_path: Path) -> None:
    few = pandas.read_csv(table)
    few[few["patient"].isin(["p01", "p02", "p03"])].to_csv(table.with_name("few.csv"), index=False)
    with pytest.raises(InputError, match=r"fold 1 of 3 \(fold-0\): .*split train: has 2 labelled cases of 1 group"):
        fit(table.with_name("few.csv"), tmp_path / "run", split=None)


def test_looks_that_a_run_of_folds_does_not_have_are_refused(whole: medgauge.Run) -> None:
    with pytest.raises(InputError, match="must be out_of_fold or test"):
        whole.look("val")
    with pytest.raises(InputError, match="aggregate must be none or mean"):
        whole.predict(["1.png"], aggregate="median")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="needs a table with the group column patient"):
        whole.predict(["1.png"], aggregate="mean")
