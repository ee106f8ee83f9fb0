"""Two processes that can talk to one another (gloo), started once and used by every test that needs them."""

import atexit
import io
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import distributed as dist
from torch import multiprocessing

COUNT = 2
PATIENCE = 600  # seconds; starting them imports torch, which is slow on a busy machine


def in_each_process(function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What ``function(rank, *arguments)`` returns in each of two processes: tensors, and containers of them."""
    connections = _workers()
    for connection in connections:
        connection.send((function, arguments))
    results, failures = [], []
    for connection in connections:
        if not connection.poll(PATIENCE):
            failures.append(f"no answer after {PATIENCE} seconds")
            break
        result, failure = connection.recv()
        if failure:
            failures.append(failure)
            break  # the others wait for this one
        results.append(torch.load(io.BytesIO(result), weights_only=True))
    if failures:
        _workers.cache_clear()  # those that are left end when their pipe closes, or by gloo's timeout
        raise AssertionError(failures[0])
    return results


@cache
def _workers() -> list[Connection]:
    context = multiprocessing.get_context("spawn")
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    connections = []
    for rank in range(COUNT):
        here, there = context.Pipe()
        context.Process(target=_serve, args=(rank, folder, there), daemon=True).start()
        there.close()
        connections.append(here)
    return connections


def _serve(rank: int, folder: str, connection: Connection) -> None:
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo" if sys.platform == "linux" else "lo0"
    store = dist.FileStore(os.path.join(folder, "store"), COUNT)  # type: ignore[attr-defined]  # not in torch's stubs
    dist.init_process_group("gloo", store=store, rank=rank, world_size=COUNT, timeout=timedelta(seconds=PATIENCE))
    while True:
        try:
            function, arguments = connection.recv()
        except EOFError:
            return
        try:
            result = io.BytesIO()
            torch.save(function(rank, *arguments), result)
            connection.send((result.getvalue(), ""))
        except Exception:
            connection.send((b"", traceback.format_exc()))
