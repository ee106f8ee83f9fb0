"""Exit status and the one sentence of an error: settings, commands and flags."""

import ast
import subprocess
import sys
from pathlib import Path

import pandas
import pytest

import medgauge.cli
from medgauge.cli.commands import COMMANDS
from medgauge.cli.main import main
from tests.cli.small import SETTINGS, fit, refuse


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--objective.isometry.term.init_args.sigma=-1"], ["sigma must be > 0, got -1"]),
        (["--prediction.level=1.5"], ["prediction.level", "(0, 1)"]),
        (["--model.encoder.name=smal"], ["small"]),
        (["--data.shares={train: 0.9, val: 0.9}"], ["share"]),
    ],
)
def test_wrong_settings(
    cases: tuple[Path, pandas.DataFrame],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: list[str],
) -> None:
    refuse(capsys, fit(cases[0], tmp_path / "run", *words), *said)
    assert not (tmp_path / "run").exists()


def test_a_group_column_is_required(
    cases: tuple[Path, pandas.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "fit",
        "--table",
        str(cases[0]),
        "--image",
        "path",
        "--label",
        "age",
        "--out",
        str(tmp_path / "run"),
        *SETTINGS,
    ]
    refuse(capsys, main(words), "--group", "--no-groups")
    assert main([*words, "--no-groups"]) == 0


def test_an_unknown_key_in_a_recipe_names_the_nearest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("data:\n  labell: [age]\nobjective:\n  a: {term: {class_path: RMLos}}\nseeed: 1\n")
    refuse(
        capsys,
        main(["check", str(recipe)]),
        "3 mistakes",
        "did you mean label?",
        "did you mean RMLoss?",
        "did you mean seed?",
    )


@pytest.mark.parametrize(
    "words", [["fti"], ["fit", "--tabel", "x"], ["fit", "--training.stepz", "3"], ["list", "lossess"], []]
)
def test_unknown_commands_and_flags_end_with_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["fti"], "did you mean fit?"),
        (["fit", "--tabel", "x"], "did you mean --table?"),
        (["check", "--tabel=x"], "did you mean --table?"),
        (["fit", "--traning.steps", "3"], "did you mean --training.steps?"),
        (["fit", "--training.stepz=3"], "did you mean --training.steps?"),
        (["fit", "--steps", "3"], "did you mean --training.steps?"),
        (["fit", "--objectiv.isometry.factor", "3"], "did you mean --objective.isometry.factor?"),
        (["fit", "--no-group"], "did you mean --no-groups?"),
        (["compare", "a", "--lossses", "rm"], "did you mean --losses?"),
        (["compare", "a", "--modl.embedding", "8"], "did you mean --model.embedding?"),
        (["demo", "--trainng.seconds", "8"], "did you mean --training.seconds?"),
        (["evaluate", "--splt", "test"], "did you mean --split?"),
        (["predict", "r", "--covariates", "a=1"], "did you mean --covariate?"),
        (["report", "--no-imagess"], "did you mean --no-images?"),
        (["list", "--hepl"], "did you mean --help?"),
        (["report", "--training.steps", "3"], "see medgauge report --help"),
    ],
)
def test_unknown_names_tell_the_nearest(words: list[str], hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(hint)
    assert words[min(len(words) - 1, 1)].partition("=")[0] in line or words[2].partition("=")[0] in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fit", "--table"], "--table needs a value"),
        (["fit", "--table", "--no-groups"], "--table needs a value"),
        (["fit", "--no-groups=yes"], "--no-groups"),
        (["fit", "hc18_l1", "surplus"], "fit has no place for 'surplus'"),
        (["evaluate"], "RUN"),
        (["compare", "--seeds", "many"], "--seeds: must be a whole number >= 1, got 'many'"),
    ],
)
def test_a_command_that_cannot_be_read_ends_with_status_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--kind", "age"], "--kind takes NAME=number|grade|finding|class,…, got 'age'"),
        (["--kind", "age=grad"], "data.kind.age must be one of number, grade, finding, class, got grad (did you mean grade?)"),
        (["--kind", "ag=grade"], "data.kind names 'ag', which is not in data.label (did you mean age?)"),
        (["--augmentation.flip", "rows,colums"], "augmentation.flip[1] must be one of rows, columns, depth, got colums"),
        (["--aggregate", "men"], "did you mean mean?"),
        (["--aggregate", "men", "--seed", "x"], "2 mistakes"),
    ],
)  # fmt: skip
def test_wrong_values_are_told_with_the_nearest(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(capsys, main(["check", "--table", "x.csv", "--label", "age", *words]), said)


def test_an_unforeseen_error_is_one_sentence_unless_debug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(words: list[str]) -> int:
        raise RuntimeError("out of order")

    monkeypatch.setitem(COMMANDS, "report", fail)
    refuse(
        capsys,
        main(["report"]),
        "something unforeseen stopped it, RuntimeError (out of order); --debug tells the whole trace",
    )
    with pytest.raises(RuntimeError):
        main(["report", "--debug"])


def test_overview_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines() if line.startswith("  ")] == list(COMMANDS)
    assert main([]) == 2
    capsys.readouterr()
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"medgauge {medgauge.__version__}\n"


def test_the_package_holds_the_function_main() -> None:
    assert medgauge.cli.main is main


def test_help_and_wrong_flags_import_nothing_heavy() -> None:
    lines = [
        [name, *more] for name in COMMANDS for more in (["--help"], ["--tabel.x", "y"], ["--objectiv.x=1"], ["-h"])
    ]
    lines += [["--help"], ["--version"], ["fti"], [], ["list", "lossess"], ["fit", "--table"], ["evaluate"]]
    lines += [
        ["fit", "--training.steps", "-1"], ["check", "--kind", "age=grad"], ["check", "--label", "a", "--kind", "b=grade"],
        ["compare", "hc18_l1", "--seed", "x"], ["demo", "--augmentation.flip", "up"], ["fit", "nowhere"],
        ["fit", "hc18_l1", "--image.window", "5,5"], ["predict", "nowhere", "a.png"], ["evaluate", "nowhere"],
        ["report", "nowhere"], ["predict", ".", "--aggregate", "men"], ["evaluate", ".", "--array", "a.npy"],
        ["predict", ".", "a.png", "--merge-groups", "--groups-are-exact"],
    ]  # fmt: skip
    code = f"""
import contextlib, io, sys
from medgauge.cli import main
for words in {lines!r}:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        with contextlib.suppress(SystemExit):
            assert main(words) in (0, 1, 2)
    heavy = {{"torch", "numpy", "pandas", "PIL", "scipy", "sklearn", "monai", "rich", "lightning_fabric"}} & set(sys.modules)
    assert not heavy, (words, heavy)
    assert len(sys.modules) < 350, len(sys.modules)
print("light")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "light\n", done.stderr


def test_only_the_command_line_prints() -> None:
    home = Path(medgauge.cli.__file__).parent
    files = [file for file in home.parent.rglob("*.py") if home not in file.parents]
    assert len(files) > 100
    calls = [
        (file, node.lineno)
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert calls == []
