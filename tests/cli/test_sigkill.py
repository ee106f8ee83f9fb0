"""Commands that are killed by the system in the middle of a write: the same words again end as if nothing had been."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from medgauge.cli import main
from tests.fitting.small_study import make_table
from tests.kills import differing

KILLED = """
import os, signal, sys
import torch
from medgauge.runfolder import parts
torch.set_num_threads(int(sys.argv.pop(1)))  # sums in another order are other numbers
real = parts.put_in_place
def put(temporary, path, *, new):
    if path.name == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
    real(temporary, path, new=new)
parts.put_in_place = put
from medgauge.cli import main
main(sys.argv[2:])
"""
SMALL = ["training.steps=2", "training.batch_size=4", "training.evaluations=1", "model.encoder.width=0.25"]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "name"), [
    ("fit", "embeddings.safetensors"), ("evaluate", "results.json"), ("compare", "development.csv"),
])  # fmt: skip
def test_killed_in_a_write_the_same_words_again_end_alike(command: str, name: str, tmp_path: Path) -> None:
    table, whole, out = make_table(tmp_path / "data", groups=18), tmp_path / "whole" / "run", tmp_path / "run"
    cases = ["--table", str(table), "--image", "path", "--label", "age", "--group", "patient", "--split", "part"]
    cases += [f"--{setting}" for setting in SMALL]

    def words(folder: Path) -> list[str]:
        methods = ["default", "--losses", "l1,mse", "--seeds", "1", "--trials", "1"]
        return {
            "fit": ["fit", "--out", str(folder), "--test", "--no-images", *cases],
            "evaluate": ["evaluate", str(folder), "--split", "test", "--no-images"],
            "compare": ["compare", *methods, "--out", str(folder), *cases],
        }[command]

    if command == "evaluate":
        assert main(["fit", "--out", str(out), "--no-images", *cases]) == 0
        shutil.copytree(out, whole)
    assert main(words(whole)) == 0
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(torch.get_num_threads()), name, *words(out)], capture_output=True
    )
    assert ended.returncode == -signal.SIGKILL
    assert [path.name.split(".")[-1] for path in out.rglob(f".{name}.*")] == ["part"]
    assert main(words(out)) == 0
    assert differing(out, whole) == []
