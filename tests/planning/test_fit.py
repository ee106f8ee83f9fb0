"""Fit without a recipe: a quick run, training beside it, going on after a stop, and what is refused."""

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch

import medgauge
from medgauge.cli.main import main
from medgauge.core.display import Display
from medgauge.core.errors import InputError
from medgauge.planning import fit as planned
from medgauge.planning import seeds, short_fits, times, trained
from medgauge.planning.answers import made_whole
from medgauge.planning.cost import Cost
from medgauge.planning.fit import fit as fit_planned
from medgauge.planning.fit import plan
from medgauge.planning.plan import Plan
from medgauge.runfolder import RunFolder
from medgauge.runfolder.chosen import PLAN, read_own, write_own
from medgauge.runs.outputs import Outputs
from medgauge.study import Study
from medgauge.training.divergence import Diverged
from tests.fitting.small_study import COLUMNS, SMALL, make_table
from tests.kills import differing, killed_after


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planned")
    make_table(folder / "data", groups=18)
    return folder


def fit(home: Path, out: Path, **settings: Any) -> medgauge.Run:
    given: dict[str, Any] = {"budget": "quick", "folds": 3, "report": False, "table": str(home / "data" / "cases.csv")}
    given |= {**COLUMNS, **settings}
    given["changes"] = {"data.cache": str(home / "cache"), **given.get("changes", {})}
    return medgauge.fit(out=out, **given)


@pytest.fixture(scope="module")
def quick(home: Path) -> Path:
    fit(home, home / "quick_run" / "run", report=True)
    return home / "quick_run" / "run"


def read(folder: Path, name: str = "candidates.json") -> dict[str, Any]:
    return dict(json.loads((folder / name).read_text(encoding="utf-8")))


def test_quick_is_a_whole_run_that_answers(home: Path, quick: Path) -> None:
    run = medgauge.load(quick)
    assert run.folder.path == quick / "quick"
    assert (quick / "quick" / "report.html").is_file()
    assert '<a href="quick/report.html">' in (quick / "report.html").read_text(encoding="utf-8")
    assert "quick answers for" in run.notes[0]
    block = run.results["out_of_fold"]["age"]
    assert (block["predictor"], "test" in run.results) == ("kernel", False)
    values = read(quick)
    assert [one["state"] for one in values["candidates"]] == ["done", "left out", "left out", "left out"]
    assert values["candidates"][0]["error"] == pytest.approx(block["mae"])
    assert values["choice"]["baseline_error"] == pytest.approx(block["baselines"]["median"]["mae"])
    frame = run.predict([home / "data" / "0.png"])
    assert any("quick answers for" in note for note in frame.attrs["notes"])


def test_baselines_are_those_of_the_run_itself(home: Path, tmp_path: Path) -> None:
    table = home / "data" / "noise.csv"
    frame = pandas.read_csv(home / "data" / "cases.csv")
    frame["noise"] = np.random.default_rng(0).normal(size=len(frame))
    frame.to_csv(table, index=False)
    run = fit(home, tmp_path / "run", table=str(table), covariates="noise")
    own = {name: one["mae"] for name, one in run.results["out_of_fold"]["age"]["baselines"].items()}
    assert read(tmp_path / "run", "plan.json")["fingerprint"]["baselines"]["age"] == pytest.approx(own)
    assert read(tmp_path / "run")["choice"]["baseline_error"] == pytest.approx(min(own.values()))


def test_the_plan_is_written_before_anything_is_fitted(home: Path, quick: Path) -> None:
    values = read(quick, "plan.json")
    assert values["fingerprint"]["cases"] == 36
    assert [one["what"] for one in values["decisions"]] == ["folds", "test split", "image size", "label_times"]
    lines = plan(table=str(home / "data" / "cases.csv"), budget="quick", folds=3, cache=str(home / "cache"), **COLUMNS)
    assert any(line.strip().startswith("quick: about") for line in lines)
    assert any("scratch: not tried (the budget quick trains nothing)" in line for line in lines)


def test_the_same_call_again_loads_and_another_is_refused(home: Path, quick: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in quick.rglob("*") if path.is_file()}
    assert fit(home, quick, report=True).folder.path == quick / "quick"
    assert before == {path: path.stat().st_mtime_ns for path in quick.rglob("*") if path.is_file()}
    for settings, words in (
        ({"folds": 4}, "data.folds is 3 there and 4 here"),
        ({"budget": 3}, "budget is quick there"),
    ):
        with pytest.raises(InputError, match="holds another run") as refused:
            fit(home, quick, **settings)
        assert words in str(refused.value)


def test_a_run_of_one_recipe_and_a_plan_do_not_share_a_folder(home: Path, quick: Path, tmp_path: Path) -> None:
    named = {"changes": {**SMALL, "training.steps": 2}, "budget": None, "split": "part", "folds": 0}
    fit(home, tmp_path / "run", **named)
    with pytest.raises(InputError, match="holds a run of one recipe"):
        fit(home, tmp_path / "run")
    with pytest.raises(InputError, match="holds a fit of several candidates, without a recipe; give another --out"):
        fit(home, quick, **named)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is no run folder of medgauge"):
        fit(home, tmp_path / "other")


@pytest.mark.slow
def test_training_is_tried_where_there_is_time_and_the_better_one_answers(home: Path, tmp_path: Path) -> None:
    given = {"budget": 20, "changes": {**SMALL, "training.steps": 3}}
    fit(home, tmp_path / "run", **given)
    values = read(tmp_path / "run")
    states = {one["name"]: one for one in values["candidates"]}
    assert states["quick"]["state"] == "done"
    assert states["scratch"]["state"] in ("given up", "done")  # three steps teach little
    first = pandas.read_csv(tmp_path / "run" / "scratch" / "fold-0" / "predictions.csv")
    first = first[first["split"] == "test"]  # what that fit has not learned from
    by_hand = (first["value_age"] - first["label_age"]).abs().mean()
    told = f"on its first fold its error is {by_hand:.3g}, and"
    assert told in states["scratch"]["why"] or states["scratch"]["error"] is not None
    assert (tmp_path / "run" / "scratch" / "fold-0" / "results.json").is_file()
    assert "only a budget of an hour" in states["tuned"]["why"]
    assert values["chosen"] == "quick"
    assert read(tmp_path / "run", "plan.json")["candidates"][1]["changes"]["training.steps"] == 3


@pytest.mark.slow
def test_a_candidate_that_diverges_leaves_the_others(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(*_: object, **__: object) -> None:
        raise Diverged("the loss is nan at step 2")

    monkeypatch.setattr("medgauge.planning.fit.fit_study", diverge)
    fit(home, tmp_path / "run", budget=20, changes={**SMALL, "training.steps": 3})
    values = read(tmp_path / "run")
    assert (values["chosen"], values["finished"]) == ("quick", True)
    assert values["candidates"][1]["state"] == "diverged"
    assert "nan at step 2" in values["candidates"][1]["why"]


def test_settings_of_training_without_a_budget_are_one_run(home: Path, tmp_path: Path) -> None:
    run = fit(home, tmp_path / "run", budget=None, folds=2, changes={**SMALL, "training.steps": 2})
    assert (run.folder.path, run.chosen) == (tmp_path / "run", [])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"recipe": "l1", "budget": "quick"}, "a budget is for a fit without a recipe"),
        ({"budget": "fast"}, "quick, standard, best or a number of minutes, got 'fast'"),
        ({"changes": {"training.steps": 2}}, "training.steps says how to train, and the budget quick trains nothing"),
        ({"folds": 100}, "more folds than groups|folds"),
        ({"label": "agee"}, "did you mean 'age'"),
        ({"group": None}, "still needed"),
    ],
)  # fmt: skip
def test_wrong_calls_end_in_a_sentence_and_leave_nothing(
    home: Path, tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        fit(home, tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_several_processes_are_refused(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="several processes train one recipe"):
        fit_planned(table=str(home / "data" / "cases.csv"), out=tmp_path / "run", **COLUMNS)


def test_a_damaged_plan_or_choice_is_a_sentence(home: Path, quick: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(quick, tmp_path / "run"))
    (copy / "candidates.json").write_text("{}")
    with pytest.raises(InputError, match="does not say which candidate answers"):
        medgauge.load(copy)
    assert fit(home, copy).folder.path == copy / "quick"  # the same fit writes it anew
    (copy / "candidates.json").write_text('{"finished": true, "chosen": "scratch"}')  # which the plan leaves out
    assert fit(home, copy).folder.path == copy / "quick"
    (copy / "plan.json").write_text('{"made": {}}')
    with pytest.raises(InputError, match=r"plan\.json is damaged; .* remove the folder"):
        fit(home, copy)


def test_candidates_json_of_another_run_is_refused_and_the_same_fit_writes_it_anew(
    home: Path, quick: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(quick, tmp_path / "run"))
    values = read(copy)
    values["plan"] = values["candidates"][0]["fit"] = "0" * 64
    values.pop("sha256")
    write_own(RunFolder(copy), "candidates.json", values | {"sentence": "of the other"})
    with pytest.raises(InputError, match=r"candidates\.json is that of another run"):
        medgauge.load(copy)
    assert fit(home, copy).folder.path == copy / "quick"
    own, first = read(copy), read(quick)
    assert [own[name] for name in ("plan", "sentence")] == [first[name] for name in ("plan", "sentence")]
    assert own["candidates"][0]["fit"] == first["candidates"][0]["fit"]


def test_what_answers_is_made_whole(quick: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(quick, tmp_path / "run"))
    (copy / "quick" / "results.json").unlink()
    folder = RunFolder(copy)
    made = Plan.from_dict(read_own(folder, PLAN))
    with Display(False) as display:
        outputs = Outputs(test=False, images=True, report=True)
        run = made_whole(made, made.made["settings"], folder, outputs, display)
    assert run.folder.path == copy / "quick"
    assert differing(copy / "quick", quick / "quick") == []


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 20, 50])
def test_a_kill_after_a_write_is_made_good(home: Path, quick: Path, tmp_path: Path, count: int) -> None:
    out = tmp_path / "run"
    assert killed_after(count, partial(fit, home, out, report=True))
    assert (out / "plan.json").is_file()
    assert fit(home, out, report=True).folder.path == out / "quick"
    assert differing(out / "quick", quick / "quick") == []
    assert read(out)["finished"] is True


@pytest.mark.slow
def test_the_command_line_plans_and_fits(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--table", str(home / "data" / "cases.csv"), "--image", "path", "--label", "age", "--group", "patient"]
    words += ["--folds", "3", "--cache", str(home / "cache"), "--budget", "quick", "--out", str(tmp_path / "run")]
    assert main(["plan", *words]) == 0
    assert "quick: about" in capsys.readouterr().out
    assert main(["fit", *words, "--no-images"]) == 0
    said = capsys.readouterr()
    assert (said.out + said.err).count("shown better than") == 1  # of one candidate its run says it
    assert "quick answers for" in said.out
    assert "error" in said.err
    assert main(["report", str(tmp_path / "run")]) == 0
    assert str(tmp_path / "run" / "quick" / "report.html") in capsys.readouterr().out
    assert main(["predict", str(tmp_path / "run"), str(home / "data" / "0.png")]) == 0
    assert "quick answers for" in capsys.readouterr().err
    assert main(["fit", "l1", "--budget", "quick"]) == 1
    assert "a budget is for a fit without a recipe" in capsys.readouterr().err


def test_compare_says_of_a_folder_of_candidates_what_its_answer_is(quick: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"quick is a run of several folds, and runs of one fit are compared"):
        medgauge.compare([quick, quick / "quick"], out=tmp_path / "c")


def test_a_damaged_plan_has_one_advice(
    home: Path, quick: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(quick, tmp_path / "run"))
    (run / "plan.json").write_text((run / "plan.json").read_text().replace("1", "2", 1))
    capsys.readouterr()
    advice = "what its candidates are is in it alone: put it back as it was, or remove the folder"
    assert main(["report", str(run)]) == 1
    assert advice in capsys.readouterr().err
    with pytest.raises(InputError, match=advice):
        fit(home, run)


@pytest.mark.slow
def test_an_hour_or_more_fits_what_is_trained_with_further_seeds(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeds, "SEEDS", 2)
    monkeypatch.setattr(planned, "promising", lambda *_: (True, ""))
    frame = pandas.read_csv(home / "data" / "cases.csv")
    frame["mm_per_px"] = np.random.default_rng(1).uniform(0.2, 5.0, len(frame)).round(3)
    frame["age"] = (frame["age"] * frame["mm_per_px"]).round(2)
    frame.to_csv(home / "data" / "sized.csv", index=False)
    given: dict[str, Any] = {"table": str(home / "data" / "sized.csv"), "covariates": "mm_per_px", "budget": "best"}
    settings = {"training.steps": 3, "training.evaluations": 1, **SMALL}
    run = fit(home, tmp_path / "run", folds=2, changes=settings, **given)
    values = read(tmp_path / "run")
    states = {one["name"]: one["state"] for one in values["candidates"]}
    assert all(states[name] == "done" for name in ("quick", "quick_times", "scratch", "scratch_2")), states
    for name in ("scratch", "scratch_2"):  # labels are divided, since that is far better for quick
        assert "label_times: mm_per_px" in (tmp_path / "run" / name / "fold-0" / "recipe.yaml").read_text()
    first, second = (pandas.read_csv(tmp_path / "run" / name / "predictions.csv") for name in ("scratch", "scratch_2"))
    assert first[["id", "split"]].equals(second[["id", "split"]])  # the same folds
    assert not np.allclose(first["value_age"], second["value_age"])
    assert set(read(tmp_path / "run" / "blend", "blend.json")["weights"]["age"]) >= {"quick", "scratch", "scratch_2"}
    again = fit(home, tmp_path / "run", folds=2, changes=settings, **given)
    assert again.results == run.results


@pytest.mark.slow
def test_short_fits_are_made_once_where_quick_tells_nothing_also_after_a_stop(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pandas.read_csv(home / "data" / "cases.csv")
    frame["mm_per_px"] = np.random.default_rng(1).uniform(0.2, 5.0, len(frame)).round(3)
    frame.to_csv(home / "data" / "pixels.csv", index=False)
    made: list[bool] = []

    def errors(study: Study, *_: object) -> torch.Tensor:
        made.append(study.recipe.data.label_times is not None)
        return torch.linspace(1.0, 2.0, len(study.rows("val"))).double() / (2.0 if made[-1] else 1.0)

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trained, "_measured", lambda *_: (16, Cost(0.1, 0.1, 1)))
    monkeypatch.setattr(trained, "LEAST_STEPS", 1)
    monkeypatch.setattr(times, "better_in_all", lambda *_: False)
    monkeypatch.setattr(short_fits, "validation_errors", errors)
    given: dict[str, Any] = {"table": str(home / "data" / "pixels.csv"), "covariates": "mm_per_px", "budget": 20}
    given |= {"folds": 3, "changes": {"training.evaluations": 1, **SMALL}}
    with monkeypatch.context() as patch:
        patch.setattr(planned, "fit_study", stopped)
        with pytest.raises(KeyboardInterrupt):
            fit(home, tmp_path / "run", **given)
    assert made == [False, True] * 3
    fit(home, tmp_path / "run", **given)
    assert made == [False, True] * 3
    scratch = next(one for one in read(tmp_path / "run")["candidates"] if one["name"] == "scratch")
    assert scratch["settings"]["data.label_times"] == "mm_per_px"
    assert scratch["settings"]["training.steps"] == scratch["short"]["left"] == 16
    assert scratch["short"]["divided"] is True
    assert "label_times: mm_per_px" in (tmp_path / "run" / "scratch" / "fold-0" / "recipe.yaml").read_text()
