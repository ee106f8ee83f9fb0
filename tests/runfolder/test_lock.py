"""One process at a time works on a folder."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from medgauge.core.errors import InputError
from medgauge.runfolder.lock import held

HOLD = """
import pathlib, sys
from medgauge.runfolder.lock import held
with held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_is_refused_until_the_first_has_been_killed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="another process works on .*run; wait until it has ended"), held(folder):
            pass
        with held(folder, wanted=False):  # a further process of the same run
            pass
        process.kill()
        process.wait()
    with held(folder):
        assert list(folder.iterdir()) == []


def test_a_folder_that_stays_empty_is_left_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), held(tmp_path / "run"):
        raise ValueError("no")
    assert not (tmp_path / "run").exists()
    with held(tmp_path / "run"):
        (tmp_path / "run" / "recipe.yaml").write_text("")
    with held(tmp_path / "run"):
        (tmp_path / "run" / "recipe.yaml").unlink()
    assert (tmp_path / "run").is_dir()  # it was there before


def test_who_can_say_so_waits_for_the_other_process(tmp_path: Path) -> None:
    said: list[str] = []
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"

        def end(line: str) -> None:
            said.append(line)
            assert process.poll() is None
            process.kill()

        with held(tmp_path, say=end):
            assert process.wait() != 0
    assert said == [f"another process works on {tmp_path}; this one goes on when it has ended"]


def test_the_same_thread_goes_in_again_and_another_is_refused(tmp_path: Path) -> None:
    def enter() -> str:
        try:
            with held(tmp_path):
                return "in"
        except InputError:
            return "refused"

    with held(tmp_path), ThreadPoolExecutor(1) as pool:
        assert enter() == "in"
        assert pool.submit(enter).result() == "refused"
        assert enter() == "in"
        assert pool.submit(enter).result() == "refused"
