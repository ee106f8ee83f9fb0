"""One wrong thing in a command or a call: one sentence that says what, where and what to do, and nothing written."""

import io
import os
import re
import shutil
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import medgauge
from medgauge.cli.main import main
from medgauge.planning.fit import plan
from tests.cli.small import COLUMNS, SETTINGS, TYPED, fit, make_images

SECONDS = 20  # that a refusal may take; one that waits for a pipe waits for ever


@dataclass(frozen=True)
class Home:
    """A table of 40 images, a run made of it, and an empty folder for what a test adds."""

    table: Path
    run: Path
    made: Path

    def fill(self, word: str) -> str:
        """A word of a command with the paths in it."""
        home, out = self.table.parent, self.made.parent / "out"
        places = {"table": self.table, "home": home, "run": self.run, "made": self.made, "out": out}
        return re.sub(r"\{(\w+)\}", lambda found: str(places[found[1]]) if found[1] in places else found[0], word)

    def frame(self, **columns: Any) -> pandas.DataFrame:
        """The table with whole paths and other columns."""
        frame = pandas.read_csv(self.table)
        frame["path"] = [str(self.table.with_name(name)) for name in frame["path"]]
        return frame.assign(**columns)

    def save(self, **columns: Any) -> None:
        """Write t.csv, the table with other columns."""
        self.frame(**columns).to_csv(self.made / "t.csv", index=False)

    def one_image(self, name: str) -> Path:
        """Write t.csv with another file as the image of row 7; where it is to lie."""
        self.save(path=[*self.frame()["path"][:7], name, *self.frame()["path"][8:]])
        return self.made / name


Make = Callable[[Home], Any]
NOTHING: Make = lambda home: None  # noqa: E731


@dataclass(frozen=True)
class Row:
    """A command with one thing wrong, and what its message must hold."""

    words: list[str]
    said: list[str]
    status: int = 1
    make: Make = field(default=NOTHING)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    home = tmp_path_factory.mktemp("home")
    frame = make_images(home / "data")
    frame["sex"], frame["site"], frame["row"] = ["F", "M"] * 20, ["A", "B", "C", "D"] * 10, range(40)
    frame.to_csv(home / "data" / "cases.csv", index=False)
    os.environ["MEDGAUGE_CACHE"] = str(tmp_path_factory.getbasetemp() / "cache")
    assert fit(home / "data" / "cases.csv", home / "run", "--test") == 0
    return home / "data" / "cases.csv", home / "run"


@pytest.fixture
def home(base: tuple[Path, Path], tmp_path: Path) -> Home:
    (tmp_path / "made").mkdir()
    return Home(*base, tmp_path / "made")


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def ring(*given: Any) -> None:
        pytest.fail(f"no answer after {seconds} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def files(*folders: Path) -> dict[str, tuple[int, int]]:
    """Every file below the folders, with its size and time."""
    found = [path for folder in folders for path in folder.rglob("*")]
    return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in found if not path.is_dir()}


def check(*flags: str, table: str = "{table}") -> list[str]:
    return ["check", "--table", table, *COLUMNS, *flags]


def recipe(text: str | bytes) -> Make:
    """Write mine.yaml."""
    data = text.encode() if isinstance(text, str) else text
    return lambda home: (home.made / "mine.yaml").write_bytes(data)


def other(text: str | bytes, name: str = "t.csv") -> Make:
    """Write another table."""
    data = text.encode() if isinstance(text, str) else text
    return lambda home: (home.made / name).write_bytes(data)


def image(name: str, save: Callable[[Path], Any] = lambda path: None) -> Make:
    """Write t.csv and the image of its row 7."""
    return lambda home: save(home.one_image(name))


def swollen(home: Home) -> None:
    """An npz of some bytes that declares an array of 931 GiB."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<u1", "fortran_order": False, "shape": (40, 5000000, 5000)})
    with zipfile.ZipFile(home.made / "big.npz", "w") as archive:
        archive.writestr("images.npy", head.getvalue() + bytes(100))
    home.save()


def others(home: Home) -> None:
    """Write a table of images that are not the run's."""
    make_images(home.made / "others", 12, (24, 20)).to_csv(home.made / "others" / "t.csv", index=False)


def without_age(home: Home) -> None:
    home.frame().drop(columns="age").to_csv(home.made / "t.csv")


def untrained(home: Home) -> None:
    """Write t.csv with a split column and no image in train."""
    whole = home.frame()["path"]
    home.save(
        path=[*whole[:10], *(f"{row}.png" for row in range(10, 40))], part=["val"] * 5 + ["test"] * 5 + ["train"] * 30
    )


def one_picture(home: Home) -> None:
    """Write t.csv with one picture under every name."""
    for row in range(40):
        shutil.copy(home.table.with_name("0.png"), home.made / f"{row}.png")
    home.save(path=[f"{row}.png" for row in range(40)])


def ages(values: np.ndarray[Any, Any]) -> Make:
    """Write t.csv with other labels."""
    return lambda home: home.save(age=values)


def array(values: np.ndarray[Any, Any]) -> Callable[[Path], None]:
    """Write an array where it is to lie."""
    return lambda path: np.save(path, values, allow_pickle=True)


MADE = check(table="{made}/t.csv")
MINE = ["check", "{made}/mine.yaml"]
FLAGS = [
    Row(["report", "{run}", "--out", "x"], ["report has no flag --out"], 2),
    Row(["check", "--image.size"], ["--image.size needs a value"], 2),
    Row(["check", "-o", "x"], ["check has no flag -o"], 2),
    Row(["demo", "{out}"], ["demo has no place for"], 2),
    Row(["evaluate", "{run}", "{run}"], ["evaluate has no place for", "{run}"], 2),
    Row(["list"], ["WHAT"], 2),
    Row(["compare", "--trials", "1.5"], ["--trials", "must be a whole number >= 1", "1.5"], 2),
    Row(["evaluate", "{run}", "--out", "{out}"], ["--out", "give --table"], 2),
    Row(["fit", "--table", "{table}", *COLUMNS, "--out", ""], ["--out needs a value"], 2),
    Row(["check", "--table", "{table}", *COLUMNS, "--label", ""], ["--label needs a value that is not empty"], 2),
    Row(check("--data.skip_bad=perhaps"), ["data.skip_bad must be true or false", "perhaps"]),
    Row(check("--seed=1,2"), ["seed must be a whole number", "1,2"]),
    Row(check("--holdout", "age"), ["data.holdout", "column=value", "age"]),
    Row(check("--shares", "train=0.6,val=0.2,tset=0.2"), ["data.shares", "tset", "test"]),
    Row(check("--shares", "train=0,val=0.5,test=0.5"), ["data.shares", "train"]),
    Row(["compare", "l1", "mse", *check()[1:], "--grid", "seed"], ["--grid needs a setting and two values", "seed"]),
    Row(["fit", "{table}"], ["{table}", "--table"]),
    Row(["check", "no_such_recipe.yaml"], ["no_such_recipe.yaml", "there is no recipe"]),
]  # fmt: skip
RECIPES = [
    Row(["check", "{home}/0.png"], ["0.png", "no UTF-8 text"]),
    Row(MINE, ["mine.yaml", "nested"], make=recipe("seed: " + "[" * 3000 + "]" * 3000)),
    Row(MINE, ["mine.yaml", "must be a mapping of settings"], make=recipe("- seed\n- 1\n")),
    Row(MINE, ["mine.yaml", "line 2"], make=recipe("seed: 1\ndata: [age\n")),
    Row(MINE, ["mine.yaml", "seed", "twice"], make=recipe("seed: 1\nimage: {fit: pad}\nseed: 2\n")),
    Row(MINE, ["mine.yaml", "UTF-8"], make=recipe(b"claim: {source: Universit\xe4t}\n")),
    Row(MINE, ["objective.total", "total"], make=recipe("objective: {total: {term: {class_path: RMLoss}}}")),
    Row(MINE, ["objective.a.term.init_args must be a group"], make=recipe("objective: {a: {term: {class_path: RMLoss, init_args: 3}}}")),
    Row(MINE, ["objective.a.term.class_path", "..x"], make=recipe("objective: {a: {term: {class_path: ..x}}}")),
    Row(MINE, ["still needed: a table (--table cases.csv)"], make=recipe("seed: 1\n")),
    Row([*MINE, *check()[1:]], ["every factor is 0"], make=recipe("objective: {a: {factor: 0, term: {class_path: PointwiseLoss}}}")),
]  # fmt: skip
SETTINGS_ROWS = [
    Row(check(f"--{flag}={value}"), [flag, *said])
    for flag, value, *said in [
        ("model.encoder.name", "", "must be a text that is not empty"),
        ("model.encoder.width", "0", "0"),
        ("model.encoder.width", "nan", "nan"),
        ("model.covariate_width", "0", "0"),
        ("image.size", "0,0", "must be >= 1"),
        ("image.size", "100000,100000", "at most", "pixels"),
        ("image.size", "16,16,16", "2-D"),
        ("image.window", "5,5", "must rise"),
        ("image.window", "nan,3", "nan"),
        ("image.window", "9", "2"),
        ("image.spacing", "0,0", "[0.001, 1000]"),
        ("augmentation.rotation", "-5", "[0, 180]"),
        ("augmentation.noise", "inf", "[0, 1]", "inf"),
        ("augmentation.flip", "depth", "2-D"),
        ("augmentation.size_covariates", "mm", "data.covariates"),
        ("objective.error.factor", "inf", "a number >= 0"),
        ("objective.error.factor", "null", "a number"),
        ("weights.kernel_size", "4", "odd"),
        ("weights.bin_width", "0", "> 0"),
        ("optimiser.learning_rate", "nan", "a number", "auto"),
        ("optimiser.learning_rate", "null", "a number", "auto"),
        ("training.steps", "1e3.5", "whole number"),
        ("training.steps", "1000.5", "whole number", "got 1000.5"),
        ("image.size", "null", "image.size must be a list of 2 or 3"),
        ("training.precision", "64", "32-true, bf16-mixed, 16-mixed"),
        ("training.accelerator", "tpu", "auto, cpu, gpu, cuda, mps"),
        ("training.devices", "0", "[1, 1024]"),
        ("training.devices", "1000", "processors"),
        ("training.batch_size", "1000", "24"),
        ("data.missing", "none", "a number"),
        ("data.decimal", "dot", "auto, point, comma"),
        ("prediction.level", "95", "(0, 1)"),
        ("model.head", "ordinal", "OrdinalRegressionLoss"),
    ]
]  # fmt: skip
MACHINE = [
    Row(check("--training.accelerator=cuda"), ["training.accelerator is cuda", "give training.accelerator cpu or auto"]),
    Row(check("--training.precision=16-mixed"), ["training.precision 16-mixed", "bf16-mixed or 32-true"]),
    Row(check("--model.head=none"), ["objective.error needs prediction", "model.head none"]),
]  # fmt: skip
COLUMN_ROWS = [
    Row(["check", "--table", "{table}", *columns], said)
    for columns, said in [
        (["--image", "pth", *COLUMNS[2:]], ["no column 'pth'", "did you mean 'path'"]),
        (["--image", "age", *COLUMNS[2:]], ["'age'", "data.label and as data.image"]),
        (["--image", "patient", *COLUMNS[2:]], ["p00", "missing"]),
        (["--image", "path", "--label", "path", *COLUMNS[4:]], ["'path'", "data.label and as data.image"]),
        ([*COLUMNS, "--id", "sex"], ["the same is wrong with", "has its id twice"]),
        ([*COLUMNS, "--covariates", "age"], ["age", "label"]),
        ([*COLUMNS, "--label-times", "sex"], ["covariate sex", "where numbers are read"]),
        ([*COLUMNS, "--label-times", "heigth"], ["no column 'heigth'"]),
        ([*COLUMNS, "--split", "site"], ["site", "train, val"]),
        ([*COLUMNS[:4], "--group", "patients"], ["no column 'patients'", "did you mean 'patient'"]),
        ([*COLUMNS[:2], *COLUMNS[4:]], ["--label"]),
        (COLUMNS[2:], ["--image"]),
    ]
]  # fmt: skip
NO_IMAGE = ["t.csv has 40 cases and none to train with; 40 are left out, the first: case 0.png: its image", "missing"]
TABLES = [
    Row(check(table="{home}/0.png"), ["0.png", "CSV"]),
    Row(check(table="{home}/gone.csv"), ["gone.csv does not exist", "check its path"]),
    Row(check(table="https://example.org/cases.csv"), ["https://example.org/cases.csv", "a file on this machine"]),
    Row(MADE, ["t.csv", "line 3"], make=other("path,age,patient\na.png,1,p\na.png,1\n")),
    Row(check(table="{made}/t.parquet"), ["t.parquet", "Parquet"], make=other("path,age,patient\n", "t.parquet")),
    Row(check(table="{made}/t.json"), ["t.json", "CSV"], make=other('[{"path": "a.png", "age": 1}]', "t.json")),
    Row(MADE, ["t.csv is no regular file"], make=lambda home: os.mkfifo(home.made / "t.csv")),
    Row(MADE, ["age", "give the labels in another unit"], make=ages(np.linspace(1, 9, 40) * 1e299)),
    Row(MADE, ["age", "give the labels in another unit"], make=ages(np.arange(40) * 1e-300)),
    Row(MADE, ["age", "label"], make=ages(np.full(40, np.nan))),
    Row(MADE, ["groups"], make=lambda home: home.frame()[:2].to_csv(home.made / "t.csv", index=False)),
    Row([*MADE, "--split", "part"], ["30 of 40 images are missing", "10.png is missing"], make=untrained),
    Row([*MADE, "--split", "part", "--skip-bad"], ["none to train with; 30 are left out", "10.png is missing"], make=untrained),
    Row([*MADE, "--id", "row", "--skip-bad"], ["40 cases and none to train with; 40 are left out"], make=one_picture),
    Row(check("--skip-bad", table="{made}/t.csv"), NO_IMAGE, make=lambda home: home.save(path=[f"{row}.png" for row in range(40)])),
]  # fmt: skip
IMAGES = [
    Row(MADE, ["7", "folder"], make=image("7.png", Path.mkdir)),
    Row(MADE, ["7.png", "empty"], make=image("7.png", Path.touch)),
    Row(MADE, ["7.png is no regular file"], make=image("7.png", os.mkfifo)),
    Row(MADE, ["7.png is no regular file"], make=image("7.png", lambda path: path.symlink_to("/dev/zero"))),
    Row(MADE, ["clip.mp4", "unknown ending"], make=image("clip.mp4", lambda path: path.write_bytes(b"ftypmp42"))),
    Row(MADE, ["7.npy", "3-D", "2-D"], make=image("7.npy", array(np.ones((9, 20, 24), np.float32)))),
    Row(MADE, ["7.npy", "not a NumPy file of numbers"], make=image("7.npy", array(np.array([{}, {}])))),
    Row(["check", "--table", "{made}/t.csv", *COLUMNS[2:], "--array", "big.npz#images", "--index", "row"], ["big.npz"], make=swollen),
    Row(["check", "--table", "{table}", *COLUMNS[2:], "--array", "gone.npy", "--index", "row"], ["gone.npy", "missing"]),
]  # fmt: skip
OTHERS = ["evaluate", "{run}", "--table", "{made}/others/t.csv", "--ids-are-local"]
AGAIN = ["fit", "--table", "{table}", *COLUMNS, "--out", "{run}", "--seed", "7"]
RUNS = [
    Row(["predict", "{run}"], ["image files", "--table"]),
    Row(["predict", "{run}", "{home}/0.png", "--table", "{table}"], ["--table", "not both"], 2),
    Row(["predict", "{run}", "{home}/gone.png"], ["gone.png", "missing"]),
    Row(["predict", "{run}", "{table}"], ["cases.csv", "--table"]),
    Row(["predict", "{run}", "{home}/0.png", "--out", "{made}/v.txt"], ["v.txt", ".csv or .parquet"]),
    Row(["predict", "{run}", "{home}/0.png", "--out", "{table}/v.csv"], ["{table} is a file and no folder"]),
    Row(["predict", "{run}", "{home}/0.png", "--covariate", "sex=F"], ["sex", "no covariate"]),
    Row(["predict", "{run}", "{made}/7.npy"], ["7.npy", "2-D"], make=image("7.npy", array(np.ones((9, 20, 24), np.uint8)))),
    Row(["evaluate", "{run}", "--table", "{made}/t.csv"], ["no column 'age'"], make=without_age),
    Row([*OTHERS, "--out", "{table}"], ["{table} is a file and no folder"], make=others),
    Row([*OTHERS, "--out", "{run}/elsewhere"], ["lies in {run}", "give an --out beside it"], make=others),
    Row(["predict", "{run}", "--table", "{table}", "--out", "{home}/../data/cases.csv"], ["cases.csv", "written over", "--out"]),
    Row(["predict", "{run}", "{home}/0.png", "--out", "{table}"], ["{table} is there", "no table of values"]),
    Row(["predict", "{run}", "{home}/0.png", "--out", "{run}/predictions.csv"], ["lies in {run}", "beside it"]),
    Row(["report", "{table}"], ["there is no run folder", "{table}"]),
    Row(["fit", "--table", "{table}", *COLUMNS, "--out", "{made}/" + "x" * 300, *SETTINGS], ["name is too long", "shorter"]),
    Row([*AGAIN, *SETTINGS], ["holds another run", "seed is 0 there and 7 here", "--out"]),
    Row(AGAIN, ["{run} holds a run of one recipe", "--out"]),
    Row(["fit", "--budget", "fats"], ["the budget must be quick, standard, best or a number of minutes, got 'fats'"]),
    Row(["plan", "--table", "{table}", *COLUMNS, "--budget", "-1"], ["above 0", "-1"]),
    Row(["compare", "{run}", "{home}"], ["{home}", "not whole"]),
    Row(["compare", "l1", "mse", *check()[1:], "--out", "{table}"], ["{table}", "--out"]),
]  # fmt: skip
ROWS = [*FLAGS, *RECIPES, *SETTINGS_ROWS, *MACHINE, *COLUMN_ROWS, *TABLES, *IMAGES, *RUNS]


def name(row: Row) -> str:
    return " ".join([row.words[0], *row.words[-1:], *row.said])[:80]


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_a_command(row: Row, home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.chdir(home.made)
    row.make(home)
    before = files(home.made.parent, home.run, home.table.parent)
    with at_most(SECONDS):
        status = main(list(map(home.fill, row.words)))
    text = capsys.readouterr().err
    line = text[max(0, text.find("medgauge: ")) :]
    assert status == row.status, text
    assert text.count("medgauge: ") == 1
    for words in map(home.fill, row.said):
        assert words in line, text
    assert line.startswith("medgauge: ")
    assert len(line.splitlines()) < 23
    assert not TYPED.search(text)
    assert "unforeseen" not in text
    assert files(home.made.parent, home.run, home.table.parent) == before
    assert not (home.made.parent / "out").exists()


Call = Callable[[Home, dict[str, Any]], object]
CALLS: list[tuple[Call, list[str]]] = [
    (lambda home, given: medgauge.check(**given["columns"], changes={"training.stepz": 1}), ["training.stepz", "did you mean steps?"]),
    (lambda home, given: medgauge.check(), ["table"]),
    (lambda home, given: medgauge.check(**(given["columns"] | {"table": home.frame()})), ["data.table must be a text"]),
    (lambda home, given: medgauge.check(**given["columns"], columnz=1), ["medgauge.check takes no columnz"]),
    (lambda home, given: medgauge.plan(**given["columns"], columnz=1), ["medgauge.plan takes no columnz"]),
    (lambda home, given: medgauge.plan(), ["table"]),
    (lambda home, given: medgauge.plan(**given["columns"], changes={"training.stepz": 1}), ["the recipe has 1 mistake: training.stepz"]),
    (lambda home, given: medgauge.load(home.run).evaluate(tabl=home.table), ["medgauge.Run.evaluate takes no tabl (did you mean table?)"]),
    (lambda home, given: medgauge.check(3, **given["columns"]), ["recipe must be a file", "3"]),
    (lambda home, given: medgauge.check(**given["columns"], changes=["training.steps"]), ["changes must be settings by place", "list"]),
    (lambda home, given: medgauge.fit(3, out=home.made / "out"), ["recipe must be a file", "3"]),
    (lambda home, given: medgauge.load(3), ["run folder", "3"]),
    (lambda home, given: medgauge.load(home.table), ["run folder", "cases.csv"]),
    (lambda home, given: medgauge.load(home.run).predict([]), ["image files", "table"]),
    (lambda home, given: medgauge.load(home.run).predict(np.zeros((20, 24))), ["image files", "ndarray"]),
    (lambda home, given: medgauge.load(home.run).predict([np.zeros((20, 24))]), ["image files", "ndarray"]),
    (lambda home, given: medgauge.load(home.run).predict(home.frame()), ["table", "DataFrame"]),
    (lambda home, given: medgauge.load(home.run).predict(str(home.table.with_name("0.png"))), ["0.png", "list"]),
    (lambda home, given: medgauge.load(home.run).predict(home.table, covariates={"sex": 1}), ["covariates", "table"]),
    (lambda home, given: medgauge.load(home.run).predict([str(home.table)]), ["cases.csv is a table", "in no list"]),
    (lambda home, given: medgauge.predict(3, ["a.png"]), ["run folder", "3"]),
    (lambda home, given: medgauge.load(home.run).evaluate(home.frame()), ["table", "DataFrame"]),
]  # fmt: skip


def fitted(**arguments: Any) -> Call:
    """Fit with one argument more."""
    return lambda home, given: medgauge.fit(**given["columns"], out=home.made / "out", **arguments)


def curved(**arguments: Any) -> Call:
    """A learning curve with one argument more."""
    return lambda home, given: medgauge.curve(**given["columns"], out=home.made / "out", **arguments)


def compared(recipes: Any = ("l1", "mse"), **arguments: Any) -> Call:
    """A comparison with one argument more."""
    return lambda home, given: medgauge.compare(recipes, out=home.made / "out", **arguments)


def read_off(**arguments: Any) -> Call:
    """Values of the table with one argument more."""
    return lambda home, given: medgauge.predict(home.run, home.table, **arguments)


def of_image(covariates: Any) -> Call:
    """The value of an image with covariates."""
    return lambda home, given: medgauge.predict(home.run, [home.table.with_name("0.png")], covariates=covariates)


TYPES: list[tuple[Call, list[str]]] = [
    (fitted(test="no"), ["test must be True or False, got 'no'"]),
    (fitted(images="no"), ["images must be True or False, got 'no'"]),
    (fitted(report=1), ["report must be True or False, got 1"]),
    (fitted(terminal=None), ["terminal must be True or False, got None"]),
    (fitted(recipe="l1", test="no"), ["test must be True or False, got 'no'"]),
    (fitted(recipe="l1", terminal="yes"), ["terminal must be True or False, got 'yes'"]),
    (fitted(budget=True), ["budget", "True"]),
    (fitted(label_scaling="none", changes={"data.label_scaling": "log2"}), ["data.label_scaling is given twice", "'none'", "'log2'"]),
    (lambda home, given: medgauge.check(**given["columns"], terminal="yes"), ["terminal must be True or False, got 'yes'"]),
    (lambda home, given: plan(**given["columns"], terminal=0), ["terminal must be True or False, got 0"]),
    (fitted(tabel=1), ["medgauge.fit takes no tabel (did you mean table?)"]),
    (fitted(steps=1), ["medgauge.fit takes no steps", "changes={'training.steps': ...}"]),
    (curved(budget=1), ["medgauge.curve takes no budget (it takes out, table"]),
    (compared(seed=1), ["medgauge.compare takes no seed (did you mean seeds?)"]),
    (read_off(covariate=()), ["medgauge.predict takes no covariate (did you mean covariates?)"]),
    (lambda home, given: medgauge.evaluate(home.run, tabl="a.csv"), ["medgauge.evaluate takes no tabl (did you mean table?)"]),
    (curved(draws="5"), ["draws must be a whole number >= 1, got '5'"]),
    (curved(draws=True), ["draws must be a whole number >= 1, got True"]),
    (curved(terminal="no"), ["terminal must be True or False, got 'no'"]),
    (compared(seeds="5"), ["seeds must be a whole number >= 1, got '5'"]),
    (compared(trials=1.5), ["trials must be a whole number >= 1, got 1.5"]),
    (compared(workers=True), ["workers must be a whole number >= 1 or auto, got True"]),
    (compared(keep_runs="no"), ["keep_runs must be True or False, got 'no'"]),
    (compared(terminal=1), ["terminal must be True or False, got 1"]),
    (compared(reference=1), ["reference must be a text, got 1"]),
    (compared(["l1"], losses="l1,mse"), ["losses must be a list of texts, got 'l1,mse'"]),
    (compared("l1"), ["recipes must be a list of texts, got 'l1'"]),
    (compared(["l1", 3]), ["recipes must be a list of texts, got 3 in it"]),
    (compared(grid="a=1"), ["grid must be a list of texts, got 'a=1'"]),
    (read_off(ids_are_local="no"), ["ids_are_local must be True or False, got 'no'"]),
    (read_off(spelling="merg"), ["spelling must be one of alike, exact, merge, got merg", "did you mean merge"]),
    (read_off(decimal="coma"), ["decimal must be one of auto, point, comma, got coma", "did you mean comma"]),
    (read_off(decimal=1), ["decimal must be a text, got 1"]),
    (read_off(index=3), ["index must be a text, got 3"]),
    (read_off(array=3), ["array must be given as a path, got 3"]),
    (read_off(out=True), ["out must be given as a path, got True"]),
    (of_image("a=1"), ["covariates must be a list of texts, got 'a=1'"]),
    (of_image(["a=1", "a=2"]), ["covariate a is given twice, as '1' and '2'"]),
    (lambda home, given: medgauge.load(home.run).predict(home.table, terminal="no"), ["terminal must be True or False"]),
    (lambda home, given: medgauge.evaluate(home.run, home.table, ids_are_local=0), ["ids_are_local must be True or False"]),
    (lambda home, given: medgauge.evaluate(home.run, home.table, split=3), ["split must be a text, got 3"]),
    (lambda home, given: medgauge.load(home.run).evaluate(home.table, spelling=True), ["spelling must be a text, got True"]),
    (lambda home, given: medgauge.load(home.run).look("val", images="no"), ["images must be True or False, got 'no'"]),
    (lambda home, given: medgauge.load(home.run).promise(by_group="no"), ["by_group must be True or False"]),
]  # fmt: skip


@pytest.mark.parametrize(("call", "said"), [*CALLS, *TYPES])
def test_a_call(call: Call, said: list[str], home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.made)
    columns = {"table": str(home.table), "image": "path", "label": "age", "group": "patient"}
    before = files(home.made.parent, home.run, home.table.parent)
    with at_most(SECONDS), pytest.raises(medgauge.InputError) as told:
        call(home, {"columns": columns})
    for words in said:
        assert words in str(told.value)
    assert len(str(told.value).splitlines()) == 1
    assert not TYPED.search(str(told.value))
    assert files(home.made.parent, home.run, home.table.parent) == before


def test_the_command_is_right_without_the_one_thing(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(ROWS) + len(CALLS) > 60
    home.save()
    assert main(list(map(home.fill, check()))) == main(list(map(home.fill, MADE))) == 0
    assert "nothing is wrong" in capsys.readouterr().out
    assert main(["predict", str(home.run), str(home.table.with_name("0.png"))]) == 0
