import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pandas
import pytest
import torch
import yaml
from torch import Tensor, nn

import medgauge
from medgauge.cli import main
from medgauge.comparing import figures as comparing_figures
from medgauge.comparing import jobs as compare_jobs
from medgauge.comparing.figures import figures
from medgauge.comparing.jobs import Job, Outcome
from medgauge.comparing.judged import Judged
from medgauge.comparing.plan import build_methods, factors, laid_over, make_plan, method_values
from medgauge.core.errors import InputError
from medgauge.metrics.catalogue import ACCURACY, CONCORDANCE
from medgauge.recipes.read import load_values
from medgauge.report import write_report
from medgauge.study import load_study
from medgauge.training.loop import Stopped
from tests.report.comparison.fake import fake_comparison

ONE = {"seeds": 1, "trials": 1}


class OneTarget(nn.Module):
    """A term that knows one target."""

    def forward(self, prediction: Tensor, label: Tensor) -> Tensor:
        if label.shape[1] != 1:
            raise ValueError(f"label must have one target, got {label.shape[1]}")
        return (prediction - label).abs().nanmean()


class Breaks(nn.Module):
    """A term that fails in training where the learning rate is large: it asks for what a trial changes."""

    def __init__(self, limit: float = 1.0) -> None:
        super().__init__()
        self.limit = limit

    def forward(self, prediction: Tensor, label: Tensor) -> Tensor:
        if self.limit > 1:
            raise RuntimeError("numbers too large")
        return (prediction - label).abs().nanmean()


def values_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "comparison.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def small(quick: dict[str, Any]) -> dict[str, Any]:
    """Changes that make a run quick, on a part of the training cases."""
    return {**quick, "data.fraction": 0.3}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, small: dict[str, Any]) -> Path:
    """A comparison of two methods over two seeds, with two trials each: eight runs."""
    out = tmp_path_factory.mktemp("compared") / "cmp"
    medgauge.compare(["hc18_l1"], losses=["l1", "rm"], seeds=2, trials=2, out=out, changes=small)
    return out


def test_figures_follow_from_the_cases_of_every_run(made: Path) -> None:
    values, frame = values_of(made), pandas.read_csv(made / "predictions.csv", dtype={"id": str})
    assert [run["name"] for run in values["runs"]] == ["l1-0", "rm-0", "l1-1", "rm-1"]
    for run in values["runs"]:
        error = (frame[run["name"]] - frame["label_hc_mm"]).abs()
        assert run["test"]["hc_mm"]["mae"] == pytest.approx(error.mean(), rel=1e-6)
        assert run["test"]["hc_mm"]["n"] == len(frame) == run["cases"]["test"]["cases"]
        assert run["steps"] == 12
    for name in ("l1", "rm"):
        both = np.mean([(frame[f"{name}-{seed}"] - frame["label_hc_mm"]).abs() for seed in (0, 1)], axis=0)
        assert values["figures"]["hc_mm"]["methods"][name]["mae"] == pytest.approx(both.mean(), rel=1e-6)
    assert values["looks"] == {"test": 4}
    assert {path.name for path in made.iterdir()} == {
        "comparison.json", "comparison.csv", "comparison.html", "table.md", "predictions.csv", "development.csv",
    }  # fmt: skip


def test_tuning_reads_validation_cases_and_takes_the_best(made: Path) -> None:
    values = values_of(made)
    test, development = (pandas.read_csv(made / f"{name}.csv", dtype=str) for name in ("predictions", "development"))
    assert not set(test["id"]) & set(development["id"])
    assert {entry["seed"] for entry in values["tuning"]} == {1000}
    for name in ("l1", "rm"):
        tried = [entry for entry in values["tuning"] if entry["method"] == name]
        assert all("test" not in entry for entry in tried)
        best = min(tried, key=lambda entry: entry["val"]["hc_mm"]["mae"])
        assert values["chosen"][name]["trial"] == best["trial"]
        assert values["chosen"][name]["changes"] == values["settings"]["trials"][name][best["trial"] - 1]
        error = (development[f"{name}-trial1"].astype(float) - development["label_hc_mm"].astype(float)).abs()
        assert tried[0]["val"]["hc_mm"]["mae"] == pytest.approx(error.mean(), rel=1e-6)


def test_the_smallest_difference_comes_from_the_chosen_trials(made: Path) -> None:
    values, frame = values_of(made), pandas.read_csv(made / "development.csv", dtype={"id": str})
    trial = {name: f"{name}-trial{one['trial']}" for name, one in values["chosen"].items()}
    error = {name: (frame[column] - frame["label_hc_mm"]).abs() for name, column in trial.items()}
    gap = error["rm"] - error["l1"]
    part = (gap - gap.mean()).groupby(frame["group"]).sum() * frame["group"].nunique() / len(frame)
    stated = values["smallest_difference"]["hc_mm"]
    groups = values["figures"]["hc_mm"]["parts"]["all"]["groups"]
    assert stated["test_groups"] == groups
    assert stated["difference"] == pytest.approx((1.959964 + 0.841621) * part.std(ddof=1) / groups**0.5, rel=1e-5)
    assert stated["reference_error"] == pytest.approx(error["l1"].mean(), rel=1e-6)


def test_the_same_command_again_trains_nothing_and_says_the_same(
    made: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    monkeypatch.setattr(compare_jobs, "run_job", None)
    flags = [f"--{place}={value}" for place, value in small.items()]
    words = ["compare", "hc18_l1", "--losses", "l1,rm", "--seeds", "2", "--trials", "2", "--out", str(made)]
    assert main([*words, *flags]) == 0
    shown = capsys.readouterr().out
    assert "smallest difference that could be shown, stated before the test cases were read" in shown
    assert "comparison.html" in shown
    assert {path.name: path.read_bytes() for path in made.iterdir()} == before


def test_another_command_in_the_same_folder_is_refused_with_the_differences(made: Path, small: dict[str, Any]) -> None:
    changes = {**small, "training.steps": 13}
    with pytest.raises(InputError, match=r"holds another comparison .*seeds is .*training\.steps is 12 there and 13"):
        medgauge.compare(["hc18_l1"], losses=["l1", "rm"], seeds=3, trials=2, out=made, changes=changes)


def test_a_folder_with_something_else_is_refused(tmp_path: Path, small: dict[str, Any]) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="no comparison of medgauge"):
        medgauge.compare(["hc18_l1"], losses=["l1", "mse"], out=tmp_path, changes=small, **ONE)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_stopped_comparison_goes_on_and_ends_like_an_unbroken_one(
    made: Path, tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "cmp"
    shutil.copytree(made, out)  # predictions.csv has one run more than comparison.json, as after a kill between the two
    kept = {key: value for key, value in values_of(made).items() if key not in ("figures", "looks", "sha256")}
    (out / "comparison.json").write_text(json.dumps({**kept, "runs": kept["runs"][:2]}))
    (out / "runs" / "l1-1").mkdir(parents=True)
    real, names = compare_jobs.run_job, list[str]()

    def stops(job: Job) -> Outcome:
        names.append(job.name)
        if len(names) == 2:
            raise Stopped("stopped at step 3 of 12; the same command goes on from there")
        return real(job)

    monkeypatch.setattr(compare_jobs, "run_job", stops)
    settings: dict[str, Any] = {"losses": ["l1", "rm"], "seeds": 2, "trials": 2, "changes": small, "out": out}
    with pytest.raises(InputError, match="stopped after 3 of 4 runs; the same command goes on"):
        medgauge.compare(["hc18_l1"], **settings)
    assert [run["name"] for run in values_of(out)["runs"]] == ["l1-0", "rm-0", "l1-1"]
    assert "figures" not in values_of(out)
    medgauge.compare(["hc18_l1"], **settings)
    assert names == ["l1-1", "rm-1", "rm-1"]
    for name in ("predictions.csv", "development.csv", "comparison.csv", "table.md"):
        assert (out / name).read_bytes() == (made / name).read_bytes()
    assert {name: values_of(out)[name] for name in ("tuning", "chosen")} == {
        name: kept[name] for name in ("tuning", "chosen")
    }


def fake_job(job: Job) -> Outcome:
    """An outcome without training: errors that follow from the method, the seed and the trial."""
    size = (1 + len(job.method)) * (1.0 if job.trial is None else (1.5, 1.2, 1.0, 1.4)[job.trial - 1])
    entry: dict[str, Any] = {"name": job.name, "method": job.method, "seed": job.seed, "wall": 0.0, "steps": 12}
    if job.trial is not None:
        entry["trial"] = job.trial
        if job.values["optimiser"]["weight_decay"] == 0.5:
            return Outcome({**entry, "failed": "RuntimeError: no"}, None)
    part = {"n": 5, "coverage": 0.9, "width": 1.0}
    interval = {"level": 0.9, **part, "by_region": dict.fromkeys(("many", "medium", "few"), part)}
    block = {
        "kind": "number",
        "predictor": "head",
        "mae": size,
        "r2": 0.5,
        "interval": interval,
        "baselines": {"median": {"mae": 40.0}},
    }
    entry["val" if job.trial else "test"] = {"hc_mm": block, "space": {"d5": 1.0, "rv": 0.1}}
    entry.setdefault("val", {"hc_mm": block})
    label = np.random.default_rng(1).normal(170, 40, 60).round(3)
    value = label + size * np.random.default_rng(job.seed).standard_normal(60)
    cases = {"id": [f"c{row}" for row in range(60)], "group": [f"g{row // 2}" for row in range(60)]}
    return Outcome(entry, {**cases, "label_hc_mm": label.tolist(), "value_hc_mm": value.tolist()})


def test_every_method_has_as_many_trials_also_with_a_grid_of_its_own(
    tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_jobs, "run_job", fake_job)
    grid = ["rm:objective.isometry.term.init_args.sigma=0.5,1.0", "l1:optimiser.weight_decay=0.01,0.5"]
    values = medgauge.compare(
        ["hc18_l1"],
        losses=["l1", "rm"],
        seeds=2,
        trials=4,
        grid=grid,
        reference="rm",
        out=tmp_path / "cmp",
        changes=small,
    )
    trials = values["settings"]["trials"]
    rate = "optimiser.learning_rate"
    assert trials["rm"] == [
        {rate: value, "objective.isometry.term.init_args.sigma": sigma}
        for value in (0.03, 0.01)
        for sigma in (0.5, 1.0)
    ]
    assert len(trials["l1"]) == len(trials["rm"]) == 4
    assert [entry["trial"] for entry in values["tuning"] if "failed" in entry] == [2, 4]
    assert values["chosen"]["rm"] == {"trial": 3, "changes": trials["rm"][2]}
    assert values["chosen"]["l1"]["trial"] == 3
    assert values["figures"]["hc_mm"]["reference"] == "rm"
    assert "verdict" not in values["figures"]["hc_mm"]["methods"]["rm"]
    assert "failed: RuntimeError" in (tmp_path / "cmp" / "comparison.html").read_text(encoding="utf-8")


def test_without_tuning_one_run_of_the_reference_states_the_smallest_difference(
    tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_jobs, "run_job", fake_job)
    values = medgauge.compare(["hc18_l1"], losses=["l1", "rm", "mse"], out=tmp_path / "c", changes=small, **ONE)
    assert [entry["name"] for entry in values["tuning"]] == ["l1-trial1"]
    assert values["chosen"]["rm"] == {"trial": None, "changes": {}}
    assert values["smallest_difference"]["hc_mm"]["from"] == "the reference's errors, taken as uncorrelated"
    assert values["smallest_difference"]["hc_mm"]["difference"] > 0


def test_a_method_joins_a_comparison_and_what_was_stated_stays(
    tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = list[str]()
    monkeypatch.setattr(compare_jobs, "run_job", lambda job: made.append(job.name) or fake_job(job))
    settings: dict[str, Any] = {"seeds": 1, "trials": 2, "out": tmp_path / "c", "changes": small}
    before = medgauge.compare(["hc18_l1"], losses=["l1", "rm"], **settings)
    made.clear()
    after = medgauge.compare(["hc18_l1"], losses=["l1", "rm", "mse"], **settings)
    assert made == ["mse-trial1", "mse-trial2", "mse-0"]
    assert after["smallest_difference"] == before["smallest_difference"]
    assert after["joined"] == ["mse"]
    assert after["looks"] == {"test": 3}
    assert {name: after["chosen"][name] for name in before["chosen"]} == before["chosen"]
    assert set(after["figures"]["hc_mm"]["methods"]) == {"l1", "rm", "mse"}


def test_the_smallest_difference_is_there_before_any_test_case_is_read(
    tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def looks(job: Job) -> Outcome:
        if job.trial is None:
            seen.append("smallest_difference" in values_of(tmp_path / "c"))
        return fake_job(job)

    monkeypatch.setattr(compare_jobs, "run_job", looks)
    medgauge.compare(["hc18_l1"], losses=["l1", "rm"], seeds=1, trials=2, out=tmp_path / "c", changes=small)
    assert seen == [True, True]


def judged(errors: dict[str, np.ndarray], reference: str, seeds: int = 3) -> Judged:
    """Runs of each method with these errors, the same for each seed; the last sixty of the cases are few.

    Labels are halves: of whole numbers kappa would be computed anew on each draw.
    """
    count = len(next(iter(errors.values())))
    region = ["many"] * (count - 60) + ["few"] * 60
    value = 0.5 + torch.from_numpy(np.stack(list(errors.values())))[:, None, :, None].expand(-1, seeds, -1, -1)
    run: dict[str, Any] = {"test": {"y": {"kind": "number", "predictor": "head"}, "space": {}}}
    return Judged(
        [str(row) for row in range(count)],
        ["y"],
        torch.full((count, 1), 0.5, dtype=torch.float64),
        [[name] for name in region],
        value,
        {name: [run] * seeds for name in errors},
        reference,
    )


def test_not_worse_needs_the_region_few_as_well() -> None:
    base = np.random.default_rng(0).uniform(8, 12, 300)
    base[-60:] *= 0.05
    worse_in_few = np.where(np.arange(300) < 240, base, base * 1.5)
    found = figures(judged({"l1": base, "few": worse_in_few, "same": base * 1.01}, "l1"), draws=400)["y"]["methods"]
    assert found["few"]["relative_ci95"][1] < 0.03
    assert found["few"]["by_region"]["few"]["relative_ci95"][1] > 0.10
    assert found["few"]["verdict"] == "worse"  # by its interval, which is all above 0
    tied = judged({"l1": base, "few": worse_in_few * np.where(np.arange(300) % 2, 0.94, 1.05), "same": base}, "l1")
    found = figures(tied, draws=400)["y"]["methods"]
    assert found["few"]["relative_ci95"][1] < 0.03
    assert found["few"]["verdict"] == "not shown"
    assert found["same"]["verdict"] == "not worse"
    assert found["same"]["p_holm"] == 1.0


@pytest.mark.parametrize(("seeds", "words"), [(1, "not decided: one seed"), (2, "not decided: two seeds")])
def test_fewer_than_three_seeds_say_neither_better_nor_worse(seeds: int, words: str) -> None:
    base = np.random.default_rng(0).uniform(8, 12, 300)
    made = judged({"l1": base, "half": base / 2, "twice": base * 2, "same": base}, "l1", seeds)
    methods = figures(made, draws=400)["y"]["methods"]
    assert {methods[name]["verdict"] for name in ("half", "twice", "same")} == {words}
    assert methods["half"]["p_holm"] < 0.05
    assert methods["half"]["difference_ci95"][1] < 0


def test_a_figure_where_higher_is_better_turns_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    errors = {"l1": random.integers(0, 3, 300) * 1.0, "good": random.integers(0, 2, 300) * 1.0}
    errors["bad"] = np.full(300, 2.0)
    for figures_of_kind, reference in (
        ({"accuracy": ACCURACY}, "l1"),
        ({"concordance_correlation": CONCORDANCE}, "l1"),
    ):
        monkeypatch.setitem(comparing_figures.FIGURES, "number", figures_of_kind)
        made = judged(errors, reference)
        label = torch.from_numpy(random.integers(0, 5, (300, 1)) * 1.0)
        made = replace(made, label=label, value=made.value - 0.5 + label)
        block = figures(made, draws=400)["y"]
        name = next(iter(figures_of_kind))
        methods = block["methods"]
        assert block["figure"] == name
        assert methods["good"][name] > methods["l1"][name] > methods["bad"][name]
        assert methods["good"]["difference"] > 0
        assert {one: methods[one]["verdict"] for one in ("good", "bad")} == {"good": "better", "bad": "worse"}
        by_seed = figures_of_kind[name].of(made.value[1, 0], label)
        assert methods["good"]["by_seed"] == pytest.approx(by_seed.tolist() * 3)


def test_grades_have_sets_and_drawn_kappas(tmp_path: Path) -> None:
    values = fake_comparison(tmp_path / "c", {"l1": 1.0, "rm": 0.5}, whole=True, kind="grade", cases=120).values
    block = values["figures"]["hc_mm"]
    assert (block["kind"], block["figure"]) == ("grade", "mae")
    for one in block["methods"].values():
        assert one["coverage"]["size"] is not None
        assert "width" not in one["coverage"]
        for name in ("quadratic_kappa", "accuracy", "within_one", "bias"):
            low, high = one[name]["ci95"]
            assert low <= one[name]["mean"] <= high
    better = block["methods"]["rm"]
    assert better["quadratic_kappa"]["difference_ci95"][0] > 0
    assert "difference_ci95" not in block["methods"]["l1"]["quadratic_kappa"]


def test_the_reference_need_not_be_the_first_and_mirrors_the_difference() -> None:
    base = np.random.default_rng(0).uniform(8, 12, 200)
    errors = {"l1": base, "rm": base * 0.8, "third": base * np.random.default_rng(1).uniform(0.7, 1.1, 200)}
    to_first, to_second = (figures(judged(errors, name), draws=300)["y"]["methods"] for name in ("l1", "rm"))
    one, other = to_first["rm"], to_second["l1"]
    assert one["difference"] == pytest.approx(-other["difference"])
    assert one["difference_ci95"] == pytest.approx([-end for end in reversed(other["difference_ci95"])])
    assert (one["verdict"], other["verdict"]) == ("better", "worse")
    assert to_second["third"]["difference_ci95"][0] < to_second["third"]["difference"] < 1.8
    assert "difference" not in to_second["rm"]


def test_every_trial_failing_ends_with_a_sentence(
    tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = {"failed": "RuntimeError: numbers too large"}
    monkeypatch.setattr(
        compare_jobs,
        "run_job",
        lambda job: Outcome({"name": job.name, "method": job.method, "seed": 0, "trial": job.trial, **failed}, None),
    )
    with pytest.raises(InputError, match="every tuning trial of l1 failed; the first: RuntimeError"):
        medgauge.compare(["hc18_l1"], losses=["l1", "rm"], seeds=1, trials=2, out=tmp_path / "c", changes=small)


def test_a_trial_that_fails_by_its_numbers_is_an_outcome_and_a_run_is_an_error(
    tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medgauge.comparing.jobs.fit", lambda *given, **settings: 1 / 0)
    outcome = compare_jobs.run_job(Job("a-trial1", "a", 0, 1, {}, tmp_path))
    assert outcome.entry["failed"] == (
        "something unforeseen stopped it, ZeroDivisionError (division by zero); --debug tells the whole trace"
    )
    with pytest.raises(InputError, match="the run a-0 failed: something unforeseen stopped it, ZeroDivisionError"):
        compare_jobs.run_job(Job("a-0", "a", 0, None, {}, tmp_path))


def test_other_test_cases_are_refused(tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def differs(job: Job) -> Outcome:
        outcome = fake_job(job)
        assert outcome.cases is not None
        if job.name == "rm-0":
            outcome.cases["id"][0] = "another"
        return outcome

    monkeypatch.setattr(compare_jobs, "run_job", differs)
    with pytest.raises(InputError, match="the cases of rm-0 are not those of the other runs"):
        medgauge.compare(["hc18_l1"], losses=["l1", "rm"], out=tmp_path / "c", changes=small, **ONE)


def test_run_folders_are_kept_when_asked(tmp_path: Path, small: dict[str, Any]) -> None:
    values = medgauge.compare(
        ["hc18_l1"], losses=["l1", "mse"], out=tmp_path / "c", changes=small, keep_runs=True, **ONE
    )
    runs = tmp_path / "c" / "runs"
    assert {path.name for path in runs.iterdir()} == {"l1-trial1", "l1-0", "mse-0"}
    frame = pandas.read_csv(runs / "mse-0" / "predictions.csv", dtype={"id": str}).query("split == 'test'")
    ours = pandas.read_csv(tmp_path / "c" / "predictions.csv", dtype={"id": str}).set_index("id")["mse-0"]
    assert ours[frame["id"]].to_numpy() == pytest.approx(frame["value_hc_mm"].to_numpy(), rel=1e-7)
    assert not (runs / "mse-0" / "report.html").exists()
    assert write_report(runs / "mse-0", images=False).exists()
    assert medgauge.load(runs / "mse-0").results["looks"] == {"test": 1}
    assert len(values["runs"]) == 2
    compared = medgauge.compare([runs / "l1-0", runs / "mse-0"], out=tmp_path / "again")
    for name, other in (("l1", "l1-0"), ("mse", "mse-0")):
        one, same = (part["figures"]["hc_mm"]["methods"] for part in (values, compared))
        assert one[name]["mae"] == pytest.approx(same[other]["mae"], rel=1e-12)
        assert one[name]["ci95"] == pytest.approx(same[other]["ci95"], rel=1e-12)
    page = (tmp_path / "again" / "comparison.html").read_text(encoding="utf-8")
    assert "made apart from each other" in page
    assert "One seed a method" in page
    assert compared["notes"] == []
    with (runs / "l1-0" / "recipe.yaml").open("a") as file:
        file.write("# edited\n")
    (runs / "mse-0" / "digests.json").unlink()
    edited, unsealed = medgauge.compare([runs / "l1-0", runs / "mse-0"], out=tmp_path / "edited")["notes"]
    assert f"{runs / 'l1-0' / 'recipe.yaml'} is not as it was written" in edited
    assert f"digests.json of {runs / 'mse-0'} is missing" in unsealed
    results = json.loads((runs / "mse-0" / "results.json").read_text())
    del results["val"]  # as a fold of frozen features, of which nothing is trained
    (runs / "mse-0" / "results.json").write_text(json.dumps(results))
    with pytest.raises(InputError, match="mse-0 has no validation cases, as a fold of frozen features"):
        medgauge.compare([runs / "l1-0", runs / "mse-0"], out=tmp_path / "fold")


def test_runs_with_different_splits_are_refused(
    finished: "medgauge.Run", tmp_path: Path, small: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {**small, "data.resplit": True, "seed": 1}
    other = medgauge.fit("hc18_l1", out=tmp_path / "other", changes=changes, report=False)
    first = str(finished.folder.path)
    refuse(capsys, [first, str(other.folder.path)], "has not read its test split", "medgauge evaluate")
    other.look("test", images=False)
    refuse(capsys, [first, str(other.folder.path)], "have different test cases", "same splits")
    refuse(capsys, [first, "hc18_l1"], "is a folder and hc18_l1 is not")
    refuse(capsys, [first, first], "at least two run folders")
    refuse(capsys, [first, str(other.folder.path), "--seed", "1"], "compared as they are")
    refuse(capsys, [first, str(tmp_path)], "not whole")


def refuse(capsys: pytest.CaptureFixture[str], words: list[str], *expected: str) -> None:
    nowhere = Path(mkdtemp()) / "nowhere"  # tests beside this one make and remove folders too
    out = [] if "--out" in words else ["--out", str(nowhere)]
    assert main(["compare", *words, *out]) == 1
    said = capsys.readouterr().err
    for part in expected:
        assert part in said, said
    assert said.count("\n") == 1
    assert not nowhere.exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["hc18_l1", "--losses", "l1,rmm"], ["there is no recipe 'rmm'", "did you mean rm?"]),
        (["hc18_l1", "hc18_rn"], ["there is no recipe 'hc18_rn'", "did you mean hc18_rm"]),
        (["hc18_l1"], ["at least two methods, got hc18_l1"]),
        ([], ["at least two methods, got none"]),
        (["hc18_l1", "hc18_l1"], ["two methods are called hc18_l1"]),
        (["hc18_l1", "hc18_rm", "--losses", "l1,rm"], ["one base recipe, got 2"]),
        (["hc18_l1", "hc18_demo"], ["hc18_l1 and hc18_demo cannot be compared", "data.label_times", "training.steps is 800"]),
        (["hc18_l1", "--losses", "l1,rm", "--reference", "l2"], ["reference 'l2'", "did you mean l1?"]),
        (["hc18_l1", "--losses", "l1,rm", "--seeds", "0"], ["--seeds must be >= 1, got 0"]),
        (["hc18_l1", "--losses", "l1,rm", "--trials", "0"], ["--trials must be >= 1, got 0"]),
        (["hc18_l1", "--losses", "l1,rm", "--workers", "0"], ["--workers must be >= 1 or auto, got 0"]),
        (["hc18_demo", "--losses", "l1,rm"], ["equal steps", "--training.steps"]),
        (["hc18_l1", "--losses", "l1,rm", "--training.devices", "2"], ["one device"]),
        (["--losses", "l1,rm"], ["a table (--table cases.csv)", "--group patient_id"]),
        (["hc18_l1", "--losses", "l1,rm", "--training.steps", "0"], ["training.steps must be >= 1, got 0"]),
        (["hc18_l1", "--losses", "l1,rm", "--grid", "optimiser.weight_decay=0.1"], ["two values or more"]),
        (["hc18_l1", "--losses", "l1,rm", "--grid", "optimiser.weight_decay=0.1,0.01"], ["multiple of the 2 values", "got 3"]),
        (["hc18_l1", "--losses", "l1,rm", "--grid", "r:a.b=1,2"], ["'r' is none of the methods", "did you mean rm?"]),
        (["hc18_l1", "--losses", "l1,rm", "--trials", "2", "--grid", "training.steps=1,2"], ["must be equal", "training.steps"]),
        (["hc18_l1", "--losses", "l1,rm", "--trials", "2", "--grid", "objective.isometry.term.init_args.sigma=1,2"],
         ["--grid for l1", "METHOD:setting"]),
        (["hc18_l1", "--losses", "l1,rm", "--data.resplit", "true", "--data.shares", "{train: 0.8, val: 0.2}"], ["test cases"]),
        (["hc18_l1", "--losses", "l1,rm", "--training.batch_size", "5000"], ["l1 cannot be trained on these cases", "5000"]),
    ],
)  # fmt: skip
def test_wrong_commands_end_with_a_sentence(
    capsys: pytest.CaptureFixture[str], words: list[str], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_jobs, "run_job", None)
    refuse(capsys, words, *expected)


def test_a_method_for_one_target_is_refused_before_any_run(
    tmp_path: Path, hc18_table: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_jobs, "run_job", None)
    term = {"class_path": "tests.comparing.test_compare.OneTarget"}
    (tmp_path / "single.yaml").write_text(yaml.safe_dump({"objective": {"error": {"term": term}}}))
    columns = {"table": str(hc18_table), "image": "path", "label": ["hc_mm", "pixel_size_mm"], "group": "patient_id"}
    with pytest.raises(InputError, match="single cannot be trained on these cases: .*one target, got 2"):
        medgauge.compare([], losses=["l1", tmp_path / "single.yaml"], out=tmp_path / "c", changes=small, **columns)
    assert not (tmp_path / "c").exists()


def test_what_decides_nothing_in_either_method_may_differ(hc18_table: Path) -> None:
    columns = {"data.table": str(hc18_table), "data.image": "path", "data.label": ["hc_mm"], "data.group": "patient_id"}
    methods = build_methods(method_values(["l1", "frozen"], [], columns | {"represent.name": "frozen"}))
    assert methods["l1"].augmentation != methods["frozen"].augmentation
    with pytest.raises(InputError, match=r"l1 and frozen cannot be compared: .*augmentation\."):
        build_methods(method_values(["l1", "frozen"], [], columns))


def test_methods_that_learn_nothing_have_an_encoder_and_one_trial(tmp_path: Path, hc18_table: Path) -> None:
    columns = {"data.table": str(hc18_table), "data.image": "path", "data.label": ["hc_mm"], "data.group": "patient_id"}
    own = load_values("frozen") | {"prediction": {"predictor": "neighbours"}}
    (tmp_path / "votes.yaml").write_text(yaml.safe_dump(own))
    values = method_values(["frozen", tmp_path / "votes.yaml"], [], {**columns, "image.size": [16, 16]})
    methods = build_methods(values)
    study = load_study(methods["frozen"])
    plan = make_plan(methods, study, seeds=1, trials=3, grid=[], reference=None)
    assert {name: one.model.encoder.name for name, one in plan.methods.items()} == {"frozen": "lite0", "votes": "lite0"}
    assert plan.trials == {"frozen": [{}], "votes": [{}]}
    with pytest.raises(
        InputError, match=r"--grid for frozen: optimiser\.clip has no effect with model\.neck standardised"
    ):
        make_plan(methods, study, seeds=1, trials=2, grid=["optimiser.clip=1,2"], reference=None)


def test_two_targets_and_a_users_own_term_are_compared(tmp_path: Path, hc18_table: Path, small: dict[str, Any]) -> None:
    term = {"class_path": "tests.comparing.test_compare.Breaks"}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"objective": {"error": {"term": term}}}))
    columns = {"table": str(hc18_table), "image": "path", "label": ["hc_mm", "pixel_size_mm"], "group": "patient_id"}
    values = medgauge.compare(
        [], losses=["l1", tmp_path / "own.yaml"], out=tmp_path / "c", changes=small, **columns, **ONE
    )
    assert set(values["figures"]) == {"hc_mm", "pixel_size_mm", "space"}
    frame = pandas.read_csv(tmp_path / "c" / "predictions.csv")
    assert {"l1-0 hc_mm", "own-0 pixel_size_mm", "label_pixel_size_mm", "region_pixel_size_mm"} <= set(frame.columns)
    error = (frame["own-0 pixel_size_mm"] - frame["label_pixel_size_mm"]).abs().mean()
    assert values["figures"]["pixel_size_mm"]["methods"]["own"]["mae"] == pytest.approx(error, rel=1e-6)
    assert len(frame) == values["runs"][0]["cases"]["test"]["cases"] < 60


def test_a_method_brings_what_makes_it_and_leaves_the_rest() -> None:
    base = {
        "data": {"table": "t", "label_scaling": "min_max"}, "weights": {"scheme": "inverse"}, "sampler": {"name": "balanced"},
        "model": {"encoder": {"width": 0.5}, "embedding": 32, "head": "none"}, "training": {"steps": 7},
        "prediction": {"predictor": "neighbours", "level": 0.8}, "claim": {"source": "base"}, "objective": {"a": 1},
    }  # fmt: skip
    method = {
        "data": {"label_scaling": "log2", "table": "other"}, "model": {"encoder": {"width": 2.0}, "neck": "feature_smoothing"},
        "objective": {"b": 2}, "training": {"steps": 9}, "claim": {"source": "method"},
    }  # fmt: skip
    assert laid_over(base, method) == {
        "data": {"table": "t", "label_scaling": "log2"},
        "model": {"encoder": {"width": 0.5}, "embedding": 32, "neck": "feature_smoothing"},
        "training": {"steps": 7}, "objective": {"b": 2}, "claim": {"source": "method"},
        "prediction": {"level": 0.8, "predictor": "auto"},
    }  # fmt: skip
    assert laid_over(base, {"objective": {"b": 2}})["data"]["label_scaling"] == "min_max"
    assert base["model"] == {"encoder": {"width": 0.5}, "embedding": 32, "head": "none"}


def test_recipes_that_differ_in_the_method_alone_are_equal_enough() -> None:
    found = build_methods(method_values(["hc18_l1", "hc18_mse", "hc18_rm_l1"], [], {"training.steps": 5}))
    assert [recipe.training.steps for recipe in found.values()] == [5, 5, 5]
    assert {recipe.data.test_seed for recipe in found.values()} == {0}
    assert found["hc18_l1"].optimiser != found["hc18_rm_l1"].optimiser  # tuned for each method


def test_learning_rates_are_tried_around_the_recipes() -> None:
    assert factors(1) == [1.0]
    assert factors(5) == pytest.approx([1, 1 / 3, 3, 1 / 9, 9])


def test_plain_methods_come_with_medgauge() -> None:
    for name in ("l1", "mse", "rm", "rm_l1"):
        values = load_values(name)
        assert "data" not in values
        assert values["claim"]["source"]


def test_a_stop_between_runs_keeps_what_is_done(
    tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(job: Job) -> Outcome:
        if job.name == "rm-0":
            raise KeyboardInterrupt
        return fake_job(job)

    monkeypatch.setattr(compare_jobs, "run_job", interrupted)
    with pytest.raises(Stopped, match="stopped after 1 of 2 runs"):
        medgauge.compare(["hc18_l1"], losses=["l1", "rm"], out=tmp_path / "c", changes=small, **ONE)
    assert [run["name"] for run in values_of(tmp_path / "c")["runs"]] == ["l1-0"]


def test_global_random_numbers_are_left_alone(
    tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_jobs, "run_job", fake_job)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    medgauge.compare(["hc18_l1"], losses=["l1", "rm"], out=tmp_path / "c", changes=small, **ONE)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.slow
def test_several_processes_make_the_same_runs(tmp_path: Path, small: dict[str, Any]) -> None:
    flags = [f"--{place}={value}" for place, value in small.items()]
    words = [
        sys.executable,
        "-m",
        "medgauge",
        "compare",
        "hc18_l1",
        "--losses",
        "l1,rm",
        "--seeds",
        "1",
        "--trials",
        "1",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for name, workers in (("one", "1"), ("two", "2")):
        command = [*words, "--workers", workers, "--out", str(tmp_path / name), *flags]
        subprocess.run(command, check=True, env=environment, capture_output=True)
    assert (tmp_path / "one" / "table.md").read_bytes() == (tmp_path / "two" / "table.md").read_bytes()
    one, two = (pandas.read_csv(tmp_path / name / "predictions.csv").sort_index(axis=1) for name in ("one", "two"))
    pandas.testing.assert_frame_equal(one, two)
