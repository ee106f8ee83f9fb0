"""Ids, groups and names that a spreadsheet would take for formulas, in every CSV file that medgauge writes."""

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas
import pytest

import medgauge
from medgauge.cli import main
from medgauge.runfolder import RunFolder
from tests.fitting.small_study import SMALL, make_table

FORMULA = ("=", "+", "-", "@", "\t", "\r")
IDS = ("=1+1", "-5", "+x", "@x", "'q", "'=1+1", "=a b", "7")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every id and group begins as a formula or with ``'``; the label is negative."""
    table = make_table(tmp_path_factory.mktemp("formulas"))
    frame = pandas.read_csv(table)
    frame["case"] = [f"{IDS[row % len(IDS)]}{row}" for row in range(len(frame))]
    frame["patient"] = [f"{IDS[int(name[1:]) % len(IDS)]}{name[1:]}" for name in frame["patient"]]
    frame["=age"] = -frame["age"]
    frame.to_csv(table, index=False)
    frame.assign(patient=[f"-new{row}" for row in range(len(frame))]).drop(columns="=age").to_csv(
        table.parent / "new.csv", index=False
    )
    return table


@pytest.fixture(scope="module")
def made(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that is written: a run that read its test split, values of new cases, a comparison of two runs."""
    home = tmp_path_factory.mktemp("written")
    changes = {**SMALL, "data.cache": str(home / "cache"), "data.skip_bad": True, "prediction.aggregate": "mean"}
    frame = pandas.read_csv(table, dtype=str)
    frame.loc[0, "path"] = "none.png"
    frame.to_csv(table.with_name("one_bad.csv"), index=False)
    run = medgauge.fit(
        table=str(table.with_name("one_bad.csv")), image="path", label="=age", group="patient", id="case", split="part",
        out=home / "run", test=True, changes=changes,
    )  # fmt: skip
    run.predict(table.parent / "new.csv", out=home / "values.csv")
    run.predict(table.parent / "new.csv", out=home / "groups.csv", aggregate="mean")
    run.predict(table.parent / "new.csv", out=home / "values.parquet")
    shutil.copytree(home / "run", home / "=other")
    medgauge.compare([home / "=other", home / "run"], out=home / "comparison")
    medgauge.fit(
        table=str(table), image="path", label="=age", group="patient", id="case", split="part", folds=2,
        out=home / "folds", test=True, changes=changes, report=False,
    )  # fmt: skip
    return home


def cells(path: Path) -> Iterator[tuple[str, str, str]]:
    """File, column and text of every cell, the names of columns too."""
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    yield from ((path.name, name, name) for name in head)
    yield from ((path.name, name, text) for row in rows for name, text in zip(head, row, strict=True))


def test_no_cell_is_a_formula_and_numbers_stay_numbers(made: Path) -> None:
    files = [path for path in made.rglob("*.csv") if path.parent.name != "=other"]
    names = {path.relative_to(made).as_posix() for path in files}
    assert names >= {
        *(f"run/{name}.csv" for name in ("splits", "gallery", "predictions", "predictions_by_group", "problems", "log")),
        *(f"comparison/{name}.csv" for name in ("predictions", "comparison")),
        *(f"folds/{name}.csv" for name in ("splits", "gallery", "predictions", "predictions_by_group")),
        "folds/fold-0/splits.csv", "values.csv", "groups.csv",
    }  # fmt: skip
    found = [one for path in files for one in cells(path) if one[2].startswith(FORMULA)]
    assert [one for one in found if not _number(one[2])] == []
    negative = {("values.csv", "'=age"), ("predictions.csv", "value_=age"), ("gallery.csv", "label_=age")}
    assert {(file, name) for file, name, _ in found} >= negative
    assert {name for _, name, _ in found}.isdisjoint({"id", "group"})


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_readers_give_the_ids_back(made: Path, table: Path) -> None:
    frame = pandas.read_csv(table, dtype=str)
    wanted = dict(zip(frame["case"][1:], frame["patient"][1:], strict=True))
    splits = RunFolder(made / "run").read_table("splits.csv")
    assert {row["id"]: row["group"] for row in splits} == wanted
    assert [row["id"] for row in RunFolder(made / "run").read_table("problems.csv")] == [frame["case"][0]]
    gallery = medgauge.load(made / "run").finished.fits[0].gallery
    assert dict(zip(gallery.id, gallery.group, strict=True)).items() <= wanted.items()
    compared = RunFolder(made / "comparison").read_columns("predictions.csv")
    assert set(compared["id"]) <= wanted.keys()
    assert {"=other", "run"} <= compared.keys()
    assert compared["=other"] == compared["run"]


def test_parquet_and_frames_hold_the_texts_themselves(made: Path, table: Path) -> None:
    cases = list(pandas.read_csv(table, dtype=str)["case"])
    parquet = pandas.read_parquet(made / "values.parquet")
    assert list(parquet["id"]) == cases
    assert "=age" in parquet
    assert list(pandas.read_csv(made / "values.csv", dtype=str)["id"]) == [
        case if case[0] == "7" or case[:2] == "'q" else f"'{case}" for case in cases
    ]


def test_what_is_printed_is_guarded_too(made: Path, table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(made / "run"), "--table", str(table.parent / "new.csv")]) == 0
    printed = capsys.readouterr().out
    assert printed == (made / "values.csv").read_bytes().decode()


def test_a_finished_run_goes_on_from_its_own_files(made: Path) -> None:
    """A look at test, the page and a comparison that goes on read what was written."""
    again = medgauge.load(made / "run").look("test")
    assert again["=age"]["n"] == RunFolder(made / "run").read_json("results.json")["test"]["=age"]["n"]
    assert main(["report", str(made / "run")]) == 0
    assert medgauge.compare([made / "=other", made / "run"], out=made / "comparison")
    pooled = medgauge.load(made / "folds").finished.fits[0].gallery
    assert set(pooled.id) <= set(RunFolder(made / "folds").read_columns("splits.csv")["id"])
