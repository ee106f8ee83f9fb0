"""Several jobs at a time: shares of threads and GPUs, what comes back, and that no worker outlives the command."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from medgauge.comparing import workers
from medgauge.comparing.workers import Workers, each_done, plan_workers
from medgauge.core.errors import InputError

SLEEPERS = """
import os, sys, time
from pathlib import Path
from medgauge.comparing.workers import Workers, each_done
def sleep(place):
    Path(sys.argv[1], str(os.getpid())).touch()
    time.sleep(120)
if __name__ == "__main__":
    list(each_done([0, 1], sleep, workers=Workers(2)))
"""


def threads_and_gpu(item: int) -> tuple[int, str, int]:
    import torch

    time.sleep(0.5)  # so that the other worker gets the other one
    return torch.get_num_threads(), os.environ.get("CUDA_VISIBLE_DEVICES", ""), item


def fails(item: int) -> int:
    if item == 1:
        raise InputError("of no use")
    return item


def test_jobs_share_threads_and_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-5")
    found = dict(each_done([10, 11], threads_and_gpu, workers=Workers(2, gpus=2)))
    assert {item: one[2] for item, one in found.items()} == {10: 10, 11: 11}
    assert {one[0] for one in found.values()} == {3}
    assert {one[1] for one in found.values()} == {"4", "GPU-5"}


def test_workers_serve_one_call_after_the_other() -> None:
    for _ in range(3):
        assert sorted(item for item, _ in each_done([0, 2, 3], fails, workers=Workers(2))) == [0, 2, 3]


def test_what_is_wrong_in_a_job_is_told() -> None:
    with pytest.raises(InputError, match="of no use"):
        list(each_done([0, 1], fails, workers=Workers(2)))


def test_one_worker_or_one_job_stays_in_this_process() -> None:
    assert list(each_done([0, 1], lambda item: os.getpid(), workers=Workers(1))) == [(0, os.getpid()), (1, os.getpid())]
    assert list(each_done([5], lambda item: os.getpid(), workers=Workers(4))) == [(5, os.getpid())]


@pytest.mark.parametrize("wanted", [0, -1, True, "all", 1.5])
def test_wrong_numbers_of_workers_are_refused(wanted: object) -> None:
    with pytest.raises(InputError, match="workers must be a whole number >= 1 or auto, got"):
        plan_workers(wanted, gpus=0, threads=4)  # type: ignore[arg-type]


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_the_command(tmp_path: Path, ending: signal.Signals) -> None:
    (tmp_path / "sleepers.py").write_text(SLEEPERS)
    (tmp_path / "pids").mkdir()
    command = subprocess.Popen(
        [sys.executable, str(tmp_path / "sleepers.py"), str(tmp_path / "pids")], stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 120
    while len(list((tmp_path / "pids").iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    running = [Path("/proc", path.name) for path in (tmp_path / "pids").iterdir()]
    assert len(running) == 2
    command.send_signal(ending)
    command.wait(60)
    while any(path.exists() for path in running) and time.monotonic() < until:
        time.sleep(0.1)
    assert not [path for path in running if path.exists()]
    assert workers.WATCH < 1
