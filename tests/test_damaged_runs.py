"""A damaged file of a finished run is named with a way on by every command, and made whole by the same fit: never in silence."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas
import pytest
from PIL import Image, ImageOps

from medgauge.cli.main import main
from medgauge.metrics import bootstrap
from medgauge.runfolder import RunFolder
from medgauge.runfolder.seal import seal
from tests.cli.small import TYPED
from tests.fitting.small_study import make_table
from tests.kills import differing

TINY = [
    "--training.steps=2", "--training.batch_size=4", "--training.evaluations=1", "--model.encoder.width=0.25",
    "--model.embedding=4", "--no-images", "--test",
]  # fmt: skip
COLUMNS = ["--image", "path", "--label", "age", "--group", "patient"]
Damage = Callable[[Path, str], None]


def text(content: str) -> Damage:
    return lambda run, name: void((run / name).write_text(content))


def void(_: object) -> None:
    """Nothing, whatever was written."""


def halved(run: Path, name: str) -> None:
    content = (run / name).read_bytes()
    (run / name).write_bytes(content[: len(content) // 2])


def out_of_the_seal(run: Path, name: str) -> None:
    """Take the entry of a file out of digests.json."""
    own = run / name
    found = json.loads((own.parent / "digests.json").read_text())
    del found[own.name], found["digests.json"]  # its own digest is one of them
    (own.parent / "digests.json").write_text(json.dumps(found))


def edited(run: Path, name: str) -> None:
    """Another file that can still be read: a digit changed, or an entry less."""
    content = (run / name).read_bytes()
    if name.endswith(".csv"):
        place = max(content.rfind(digit) for digit in (b"1", b"2", b"3"))
        content = content[:place] + b"7" + content[place + 1 :]
    elif name.endswith(".json"):
        values = json.loads(content)
        values.pop(next(key for key in values if key != "medgauge"))
        content = json.dumps(values).encode()
    else:
        content = content[:-9] + bytes([content[-9] ^ 64]) + content[-8:]
    (run / name).write_bytes(content)


def unsealed(damage: Damage) -> Damage:
    """The same, and the file taken out of the seal."""

    def both(run: Path, name: str) -> None:
        damage(run, name)
        out_of_the_seal(run, name)

    return both


DAMAGES: dict[str, Damage] = {
    "edited": edited, "edited, unsealed": unsealed(edited), "{}, unsealed": unsealed(text("{}")),
    "[], unsealed": unsealed(text("[]")), "null": text("null"), "halved": halved, "halved, unsealed": unsealed(halved),
    "gone": lambda run, name: (run / name).unlink(), "a number": text("3"),
}  # fmt: skip
FILES = (
    "splits.csv", "model.json", "model.safetensors", "gallery.csv", "predictors.json", "results.json", "predictions.csv",
    "looks.json",
)  # fmt: skip


class Case:
    """A finished run, the command that made it, and the values of new cases by it."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self.table, self.new = make_table(folder / "own", groups=18), folder / "new"
        self.new.mkdir()
        for place in range(3):
            ImageOps.invert(Image.open(self.table.parent / f"{place}.png")).save(self.new / f"{place}.png")
        pandas.DataFrame({"path": [f"{place}.png" for place in range(3)]}).to_csv(self.new / "new.csv", index=False)
        self.settings, self.run = settings, folder / "whole" / "run"
        assert self.fit(self.run) == 0
        self.values = self.predicted(self.run)

    def fit(self, out: Path) -> int:
        return main(["fit", "--table", str(self.table), *COLUMNS, "--out", str(out), *self.settings])

    def predict(self, run: Path) -> int:
        (self.new / "values.csv").unlink(missing_ok=True)
        return main(["predict", str(run), "--table", str(self.new / "new.csv"), "--out", str(self.new / "values.csv")])

    def predicted(self, run: Path) -> bytes:
        assert self.predict(run) == 0
        return (self.new / "values.csv").read_bytes()


@pytest.fixture(scope="module")
def quick_figures() -> Iterator[None]:
    """No intervals of figures, which take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "MIN_GROUPS", 10**9)
        yield


@pytest.fixture(scope="module")
def one(quick_figures: None, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A run of one fit, its test split read."""
    return Case(tmp_path_factory.mktemp("one"), *TINY)


def refused(status: int, capsys: pytest.CaptureFixture[str], name: str) -> str:
    """One sentence with a way on that names a damaged file."""
    said = capsys.readouterr().err.strip().splitlines()
    assert status == 1, said
    message = said[-1]
    assert not TYPED.search(message), message
    assert "unforeseen" not in message, message
    assert name in message or "digests.json" in message, message
    assert "`medgauge fit`" in message or "--out" in message or "remove" in message, message
    return message


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_changes_no_value_and_no_page_in_silence(
    name: str, damage: str, one: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(one.run, tmp_path / "run"))
    DAMAGES[damage](run, name)
    capsys.readouterr()
    if one.predict(run) == 0:
        assert (one.new / "values.csv").read_bytes() == one.values
        assert name in capsys.readouterr().err
    else:
        refused(1, capsys, name)
    page = (run / "report.html").read_bytes()
    refused(main(["report", str(run)]), capsys, name)
    assert (run / "report.html").read_bytes() == page


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *((name, "edited, unsealed") for name in FILES),
        ("results.json", "{}, unsealed"),
        ("splits.csv", "halved, unsealed"),
    ],
)
def test_a_damaged_file_is_refused_by_a_look_and_mended_by_the_same_fit(
    name: str, damage: str, one: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(one.run, tmp_path / "run"))
    DAMAGES[damage](run, name)
    capsys.readouterr()
    refused(main(["evaluate", str(run)]), capsys, name)
    status = one.fit(run)
    if (name, damage) == ("splits.csv", "edited, unsealed"):  # a digest of a picture, which may have changed as well
        assert "or splits.csv was edited" in refused(status, capsys, name)
    else:
        assert status == 0
        assert f"{name} of {run} is " in capsys.readouterr().err
        assert differing(run, one.run) == []


@pytest.mark.parametrize("name", ["report.html", "log.csv", "model.json"])
def test_one_digit_of_the_seal_is_told(
    name: str, one: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(one.run, tmp_path / "run"))
    found = json.loads((run / "digests.json").read_text())
    found[name] = f"{'1' if found[name][0] == '0' else '0'}{found[name][1:]}"
    (run / "digests.json").write_text(json.dumps(found))
    capsys.readouterr()
    for command in (lambda: one.predict(run), lambda: main(["report", str(run)]), lambda: main(["evaluate", str(run)])):
        assert f"digests.json of {run} is damaged" in refused(command(), capsys, "digests.json")
    assert one.fit(run) == 0
    assert differing(run, one.run) == []


@pytest.mark.parametrize("content", ["{}", "[]", "null", "", '{"recipe.yaml": ', "3"])
def test_a_damaged_seal_vouches_for_nothing(
    content: str, one: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(one.run, tmp_path / "run"))
    (run / "digests.json").write_text(content)
    capsys.readouterr()
    for command in (lambda: one.predict(run), lambda: main(["report", str(run)])):
        refused(command(), capsys, "digests.json")


def test_a_run_without_a_seal_is_read_with_a_note_and_sealed_by_the_same_fit(
    one: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(one.run, tmp_path / "run"))
    (run / "digests.json").unlink()
    capsys.readouterr()
    assert one.predicted(run) == one.values
    assert "digests.json of" in capsys.readouterr().err
    assert one.fit(run) == 0
    assert (
        json.loads((run / "digests.json").read_text()).keys()
        == json.loads((one.run / "digests.json").read_text()).keys()
    )


@pytest.fixture(scope="module")
def folds(quick_figures: None, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A run of two folds."""
    return Case(tmp_path_factory.mktemp("folds"), *TINY[:-1], "--folds=2")


FOLDED: dict[str, tuple[Damage, str]] = {
    "fold-0": (lambda run, name: shutil.rmtree(run / name), "fold-0 of {run} is missing"),
    "fold-1": (lambda run, name: shutil.rmtree(run / name), "fold-1 of {run} is missing"),
    "fold-1/model.json": (unsealed(edited), "model.json"),
    "fold-1/results.json": (unsealed(text("{}")), "results.json"),
    "fold-0/predictors.json": (halved, "predictors.json"),
    "predictors.json": (unsealed(edited), "predictors.json"),
    "results.json": (unsealed(text("{}")), "results.json"),
    "splits.csv": (unsealed(halved), "splits.csv"),
}


@pytest.mark.parametrize("name", FOLDED)
def test_a_damaged_fold_is_named_and_mended_by_the_same_fit(
    name: str, folds: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(folds.run, tmp_path / "run"))
    damage, said = FOLDED[name]
    damage(run, name)
    capsys.readouterr()
    message = refused(folds.predict(run), capsys, said.format(run=run))
    assert "give the same `medgauge fit` again" in message
    assert folds.fit(run) == 0
    assert differing(run, folds.run) == []
    assert folds.predicted(run) == folds.values


def test_a_fold_in_the_place_of_another_is_refused(
    folds: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(folds.run, tmp_path / "run"))
    shutil.rmtree(run / "fold-1")
    shutil.copytree(run / "fold-0", run / "fold-1")
    capsys.readouterr()
    for command in (folds.predict, folds.fit, lambda run: main(["report", str(run)])):
        assert "holds fold 0 and not fold 1; remove it" in refused(command(run), capsys, "fold-1")


def test_a_fold_of_another_run_is_refused_and_made_anew_once_it_is_removed(
    folds: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(folds.run, tmp_path / "run"))
    edited(run, "fold-1/model.safetensors")  # of the same settings and table, and whole by its own seal
    seal(RunFolder(run / "fold-1"), ["model.safetensors"])
    page = (run / "report.html").read_bytes()
    capsys.readouterr()
    for command in (
        lambda: folds.predict(run),
        lambda: main(["evaluate", str(run), "--table", str(folds.new / "new.csv")]),
        lambda: main(["report", str(run)]),
        lambda: folds.fit(run),
    ):
        message = refused(command(), capsys, "fold-1")
        assert f"{run / 'fold-1'} is not the fit that {run} was made of, but that of another run; remove it" in message
    assert (run / "report.html").read_bytes() == page
    shutil.rmtree(run / "fold-1")
    assert folds.fit(run) == 0
    assert differing(run, folds.run) == []


def test_a_whole_is_pooled_anew_where_a_fold_that_was_fitted_again_is_another(
    folds: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(folds.run, tmp_path / "run"))
    values = json.loads((run / "predictors.json").read_text())
    values["fits"][0] = "0" * 64  # as where another machine made it
    (run / "predictors.json").write_text(json.dumps(values))
    seal(RunFolder(run), ["predictors.json"])
    shutil.rmtree(run / "fold-0")
    capsys.readouterr()
    assert folds.fit(run) == 0
    assert f"{run} was made of other fits of its folds; it is made anew" in capsys.readouterr().err
    assert differing(run, folds.run) == []


def test_settings_that_are_cut_are_told_damaged_and_a_page_says_so(
    one: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(one.run, tmp_path / "run"))
    text = (run / "recipe.yaml").read_text()
    assert "high: auto" in text
    (run / "recipe.yaml").write_text(text.replace("high: auto", "high: au"))
    capsys.readouterr()
    said = refused(one.predict(run), capsys, "recipe.yaml")
    assert "is damaged or edited (digests.json), and no recipe any more (" in said
    assert "give the same `medgauge fit` again" in said
    assert main(["report", str(run)]) == 0
    assert "is not as it was written (digests.json): it was edited or is damaged" in capsys.readouterr().err
