"""Tables from elsewhere whose images are in an array file: the file is named, and never that of the run."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from PIL import Image

import medgauge
from medgauge.cli.main import main
from medgauge.core.errors import InputError
from tests.fitting.small_study import COLUMNS, SMALL, make_table

NEW = 12
NEEDED = re.compile(
    r"the run's own images are in an array file \(stack\.npz#images\), and those of .*new\.csv are in another one: give it "
    r"with --array FILE, and the column of rows in it with --index COLUMN \(without it 'row'\)"
)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDGAUGE_CACHE", str(tmp_path_factory.getbasetemp() / "arrays_cache"))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small table, its pictures in an array too."""
    table = make_table(tmp_path_factory.mktemp("arrays"))
    frame = pandas.read_csv(table)
    stack = [np.asarray(Image.open(table.parent / name)) for name in frame["path"]]
    np.savez(table.parent / "stack.npz", images=np.stack(stack))
    frame.assign(row=np.arange(len(frame))).to_csv(table, index=False)
    return table


def fit(table: Path, out: Path, **more: Any) -> medgauge.Run:
    given = {**COLUMNS, "split": "part", "report": False, "changes": SMALL, **more}
    return medgauge.fit(table=str(table), out=out, **given)


@pytest.fixture(scope="module")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> medgauge.Run:
    out = tmp_path_factory.mktemp("array_run") / "run"
    return fit(table, out, image=None, array="stack.npz#images", index="row")


@pytest.fixture(scope="module")
def run_of_files(table: Path, tmp_path_factory: pytest.TempPathFactory) -> medgauge.Run:
    return fit(table, tmp_path_factory.mktemp("file_run") / "run")


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """New pictures in array files (in the one of the run's name others), their rows from the last to the first."""
    random = np.random.default_rng(5)
    stack = random.integers(0, 200, (NEW, 20, 24)).astype(np.uint8)
    np.savez(tmp_path / "stack.npz", images=255 - stack)
    np.savez(tmp_path / "other.npz", pictures=stack)
    np.save(tmp_path / "other.npy", stack)
    rows = np.arange(NEW)[::-1]
    for place, row in enumerate(rows):
        Image.fromarray(stack[row]).save(tmp_path / f"{place}.png")
    frame = pandas.DataFrame({"row": rows, "at": rows, "age": np.linspace(30, 70, NEW)})
    frame["patient"] = [f"new{place // 2}" for place in range(NEW)]
    frame.to_csv(tmp_path / "new.csv", index=False)
    return tmp_path / "new.csv"


def of_files(run: medgauge.Run, new: Path) -> Any:
    """Values of the same pictures as files."""
    return run.predict([new.parent / f"{place}.png" for place in range(NEW)])["age"].to_numpy()


@pytest.mark.parametrize("array", ["other.npz#pictures", "other.npy"])
@pytest.mark.parametrize("index", [None, "at"])
def test_the_array_of_a_table_is_read(run: medgauge.Run, new: Path, array: str, index: str | None) -> None:
    if index:
        pandas.read_csv(new).drop(columns="row").to_csv(new, index=False)
    found = medgauge.predict(run, new, array=array, index=index)
    np.testing.assert_allclose(found["age"], of_files(run, new), rtol=1e-5)
    assert list(found["id"]) == [f"{array}[{row}]" for row in range(NEW)[::-1]]


def test_a_run_of_image_files_reads_arrays_of_new_tables(run_of_files: medgauge.Run, new: Path) -> None:
    found = run_of_files.predict(new, array="other.npy", index="row")
    np.testing.assert_allclose(found["age"], of_files(run_of_files, new), rtol=1e-5)
    with pytest.raises(InputError, match=r"an array file and the column of rows in it \(index\) go together"):
        run_of_files.predict(new, array="other.npy")
    with pytest.raises(
        InputError, match=r"--index \(row\) names the column of rows in an array file; give the file too"
    ):
        run_of_files.predict(new, index="row")


def test_a_score_is_of_the_array_that_is_named(run: medgauge.Run, new: Path) -> None:
    truth = pandas.read_csv(new)["age"].to_numpy()
    wanted = np.abs(of_files(run, new) - truth).mean()
    block: Any = medgauge.evaluate(run, new, array="other.npy")
    assert block["age"]["mae"] == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("door", ["predict", "evaluate"])
def test_the_array_of_the_run_is_never_taken(run: medgauge.Run, new: Path, door: str) -> None:
    ask = getattr(medgauge.load(run.folder.path), door)
    with pytest.raises(InputError, match=NEEDED):
        ask(new)
    with pytest.raises(InputError, match=NEEDED):
        ask(new, index=None, array=None)
    with pytest.raises(
        InputError, match=r"--index \(at\) names the column of rows in an array file; give the file too"
    ):
        ask(new, index="at")
    with pytest.raises(InputError, match="new.csv has no column 'place' for the array index"):
        ask(new, array="other.npy", index="place")
    with pytest.raises(InputError, match="must be volumes.npz#name"):
        ask(new, array="other.npz")
    with pytest.raises(InputError, match=r"all 12 cases.*the one file with all images.*is missing"):
        ask(new, array="nothing.npy")


def test_rows_that_the_array_does_not_have_are_named(run: medgauge.Run, new: Path) -> None:
    frame = pandas.read_csv(new)
    frame.loc[2, "row"] = NEW
    frame.to_csv(new, index=False)
    with pytest.raises(InputError, match=r"other\.npy\[12\]"):
        run.predict(new, array="other.npy")


def test_an_array_goes_with_a_table(run: medgauge.Run, new: Path) -> None:
    with pytest.raises(
        InputError, match=r"an array file \(--array\) and its column of rows \(--index\) go with a table"
    ):
        run.predict([new.parent / "0.png"], array="other.npy")
    assert len(run.predict([f"{new.parent / 'other.npy'}[3]"])) == 1


def test_commands_take_the_array(run: medgauge.Run, new: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = str(run.folder.path), new.parent / "values.csv"
    assert main(["predict", folder, "--table", str(new)]) == 1
    assert NEEDED.search(capsys.readouterr().err)
    assert not out.exists()
    named = ["--table", str(new), "--array", "other.npy", "--index", "at"]
    assert main(["predict", folder, *named, "--out", str(out)]) == 0
    np.testing.assert_allclose(pandas.read_csv(out)["age"], of_files(run, new), rtol=1e-5)
    assert main(["evaluate", folder, "--table", str(new), "--out", str(new.parent / "none")]) == 1
    assert NEEDED.search(capsys.readouterr().err)
    assert not (new.parent / "none").exists()
    assert main(["evaluate", folder, *named, "--out", str(new.parent / "scores")]) == 0
    scored = pandas.read_csv(new.parent / "scores" / "predictions.csv")
    np.testing.assert_allclose(scored["value_age"], of_files(run, new), rtol=1e-5)
    capsys.readouterr()
    assert main(["evaluate", folder, "--array", "other.npy"]) != 0
    assert "--array and --index say where the images of a table are" in capsys.readouterr().err
