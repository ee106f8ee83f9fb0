"""Comparisons over folds, partitions and seeds: what is fitted, what is pooled, and what may be said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import medgauge
from medgauge.cli import main
from medgauge.comparing import figures as comparing_figures
from medgauge.comparing import jobs as compare_jobs
from medgauge.comparing.crossed import Bundle, run_bundle
from medgauge.comparing.jobs import Job, Outcome
from medgauge.comparing.plan import build_methods, make_plan, method_values
from medgauge.comparing.trying import try_methods
from medgauge.core.errors import InputError
from medgauge.study import load_study
from tests.fitting.small_study import COLUMNS, SMALL, make_table

CHANGES = {**SMALL, "training.steps": 2, "training.batch_size": 4, "training.evaluations": 1}
BIAS = {"l1": 4.0, "mse": 1.0, "rm": 4.0, "frozen": 1.0}


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures that are computed anew on each draw take long, and none is looked at here."""
    monkeypatch.setattr(comparing_figures, "ANEW", 20)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 cases of 24 patients."""
    return make_table(tmp_path_factory.mktemp("crossed") / "tiny", groups=24)


def folds_of(table: Path, seed: int, folds: int) -> dict[str, int]:
    """The fold of every case, by the data layer."""
    from medgauge.data.tables.splits import make_folds

    frame = pandas.read_csv(table)
    found = make_folds(frame["patient"].tolist(), frame[["age"]].to_numpy(), folds=folds, seed=seed)
    return dict(zip(frame["path"], found, strict=True))


class Fits:
    """Stands in for the fits: the errors follow from method, partition, seed and case; what was asked for is kept."""

    def __init__(self, table: Path) -> None:
        self.table, self.jobs = table, list[Job]()

    def value(self, job: Job, row: int) -> float:
        """Age plus the bias of the method, a part of the partition, one of the seed and one of the case, of rm a larger one."""
        data, of_case = job.values["data"], 0.03 if job.method == "rm" else 0.01
        return BIAS[job.method] + 0.5 * data["test_seed"] + 0.25 * job.seed + of_case * row

    def __call__(self, job: Job) -> Outcome:
        self.jobs.append(job)
        frame, data = pandas.read_csv(self.table), job.values["data"]
        fold = folds_of(self.table, data["test_seed"], data["folds"])
        left_out = [row for row, path in enumerate(frame["path"]) if fold[path] == data["fold"]]
        rows = left_out if job.trial is None else [row for row in range(len(frame)) if row not in left_out][:6]
        size = (2.0, 1.0, 3.0)[job.trial - 1] if job.trial else 1.0
        block = {"kind": "number", "predictor": "head", "mae": size, "baselines": {"median": {"mae": 4.0}}}
        entry: dict[str, Any] = {"name": job.name, "method": job.method, "seed": job.seed, "wall": 0.0}
        entry |= {"partition": data["test_seed"], "fold": data["fold"]} | ({"trial": job.trial} if job.trial else {})
        entry |= {"val" if job.trial else "test": {"age": block, "space": {"d5": 1.0 + data["fold"], "rv": 0.5}}}
        cases = {"id": frame["path"][rows].tolist(), "group": frame["patient"][rows].tolist()}
        cases |= {"label_age": frame["age"][rows].tolist()}
        cases |= {"value_age": [frame["age"][row] + self.value(job, row) for row in rows]}
        return Outcome(entry, cases)


@pytest.fixture
def fits(table: Path, monkeypatch: pytest.MonkeyPatch) -> Fits:
    stand_in = Fits(table)
    monkeypatch.setattr(compare_jobs, "run_job", stand_in)
    return stand_in


def compare(table: Path, out: Path, methods: list[str], **settings: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"folds": 3, "partitions": 2, "seeds": 2, "trials": 1, **settings}
    return medgauge.compare(["default"], losses=methods, table=str(table), out=out, changes=CHANGES, **given, **COLUMNS)


def test_every_case_is_read_once_a_partition_and_seed_by_a_model_that_left_it_out(
    table: Path, tmp_path: Path, fits: Fits
) -> None:
    values = compare(table, tmp_path / "c", ["l1", "mse"], seeds=3)
    asked = [(job.method, job.values["data"]["test_seed"], job.values["data"]["fold"], job.seed) for job in fits.jobs]
    assert sorted(asked) == [(m, p, f, s) for m in ("l1", "mse") for p in (0, 1) for f in (0, 1, 2) for s in (0, 1, 2)]
    frame = pandas.read_csv(tmp_path / "c" / "predictions.csv", dtype={"id": str}).set_index("id")
    assert len(frame) == 48
    for partition in (0, 1):
        fold = folds_of(table, partition, 3)
        for seed in (0, 1, 2):
            read = frame[[f"l1-p{partition}-f{own}-s{seed}" for own in range(3)]].notna()
            assert [list(row).index(True) for row in read.to_numpy()] == [fold[case] for case in frame.index]
            assert (read.sum(axis=1) == 1).all()
    block = values["figures"]["age"]
    assert block["parts"]["all"] == {"n": 48, "groups": 24}
    expected = 4.0 + 0.5 * 0.5 + 0.25 * 1 + 0.01 * 23.5  # means over partitions 0 and 1, seeds 0 to 2, rows 0 to 47
    assert block["methods"]["l1"]["mae"] == pytest.approx(expected, abs=1e-6)
    by_seed = [4.0 + 0.5 * p + 0.25 * s + 0.01 * 23.5 for p in (0, 1) for s in (0, 1, 2)]
    assert block["methods"]["l1"]["by_seed"] == pytest.approx(by_seed, abs=1e-6)
    assert block["methods"]["l1"]["bias"]["mean"] == pytest.approx(expected, abs=1e-6)
    assert block["methods"]["l1"]["bias"]["sd"] == pytest.approx(np.std(by_seed, ddof=1), abs=1e-6)
    assert block["methods"]["mse"]["difference"] == pytest.approx(-3.0, abs=1e-6)
    assert block["methods"]["mse"]["verdict"] == "better"
    assert values["figures"]["space"]["l1"]["d5"]["mean"] == pytest.approx(2.0)
    assert values["looks"] == {"test": 0}


def test_the_smallest_difference_is_stated_by_the_spread_of_the_groups_differences(
    table: Path, tmp_path: Path, fits: Fits
) -> None:
    values = compare(table, tmp_path / "c", ["l1", "rm"])
    frame = pandas.read_csv(table)
    part = (0.02 * (pandas.Series(frame.index) - 23.5)).groupby(frame["patient"]).sum() * 24 / 48
    expected = (1.959964 + 0.841621) * part.std(ddof=0) / 24**0.5
    stated = values["smallest_difference"]["age"]
    assert stated["difference"] == pytest.approx(expected, rel=0.04)  # 10,000 draws
    assert (stated["level"], stated["power"], stated["groups"]) == (0.95, 0.8, 24)
    assert stated["relative"] == pytest.approx(stated["difference"] / values["figures"]["age"]["methods"]["l1"]["mae"])
    words = (tmp_path / "c" / "table.md").read_text(encoding="utf-8")
    said = (
        "Smallest difference that could be shown, by the spread of the paired differences alone, whatever their mean: "
    )
    assert words.index(said) < words.index("| method |")
    page = (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")
    lead = page[page.index('id="question"') : page.index("</div>", page.index('id="question"'))]
    assert "The smallest difference that these cases could show, by the spread" in lead


def test_trials_are_made_in_each_outer_training_part_and_their_best_serves_its_runs(
    table: Path, tmp_path: Path, fits: Fits
) -> None:
    values = compare(table, tmp_path / "c", ["l1", "mse"], partitions=1, seeds=1, trials=3)
    rates = [one["optimiser.learning_rate"] for one in values["settings"]["trials"]["l1"]]
    assert len(set(rates)) == 3
    for fold in range(3):
        own = [job for job in fits.jobs if job.method == "l1" and job.values["data"]["fold"] == fold]
        assert [job.trial for job in own] == [1, 2, 3, None]
        assert [job.values["optimiser"]["learning_rate"] for job in own] == [*rates, rates[1]]
        assert [job.seed for job in own] == [1000, 1000, 1000, 0]
        assert values["chosen"][f"l1-p0-f{fold}"]["trial"] == 2
    page = (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")
    assert "2, partition 0, fold 1" in page
    assert "No <strong>test</strong> split was read" in page


def test_a_bundle_in_which_every_trial_fails_ends_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        compare_jobs,
        "run_job",
        lambda job: Outcome({"name": job.name, "trial": job.trial, "failed": "too large"}, None),
    )
    trials = [Job(f"rm-p0-f0-trial{trial}", "rm", 1000, trial, {}, tmp_path, (0, 0)) for trial in (1, 2)]
    with pytest.raises(InputError, match="every tuning trial of rm failed; the first: too large"):
        run_bundle(Bundle("rm-p0-f0", "rm", [{"a.b": 1}, {"a.b": 2}], trials, []))


def test_a_fold_that_cannot_be_fitted_is_told_before_any_run(table: Path) -> None:
    columns = {"data.image": "path", "data.label": ["age"], "data.group": "patient", "data.table": str(table)}
    settings = {**columns, **CHANGES}
    methods = build_methods(method_values(["l1", "mse"], [], {**settings, "data.folds": 2, "data.fraction": 0.05}))
    study = load_study(next(iter(methods.values())))
    plan = make_plan(methods, study, seeds=1, trials=1, grid=(), reference=None, partitions=2)
    try_methods(plan, [])  # nothing of which is new
    with pytest.raises(InputError, match="fold 1 of 2"):
        try_methods(plan, ["l1", "mse"])


def test_what_every_seed_makes_the_same_is_made_once_a_fold_and_decided_by_three_partitions(
    table: Path, tmp_path: Path, fits: Fits
) -> None:
    shared: dict[str, Any] = {"partitions": 2, "seeds": 3, "reference": "l1"}
    two = medgauge.compare(
        ["frozen"],
        losses=["frozen", "l1"],
        table=str(table),
        out=tmp_path / "two",
        folds=2,
        trials=2,
        **shared,
        **COLUMNS,
    )
    made = [job.seed for job in fits.jobs if job.method == "frozen"]
    assert made == [0] * 4  # two partitions of two folds, and no trial
    assert len([job for job in fits.jobs if job.method == "l1"]) == 4 * (2 + 3)
    methods = two["figures"]["age"]["methods"]
    assert methods["frozen"]["verdict"] == "not decided: two partitions"
    assert len(methods["frozen"]["by_seed"]) == 2
    assert methods["frozen"]["mae"] == pytest.approx(1.0 + 0.25 + 0.01 * 23.5, abs=1e-6)
    assert methods["l1"]["mae"] == pytest.approx(4.0 + 0.25 + 0.25 + 0.01 * 23.5, abs=1e-6)
    shared |= {"partitions": 3, "seeds": 1}
    three = medgauge.compare(
        ["frozen"],
        losses=["frozen", "l1"],
        table=str(table),
        out=tmp_path / "three",
        folds=2,
        trials=1,
        **shared,
        **COLUMNS,
    )
    assert three["figures"]["age"]["methods"]["frozen"]["verdict"] == "better"


def test_what_is_missing_to_decide_is_said(table: Path, tmp_path: Path, fits: Fits) -> None:
    values = compare(table, tmp_path / "c", ["l1", "mse"], partitions=3, seeds=2)
    assert values["figures"]["age"]["methods"]["mse"]["verdict"] == "not decided: two seeds"
    words = (tmp_path / "c" / "table.md").read_text(encoding="utf-8")
    assert "48 cases of 24 groups, out of fold, 3 partitions into 3 folds, 2 seeds a method" in words
    assert "partitions and seeds are drawn with replacement, crossed" in words


def test_the_same_command_again_fits_nothing(table: Path, tmp_path: Path, fits: Fits) -> None:
    compare(table, tmp_path / "c", ["l1", "mse"])
    before, count = {path.name: path.read_bytes() for path in (tmp_path / "c").iterdir()}, len(fits.jobs)
    compare(table, tmp_path / "c", ["l1", "mse"])
    assert len(fits.jobs) == count == 2 * 2 * 3 * 2
    assert {path.name: path.read_bytes() for path in (tmp_path / "c").iterdir()} == before
    values = json.loads(before["comparison.json"])
    assert (values["settings"]["folds"], values["settings"]["partitions"]) == (3, [0, 1])


def test_a_stop_keeps_the_training_parts_that_are_done(
    table: Path, tmp_path: Path, fits: Fits, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(job: Job) -> Outcome:
        if len(fits.jobs) == 5:
            raise KeyboardInterrupt
        return fits(job)

    monkeypatch.setattr(compare_jobs, "run_job", stops)
    with pytest.raises(InputError, match="stopped after 2 of 12 training parts; the same command goes on"):
        compare(table, tmp_path / "c", ["l1", "mse"])
    monkeypatch.setattr(compare_jobs, "run_job", fits)
    compare(table, tmp_path / "c", ["l1", "mse"])
    assert len(fits.jobs) == 5 + 2 * 10
    compare(table, tmp_path / "whole", ["l1", "mse"])
    for name in ("predictions.csv", "comparison.csv", "table.md"):
        assert (tmp_path / "c" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_further_method_joins_and_nothing_is_fitted_again(table: Path, tmp_path: Path, fits: Fits) -> None:
    compare(table, tmp_path / "c", ["l1", "mse"], trials=2)
    fits.jobs.clear()
    values = compare(table, tmp_path / "c", ["l1", "mse", "rm"], trials=2)
    assert {job.method for job in fits.jobs} == {"rm"}
    assert len(fits.jobs) == 2 * 3 * (2 + 2)
    assert values["joined"] == ["rm"]
    words = (tmp_path / "c" / "table.md").read_text(encoding="utf-8")
    assert "rm joined when the figures of the others were there" in words
    at_once = compare(table, tmp_path / "all", ["l1", "mse", "rm"], trials=2)
    assert values["figures"] == at_once["figures"]
    assert "joined" not in at_once
    fits.jobs.clear()
    assert compare(table, tmp_path / "c", ["l1", "mse", "rm"], trials=2)["joined"] == ["rm"]
    assert fits.jobs == []


@pytest.mark.parametrize(("changed", "words"), [
    ({"seeds": 3}, r"rm cannot join .*seeds is \[0, 1\] there and \[0, 1, 2\] here.*its own command with that recipe more"),
    ({"partitions": 3}, "rm cannot join .*partitions is"),
    ({"folds": 2}, "rm cannot join .*folds is 3 there and 2 here"),
    ({"trials": 2}, "rm cannot join .*trials"),
    ({"reference": "rm"}, "rm cannot join .*reference is"),
])  # fmt: skip
def test_a_method_with_other_flags_does_not_join(
    table: Path, tmp_path: Path, fits: Fits, changed: dict[str, Any], words: str
) -> None:
    compare(table, tmp_path / "c", ["l1", "mse"], partitions=1)
    before, count = {path.name: path.read_bytes() for path in (tmp_path / "c").iterdir()}, len(fits.jobs)
    with pytest.raises(InputError, match=words):
        compare(table, tmp_path / "c", ["l1", "mse", "rm"], **{"partitions": 1, **changed})
    assert {path.name: path.read_bytes() for path in (tmp_path / "c").iterdir()} == before
    assert len(fits.jobs) == count
    with pytest.raises(InputError, match=r"holds another comparison .*methods\.mse differs"):
        compare(table, tmp_path / "c", ["l1", "rm"], partitions=1)


@pytest.mark.parametrize(("words", "expected"), [
    (["--folds", "50"], "folds"),
    (["--folds", "1"], "data.folds must be >= 2"),
    (["--partitions", "2"], "--partitions 2 needs folds that the cases are cut into: give --folds"),
    (["--folds", "3", "--partitions", "0"], "--partitions must be >= 1, got 0"),
    (["--folds", "3", "--data.fold", "1"], "leave data.fold out"),
    (["--folds", "3", "--shard", "9/8"], "--shard counts from 1 to the number of shards (1/8 to 8/8), got 9/8"),
    (["--folds", "3", "--shard", "0/8"], "(1/8 to 8/8), got 0/8"),
    (["--folds", "3", "--shard", "0/0"], "got 0/0"),
    (["--folds", "3", "--shard", "2"], "--shard must be a number and of how many (2/8), got '2'"),
    (["--folds", "3", "--shard=-1/8"], "(2/8), got '-1/8'"),
    (["--folds", "3", "--shard", "1.5/8"], "(2/8), got '1.5/8'"),
    (["--shard", "1/2"], "--shard 1/2 needs --folds: without folds no run reads the test split"),
])  # fmt: skip
def test_wrong_commands_end_with_a_sentence(
    table: Path, tmp_path: Path, fits: Fits, capsys: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    given = [
        "--table",
        str(table),
        "--image",
        "path",
        "--label",
        "age",
        "--group",
        "patient",
        "--out",
        str(tmp_path / "c"),
    ]
    assert main(["compare", "--losses", "l1,mse", *given, *words]) == 1
    said = capsys.readouterr().err
    assert expected in said
    assert said.count("\n") == 1
    assert not (tmp_path / "c").exists()
    assert fits.jobs == []


def test_real_fits_of_two_folds_are_those_of_fit(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "c"
    compare(table, out, ["l1", "mse"], folds=2, partitions=1, seeds=1, keep_runs=True)
    frame = pandas.read_csv(out / "predictions.csv", dtype={"id": str}).set_index("id")
    assert frame[["mse-p0-f0-s0", "mse-p0-f1-s0"]].notna().sum(axis=1).eq(1).all()
    run = medgauge.load(out / "runs" / "mse-p0-f1-s0")
    assert (run.recipe.data.folds, run.recipe.data.fold) == (2, 1)
    own = pandas.read_csv(out / "runs" / "mse-p0-f1-s0" / "predictions.csv", dtype={"id": str}).query("split == 'test'")
    assert len(own) == 24
    assert frame.loc[own["id"], "mse-p0-f1-s0"].to_numpy() == pytest.approx(own["value_age"].to_numpy(), rel=1e-7)
