"""Cases per second of cached volumes with random changes, beside MONAI's CacheDataset with the same ones.

Rotation 20 degrees about each axis, shift 0.05 of a side, size 0.7 to 1.3, gamma 0.7 to 1.5, sharpening to 1, blur to 1 voxel,
noise to 0.05. Both hold the volumes in memory and give batches of 30 on the CPU, one thread, no workers; processor seconds, the
ways in turn. MONAI changes one case after the other.

    python benchmarks/volume_input.py [--side 32] [--out benchmarks/results/volume_input.json]
"""

import argparse
import importlib
import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import machine, median_seconds

from medgauge.core.version import __version__
from medgauge.data.cases import CaseArrays
from medgauge.data.images.augment import AugmentSettings, apply, draw

CASES, BATCH, ROUNDS = 90, 30, 5
RESULTS = Path(__file__).parent / "results" / "volume_input.json"
CHANGES = AugmentSettings(
    rotation=20.0, shift=0.05, scale=(0.7, 1.3), gamma=(0.7, 1.5), sharpening=1.0, blur=1.0, noise=0.05
)


def ours(arrays: CaseArrays) -> int:
    """One pass over all cases."""
    count = 0
    for start in range(0, CASES, BATCH):
        image = arrays.batch(range(start, start + BATCH), torch.device("cpu")).image
        drawn = draw(CHANGES, BATCH, 3, torch.Generator().manual_seed(start))
        count += len(apply(image, drawn))
    return count


def monai_loader(volumes: np.ndarray, side: int) -> Any:
    """CacheDataset behind a loader; the cache is filled when it is made."""
    data: Any = importlib.import_module("monai.data")
    changes: Any = importlib.import_module("monai.transforms")
    angle, shift, one = math.radians(20), 0.05 * side, (1.0, 1.0)
    chain = changes.Compose(
        [
            changes.Lambda(lambda row: torch.from_numpy(volumes[row]).float() / 255),
            changes.RandAffine(1.0, [angle] * 3, None, [shift] * 3, [(-0.3, 0.3)] * 3, padding_mode="zeros"),
            changes.RandAdjustContrast(1.0, gamma=(0.7, 1.5)),
            changes.RandGaussianSharpen(one, one, one, 1e-3, 1e-3, 1e-3, alpha=(0.0, 1.0), prob=1.0),
            changes.RandGaussianSmooth((1e-3, 1.0), (1e-3, 1.0), (1e-3, 1.0), prob=1.0),
            changes.RandGaussianNoise(1.0, std=0.05),
        ]
    )
    chain.set_random_state(0)
    return data.DataLoader(
        data.CacheDataset(list(range(len(volumes))), chain, progress=False), batch_size=BATCH, num_workers=0
    )


def main() -> None:
    """Run both in turn and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    import monai

    volumes = np.random.default_rng(0).integers(0, 256, (CASES, 1, *[asked.side] * 3), dtype=np.uint8)
    arrays, loader = CaseArrays(volumes, 1 / 255, np.zeros((CASES, 0))), monai_loader(volumes, asked.side)

    def theirs() -> int:
        return sum(len(batch) for batch in loader)

    assert ours(arrays) == theirs() == CASES
    seconds = median_seconds({"medgauge": lambda: ours(arrays), "monai": theirs}, ROUNDS)
    rates = {name: round(CASES / taken, 1) for name, taken in seconds.items()}
    kept = json.loads(asked.out.read_text()) if asked.out.exists() else {}
    side = {"cases_per_second": rates, "medgauge_over_monai": round(rates["medgauge"] / rates["monai"], 2)}
    result = {
        "what": f"cases per processor second, cached volumes with random changes, batches of {BATCH}, one thread",
        "version": __version__,
        "monai": monai.__version__,
        "sides": kept.get("sides", {}) | {str(asked.side): side},
        "machine": machine(),
    }
    asked.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(side))


if __name__ == "__main__":
    main()
