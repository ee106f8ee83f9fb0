"""Training steps and frozen features beside as many busy loops as cores, by how threads wait for each other.

Each way is a process of its own; short turns of them, interleaved, first without the loops, then with them.

python benchmarks/beside.py [--rounds 8] [--seconds 2] [--out benchmarks/results/beside.json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from medgauge.core.waiting import BRIEFLY

RESULTS = Path(__file__).parent / "results" / "beside.json"
WAYS: dict[str, dict[str, str]] = {
    "default": {},
    "brief": BRIEFLY,
    "passive": {"OMP_WAIT_POLICY": "passive"},
    "one_thread": {"OMP_NUM_THREADS": "1"},
}
LOOP = "import numpy, os; a, home = numpy.ones((200, 200)), os.getppid()\nwhile os.getppid() == home: a @ a"
"""It ends with this process."""
CASES = 8
"""Images that are embedded at a time."""


def training(folder: str) -> Callable[[], object]:
    """A step of the training of the demo."""
    from lightning_fabric import Fabric

    from medgauge.core.display import Display
    from medgauge.fitting.parts import build_parts
    from medgauge.fitting.stamp import make_recipe
    from medgauge.fitting.train import build_trainer
    from medgauge.runfolder import RunFolder
    from medgauge.study import load_study

    study = load_study(make_recipe("hc18_demo"))
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    trainer = build_trainer(study, build_parts(study), fabric, RunFolder(folder), Display(False))
    trainer.model.train()
    return trainer._step


def embedding(folder: str) -> Callable[[], object]:
    """Frozen features of eight images of the demo, as `embed`, `predict` and `fit --budget quick` read them."""
    import torch

    from medgauge.models import build_encoder

    encoder = build_encoder("lite0", ndim=2, channels=1, pretrained=True).eval()
    image = torch.zeros(CASES, 1, 96, 64)

    @torch.no_grad()
    def read() -> object:
        return encoder(image)

    return read


WORK = {"training": training, "embedding": embedding}


def work(name: str) -> None:
    """Do the work for as many seconds as each line of the input says, and say how it went."""
    with tempfile.TemporaryDirectory() as folder:
        act = WORK[name](folder)
        act()
        print("ready", flush=True)
        for line in sys.stdin:
            start, spent, count = time.perf_counter(), time.process_time(), 0
            while time.perf_counter() - start < float(line):
                act()
                count += 1
            wall, spent = time.perf_counter() - start, time.process_time() - spent
            print(json.dumps({"ms": 1000 * wall / count, "processor_ms": 1000 * spent / count}), flush=True)


def bare() -> dict[str, str]:
    """The environment without what is said of threads."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "MKL_"))}


def take_turns(name: str, rounds: int, seconds: float) -> dict[str, Any]:
    """Medians of every way, without and with the loops; ``times``: beside them over without them, and over ``brief``."""

    def say(process: "subprocess.Popen[str]", line: str = "") -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        if line:
            print(line, file=process.stdin, flush=True)
        return process.stdout.readline()

    command = [sys.executable, __file__, "--work", name]
    workers = {
        way: subprocess.Popen(command, env=bare() | own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for way, own in WAYS.items()
    }
    for process in workers.values():
        say(process)
    found: dict[str, Any] = {}
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for phase, count in (("without", 0), ("beside", os.cpu_count() or 1)):
        loops = [subprocess.Popen([sys.executable, "-c", LOOP], env=bare() | quiet) for _ in range(count)]
        time.sleep(1.0 if loops else 0.0)
        turns = [
            {way: json.loads(say(process, str(seconds))) for way, process in workers.items()} for _ in range(rounds)
        ]
        found[phase] = {
            way: {key: round(statistics.median(turn[way][key] for turn in turns), 1) for key in turns[0][way]}
            for way in WAYS
        } | {"load": round(os.getloadavg()[0], 1)}
        for loop in loops:
            loop.kill()
        print(name, phase, found[phase], flush=True)
    for process in workers.values():
        process.kill()
    times = {way: found["beside"][way]["ms"] / found["without"][way]["ms"] for way in WAYS}
    against = {
        phase: {way: round(found[phase][way]["ms"] / found[phase]["brief"]["ms"], 2) for way in WAYS} for phase in found
    }
    return found | {
        "beside_over_without": {way: round(ratio, 2) for way, ratio in times.items()},
        "over_brief": against,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--work", choices=WORK)
    asked = parser.parse_args()
    if asked.work:
        work(asked.work)
        return
    from common import machine

    result: dict[str, Any] = {
        "what": "median milliseconds by the clock and by the processor of a training step of the demo, and of the features of "
        f"{CASES} images, without and beside as many busy loops as cores; load: all that ran, other work too",
        "ways": WAYS,
        "machine": machine(),
    }
    result |= {name: take_turns(name, asked.rounds, asked.seconds) for name in WORK}
    asked.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
