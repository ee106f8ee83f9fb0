"""The dual-weighted metric loss, forward and backward, beside its equations as a plain loop, binary cross-entropy and a step.

    python benchmarks/dual_weighted.py [--out benchmarks/results/dual_weighted.json]

64 images, 14 findings of which one in ten is present, embeddings of 128. The plain loop goes over images and findings, a
distance at a time. "Share of a step" is the loss over one training step, forward and backward, of ResNet-18 on 64 grey images of 112 x 112.
"Scoring" is the chances of 14 findings for 100,000 embeddings of 128 columns by kernel and logistic regression on 640 training
cases (four fifths of nih_cxr1000); "with weights" is kernel regression with the weights of the training cases behind 2,000
values, from which those of 100,000 are reckoned. All ways are run in turn and the median of each is taken. Seconds are those of
the processor; with OMP_NUM_THREADS=1 they are what a free machine takes on one core.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import torch
from common import machine, median_seconds
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.inference.clamped import ClampedPredictor
from medgauge.inference.finding_logistic import FindingLogistic
from medgauge.inference.kernel_ridge import KernelPredictor
from medgauge.inference.predictor import values_of
from medgauge.losses import BinaryCrossEntropyLoss, DualWeightedMetricLoss
from medgauge.models.encoders import build_encoder

IMAGES, FINDINGS, COLUMNS, PIXELS = 64, 14, 128, 112
ROUNDS, STEPS, SCORINGS = 7, 3, 3
TRAINING, SCORED, WEIGHED = 640, 100_000, 2_000


def draw() -> tuple[Tensor, Tensor, Tensor]:
    """Embedding, prototypes and labels."""
    chance = torch.Generator().manual_seed(0)
    embedding = torch.randn(IMAGES, COLUMNS, generator=chance).requires_grad_()
    prototypes = torch.randn(FINDINGS, COLUMNS, generator=chance).requires_grad_()
    return embedding, prototypes, (torch.rand(IMAGES, FINDINGS, generator=chance) < 0.1).float()


def plain_loss(embedding: Tensor, prototypes: Tensor, label: Tensor, margin: float = 1.0) -> Tensor:
    """Both levels, pair by pair, without class weights."""
    images = [row / row.norm() for row in embedding]
    vectors = [row / row.norm() for row in prototypes]
    cost: dict[tuple[int, int], Tensor] = {}
    for i, image in enumerate(images):
        for c, vector in enumerate(vectors):
            distance = (image - vector).norm()
            gap = (margin - distance).clamp(min=0)
            present = bool(label[i, c])
            hardness = (distance / 2 if present else gap / margin).detach().square()
            cost[i, c] = hardness * (distance if present else gap).square()
    parts = [
        [[(i, c) for c in range(FINDINGS)] for i in range(IMAGES)],
        [[(i, c) for i in range(IMAGES)] for c in range(FINDINGS)],
    ]
    levels = []
    for groups in parts:
        halves = []
        for pairs in groups:
            for state in (True, False):
                own = [cost[pair] for pair in pairs if bool(label[pair]) == state]
                halves += [0.5 * torch.stack(own).mean()] if own else []
        levels.append(torch.stack(halves).sum() / len(groups))
    return levels[0] + levels[1]


def gradients(loss: Callable[[], Tensor], leaves: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss(), leaves)


def scoring() -> dict[str, float]:
    """Seconds for the chances of all findings of ``SCORED`` embeddings, each way."""
    chance = torch.Generator().manual_seed(1)

    def drawn(count: int, name: str) -> Cases:
        embedding = torch.randn(count, COLUMNS, generator=chance)
        label = (embedding[:, :FINDINGS] + torch.randn(count, FINDINGS, generator=chance) > 1).double()
        return Cases(
            embedding, label, [f"{name}{row}" for row in range(count)], [f"{name}{row}" for row in range(count)]
        )

    gallery, cases = drawn(TRAINING, "t"), drawn(SCORED, "q")
    kernel, logistic = ClampedPredictor(KernelPredictor()).fit(gallery), FindingLogistic(FINDINGS).fit(gallery)
    some = cases.take(torch.arange(WEIGHED))
    torch.testing.assert_close(kernel.values(some), kernel.read(some).value, rtol=1e-8, atol=1e-9)
    ways = {
        "kernel": lambda: values_of(kernel, cases),
        "logistic": lambda: values_of(logistic, cases),
        "kernel_with_weights": lambda: kernel.read(some),
    }
    taken = median_seconds(ways, SCORINGS)
    taken["kernel_with_weights"] *= SCORED / WEIGHED
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "dual_weighted.json")
    settings = parser.parse_args()
    embedding, prototypes, label = draw()
    term, leaves = DualWeightedMetricLoss(), [embedding, prototypes]
    logits = torch.randn(IMAGES, FINDINGS, 1, requires_grad=True)
    entropy = BinaryCrossEntropyLoss()
    encoder = build_encoder("monai/resnet18", ndim=2, channels=1)
    images = torch.randn(IMAGES, 1, PIXELS, PIXELS)
    ways = {
        "ours": lambda: gradients(lambda: term(embedding, prototypes, label), leaves),
        "plain": lambda: gradients(lambda: plain_loss(embedding, prototypes, label), leaves),
        "cross_entropy": lambda: gradients(lambda: entropy(logits, label), [logits]),
    }
    torch.testing.assert_close(ways["plain"](), ways["ours"](), rtol=1e-4, atol=1e-6)  # the same thing is timed
    median = median_seconds(ways, ROUNDS)
    step = median_seconds({"step": lambda: encoder(images).square().mean().backward()}, STEPS)["step"]
    result = {
        "machine": machine(),
        "images": IMAGES,
        "findings": FINDINGS,
        "columns": COLUMNS,
        "seconds": {name: round(taken, 6) for name, taken in (median | {"step": step}).items()},
        "times_faster_than_plain": round(median["plain"] / median["ours"], 1),
        "times_one_cross_entropy": round(median["ours"] / median["cross_entropy"], 1),
        "share_of_a_step": round(median["ours"] / step, 5),
        "scoring": {
            "training_cases": TRAINING,
            "embeddings": SCORED,
            "seconds": {name: round(taken, 3) for name, taken in scoring().items()},
        },
    }
    settings.out.parent.mkdir(parents=True, exist_ok=True)
    settings.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
