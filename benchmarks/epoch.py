"""A training epoch of medgauge against a bare PyTorch loop with MSE, on the same cached arrays, in one run.

Nine interleaved pairs; the median of the pairs' ratios is the figure.

python benchmarks/epoch.py [--device cpu|cuda] [--out benchmarks/results/epoch.json]
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import torch
from torch.nn import functional

from medgauge.core.seeding import derive_seed
from medgauge.fitting.parts import Parts, build_parts
from medgauge.fitting.sampling import augmented_batch
from medgauge.fitting.stamp import make_recipe
from medgauge.runfolder import RunFolder
from medgauge.samplers import RandomBatchSampler
from medgauge.study import Study, load_study
from medgauge.training.loop import Trainer, Validation
from medgauge.training.plan import build_optimiser

RESULTS = Path(__file__).parent / "results" / "epoch.json"
DEVICE = torch.device("cpu")
"""Set by ``--device``."""
PAIRS, EPOCHS = 9, 2
CHANGES = {
    "data.covariates": [],
    "augmentation.flip": [],
    **{f"augmentation.{name}": 0.0 for name in ("rotation", "shift", "scale", "intensity")},
    "training.batch_size": 64,
    "training.evaluations": 1,
    "optimiser.learning_rate": 0.001,
}


def setup() -> tuple[Study, Parts, RandomBatchSampler, list[int]]:
    """Study, parts and sampler; both loops start from equal weights."""
    study = load_study(make_recipe("hc18_mse", changes=CHANGES))
    train = study.rows("train")
    return study, build_parts(study), RandomBatchSampler(len(train), 64, seed=0), train


def bare(folder: Path) -> float:
    """What one would write by hand: the same model, optimiser, batches and arrays."""
    study, parts, sampler, train = setup()
    model = parts.model.to(DEVICE)
    optimiser = build_optimiser([model], study.recipe.optimiser)
    images = torch.from_numpy(parts.arrays.array)
    labels = parts.tasks.coding.encode(torch.from_numpy(study.table.label)).float().to(DEVICE)
    model.train()
    start = time.perf_counter()
    for step in range(EPOCHS * len(sampler)):
        rows = torch.tensor([train[place] for place in sampler.batch(step)])
        image = (images[rows].to(DEVICE).float() / 255).contiguous(memory_format=torch.channels_last)
        loss = functional.mse_loss(model(image).prediction, labels[rows.to(DEVICE)])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return passed(start)


def ours(folder: Path) -> float:
    """The loop of `medgauge fit`, without its evaluation."""
    from lightning_fabric import Fabric

    study, parts, sampler, train = setup()
    assert parts.objective is not None  # hc18_mse trains
    fabric = Fabric(accelerator=DEVICE.type, devices=1)
    fabric.launch()
    wrapped, optimiser = fabric.setup(
        parts.model, build_optimiser([parts.model, parts.objective], study.recipe.optimiser)
    )
    trainer = Trainer(
        fabric=fabric,
        model=wrapped,
        objective=parts.objective,
        optimiser=optimiser,
        batch=lambda step: augmented_batch(
            parts.arrays, study, sampler, train, step, fabric.device, parts.tasks.coding
        ),
        coding=parts.tasks.coding,
        schedule=parts.schedule,
        rates=study.recipe.optimiser,
        validate=lambda: Validation(1.0, {"val_mae": 1.0}),
        keeper=RunFolder(folder),
    )
    wrapped.train()
    start = time.perf_counter()
    for step in range(EPOCHS * len(sampler)):
        trainer._step()
        if (step + 1) % len(sampler) == 0:
            trainer._close_row(evaluate=False)
    return passed(start)


def passed(start: float) -> float:
    """Seconds since ``start``, when the device is done."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    global DEVICE
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", type=torch.device, default=DEVICE)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    DEVICE = asked.device
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    torch.manual_seed(derive_seed(0, "benchmark"))
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        bare(Path(folder)), ours(Path(folder))  # first calls compile and allocate
        for pair in range(PAIRS):
            both = (bare, ours) if pair % 2 == 0 else (ours, bare)
            spent = {loop.__name__: loop(Path(folder)) for loop in both}
            pairs.append(spent)
            print(
                f"pair {pair + 1}: bare {spent['bare']:.3f} s, ours {spent['ours']:.3f} s, ratio {spent['ours'] / spent['bare']:.3f}"
            )
    ratios = [pair["ours"] / pair["bare"] for pair in pairs]
    result = {
        "what": "seconds of ours / seconds of a bare PyTorch loop with MSE, same arrays, model, batches and optimiser",
        "median_ratio": round(statistics.median(ratios), 4),
        "ratios": [round(ratio, 4) for ratio in ratios],
        "pairs": [{name: round(value, 4) for name, value in pair.items()} for pair in pairs],
        "epochs_a_pair": EPOCHS,
        "machine": {
            "device": torch.cuda.get_device_name() if DEVICE.type == "cuda" else "cpu",
            "processor": platform.processor() or platform.machine(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "load_before": round(os.getloadavg()[0], 1),
        },
    }
    asked.out.write_text(json.dumps(result, indent=2) + "\n")
    print(f"median ratio {result['median_ratio']}")


if __name__ == "__main__":
    main()
