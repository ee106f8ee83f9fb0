"""A batch of 256 volumes by parts of 8 against a plain batch of 8 and a plain batch of 256: peak memory and time a step.

Each way in a fresh process, in turn; memory is the highest resident size less that after the imports; time is processor
seconds of one step of the loop, batches with augmentation included. Medians over the rounds.

On a GPU memory is what the process allocates there at most, and time goes by the clock.

python benchmarks/micro_batch.py [--device cpu|cuda] [--rounds 3] [--out benchmarks/results/micro_batch.json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from common import machine
from lightning_fabric import Fabric

from medgauge.core.display import Display
from medgauge.core.version import __version__
from medgauge.fitting.parts import build_parts
from medgauge.fitting.stamp import make_recipe
from medgauge.fitting.train import build_trainer
from medgauge.runfolder import RunFolder
from medgauge.study import load_study

RESULTS = Path(__file__).parent / "results" / "micro_batch.json"
CASES, SIDE = 640, 32
WAYS = {"batch of 8": (8, None, 80), "batch of 256": (256, None, 4), "256 by parts of 8": (256, 8, 4)}
"""Batch, part of it, and steps that are timed, after a first one; each way reads all volumes at least once."""


def write_volumes(folder: Path) -> None:
    """Volumes of noise about a ball whose radius is the label, and their table."""
    draw = np.random.default_rng(0)
    radius = draw.uniform(4, 12, CASES)
    axis = np.arange(SIDE) - SIDE / 2
    far = np.sqrt(sum(part.astype(float) ** 2 for part in np.meshgrid(axis, axis, axis)))
    volumes = np.stack([(far < one) * 120 + draw.normal(60, 20, far.shape) for one in radius])
    np.save(folder / "volumes.npy", volumes.clip(0, 255).astype(np.uint8)[:, None])
    rows = [f"{row},{radius[row]:.3f}" for row in range(CASES)]
    (folder / "cases.csv").write_text("\n".join(["row,radius", *rows]) + "\n")


def run(way: str, folder: Path, device: str) -> dict[str, float]:
    """One way, in this process."""
    size, part, steps = WAYS[way]
    before = resident("VmRSS")
    recipe = make_recipe(
        "rm_l1",
        changes={
            "data.table": str(folder / "cases.csv"),
            "data.array": str(folder / "volumes.npy"),
            "data.index": "row",
            "data.label": ["radius"],
            "data.no_groups": True,
            "training.batch_size": size,
            "training.micro_batch": part,
            "training.accelerator": device,
            "training.steps": 100,
        },
    )
    study = load_study(recipe)
    parts = build_parts(study)
    fabric = Fabric(accelerator=device, devices=1)
    fabric.launch()
    trainer = build_trainer(study, parts, fabric, RunFolder(folder / "run"), Display(False))
    trainer.model.train()
    taken = []
    for _ in range(steps + 1):
        start = seconds(device)
        trainer._step()
        taken.append(seconds(device) - start)
    mib = torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else resident("VmHWM") - before
    return {"mib": mib, "seconds": statistics.median(taken[1:])}


def seconds(device: str) -> float:
    """Of the processor, or by the clock where a GPU works."""
    if device != "cuda":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def resident(name: str) -> float:
    """A figure of this process's memory, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def main() -> None:
    """Run all ways in turn and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.way:
        torch.set_num_threads(1)
        print(json.dumps(run(asked.way, asked.folder, asked.device)))
        return
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        write_volumes(Path(folder))
        environment = {**os.environ, "MEDGAUGE_CACHE": f"{folder}/cache", "OMP_NUM_THREADS": "1"}
        for turn in range(asked.rounds + 1):  # the first fills the cache
            for way in WAYS if turn else ["batch of 8"]:
                command = [sys.executable, __file__, "--way", way, "--folder", folder, "--device", asked.device]
                done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise SystemExit(done.stderr)
                if turn:
                    found[way].append(json.loads(done.stdout.splitlines()[-1]))
                    print(turn, way, found[way][-1], flush=True)
    middle = {
        way: {name: round(statistics.median(one[name] for one in ones), 2) for name in ("mib", "seconds")}
        for way, ones in found.items()
    }
    parts, small, large = middle["256 by parts of 8"], middle["batch of 8"], middle["batch of 256"]
    result = {
        "what": f"peak memory above the imported process and seconds a step, volumes of {SIDE}^3, recipe rm_l1",
        "version": __version__,
        "ways": middle,
        "memory_of_parts_over_small": round(parts["mib"] / small["mib"], 3),
        "memory_of_large_over_parts": round(large["mib"] / parts["mib"], 2),
        "time_of_parts_over_large": round(parts["seconds"] / large["seconds"], 3),
        "rounds": found,
        "machine": machine(),
        "device": torch.cuda.get_device_name() if asked.device == "cuda" else "cpu",
    }
    asked.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps({name: value for name, value in result.items() if "over" in name}))


if __name__ == "__main__":
    main()
