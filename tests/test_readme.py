"""Every code block of the README is run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pandas
import pytest

from medgauge.cli import main
from tests.cli.small import in_place

README = Path(__file__).resolve().parent.parent / "README.md"
SMALL = [
    "--training.steps=6", "--training.batch_size=16", "--training.evaluations=2", "--model.embedding=8",
    "--model.encoder.width=0.25",
]  # fmt: skip


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.fixture
def home(tmp_path: Path, hc18_table: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with cases.csv and new.csv, whose paths point at the images."""
    frame = pandas.read_csv(hc18_table)
    frame["path"] = [str(hc18_table.parent / path) for path in frame["path"]]
    frame["dr_grade"] = (frame["hc_mm"] // 60).astype(int)
    frame.to_csv(tmp_path / "cases.csv", index=False)
    frame.head(5).drop(columns=["hc_mm", "dr_grade"]).to_csv(tmp_path / "new.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_first_code_is_before_line_30() -> None:
    assert README.read_text(encoding="utf-8").split("```")[0].count("\n") < 30


def test_there_are_blocks_of_both_kinds_and_no_other() -> None:
    assert len(blocks("console")) >= 2
    assert len(blocks("python")) >= 2
    assert README.read_text(encoding="utf-8").count("```") == 2 * (len(blocks("console")) + len(blocks("python")))


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A folder with the Makefile and a virtual environment that is made already: this one, with a small demo."""
    root, real = tmp_path / "clone", Path(sys.prefix)
    (root / ".venv" / "bin").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "README.md", "src", "tests"):
        (root / name).symlink_to(README.parent / name)
    for name in ("pyvenv.cfg", "lib"):
        if (real / name).exists():
            (root / ".venv" / name).symlink_to(real / name)
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    command = root / ".venv" / "bin" / "medgauge"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m medgauge "$@" {" ".join(SMALL)}\n')
    command.chmod(0o755)
    for name in (".installed", ".installed-dev"):
        (root / ".venv" / name).touch()
    return root


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make(environment: Path, cache: Path) -> None:
    lines = [line.removeprefix("$ ") for line in blocks("console")[0].splitlines() if line.startswith("$ make")]
    targets = [shlex.split(line, comments=True)[1] for line in lines]
    assert targets == ["demo", "test"]
    one = "tests/test_readme.py::test_the_first_code_is_before_line_30"
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")},
        "MEDGAUGE_CACHE": str(cache), "OMP_NUM_THREADS": "1", "PYTEST_ADDOPTS": one,
    }  # fmt: skip
    for target in targets:
        made = subprocess.run(["make", target], cwd=environment, env=variables, capture_output=True, text=True)
        assert made.returncode == 0, made.stdout + made.stderr
        assert ("report.html" if target == "demo" else "1 passed") in made.stdout
    assert list(environment.glob("runs/*/report.html"))


def test_commands(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        line.removeprefix("$ ")
        for block in blocks("console")
        for line in block.splitlines()
        if line.startswith("$ medgauge")
    ]
    assert len(lines) >= 9
    for line in lines:
        words = shlex.split(line, comments=True)[1:]
        planned = words[1:2] == ["--table"]  # without a recipe
        small = ["--budget", "quick"] if planned else [] if "frozen" in words else SMALL  # nothing is trained there
        more = {"fit": small, "compare": [*SMALL, "--seeds", "2", "--trials", "1"]}.get(words[0], [])
        assert main(in_place(words, more)) == 0, (line, capsys.readouterr().err)
    assert all(len(pandas.read_csv(home / name)) == 5 for name in ("values.csv", "folds.csv"))
    assert (home / "runs" / "compared" / "comparison.html").exists()


def test_python(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import medgauge

    whole = medgauge.fit

    def small(**settings: object) -> object:
        return whole(changes={flag[2:].partition("=")[0]: _value(flag) for flag in SMALL}, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(medgauge, "fit", small, raising=False)
    for block in blocks("python"):
        names: dict[str, object] = {}
        exec(block, names)
        assert "values" in names or "loss" in names


def _value(flag: str) -> object:
    from medgauge.recipes.read import parse_value

    return parse_value(flag.partition("=")[2])
