"""Losses on a GPU, forward and backward: milliseconds, memory, and shares of a training step, in one run.

    python benchmarks/gpu.py [--out benchmarks/results/gpu.json] [--device cuda]

Every term of batch_terms.py on drawn cases (512 columns), in float32 and under bfloat16 autocast; RM-Loss beside the plain
broadcast formula; the shares are of a step of ResNet-18 on 256 grey images of 160 x 108 in the same precision. Medians of
calls that end with a synchronisation; memory is what the call allocates at most beyond its input.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from batch_terms import call, draw, terms
from common import machine
from torch import Tensor, nn

from losses import plain_loss
from medgauge.models.encoders import build_encoder

ROUNDS = 20
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def measure(run: Callable[[], Any], device: torch.device) -> dict[str, float]:
    """Median milliseconds and the peak MiB above what was held before."""
    run()
    taken = []
    held = 0
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        taken.append(1000 * (time.perf_counter() - start))
    peak = torch.cuda.max_memory_allocated() - held if device.type == "cuda" else 0
    return {"ms": round(statistics.median(taken), 3), "mib": round(peak / 2**20, 1)}


def placed(rows: int, device: torch.device) -> dict[str, Tensor]:
    """Drawn fields on the device, leaves where they were leaves."""
    return {name: field.detach().to(device).requires_grad_(field.requires_grad) for name, field in draw(rows).items()}


def term_figures(rows: int, device: torch.device, dtype: torch.dtype) -> dict[str, dict[str, float]]:
    """Loss and gradient of every term, and of RM-Loss in the plain way."""
    fields = placed(rows, device)
    leaves = [fields[name] for name in ("embedding", "prediction", "logits")]

    def run(loss: Callable[[], Tensor]) -> Callable[[], Any]:
        def both() -> Any:
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                value = loss()
            return torch.autograd.grad(value, leaves, allow_unused=True)

        return both

    found = {}
    for name, term in terms().items():
        term.to(device)
        found[name] = measure(run(lambda: call(term, fields)), device)  # noqa: B023  # run at once
    found["RMLoss, plain"] = measure(run(lambda: plain_loss(fields["embedding"], fields["label"])), device)
    return found


def step_figures(device: torch.device, dtype: torch.dtype) -> dict[str, float]:
    """A training step of ResNet-18 on 256 grey images of 160 x 108."""
    encoder = build_encoder("monai/resnet18", ndim=2, channels=1)
    model = nn.Sequential(encoder, nn.Linear(int(encoder.features), 1)).to(device)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(model.parameters())
    image = torch.rand(256, 1, 160, 108, device=device).contiguous(memory_format=torch.channels_last)
    label = torch.randn(256, 1, device=device)

    def step() -> None:
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            loss = nn.functional.l1_loss(model(image), label)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        optimiser.zero_grad()

    return measure(step, device)


def main() -> None:
    """Measure both precisions and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "gpu.json")
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    parser.add_argument("--rows", type=int, nargs="+", default=[256, 2048])
    asked = parser.parse_args()
    cuda = asked.device.type == "cuda"
    result: dict[str, Any] = {"machine": machine(), "device": torch.cuda.get_device_name() if cuda else "cpu"}
    for name, dtype in PRECISIONS.items():
        step = step_figures(asked.device, dtype)
        each = {str(rows): term_figures(rows, asked.device, dtype) for rows in asked.rows}
        share = {term: round(one["ms"] / step["ms"], 3) for term, one in each[str(asked.rows[0])].items()}
        result[name] = {"step": step, "terms": each, f"share_of_step_{asked.rows[0]}": share}
    asked.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
