"""A kill while the first file of a folder was written must not make the folder somebody else's."""

import subprocess
import sys
from pathlib import Path

import pytest

from medgauge.comparing.state import State
from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.runfolder.claim import claim_folder, differences

STAMP = {"seed": 0, "data": {"folds": 0, "fold": None}}


@pytest.fixture(scope="module")
def dead() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leave(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("ha")
    return [folder / name for name in names]


def test_fit_takes_a_folder_that_holds_only_left_over_parts(tmp_path: Path, dead: int) -> None:
    leave(tmp_path, f".recipe.yaml.{dead}.part")
    assert not claim_folder(RunFolder(tmp_path), STAMP)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digests.json", "recipe.yaml"]


def test_a_run_that_goes_on_sweeps_its_parts(tmp_path: Path, dead: int) -> None:
    claim_folder(RunFolder(tmp_path), STAMP)
    left = leave(tmp_path, f".log.csv.{dead}.part", f"checkpoints/.last.ckpt.{dead}.part")
    assert not claim_folder(RunFolder(tmp_path), STAMP)
    assert not any(path.exists() for path in left)


def test_another_runs_folder_and_a_folder_of_something_else_are_not_touched(tmp_path: Path, dead: int) -> None:
    claim_folder(RunFolder(tmp_path / "run"), STAMP)
    left = leave(tmp_path, f"run/.log.csv.{dead}.part", f"thesis/.recipe.yaml.{dead}.part", "thesis/thesis.txt")
    with pytest.raises(InputError, match="holds another run"):
        claim_folder(RunFolder(tmp_path / "run"), {**STAMP, "seed": 1})
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(InputError, match=r"seed is .* remove it if it is not of .*, then give the same"):
        claim_folder(RunFolder(tmp_path / "run"), {**STAMP, "seed": 1})
    with pytest.raises(InputError, match="no run folder"):
        claim_folder(RunFolder(tmp_path / "thesis"), STAMP)
    with pytest.raises(InputError, match="no comparison"):
        State.claim(tmp_path / "thesis", {}, {})
    assert all(path.exists() for path in left)


def test_compare_takes_a_folder_that_holds_only_left_over_parts_and_goes_on(tmp_path: Path, dead: int) -> None:
    leave(tmp_path, f".comparison.json.{dead}.part")
    State.claim(tmp_path, {"seeds": [0]}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["comparison.json"]
    (left,) = leave(tmp_path, f".predictions.csv.{dead}.part")
    State.claim(tmp_path, {"seeds": [0]}, {})
    assert not left.exists()


def test_a_table_under_another_spelling_of_its_path_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = str(tmp_path / "cases.csv")
    for one, other in (("cases.csv", whole), ("./cases.csv", "cases.csv")):
        assert differences({"data": {"table": one}}, {"data": {"table": other}}) == []
        assert differences({"settings": {"data.table": one}}, {"settings": {"data.table": other}}) == []
    assert differences({"data": {"table": "cases.csv"}}, {"data": {"table": "others.csv"}})
    assert differences({"data": {"group": "cases.csv"}}, {"data": {"group": whole}})


def test_what_a_recipe_claims_is_not_told_beside_settings_nor_long_values() -> None:
    there = {"claim": {"source": "a paper", "status": "not run"}, "pretraining": {"queue": 10}}
    here = {"claim": {"source": "another", "status": "not run"}, "pretraining": {"queue": 0}}
    assert differences(there, here) == ["pretraining.queue is 10 there and 0 here"]
    assert differences(there, here | {"pretraining": {"queue": 10}}) == ["claim.source differs"]
    assert differences({"data": {"ids": "a" * 300}}, {"data": {"ids": "b"}}) == ["data.ids differs"]
