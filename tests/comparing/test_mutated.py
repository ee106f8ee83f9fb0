"""A comparison's folder in which anything is changed: the same figures again, runs made anew, or one sentence."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import medgauge
from medgauge.comparing import jobs
from medgauge.core.errors import InputError
from tests.strange_changes import change

READ = ("comparison.json", "development.csv", "predictions.csv")
WRITTEN = ("comparison.csv", "table.md", "comparison.html")
SEEDS = 8
ANEW = "a run is made anew"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, quick: dict[str, Any]) -> Path:
    out = tmp_path_factory.mktemp("compared") / "cmp"
    compare(out, quick)
    return out


def compare(out: Path, quick: dict[str, Any]) -> None:
    changes = {**quick, "data.fraction": 0.3}
    medgauge.compare(["hc18_l1"], losses=["l1", "rm"], seeds=1, trials=1, out=out, changes=changes)


def refuse(*args: object, **kwargs: object) -> None:
    raise InputError(ANEW)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*READ, *WRITTEN])
def test_no_change_gives_other_figures(
    name: str, made: Path, quick: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "run_job", refuse)
    before = {path.name: path.read_bytes() for path in made.iterdir() if path.is_file()}
    for seed in range(SEEDS):
        folder = tmp_path / str(seed) / "cmp"
        shutil.copytree(made, folder)
        said = f"{name}: {change(folder / name, seed)} (seed {seed})"
        try:
            compare(folder, quick)
        except InputError as error:
            message = str(error)
            assert message and "Traceback" not in message and len(message) < 2000, said  # noqa: PT018
            continue
        for other in (*READ, *WRITTEN):
            assert (folder / other).read_bytes() == before[other], f"{said}: {other} is another"
        assert json.loads((folder / "comparison.json").read_text()) == json.loads(before["comparison.json"]), said
