"""Nothing that is read, and nothing of anybody else, is written over by predict and evaluate."""

import json
import os
from pathlib import Path

import pandas
import pytest

import medgauge
from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.runs import new_cases
from medgauge.runs.places import check_figures_folder, check_values_file

OURS = "id,age,lower_age,upper_age,neighbours,neighbour_ids,distances,weights_age,nearest_distance,far\n"
FIGURES = "row,id,split,group,label_age,value_age\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A table, a run folder, a folder of a comparison."""
    (tmp_path / "t.csv").write_text("id,path,age\n1,1.png,30\n")
    for name, mark in (("run", "digests.json"), ("compared", "comparison.json")):
        (tmp_path / name / "part").mkdir(parents=True)
        (tmp_path / name / mark).write_text("{}")
    return tmp_path


def refused(place: Path, out: str | Path, *, table: str = "t.csv", array: str | None = None) -> str:
    """The words with which a file of values is refused; what lies there is as before."""
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    with pytest.raises(InputError) as error:
        check_values_file(RunFolder(place / "run"), out, [place / table], ["age"], array)
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before
    return str(error.value)


def test_the_table_is_not_written_over_under_any_name(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "link.csv").symlink_to(place / "t.csv")
    os.link(place / "t.csv", place / "hard.csv")
    (place / "home").symlink_to(place)
    monkeypatch.chdir(place)
    for name in ("t.csv", place / "t.csv", "run/../t.csv", "./link.csv", "hard.csv", "home/t.csv"):
        assert "which is read and would be written over; give another --out" in refused(place, name)


def test_neither_is_a_table_that_looks_like_ours(place: Path) -> None:
    (place / "values.csv").write_text(OURS)
    assert "is read" in refused(place, place / "values.csv", table="values.csv")


def test_nothing_in_a_run_or_a_comparison_is_written(place: Path) -> None:
    for name in ("run/splits.csv", "run/new.csv", "run/part/new.csv", "compared/comparison.csv", "compared/part/v.csv"):
        assert "which is a run or a comparison; give an --out beside it" in refused(place, place / name)
    (place / "elsewhere").symlink_to(place / "run")
    assert "lies in" in refused(place, place / "elsewhere" / "gallery.csv")


@pytest.mark.parametrize(
    "header",
    [
        "id,path,age\n",
        "",
        OURS.replace("far", "far,comment"),
        OURS.replace("far", "far,label_age"),
        OURS.replace("age", "weight"),
        OURS.replace("distances,", ""),
        FIGURES,
    ],
)
def test_a_file_that_predict_did_not_write_stays(place: Path, header: str) -> None:
    (place / "other.csv").write_text(header + "1,2,3\n")
    assert "is no table of values that `medgauge predict` wrote for this label" in refused(place, place / "other.csv")


def test_a_file_that_cannot_be_read_as_a_table_stays(place: Path) -> None:
    (place / "other.parquet").write_bytes(b"PAR1 and something else")
    (place / "other.csv").write_bytes(b"\xff\xfe\x00\x81")
    pandas.DataFrame({"age": [1.0]}).to_parquet(place / "plain.parquet")
    for name in ("other.parquet", "other.csv", "plain.parquet"):
        assert "is no table of values" in refused(place, place / name)
    (place / "folder.csv").mkdir()
    assert "is a folder" in refused(place, place / "folder.csv")
    assert "must end in .csv or .parquet" in refused(place, place / "values.txt")


def test_an_array_file_is_an_input(place: Path) -> None:
    (place / "volumes.csv").write_text(OURS)
    assert "is read" in refused(place, place / "volumes.csv", array="volumes.csv#images")


def test_an_earlier_table_of_values_is_written_over(place: Path) -> None:
    (place / "values.csv").write_text(OURS)
    columns = OURS.strip().replace("id,", "group,cases,").replace("neighbours", "number:neighbours").split(",")
    pandas.DataFrame(columns=columns).to_parquet(place / "values.parquet")
    for name in ("values.csv", "values.parquet", "new.csv", "folder/new.csv"):
        check_values_file(RunFolder(place / "run"), place / name, [place / "t.csv"], ["age"])


@pytest.mark.parametrize("name", ["results.json", "predictions.csv", "predictions_by_group.csv"])
def test_evaluate_writes_over_no_file_that_it_did_not_write(place: Path, name: str) -> None:
    run, out = RunFolder(place / "run"), place / "out"
    out.mkdir()
    ours = {"results.json": json.dumps({"shown": {}, "notes": [], "test": {}}), "predictions.csv": FIGURES}
    (out / name).write_text(ours.get(name, "split,group,cases,label_age\n"))
    check_figures_folder(run, out, place / "t.csv")
    (out / name).write_text(json.dumps({"mine": 1}) if name == "results.json" else "id,path,age\n")
    with pytest.raises(InputError, match="did not write it; give another --out"):
        check_figures_folder(run, out, place / "t.csv")


def test_evaluate_writes_into_no_run_and_over_no_table(place: Path) -> None:
    run = RunFolder(place / "run")
    (place / "predictions.csv").write_text(FIGURES)
    with pytest.raises(InputError, match="which is read and would be written over"):
        check_figures_folder(run, place, place / "predictions.csv")
    for name, words in (
        ("run", "run folder"),
        ("run/part", "lies in"),
        ("compared/part", "lies in"),
        ("t.csv", "file"),
    ):
        with pytest.raises(InputError, match=words):
            check_figures_folder(run, place / name, place / "t.csv")


def test_both_ask_before_they_read(run: medgauge.Run, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The places are judged before a table is opened or an image is read, from Python as from the command line."""
    monkeypatch.setattr(new_cases, "open_table", lambda *given, **named: pytest.fail("the table was read"))
    before = table.read_bytes()
    with pytest.raises(InputError, match="would be written over"):
        run.predict(table, out=table)
    with pytest.raises(InputError, match="a run or a comparison"):
        run.predict(table, out=run.folder / "splits.csv")
    with pytest.raises(InputError, match="is no table of values"):
        run.predict([table.parent / "1.png"], covariates=["pixel_mm=1"], out=table)
    with pytest.raises(InputError, match="is a file and no folder"):
        run.evaluate(table, out=table)
    assert table.read_bytes() == before


def test_values_are_written_twice_to_one_file(run: medgauge.Run, table: Path, tmp_path: Path) -> None:
    """What predict writes is known again: of cases and of groups, CSV and Parquet."""
    for name in ("v.csv", "v.parquet"):
        for aggregate in ("none", "mean", "none"):
            frame = run.predict(table, aggregate=aggregate, out=tmp_path / name)  # type: ignore[arg-type]
    assert len(pandas.read_csv(tmp_path / "v.csv")) == len(frame)
