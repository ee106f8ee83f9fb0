"""RM-Loss, forward and backward, beside the plain broadcast formula and one matrix product, as ratios in one run.

    python benchmarks/losses.py [--out benchmarks/results/losses.json]

The plain way holds all differences of rows, (n, n, d), at once; at n = 2048 that takes more than 25 GB and is left out.
The matrix product is ``embedding @ embedding.T`` alone, forward only: n x n x d multiplications. All ways are run in
turn and the median of each is taken. Seconds are those of the processor (all threads), so that other work on the
machine counts little; with one thread (OMP_NUM_THREADS=1) they are what a free machine takes. Peak memory is what
the process grows by while it computes loss and gradient (Linux only).
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from common import machine, median_seconds
from torch import Tensor

from medgauge.losses import RMLoss

COLUMNS = 512
ROUNDS = {64: 15, 512: 5, 2048: 3}
PLAIN_UP_TO = 512
MEMORY = ((1024, 64), (1024, 512), (2048, 64), (2048, 512))


def draw(rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """An embedding whose distances are about those of the labels."""
    chance = torch.Generator().manual_seed(0)
    embedding = torch.randn(rows, columns, generator=chance) / columns**0.5
    return embedding.requires_grad_(), torch.randn(rows, 1, generator=chance)


def plain_loss(embedding: Tensor, label: Tensor, sigma: float = 0.5, alpha: float = 0.1) -> Tensor:
    """The first batch's loss with a temporary of (n, n, d)."""
    distance = (embedding[:, None] - embedding[None]).square().sum(-1).clamp(min=1e-24).sqrt()
    difference = (label - label.T).abs()
    weight = torch.exp(-difference.square() / (2 * sigma**2)) + alpha
    weighted = weight * (distance - difference).abs()
    hard = weighted.detach() > weighted.detach().mean()
    return (hard * weighted).sum() / (hard * weight).sum()


def our_loss(embedding: Tensor, label: Tensor) -> Tensor:
    loss: Tensor = RMLoss()(embedding, label)
    return loss


def gradient(loss: Callable[[Tensor, Tensor], Tensor], embedding: Tensor, label: Tensor) -> Tensor:
    return torch.autograd.grad(loss(embedding, label), embedding)[0]


def compare(rows: int) -> dict[str, float | None]:
    """Median processor seconds of each way, run in turn after one warm-up, and their ratios."""
    embedding, label = draw(rows, COLUMNS)
    ways: dict[str, Callable[[], Tensor]] = {
        "ours": lambda: gradient(our_loss, embedding, label),
        "product": lambda: embedding.detach() @ embedding.detach().T,
    }
    if rows <= PLAIN_UP_TO:
        ways["plain"] = lambda: gradient(plain_loss, embedding, label)
        torch.testing.assert_close(ways["plain"](), ways["ours"](), rtol=1e-4, atol=1e-6)  # the same thing is timed
    median = median_seconds(ways, ROUNDS[rows])
    plain = median.get("plain")
    return {
        "ours_seconds": round(median["ours"], 6),
        "product_seconds": round(median["product"], 6),
        "plain_seconds": None if plain is None else round(plain, 6),
        "times_one_product": round(median["ours"] / median["product"], 2),
        "times_faster_than_plain": None if plain is None else round(plain / median["ours"], 2),
    }


def resident(kind: str) -> int:
    """Bytes of this process: ``VmRSS`` now, ``VmHWM`` at most since the last reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(kind))


def growth(run: Callable[[], Tensor]) -> float:
    """MiB by which the process grows at most while ``run`` runs."""
    Path("/proc/self/clear_refs").write_text("5")  # sets the mark back to what is held now
    before = resident("VmRSS")
    run()
    return round((resident("VmHWM") - before) / 2**20, 1)


def measure_memory() -> dict[str, float]:
    """Peak MiB of loss and gradient by rows and columns; runs in a process of its own."""
    gradient(our_loss, *draw(64, 64))
    gradient(plain_loss, *draw(64, 64))
    found = {}
    for rows, columns in MEMORY:
        case = draw(rows, columns)
        found[f"ours n={rows} d={columns}"] = growth(lambda: gradient(our_loss, *case))  # noqa: B023  # run at once
    for columns in (64, 512):
        case = draw(PLAIN_UP_TO, columns)
        found[f"plain n={PLAIN_UP_TO} d={columns}"] = growth(lambda: gradient(plain_loss, *case))  # noqa: B023
    return found


def memory() -> dict[str, float] | None:
    """What a fresh process measures, which gives freed blocks back at once; None where there is no /proc."""
    if not Path("/proc/self/clear_refs").exists():
        return None
    settings = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    command = [sys.executable, __file__, "--memory"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=settings)
    return dict(json.loads(answer.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "losses.json")
    parser.add_argument("--memory", action="store_true", help="print peak memory alone, as JSON")
    settings = parser.parse_args()
    if settings.memory:
        print(json.dumps(measure_memory()))
        return
    result = {
        "machine": machine(),
        "columns": COLUMNS,
        "rm_loss": {str(rows): compare(rows) for rows in ROUNDS},
        "rounds": {str(rows): rounds for rows, rounds in ROUNDS.items()},
        "peak_mib": memory(),
    }
    settings.out.parent.mkdir(parents=True, exist_ok=True)
    settings.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
