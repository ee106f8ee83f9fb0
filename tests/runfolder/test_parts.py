import os
import subprocess
import sys
from pathlib import Path

import pytest

from medgauge.runfolder.parts import is_part, sweep_parts

KILLED = """
import os, pathlib, signal, sys
from medgauge.runfolder import write_whole

def half(part):
    part.write_text("ha")
    os.kill(os.getpid(), signal.SIGKILL)

write_whole(pathlib.Path(sys.argv[1]), half)
"""


@pytest.fixture(scope="module")
def dead() -> int:
    """Number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.slow
def test_what_a_killed_write_leaves_is_a_part_and_is_swept(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "recipe.yaml")], check=False)
    (left,) = tmp_path.iterdir()
    assert is_part(left)
    sweep_parts(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_parts_of_dead_processes_go_from_every_folder_of_a_run_and_nothing_else_does(tmp_path: Path, dead: int) -> None:
    gone = [f".recipe.yaml.{dead}.part", f"checkpoints/.last.ckpt.{dead}.part", f"thumbnails/.1.png.{dead}.part"]
    kept = [
        f".recipe.yaml.{os.getpid()}.part",  # being written
        f".recipe.yaml.{os.getppid()}.part",
        ".recipe.yaml.0.part",
        f"recipe.yaml.{dead}.part",
        f".recipe.yaml.{dead}.part.txt",
        ".recipe.yaml.part",
        f"mine/.a.{dead}.part",
        "checkpoints/last.ckpt",
    ]
    for name in [*gone, *kept]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / f".folder.{dead}.part").mkdir()
    sweep_parts(tmp_path)
    there = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert there == set(kept)


def test_a_number_that_no_process_can_have_is_dead(tmp_path: Path) -> None:
    (tmp_path / f".a.{'9' * 40}.part").write_text("x")
    sweep_parts(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folders_behind_links_are_left_alone(tmp_path: Path, dead: int) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").mkdir()
    other = tmp_path / "elsewhere" / f".a.{dead}.part"
    other.write_text("x")
    (tmp_path / "run" / "checkpoints").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "run" / f".b.{dead}.part").symlink_to(other)
    sweep_parts(tmp_path / "run")
    assert other.exists()
    assert not is_part(tmp_path / "run" / f".b.{dead}.part")
