"""D5 and RV of a whole split beside the plain scikit-learn way, as ratios in one run.

    python benchmarks/space_metrics.py [--out benchmarks/results/space_metrics.json]

The plain way of D5 is ``NearestNeighbors``; that of RV is ``kneighbors_graph``, made symmetric, ``shortest_path`` from
every case, and ``np.corrcoef`` over all pairs, for each k of the grid by itself (Isomap's steps). Both ways are run
in turn and the median of each is taken. Seconds are those of the processor (all threads), so that other work on the
machine counts little; with one thread (OMP_NUM_THREADS=1) they are what a free machine takes.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import sklearn
import torch
from common import machine
from scipy.sparse.csgraph import shortest_path
from sklearn.neighbors import NearestNeighbors, kneighbors_graph

from medgauge.metrics import neighbour_difference, residual_variance

GRID = (5, 10, 20, 40)
CASES, COLUMNS, GALLERY = 2500, 512, 2500


def embedded(cases: int, columns: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cases near a bent sheet whose first coordinate is the label, with noise, in ``columns`` dimensions."""
    chance = torch.Generator().manual_seed(seed)
    label, other = 6 * torch.rand(cases, 1, generator=chance), 2 * torch.rand(cases, 1, generator=chance)
    sheet = torch.cat([label.cos(), label.sin(), (0.5 * label).cos(), (0.5 * label).sin(), other], dim=1)
    turn = torch.randn(5, columns, generator=torch.Generator().manual_seed(0)) / columns**0.5
    return sheet @ turn + 0.002 * torch.randn(cases, columns, generator=chance), label


def plain_d5(case: torch.Tensor, label: torch.Tensor, gallery: torch.Tensor, known: torch.Tensor) -> float:
    rows = NearestNeighbors(n_neighbors=5).fit(gallery.numpy()).kneighbors(case.numpy(), return_distance=False)
    return float(abs(known.numpy()[rows, 0] - label.numpy()).mean())


def plain_rv(case: torch.Tensor, label: torch.Tensor) -> float:
    gap = abs(label.numpy() - label.numpy().T)
    apart = ~np.eye(len(label), dtype=bool)
    values = []
    for k in GRID:
        graph = kneighbors_graph(case.numpy(), k, mode="distance")
        path = shortest_path(graph.maximum(graph.T), directed=False)
        values.append(1 - np.corrcoef(path[apart], gap[apart])[0, 1])
    return float(min(values))


def compare(ours: Callable[[], float], plain: Callable[[], float], rounds: int) -> dict[str, float]:
    """Median processor seconds of both, run in turn, and what they gave."""
    seconds: dict[str, list[float]] = {"ours": [], "plain": []}
    value: dict[str, float] = {}
    for _ in range(rounds):
        for name, run in (("ours", ours), ("plain", plain)):
            start = time.process_time()
            value[name] = run()
            seconds[name].append(time.process_time() - start)
    mine, theirs = (statistics.median(seconds[name]) for name in ("ours", "plain"))
    return {
        "ours_seconds": round(mine, 3),
        "plain_seconds": round(theirs, 3),
        "times_faster": round(theirs / mine, 2),
        "ours_value": value["ours"],
        "plain_value": value["plain"],
    }


def libraries() -> dict[str, Any]:
    """What the figures were taken on."""
    versions = {"scipy": scipy.__version__, "scikit-learn": sklearn.__version__, "numpy": np.__version__}
    return {**machine(), **versions}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "space_metrics.json")
    parser.add_argument("--rounds", type=int, default=3)
    settings = parser.parse_args()
    case, label = embedded(CASES, COLUMNS, seed=1)
    gallery, known = embedded(GALLERY, COLUMNS, seed=2)
    plain_d5(case[:50], label[:50], gallery[:50], known[:50])  # what is imported late is imported now
    neighbour_difference(case[:50], label[:50], gallery[:50], known[:50])
    residual_variance(case[:50], label[:50])
    plain_rv(case[:50], label[:50])
    result = {
        "machine": libraries(),
        "cases": CASES,
        "columns": COLUMNS,
        "gallery": GALLERY,
        "grid": GRID,
        "rounds": settings.rounds,
        "d5": compare(
            lambda: neighbour_difference(case, label, gallery, known).item(),
            lambda: plain_d5(case, label, gallery, known),
            settings.rounds,
        ),
        "rv": compare(
            lambda: residual_variance(case, label, GRID).value,
            lambda: plain_rv(case, label),
            settings.rounds,
        ),
        "rv_all_rows": compare(
            lambda: residual_variance(case, label, GRID, landmarks=CASES).value,
            lambda: plain_rv(case, label),
            1,
        ),
    }
    settings.out.parent.mkdir(parents=True, exist_ok=True)
    settings.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
