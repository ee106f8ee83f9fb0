"""A command sets how long threads wait before torch is loaded; what the user set is kept, and torch's threads obey."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from medgauge.core.waiting import BRIEFLY, brief_waits

OPENMP = sorted(Path(torch.__file__).parent.glob("lib/libgomp*"))
COMMAND = """
import os, sys
from medgauge.cli.main import main
assert main(["--version"]) == 0 and "torch" not in sys.modules
print(os.environ.get("GOMP_SPINCOUNT"), os.environ.get("OMP_WAIT_POLICY"))
"""


def test_threads_wait_briefly_where_nothing_is_said() -> None:
    assert brief_waits({"OMP_NUM_THREADS": "2", "PATH": "/bin"}) == BRIEFLY


@pytest.mark.parametrize("own", [{"GOMP_SPINCOUNT": "5"}, {"OMP_WAIT_POLICY": "active"}])
def test_what_the_user_says_is_kept(own: dict[str, str]) -> None:
    assert brief_waits(own) == {}


@pytest.mark.parametrize(("own", "shown"), [({}, "3000 None"), ({"OMP_WAIT_POLICY": "active"}, "None active")])
def test_a_command_sets_it_before_torch_is_loaded(own: dict[str, str], shown: str) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("GOMP_", "OMP_"))}
    done = subprocess.run([sys.executable, "-c", COMMAND], env=bare | own, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == shown


@pytest.mark.skipif(not OPENMP, reason="this torch comes with another OpenMP")
def test_the_openmp_of_torch_obeys() -> None:
    wanted = dict(os.environ) | brief_waits({}) | {"OMP_DISPLAY_ENV": "verbose"}
    code = f"import ctypes; ctypes.CDLL({str(OPENMP[0])!r})"
    done = subprocess.run([sys.executable, "-c", code], env=wanted, capture_output=True, text=True, check=True)
    assert "GOMP_SPINCOUNT = '3000'" in done.stderr
