"""The benchmark of intervals reads finished runs as they are, and its tables are those of its JSON."""

import importlib
import json
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


def test_the_widths_in_the_page_are_the_ratios_of_those_in_the_json() -> None:
    kept = json.loads((ROOT / "benchmarks" / "results" / "conformal_coverage.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "intervals.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| ")
    ]
    told = {tuple(row[:2]): row[2:] for row in rows if row[0] in kept["folds"] and len(row) == 7}
    ratios = {(row[0], row[3]): row[4:] for row in rows if row[0] in kept["folds"] and len(row) == 6}
    assert len(kept["folds"]) == 4
    for name, run in kept["folds"].items():
        for way, one in run["ways"].items():
            width, score, coverage, regions, thirds = told[name, way.replace("_", "-")]
            assert (width, score) == (f"{one['median_width']:.3g}", f"{one['interval_score']:.3g}")
            assert coverage.startswith(f"{one['coverage']['coverage']:.2f} (")
            for cell, parts in ((regions, one["by_region"]), (thirds, one["by_difficulty"])):
                assert [part.split()[0] for part in cell.split("), ")] == [
                    f"{part['coverage']:.2f}" for part in parts.values()
                ]
        for kind in ("split", "label_conditional"):
            scaled, absolute = (run["ways"][f"{kind}, {scores}"] for scores in ("scaled", "absolute"))
            for at, figure in enumerate(("median_width", "interval_score")):
                assert float(ratios[name, kind.replace("_", "-")][at]) == pytest.approx(
                    scaled[figure] / absolute[figure], abs=0.0056
                )
