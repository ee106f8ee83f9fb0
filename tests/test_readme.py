"""Every code block of the README is run."""

import re
import shlex
from pathlib import Path

import pandas
import pytest

from medgauge.cli import main

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
    frame.to_csv(tmp_path / "cases.csv", index=False)
    frame.head(5).drop(columns="hc_mm").to_csv(tmp_path / "new.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_first_code_is_before_line_30() -> None:
    assert README.read_text(encoding="utf-8").split("```")[0].count("\n") < 30


def test_there_are_blocks_of_both_kinds_and_no_other() -> None:
    assert len(blocks("console")) >= 2
    assert len(blocks("python")) >= 2
    assert README.read_text(encoding="utf-8").count("```") == 2 * (len(blocks("console")) + len(blocks("python")))


def test_make_targets_exist() -> None:
    makefile = (README.parent / "Makefile").read_text()
    targets = [line.split()[2] for line in blocks("console")[0].splitlines() if line.startswith("$ make")]
    assert targets == ["demo", "test"]
    assert all(f"\n{target}:" in makefile for target in targets)


def test_commands(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        line.removeprefix("$ ")
        for block in blocks("console")
        for line in block.splitlines()
        if line.startswith("$ medgauge")
    ]
    assert len(lines) >= 5
    for line in lines:
        words = shlex.split(line, comments=True)[1:]
        assert main([*words, *(SMALL if words[0] == "fit" else [])]) == 0, (line, capsys.readouterr().err)
    assert len(pandas.read_csv(home / "values.csv")) == 5


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
