"""Peak memory of one step of the paper's pretraining at its boxes, by parts of 1 and of 2 cases, and of plain batches.

Each in a fresh process, from its start to the end of the first step, the trial batch and the features that RE clusters
included: recipe brats_grade (bottleneck, RE), volumes of noise of 96^3 and 112^3, one thread; above the imported process.

python benchmarks/box_memory.py [--out benchmarks/results/box_memory.json]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from common import machine
from lightning_fabric import Fabric
from micro_batch import resident

from medgauge.core.display import Display
from medgauge.core.version import __version__
from medgauge.data.cases import make_cases
from medgauge.fitting.pretrain import build_trainer
from medgauge.fitting.pretrain_cases import load_cases
from medgauge.fitting.pretrain_parts import build_parts
from medgauge.fitting.stamp import make_recipe
from medgauge.runfolder import RunFolder

RESULTS = Path(__file__).parent / "results" / "box_memory.json"
WAYS = {
    "96, 6 by parts of 1": (96, 6, 1),
    "96, 6 by parts of 2": (96, 6, 2),
    "96, plain 6": (96, 6, None),
    "112, 6 by parts of 1": (112, 6, 1),
}
"""Side of the box in voxels, cases of a batch, and of a part."""


def run(way: str, folder: Path) -> dict[str, float]:
    """One way, in this process."""
    before, (side, size, part) = resident("VmRSS"), WAYS[way]
    names = {"data.table": f"{folder}/cases.csv", "data.array": f"{folder}/{side}.npy", "data.index": "row"}
    plain = {"data.image": None, "data.mask": None, "image.around": "image", "image.spacing": None, "image.grey": "set"}
    steps = {"training.batch_size": size, "training.micro_batch": part, "training.steps": 1, "pretraining.warmup": 0}
    changes = {**names, **plain, **steps, "data.id": "row", "image.size": [side] * 3, "training.accelerator": "cpu"}
    cases = load_cases(make_recipe("brats_grade", changes=changes, pretraining=True))
    parts = build_parts(cases, make_cases(cases.study.images, cases.study.table.label, None, None))
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    trainer = build_trainer(cases, parts, fabric, RunFolder(folder / "run"), Display(False))
    trainer.model.train()
    start = time.process_time()
    trainer._step()
    return {"mib": round(resident("VmHWM") - before), "seconds": round(time.process_time() - start, 1)}


def main() -> None:
    """Run all ways and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.way:
        torch.set_num_threads(1)
        print(json.dumps(run(asked.way, asked.folder)))
        return
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for side in {side for side, _, _ in WAYS.values()}:
            drawn = np.random.default_rng(0).integers(0, 255, (8, 1, side, side, side), dtype=np.uint8)
            np.save(f"{folder}/{side}.npy", drawn)
        Path(folder, "cases.csv").write_text("row\n" + "".join(f"{row}\n" for row in range(8)))
        environment = {**os.environ, "MEDGAUGE_CACHE": f"{folder}/cache", "OMP_NUM_THREADS": "1"}
        for way in WAYS:
            command = [sys.executable, __file__, "--way", way, "--folder", folder]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(done.stderr)
            found[way] = json.loads(done.stdout.splitlines()[-1])
            print(way, found[way], flush=True)
    result = {
        "what": "peak memory above the imported process, and processor seconds of the step",
        "version": __version__,
        "ways": found,
        "machine": machine(),
    }
    asked.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
