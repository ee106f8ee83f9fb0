"""The fake runs against a real one: no file, column or key of a fake is made up, and the report reads none that is not there."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas
import pytest
import yaml

import medgauge
from medgauge.metrics.catalogue import FIGURES
from medgauge.report.describe import describe
from medgauge.report.reading import read_run
from tests.fitting.small_study import COLUMNS, SMALL, make_table
from tests.report.fake_run import FakeRun, make_run

FOLDS = {"folds", "new_cases", "out_of_fold"}
ASKED = {
    "by_group_mean",
    "correction",
    "findings",
    "label_conditional_interval",
    "subgroups",
    "transformed",
    "uncorrected",
}
"""Keys of results.json that the report looks for and that a plain run lacks: of runs of folds, of what recipes may ask for."""
PLAIN = {"calibration_groups", "kind", "merged"}
"""Keys that only one kind of interval or of baseline has, or regions that were taken together."""


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    table = make_table(folder, groups=60)
    frame = pandas.read_csv(table)
    frame.assign(height=150 + frame["age"] * 0.3 + frame.index % 7).to_csv(table, index=False)
    (folder / "3.png").write_text("no image")
    changes = {**SMALL, "training.steps": 20, "data.skip_bad": True}
    medgauge.fit(table=str(table), out=folder / "run", test=True, covariates=["height"], changes=changes, **COLUMNS)
    return folder / "run"


def columns_of(path: Path) -> list[str]:
    return next(csv.reader(path.read_text().splitlines()))


def names(value: Any, at: str) -> Iterator[str]:
    """The places of a JSON value's keys, except those that are names of terms and targets."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{at}/{key}"
            yield from names(inner, f"{at}/{key}")


def contents(run: Path, target: str) -> set[str]:
    """Files, columns and keys of a run, with the target called T."""
    found = set()
    for path in run.rglob("*"):
        if path.suffix == ".csv":
            found |= {f"{path.name}: {column}" for column in columns_of(path)}
        elif path.suffix in (".json", ".yaml"):
            read = json.loads if path.suffix == ".json" else yaml.safe_load
            found |= set(names(read(path.read_text()), path.name))
        if path.parent == run:
            found.add(path.name)
    return {_without(place, target) for place in found}


def _without(place: str, target: str) -> str:
    """The place with the target called T, where it is a whole key or the end of a column's name."""
    place = place.replace(f"/{target}/", "/T/")
    return f"{place.removesuffix(target)}T" if place.endswith((f"/{target}", f"_{target}")) else place


@pytest.mark.slow
@pytest.mark.parametrize("record", ["neighbours", "head"])
def test_every_file_column_and_key_of_the_fake_is_one_of_a_real_run(real: Path, tmp_path: Path, record: str) -> None:
    fake = contents(make_run(tmp_path / "run", FakeRun(record=record, count=120)), "hc_mm")
    own = contents(real, "age")
    assert "predictions.csv: plain_lower_T" in fake
    assert "results.json/test/T/interval/by_region/few/coverage" in fake
    assert fake - own == set()
    assert own > fake


class Watched(dict[str, Any]):
    """A JSON mapping that notes which keys were asked for in vain."""

    def __init__(self, values: dict[str, Any], missed: set[str]) -> None:
        super().__init__({key: watch(value, missed) for key, value in values.items()})
        self.missed = missed

    def get(self, key: str, default: Any = None) -> Any:
        if key not in self.keys():
            self.missed.add(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        there = super().__contains__(key)
        if not there:
            self.missed.add(str(key))
        return there


def watch(value: Any, missed: set[str]) -> Any:
    return Watched(value, missed) if isinstance(value, dict) else value


@pytest.mark.slow
def test_the_report_reads_no_key_that_a_real_run_lacks(real: Path) -> None:
    view = read_run(real)
    missed: set[str] = set()
    watched = Watched(view.results, missed)
    object.__setattr__(view, "results", watched)
    describe(view, images=False)
    assert {"subgroups", "folds"} <= missed  # it is noted
    without_interval = {name for name, one in FIGURES["number"].items() if not one.headline}
    assert missed - FOLDS - ASKED - PLAIN - without_interval == set()


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graded")
    table = make_table(folder, groups=60)
    frame = pandas.read_csv(table)
    frame.assign(stage=(frame["age"] / 20).astype(int), height=150 + frame["age"] * 0.3).to_csv(table, index=False)
    columns = COLUMNS | {"label": "stage", "kind": {"stage": "grade"}, "covariates": ["height"]}
    medgauge.fit(table=str(table), out=folder / "run", test=True, changes={**SMALL, "training.steps": 20}, **columns)
    return folder / "run"


@pytest.mark.slow
def test_every_column_and_key_of_a_fake_grade_is_one_of_a_real_grade(graded: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", FakeRun(targets=("stage",), count=120, images=False))
    fake, own = contents(run, "stage"), contents(graded, "stage")
    parts = ("predictions.csv", "results.json/test/T", "predictors.json")
    kept = {place for place in fake if place.startswith(parts)}
    assert "results.json/test/T/set/by_grade/2/coverage" in kept
    assert "predictions.csv: probability_2_stage" in {place.replace("_T", "_stage") for place in kept}
    levels = {
        place for place in kept if any(part in ("0", "1", "2", "3", "4") for part in place.replace("_", "/").split("/"))
    }
    assert kept - levels - own == set()
