"""A step of Siamese pretraining with RE against one without, and with the layout of volumes as it was: processor seconds.

30 volumes a step, the encoder of the paper, no warm-up, one thread, the ways in turn on the same weights; views with the changes
of the recipe (rotation, size, gamma, sharpening, blur, noise), and with flips alone, where a step is nearly the network.

    python benchmarks/pretraining_speed.py [--side 32] [--rounds 7] [--out benchmarks/results/pretraining_speed.json]
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import machine, median_seconds
from lightning_fabric import Fabric

from medgauge.core.display import Display
from medgauge.core.version import __version__
from medgauge.data.cases import make_cases
from medgauge.fitting.pretrain import build_trainer
from medgauge.fitting.pretrain_cases import load_cases
from medgauge.fitting.pretrain_parts import build_parts
from medgauge.fitting.stamp import make_recipe
from medgauge.recipes.read import load_values
from medgauge.runfolder import RunFolder

CASES = 60
RESULTS = Path(__file__).parent / "results" / "pretraining_speed.json"


def write_volumes(folder: Path, side: int) -> None:
    """Volumes of noise about a ball, and their table."""
    draw = np.random.default_rng(0)
    axis = np.arange(side) - side / 2
    far = np.sqrt(sum(part.astype(float) ** 2 for part in np.meshgrid(axis, axis, axis)))
    balls = [(far < side * draw.uniform(0.1, 0.4)) * 120 + draw.normal(60, 20, far.shape) for _ in range(CASES)]
    np.save(folder / "volumes.npy", np.stack(balls).clip(0, 255).astype(np.uint8)[:, None])
    (folder / "cases.csv").write_text("\n".join(["row", *map(str, range(CASES))]) + "\n")


def stepper(folder: Path, selection: str, flips: bool, plain: bool) -> Callable[[], None]:
    """One step of the loop, batch included; ``plain``: layout and parts of the network's passes as PyTorch has them."""
    values: dict[str, Any] = load_values("siamese_re")
    if flips:
        values["augmentation"] = {"flip": ["columns"]}
    given = {"table": folder / "cases.csv", "array": str(folder / "volumes.npy"), "index": "row", "cache": str(folder)}
    changes = {"pretraining.selection": selection, "pretraining.warmup": 0, "training.accelerator": "cpu"}
    changes = changes if selection != "none" else {name: one for name, one in changes.items() if "warmup" not in name}
    cases = load_cases(make_recipe(values, given, changes, pretraining=True))
    arrays = make_cases(cases.study.images, cases.study.table.label, None, None)
    parts = build_parts(cases, arrays)
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    trainer = build_trainer(cases, parts, fabric, RunFolder(folder / "run"), Display(False))
    if plain:
        parts.model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # as torch documents it
        assert parts.current is not None
        parts.current.at_once = CASES
    trainer.model.train()
    return trainer._step


def main() -> None:
    """Run all ways in turn and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        write_volumes(Path(folder), asked.side)
        ways = {
            f"{'RE' if selection == 'reweight' else 'none'}, {'flips' if flips else 'all changes'}{', plain' if plain else ''}": (
                stepper(Path(folder), selection, flips, plain)
            )
            for plain in (False, True)
            for flips in (False, True)
            for selection in ("none", "reweight")
        }
        found = median_seconds(ways, asked.rounds)
    shares = {
        f"RE_costs, {name}": round(found[f"RE, {name}"] / found[f"none, {name}"] - 1, 3)
        for name in ("all changes", "flips", "all changes, plain", "flips, plain")
    }
    kept = json.loads(asked.out.read_text()) if asked.out.exists() else {}
    result = {
        "what": "processor seconds of a step of 30 volumes, one thread; RE_costs is the share that RE adds to a step without it",
        "version": __version__,
        "sides": kept.get("sides", {})
        | {str(asked.side): {"seconds": {name: round(one, 4) for name, one in found.items()}, **shares}},
        "machine": machine(),
    }
    asked.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(shares), json.dumps(result["sides"][str(asked.side)]["seconds"]))


if __name__ == "__main__":
    main()
