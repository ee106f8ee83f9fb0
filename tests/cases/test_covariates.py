"""Words in a covariate: coded as the recipe says, in every door the same."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import yaml

import medgauge
from medgauge.cli.main import main
from medgauge.core.errors import InputError
from medgauge.fitting.stamp import make_recipe
from medgauge.study import load_study
from tests.fitting.small_study import COLUMNS, SMALL, make_table

FLAGS = ["--image", "path", "--label", "mm", "--group", "patient", "--covariates", "sex"]
SITES = ("A", "B", "<i>C</i>")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDGAUGE_CACHE", str(tmp_path_factory.getbasetemp() / "words_cache"))


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return Path(shutil.copytree(Path(__file__).with_name("covariate_words"), tmp_path / "case")) / "cases.csv"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sex and site as words, and beside them as numbers by hand."""
    table = make_table(tmp_path_factory.mktemp("words"))
    frame = pandas.read_csv(table)
    frame["sex"] = np.where(np.arange(len(frame)) // 2 % 2 == 0, "M", "F")
    frame["man"] = (frame["sex"] == "M").astype(int)
    for place, site in enumerate(sorted(SITES, key=str.casefold)):
        frame[f"site{place}"] = (frame["site"] == site).astype(int)
    frame["weight"] = np.arange(len(frame)) % 7
    frame.to_csv(table, index=False)
    return table


def fit(table: Path, out: Path, covariates: list[str], **more: Any) -> medgauge.Run:
    given: dict[str, Any] = {"split": "part", "report": False, "test": True, "changes": SMALL, **COLUMNS, **more}
    return medgauge.fit(table=str(table), out=out, covariates=covariates, **given)


@pytest.fixture(scope="module")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> medgauge.Run:
    return fit(table, tmp_path_factory.mktemp("coded") / "run", ["sex", "weight", "site"])


def test_check_of_the_case_says_how_it_is_coded(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--table", str(case), *FLAGS]) == 0
    assert "covariate sex is coded: F 0, M 1" in capsys.readouterr().out.splitlines()
    assert main(["check", "--table", str(case), *FLAGS, "--covariate-words", "sex=M,F"]) == 0
    assert "covariate sex is coded: M 0, F 1" in capsys.readouterr().out.splitlines()


def test_a_run_of_words_is_the_run_of_the_numbers_that_they_stand_for(
    run: medgauge.Run, table: Path, tmp_path: Path
) -> None:
    by_hand = fit(table, tmp_path / "run", ["man", "weight", "site0", "site1", "site2"])
    ours, theirs = (pandas.read_csv(one.folder / "predictions.csv") for one in (run, by_hand))
    pandas.testing.assert_frame_equal(ours, theirs)
    assert run.results["test"]["age"]["baselines"] == by_hand.results["test"]["age"]["baselines"]
    assert "covariates_only" in run.results["test"]["age"]["baselines"]
    recipe = yaml.safe_load((run.folder / "recipe.yaml").read_text())
    assert recipe["data"]["covariate_words"] == {"sex": ["F", "M"], "site": ["<i>C</i>", "A", "B"]}
    assert recipe["data"]["covariates"] == ["sex", "weight", "site"]


def test_new_cases_are_coded_as_the_training_cases_were(run: medgauge.Run, table: Path, tmp_path: Path) -> None:
    """The new table has one word of each alone, so that no coding could be guessed from it."""
    own = pandas.read_csv(run.folder / "predictions.csv", dtype={"id": str}).query("split == 'test'").set_index("id")
    frame = pandas.read_csv(table)
    frame = frame[(frame["part"] == "test") & (frame["sex"] == "M") & (frame["site"] == "A")]
    assert len(frame) > 2
    frame["path"] = [str(table.parent / name) for name in frame["path"]]
    frame["patient"] = [f"new{row}" for row in range(len(frame))]
    frame.to_csv(tmp_path / "new.csv", index=False)
    wanted = own.loc[[Path(name).name for name in frame["path"]], "value_age"].to_numpy()
    found = medgauge.load(run.folder.path).predict(tmp_path / "new.csv")
    np.testing.assert_allclose(found["age"], wanted, rtol=1e-4)
    one = frame.iloc[0]
    for given in (["sex=M", f"weight={one['weight']}", "site=A"], {"sex": "M", "weight": one["weight"], "site": "A"}):
        value = run.predict([one["path"]], covariates=given)["age"][0]
        np.testing.assert_allclose(value, wanted[0], rtol=1e-4)
    block = run.evaluate(tmp_path / "new.csv", ids_are_local=True)
    assert block["age"]["mae"] == pytest.approx(np.abs(wanted - frame["age"]).mean(), rel=1e-4)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["sex=m", "weight=1", "site=A"], r"covariate sex is 'm' \(did you mean M\?\); the words of the training cases are F, M"),
        (["sex=1", "weight=1", "site=A"], "covariate sex is '1'; the words"),
        (["sex=M", "weight=heavy", "site=A"], "a covariate is not a number: weight is 'heavy'"),
        (["sex=M", "weight=1"], "the run needs the covariate site: give --covariate site=VALUE"),
    ],
)  # fmt: skip
def test_unknown_words_of_image_files_are_refused(run: medgauge.Run, table: Path, given: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        run.predict([table.parent / "0.png"], covariates=given)


def test_unknown_words_of_a_table_are_refused_by_name(run: medgauge.Run, table: Path, tmp_path: Path) -> None:
    frame = pandas.read_csv(table)
    frame["path"] = [str(table.parent / name) for name in frame["path"]]
    frame.loc[[3, 5], "site"] = "D"
    frame.to_csv(tmp_path / "new.csv", index=False)
    told = "covariate site: it holds 'D' in 2 cases, the first on line 5; the words of the training cases are <i>C</i>, A, B"
    with pytest.raises(InputError, match=told):
        run.predict(tmp_path / "new.csv")
    frame.assign(site="A", weight="heavy").to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(InputError, match="covariate weight: it holds 'heavy' in 72 cases, .* where numbers are read"):
        run.predict(tmp_path / "new.csv", ids_are_local=True)


def test_a_word_of_test_cases_alone_is_none(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = pandas.read_csv(table)
    frame["path"] = [str(table.parent / name) for name in frame["path"]]
    first = frame.index[frame["part"] == "test"][0]
    frame.loc[first, "sex"] = "A_only_test"
    frame.to_csv(tmp_path / "cases.csv", index=False)
    words = ["--table", str(tmp_path / "cases.csv"), "--image", "path", "--label", "age", "--group", "patient"]
    words += ["--split", "part", "--covariates", "sex"]
    assert main(["check", *words]) == 1
    said = capsys.readouterr().err
    assert f"covariate sex: it holds 'A_only_test' in 1 case, the first on line {first + 2}" in said
    assert "the words of the training cases are F, M" in said
    assert main(["check", *words, "--skip-bad"]) == 0
    said = capsys.readouterr().out
    assert "covariate sex is coded: F 0, M 1" in said
    assert "is 'A_only_test', which is no word of the training cases" in said
    frame.loc[frame["part"] != "test", "sex"] = "F"
    frame.to_csv(tmp_path / "cases.csv", index=False)
    assert main(["check", *words]) == 1
    assert "covariate sex: is 'F' in all training cases, so nothing can be learned from it" in capsys.readouterr().err


def test_folds_share_the_coding_and_each_must_know_every_word(table: Path, tmp_path: Path) -> None:
    whole = fit(table, tmp_path / "folds", ["sex", "site"], folds=2)
    for place in ("folds", "folds/fold-0", "folds/fold-1"):
        recipe = yaml.safe_load((tmp_path / place / "recipe.yaml").read_text())
        assert recipe["data"]["covariate_words"] == {"sex": ["F", "M"], "site": ["<i>C</i>", "A", "B"]}
    assert len(whole.predict([table.parent / "0.png"], covariates={"sex": "F", "site": "B"})) == 1
    again = fit(table, tmp_path / "folds", ["sex", "site"], folds=2)
    assert again.results == whole.results
    frame = pandas.read_csv(table)
    frame["path"] = [str(table.parent / name) for name in frame["path"]]
    rare = frame.index[frame["patient"] == "p01"]
    frame.loc[rare, "site"] = "rare"
    frame.to_csv(tmp_path / "rare.csv", index=False)
    with pytest.raises(InputError, match=r"fold \d of 2 .*: .*covariate site: no training case is 'rare'"):
        fit(tmp_path / "rare.csv", tmp_path / "rare", ["site"], folds=2)


def test_a_word_whose_training_images_are_all_bad_is_refused(run: medgauge.Run, table: Path, tmp_path: Path) -> None:
    frame = pandas.read_csv(table)
    frame["path"] = [str(table.parent / name) for name in frame["path"]]
    (tmp_path / "bad.png").write_text("no picture")
    rare = [row["split"] for row in run.folder.read_table("splits.csv")].index("train")
    frame.loc[rare, ["site", "path"]] = ["rare", str(tmp_path / "bad.png")]
    frame.to_csv(tmp_path / "cases.csv", index=False)
    with pytest.raises(InputError, match="covariate site: no training case is 'rare'"):
        medgauge.check(table=tmp_path / "cases.csv", covariates="site", split="part", skip_bad=True, **COLUMNS)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"data.label_times": "sex"}, "covariate sex: it holds 'M' in 36 cases, 'F' in 36 cases, .* where numbers are read"),
        ({"augmentation.size_covariates": ["sex"]}, "covariate sex: it holds .* where numbers are read"),
        ({"data.covariate_words": {"site": ["A", "B"]}}, "data.covariate_words names 'site', which is not in data.covariates"),
        ({"data.covariate_words": {"sex": ["M"]}}, r"data.covariate_words.sex must be two or more words, got \['M'\]"),
        ({"data.covariate_words": {"sex": ["M", "M"]}}, "data.covariate_words.sex must name each once, got 'M'"),
        ({"data.covariate_words": {"sex": ["M", "X "]}}, "data.covariate_words.sex must be words without spaces"),
        ({"data.covariate_words": {"sex": ["F", "M"]}, "data.label_times": "sex"}, "data.label_times must be a column of numbers"),
        ({"data.covariate_words": {"sex": ["F", "M", "X"]}}, "covariate sex: no training case is 'X'"),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_words_are_refused(table: Path, settings: dict[str, Any], words: str) -> None:
    columns = {"table": str(table), "covariates": ["sex"], "split": "part", **COLUMNS}
    with pytest.raises(InputError, match=words):
        medgauge.check(**columns, changes=settings)


def test_a_comparison_codes_words_alike_in_all_runs(table: Path, tmp_path: Path) -> None:
    recipe = {
        "data": {
            "table": str(table), "image": "path", "label": ["age"], "group": "patient", "split": "part", "covariates": ["sex", "site"],
        },
        "training": {"steps": 2, "batch_size": 8, "evaluations": 1},
        "model": {"encoder": {"width": 0.25}, "embedding": 4},
    }  # fmt: skip
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(recipe))
    medgauge.compare(
        [tmp_path / "base.yaml"], losses=["hc18_l1", "hc18_mse"], out=tmp_path / "c", seeds=1, trials=1, keep_runs=True
    )
    words = {"sex": ["F", "M"], "site": ["<i>C</i>", "A", "B"]}
    folders = list((tmp_path / "c").rglob("recipe.yaml"))
    assert len(folders) >= 2
    assert all(yaml.safe_load(path.read_text())["data"]["covariate_words"] == words for path in folders)
    planned = json.loads((tmp_path / "c" / "comparison.json").read_text())["settings"]["methods"]
    assert [method["data"]["covariate_words"] for method in planned.values()] == [words, words]


def test_words_are_no_sizes_of_pixels(table: Path, tmp_path: Path) -> None:
    frame = pandas.read_csv(table).rename(columns={"sex": "pixel_kind", "weight": "pixel_mm"})
    frame["pixel_mm"] = (frame["pixel_mm"] + 1) / 100
    frame["path"] = [str(table.parent / name) for name in frame["path"]]
    frame.to_csv(tmp_path / "cases.csv", index=False)
    columns = {
        "table": str(tmp_path / "cases.csv"),
        "covariates": ["pixel_kind", "pixel_mm"],
        "split": "part",
        **COLUMNS,
    }
    assert load_study(make_recipe(None, columns)).recipe.augmentation.size_covariates == ["pixel_mm"]
