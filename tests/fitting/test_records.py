"""Findings that are read by different predictors: over folds, to predictions, new cases, evaluation and the page."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import medgauge
from medgauge.runfolder import RunFolder
from medgauge.runs.load import load_fit

FINDINGS = ["line", "ring", "rare"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finding that logistic regression tells, one that only neighbours and the kernel can, and a rare one."""
    random, path = np.random.default_rng(0), tmp_path_factory.mktemp("findings") / "labels.csv"
    x = random.normal(size=(300, 3))
    frame = pandas.DataFrame(
        {"case": [f"c{row}" for row in range(300)], "patient": [f"p{row // 2}" for row in range(300)]}
    )
    frame["line"] = (x[:, 0] + random.normal(0, 0.15, 300) > 0).astype(int)
    frame["ring"] = (np.hypot(x[:, 1], x[:, 2]) > 1.2).astype(int)
    frame["rare"] = (np.arange(300) % 37 == 0).astype(int)
    frame.to_csv(path, index=False)
    frame[["case"]].assign(**{f"x{place}": x[:, place] for place in range(3)}).to_csv(
        path.parent / "x.csv", index=False
    )
    return path


def fit(table: Path, out: Path, **changes: Any) -> medgauge.Run:
    changes = {"represent.name": "table", "represent.source": [str(table.parent / "x.csv")], **changes}
    return medgauge.fit(
        table=str(table), label=FINDINGS, group="patient", id="case", folds=3, out=out, changes=changes, report=True
    )


@pytest.fixture(scope="module")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> medgauge.Run:
    return fit(table, tmp_path_factory.mktemp("records") / "run")


def predictions(run: medgauge.Run) -> pandas.DataFrame:
    return pandas.read_csv(run.folder.path / "predictions.csv")


def saved(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "predictors.json").read_text())["tasks"]["finding"]
    return found


def test_each_finding_has_the_predictor_that_reads_it_best(run: medgauge.Run) -> None:
    block = run.results["out_of_fold"]
    assert {name: block[name]["predictor"] for name in ("line", "ring")} == {"line": "logistic", "ring": "kernel"}
    for name in ("line", "ring"):
        raw = block[name]["by_predictor"]
        assert raw[block[name]["predictor"]]["log_loss"] == min(one["log_loss"] for one in raw.values())
        assert [one["predictor"] for one in block[name]["by_fold"]] == [block[name]["predictor"]] * 3
    for fold in range(3):
        own = saved(run.folder.path / f"fold-{fold}")
        assert "rare" not in own["records"]  # of too few patients
        assert {own["record"], *own["records"].values()} == {"logistic", "kernel"}


def test_values_and_evidence_are_those_of_the_finding_s_own_predictor(run: medgauge.Run) -> None:
    cases, gallery = predictions(run), pandas.read_csv(run.folder.path / "gallery.csv").set_index("row")
    for name in FINDINGS:
        by = cases[f"predictor_{name}"]
        own = np.array([cases.loc[row, f"{by[row]}_{name}"] for row in cases.index])
        np.testing.assert_allclose(cases[f"uncalibrated_{name}"], own, atol=1e-9)
    for row in range(5):
        neighbours, weights = (json.loads(cases.loc[row, key]) for key in ("neighbours", "weights_ring"))
        assert len(neighbours) == len(weights) == len(json.loads(cases.loc[row, "weights_line"]))
        present = json.loads(cases.loc[row, "nearest_present_ring"])
        assert all(gallery.loc[gallery["id"] == one[0], "label_ring"].item() == 1 for one in present)


def test_the_choice_of_a_fold_rests_on_none_of_its_groups(run: medgauge.Run) -> None:
    cases = predictions(run)
    for fold in range(3):
        tuned = load_fit(RunFolder(run.folder.path / f"fold-{fold}")).readers[0].tuned
        assert not set(tuned.gallery.group) & set(cases.loc[cases["fold"] == fold, "group"])
        assert tuned.task.records(tuned.predictors, tuned.gallery, tuned.record) == tuned.records
        assert len(set(tuned.records)) > 1


def test_loaded_and_new_cases_are_read_alike(run: medgauge.Run, table: Path, tmp_path: Path) -> None:
    frame = pandas.read_csv(table).head(6).drop(columns=FINDINGS).assign(patient="new")
    frame.to_csv(tmp_path / "new.csv", index=False)
    source = table.parent / "x.csv"
    first = medgauge.predict(run, tmp_path / "new.csv", source=source)
    again = medgauge.load(run.folder.path).predict(tmp_path / "new.csv", source=source)
    pandas.testing.assert_frame_equal(first, again)
    folds = [medgauge.load(run.folder.path / f"fold-{fold}") for fold in range(3)]
    alone = [one.predict(tmp_path / "new.csv", source=source) for one in folds]
    for name in ("line", "ring"):
        own = run.results["out_of_fold"][name]["predictor"]
        np.testing.assert_allclose(
            first[f"uncalibrated_{name}"], np.mean([one[f"{own}_{name}"] for one in alone], axis=0), atol=1e-9
        )


def test_a_predictor_that_is_asked_for_reads_all_findings(table: Path, tmp_path: Path) -> None:
    run = fit(table, tmp_path / "run", **{"prediction.predictor": "kernel"})
    assert {run.results["out_of_fold"][name]["predictor"] for name in FINDINGS} == {"kernel"}
    assert "records" not in saved(run.folder.path)
    assert not [column for column in predictions(run) if column.startswith("predictor_")]
