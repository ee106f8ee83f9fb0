"""Jobs in this process, or several at a time in processes of joblib, which share the threads or the GPUs of this machine."""

import atexit
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from types import FrameType
from typing import Any, TypeVar

from medgauge.core.errors import InputError, came

Item = TypeVar("Item")
Found = TypeVar("Found")
AUTO = "auto"
WATCH = 0.5  # seconds between two looks at whether the process that is worked for is there
PATIENCE = 30  # seconds that a run has to write its checkpoint
_watched: list[int] = []  # in a worker: the process that it ends with
_places: list[Any] = []  # in a worker: what keeps its place among the GPUs, as long as it lives


@dataclass(frozen=True)
class Workers:
    """How many jobs run at a time, and on what.

    Args:
        count: of the jobs.
        gpus: that they share, one a worker in turn; 0: they share the threads.
    """

    count: int
    gpus: int = 0


def plan_workers(wanted: int | str, *, gpus: int, threads: int) -> Workers:
    """A number of jobs at a time; ``auto`` is one a visible GPU, without one a job a thread.

    >>> plan_workers("auto", gpus=4, threads=16), plan_workers("auto", gpus=0, threads=16), plan_workers(3, gpus=2, threads=16)
    (Workers(count=4, gpus=4), Workers(count=16, gpus=0), Workers(count=3, gpus=2))

    Raises:
        InputError: it is neither a whole number from 1 on nor auto.
    """
    if wanted == AUTO:
        return Workers(gpus or max(1, threads), gpus)
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 1:
        raise InputError(f"workers must be a whole number >= 1 or auto, got {came(wanted)}")
    return Workers(wanted, gpus)


def each_done(
    items: Sequence[Item], work: Callable[[Item], Found], *, workers: Workers
) -> Iterator[tuple[Item, Found]]:
    """What ``work`` makes of each item, in this process or as it comes from others.

    joblib's own backend is loky; within ``joblib.parallel_config`` it is another one.

    Raises:
        InputError: a process ended by itself.
    """
    if workers.count > 1 and len(items) > 1:
        yield from _in_processes(items, work, workers)
    else:
        yield from ((item, work(item)) for item in items)


def _in_processes(
    items: Sequence[Item], work: Callable[[Item], Found], workers: Workers
) -> Iterator[tuple[Item, Found]]:
    import torch
    from joblib import Parallel, delayed

    count = min(workers.count, len(items))
    threads = max(1, torch.get_num_threads() // count)
    with _stops_end_workers():
        parallel = Parallel(
            n_jobs=count, prefer="processes", return_as="generator_unordered", pre_dispatch="n_jobs", batch_size=1
        )
        setup = (os.getpid(), threads, workers.gpus, _slots())
        try:
            for place, found in parallel(delayed(_do)(setup, place, work, item) for place, item in enumerate(items)):
                yield items[place], found
        except BrokenProcessPool as error:
            raise InputError(
                "a process ended by itself (out of memory?); the same command goes on, with fewer --workers perhaps"
            ) from error


@cache
def _slots() -> str:
    """The folder in which the workers of this process take their places; joblib keeps workers from one call to the next."""
    folder = mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _do(setup: tuple[int, int, int, str], place: int, work: Callable[[Item], Found], item: Item) -> tuple[int, Found]:
    """In a worker: set it up, then do one job."""
    if _is_local():
        _begin(*setup)
    return place, work(item)


def _is_local() -> bool:
    """Whether this process is one of joblib's own on the machine of the command."""
    return type(multiprocessing.current_process()).__name__.startswith("Loky")


def _begin(parent: int, threads: int, gpus: int, slots: str) -> None:
    """Set up a worker: its share of the threads or its GPU, and an end with the process that it works for."""
    import torch

    torch.set_num_threads(threads)
    if gpus and not _places:
        os.environ["CUDA_VISIBLE_DEVICES"] = _own_gpu(gpus, Path(slots))
    if not _watched:
        _watched.append(parent)
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _own_gpu(gpus: int, slots: Path) -> str:
    """The GPU of this worker, as CUDA_VISIBLE_DEVICES names it: the one of the first place that no other worker has."""
    import fcntl

    names = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(gpus)))
    place = 0
    while True:
        handle = (slots / str(place)).open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            place += 1
            continue
        _places.append(handle)  # kept, and so locked, until this process ends
        return names.split(",")[place % gpus].strip()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH)
    os._exit(1)


def _end_workers() -> None:
    """End the processes of joblib that this one started: one in training writes its checkpoint first."""
    own = [process for process in multiprocessing.active_children() if type(process).__name__.startswith("Loky")]
    for process in own:
        with suppress(OSError):
            process.terminate()
    for process in own:
        process.join(PATIENCE)


@contextmanager
def _stops_end_workers() -> Iterator[None]:
    """SIGTERM and Ctrl-C as KeyboardInterrupt once the workers have ended, so that none is left behind."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        _end_workers()
        raise KeyboardInterrupt

    before = {}
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            before[number] = signal.signal(number, interrupt)
    except ValueError:  # not the main thread: no handlers there
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
