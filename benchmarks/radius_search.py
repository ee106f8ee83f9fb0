"""Tuning the neighbour radius in one pass over the distances, against evaluating each radius anew; the same grid.

Run: python benchmarks/radius_search.py [--quick]. Writes benchmarks/results/radius_search.json.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.version import __version__
from medgauge.inference import NeighbourPredictor, radius_grid

RESULTS = Path(__file__).parent / "results" / "radius_search.json"


def cases(count: int, columns: int, seed: int) -> Cases:
    """An embedding that follows the label along one axis, with noise along all."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.randn(count, 1, generator=generator).double()
    noise = torch.randn(count, columns, generator=generator) * 0.3 / columns**0.5
    noise[:, :1] += label.float()
    names = [f"{seed}-{row}" for row in range(count)]
    return Cases(noise, label, names, names)


def anew(gallery: Cases, validation: Cases, radii: Tensor) -> float:
    """The plain way: distances, kernel and MAE once more for each radius, all pairs at once."""
    maes = []
    for radius in radii.tolist():
        distances = torch.cdist(validation.embedding, gallery.embedding).double()
        weights = torch.exp(-4.5 * (distances / radius) ** 2) * (distances <= radius)
        weights[torch.arange(len(distances)), distances.argmin(1)] += 1e-16
        value = weights @ gallery.label / weights.sum(1, keepdim=True)
        maes.append((value - validation.label).abs().mean().item())
    return float(radii[maes.index(min(maes))])


def seconds(run: Callable[[], float]) -> tuple[float, float]:
    """How long it took, and what it found."""
    start = time.perf_counter()
    found = run()
    return time.perf_counter() - start, found


def compare(gallery_size: int, queries: int, columns: int, radii: int, repeats: int) -> dict[str, object]:
    """Both ways in turn, medians."""
    gallery, validation = cases(gallery_size, columns, 0), cases(queries, columns, 1)
    predictor = NeighbourPredictor(radii=radii).fit(gallery)
    grid = radius_grid(gallery.embedding, validation.embedding, radii)
    ours, plain = [], []
    for _ in range(repeats):
        ours.append(seconds(lambda: predictor.tune(validation)))
        plain.append(seconds(lambda: anew(gallery, validation, grid)))
    one, each = (statistics.median(time for time, _ in runs) for runs in (ours, plain))
    return {
        "gallery": gallery_size,
        "queries": queries,
        "columns": columns,
        "radii": radii,
        "repeats": repeats,
        "radius_one_pass": ours[0][1],
        "radius_each_anew": plain[0][1],
        "seconds_one_pass": round(one, 4),
        "seconds_each_anew": round(each, 4),
        "ratio": round(each / one, 1),
    }


def cpu_model() -> str:
    """The processor's name where the system tells it."""
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].split(":", 1)[1].strip() if names else platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small setting, nothing written")
    if parser.parse_args().quick:
        print(json.dumps(compare(300, 60, 32, 64, 1), indent=2))
        return
    runs = [compare(600, 80, 128, 256, 3), compare(1500, 200, 512, 256, 3)]
    result = {
        "medgauge": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "cpu": cpu_model(),
        "threads": torch.get_num_threads(),
        "runs": runs,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
