"""The benchmark of intervals reads finished runs as they are."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

import medgauge
from tests.fitting.small_study import COLUMNS, make_table

ROOT = Path(__file__).parents[1]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("conformal_coverage")


def test_coverage_of_a_run_is_that_of_its_results(measured: ModuleType, finished: medgauge.Run) -> None:
    found, block = measured.run_coverage(finished.folder.path)["hc_mm"], finished.results["test"]["hc_mm"]
    for region in ("many", "medium", "few"):
        for kind, name, key in (
            ("set", "interval", "set_coverage"),
            ("hull", "interval", "coverage"),
            ("plain", "plain_interval", "coverage"),
        ):
            wanted, one = block[name]["by_region"][region], found["regions"][region][kind]
            assert one["n"] == wanted["n"]
            assert one["coverage"] == pytest.approx(wanted[key], abs=5e-5)


def test_absolute_intervals_on_folds_are_those_of_the_run(measured: ModuleType, tmp_path: Path) -> None:
    changes = {"data.cache": str(tmp_path / "cache"), "model.encoder.settings": {"least": 64}}
    table = make_table(tmp_path / "small")
    run = medgauge.fit(
        "frozen", table=str(table), out=tmp_path / "run", folds=3, report=False, changes=changes, **COLUMNS
    )
    found, block = measured.judge(run.folder.path, crossed=True), run.results["out_of_fold"]["age"]
    assert (found["target"], found["n"], found["folds"]) == ("age", block["n"], 3)
    assert found["mae"] == pytest.approx(block["mae"], abs=5e-5)
    for way, name in (("label_conditional, absolute", "interval"), ("split, absolute", "plain_interval")):
        one, wanted = found["ways"][way], block[name]
        assert one["coverage"]["coverage"] == pytest.approx(wanted["coverage"], abs=5e-5)
        assert one["coverage"]["ci95"] == pytest.approx(wanted["coverage_ci95"], abs=5e-5)
        for region, part in wanted["by_region"].items():
            assert one["by_region"][region]["n"] == part["n"]
        assert sum(part["n"] for part in one["by_difficulty"].values()) == block["n"]
    assert len(found["ways"]) == 6
    ratio = found["ways"]["split, scaled"]["median_width"] / found["ways"]["split, absolute"]["median_width"]
    assert found["over_absolute"]["split"]["median_width"] == pytest.approx(ratio, abs=1e-3)
