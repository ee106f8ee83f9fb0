"""What several benchmarks need: the machine in words, medians of ways run in turn, memory saved for backward."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def median_seconds(ways: Mapping[str, Callable[[], Any]], rounds: int, *, warm: bool = True) -> dict[str, float]:
    """Median processor seconds of each way, run in turn after one warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + warm):
        for name, run in ways.items():
            start = time.process_time()
            run()
            if turn >= warm:
                seconds[name].append(time.process_time() - start)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def saved_mib(run: Callable[[], Tensor]) -> float:
    """MiB that autograd keeps for the backward pass of what ``run`` returns, each block of memory once."""
    blocks: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        blocks[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = run()
    del loss
    return round(sum(blocks.values()) / 2**20, 2)


def write_between(page: str | Path, name: str, lines: list[str]) -> None:
    """Put lines between the marks ``<!-- name -->`` and ``<!-- end of name -->`` of a page of docs/methods."""
    path = Path(__file__).resolve().parent.parent / "docs" / "methods" / page
    before, first, rest = path.read_text(encoding="utf-8").partition(f"<!-- {name} -->\n")
    _, last, after = rest.partition(f"<!-- end of {name} -->\n")
    if not (first and last):
        raise SystemExit(f"{path} has no marks of {name}")
    path.write_text(f"{before}{first}" + "\n".join(["", *lines, ""]) + f"\n{last}{after}", encoding="utf-8")
