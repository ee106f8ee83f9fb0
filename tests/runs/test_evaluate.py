"""A run of two kinds scored on a table from elsewhere."""

import json
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image, ImageOps

import medgauge
from medgauge.core.errors import InputError
from medgauge.runs.evaluate import evaluate_table
from medgauge.runs.fitted import Fit
from tests.runs.conftest import graded_table


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same pictures as negatives, of other patients."""
    table = graded_table(tmp_path_factory.mktemp("others"))
    frame = pandas.read_csv(table)
    for name in frame["path"]:
        ImageOps.invert(Image.open(table.parent / name)).save(table.parent / name)
    frame["patient"] = "other " + frame["patient"]
    frame.to_csv(table, index=False)
    return table


def given(run: Fit, table: Path, **settings: object) -> dict[str, object]:
    kept = {"out": None, "split": None, "ids_are_local": False, **settings}
    return evaluate_table(run, table, **kept)  # type: ignore[arg-type]


def test_figures_follow_from_the_values(fit: Fit, run: medgauge.Run, others: Path, tmp_path: Path) -> None:
    block = given(fit, others, out=tmp_path / "out")
    cases = pandas.read_csv(tmp_path / "out" / "predictions.csv", dtype={"id": str})
    frame = run.predict(others)
    label = pandas.read_csv(others)
    for target in ("age", "stage"):
        np.testing.assert_allclose(cases[f"value_{target}"], frame[target], rtol=1e-6)
        known = label[target].notna()
        error = (frame[target] - label[target])[known]
        own = block[target]
        assert isinstance(own, dict)
        assert own["n"] == known.sum()
        assert own["mae"] == pytest.approx(error.abs().mean())
        assert own["bias"] == pytest.approx(error.mean())
        assert list(own["subgroups"]["sex"]) == ["(missing)", "F", "M"]
        median = float(np.nanmedian(fit.gallery.label[:, ["age", "stage"].index(target)]))
        assert own["baselines"]["median"]["mae"] == pytest.approx((label[target] - median).abs().mean())
        best = min(own["baselines"].values(), key=lambda one: one["mae"])["mae"]
        assert own["shown"]["skill"] == pytest.approx(1 - own["mae"] / best)
    written = json.loads((tmp_path / "out" / "results.json").read_text())
    assert written["shown"]["split"] == "test"
    assert any(
        note.startswith(f"label stage: {label['stage'].isna().sum()} cases have none (") for note in written["notes"]
    )
    assert all(
        f"{target} is {block[target]['shown']['verdict']} (" in written["shown"]["sentence"]
        for target in ("age", "stage")
    )  # type: ignore[index]
    stage = block["stage"]
    assert isinstance(stage, dict)
    exact = np.floor(frame["stage"] + 0.5) == label["stage"]
    assert stage["accuracy"] == pytest.approx(exact[label["stage"].notna()].mean())
    assert medgauge.load(run.folder.path).results["looks"] == {"test": 0}


def test_only_the_rows_of_a_split_are_scored(fit: Fit, others: Path) -> None:
    block = given(fit, others, split="test")
    assert isinstance(block["age"], dict)
    assert block["age"]["n"] == 12
    with pytest.raises(InputError, match="has part = held; it has test, train"):
        given(fit, others, split="held")


def test_the_runs_own_cases_are_refused(fit: Fit, table: Path, others: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"30 groups of the table are groups of the run's own cases \(the first: p01\)"
    ):
        given(fit, table)
    with pytest.raises(InputError, match=r"60 pictures of the table are the run's own \(the first: 2.png is 2.png\)"):
        given(fit, table, ids_are_local=True)
    with pytest.raises(InputError, match="is a run folder; give another --out"):
        given(fit, others, out=fit.folder.path)


def test_a_table_without_any_label_is_refused(fit: Fit, others: Path) -> None:
    frame = pandas.read_csv(others)
    frame["age"], frame["stage"] = "", ""
    frame.to_csv(others.parent / "bare.csv", index=False)
    with pytest.raises(InputError, match="use `medgauge predict`"):
        given(fit, others.parent / "bare.csv")


def test_a_split_without_a_table_names_what_reads_it(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"load\(run\).look\('out_of_fold'\), or by `medgauge evaluate RUN --split out_of_fold`"
    ):
        medgauge.evaluate(tmp_path, split="out_of_fold")
