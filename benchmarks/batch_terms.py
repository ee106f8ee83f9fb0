"""Batch terms beside the plain loops that they replace, and beside a training step, as ratios in one run.

    python benchmarks/batch_terms.py [--out benchmarks/results/batch_terms.json]

The plain loops are written here from the equations: Rank-N-Contrast goes over the n - 1 columns with an n x n mask each,
RankSim over the rows, FDS (an epoch of 12,208 cases in batches of 256) over the labels. Losses of both ways agree before
they are timed. "Share of a step" is the time of a term (n = 256, d = 512, forward and
backward) over that of one training step of ResNet-18 on 256 grey images of 160 x 108. Seconds are those of the processor;
with OMP_NUM_THREADS=1 they are what a free machine takes on one core.
"""

import argparse
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from common import machine, median_seconds, saved_mib
from torch import Tensor, nn

from medgauge import losses
from medgauge.models import FeatureSmoothing
from medgauge.models.encoders import build_encoder
from medgauge.models.necks import CovariateNeck

COLUMNS = 512
SIZES = {64: 9, 256: 5, 512: 3}


def draw(rows: int, columns: int = COLUMNS) -> dict[str, Tensor]:
    """A step's fields; labels with ties, in sixteenths so that differences are exact."""
    chance = torch.Generator().manual_seed(0)
    label = (torch.randn(rows, 1, generator=chance) * 16).round() / 16
    embedding = torch.randn(rows, columns, generator=chance) / columns**0.5
    prediction = label + 0.3 * torch.randn(rows, 1, generator=chance)
    return {
        "embedding": embedding.requires_grad_(),
        "prediction": prediction.requires_grad_(),
        "logits": torch.randn(rows, 1, 4, generator=chance).requires_grad_(),
        "label": label,
        "weight": torch.rand(rows, generator=chance) + 0.5,
        "region": torch.randint(0, 3, (rows,), generator=chance),
        "progress": torch.tensor(0.2),
    }


def call(term: nn.Module, fields: dict[str, Tensor]) -> Tensor:
    """The term's loss, with the fields that it names."""
    value: Tensor = term(**{name: fields[name] for name in inspect.signature(term.forward).parameters})
    return value


def gradient(loss: Callable[[], Tensor], leaf: Tensor) -> Tensor:
    return torch.autograd.grad(loss(), leaf)[0]


def plain_rank_n_contrast(embedding: Tensor, label: Tensor, temperature: float = 2.0) -> Tensor:
    """The loop over columns, (n, n, d) differences at once, an n x n mask a column."""
    rows = len(label)
    distance = (embedding[:, None] - embedding[None]).norm(dim=-1)
    similarity = (-distance / temperature)[~torch.eye(rows, dtype=torch.bool)].view(rows, rows - 1)
    gap = (label - label.T).abs()[~torch.eye(rows, dtype=torch.bool)].view(rows, rows - 1)
    loss = embedding.new_zeros(())
    for column in range(rows - 1):
        mask = gap >= gap[:, column, None]
        total = (similarity.exp() * mask).sum(1)
        loss = loss - (similarity[:, column] - total.log()).sum() / (rows * (rows - 1))
    return loss


def plain_ranks(row: Tensor) -> Tensor:
    """Midranks of one row, largest first, over its length."""
    _, place, count = torch.unique(-row, return_inverse=True, return_counts=True)
    ranks: Tensor = (count.cumsum(0) - (count - 1) / 2) / len(row)
    return ranks[place]


class PlainRanks(torch.autograd.Function):
    """Ranks of one row with the black-box gradient."""

    @staticmethod
    def forward(ctx: Any, row: Tensor) -> Tensor:
        ranks = plain_ranks(row)
        ctx.save_for_backward(row, ranks)
        return ranks

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        row, ranks = ctx.saved_tensors
        gradient: Tensor = -(ranks - plain_ranks(row + 2.0 * grad)) / 2.0
        return gradient


def plain_rank_similarity(embedding: Tensor, label: Tensor) -> Tensor:
    """The loop over rows."""
    unit = nn.functional.normalize(embedding, dim=1)
    similarity = unit @ unit.T
    loss = embedding.new_zeros(())
    for row in range(len(label)):
        target = plain_ranks(-(label[:, 0] - label[row, 0]).abs())
        loss = loss + (PlainRanks.apply(similarity[row]) - target).square().mean()  # type: ignore[no-untyped-call]
    return loss


def plain_feature_smoothing(features: Tensor, label: Tensor, batch: int, tables: Tensor) -> None:
    """An epoch a label at a time: each batch calibrated by (4, labels, d) statistics, then statistics of all cases."""
    for start in range(0, len(features), batch):
        some, bucket = features[start : start + batch], label[start : start + batch]
        moved = some.clone()
        for value in torch.unique(bucket):
            mean, variance, goal, spread = tables[:, int(value)]
            rows = bucket == value
            moved[rows] = (some[rows] - mean) * (spread / variance).clamp(0.1, 10).sqrt() + goal
    for value in torch.unique(label):
        mine = features[label == value]
        mine.mean(0)
        mine.var(0, unbiased=False)


def compare(term: nn.Module, plain: Callable[[Tensor, Tensor], Tensor], rows: int, rounds: int) -> dict[str, Any]:
    """Seconds and saved memory of a term and of its plain loop."""
    fields = draw(rows)
    leaf, label = fields["embedding"], fields["label"]
    ways = {
        "ours": lambda: gradient(lambda: call(term, fields), leaf),
        "plain": lambda: gradient(lambda: plain(leaf, label), leaf),
    }
    torch.testing.assert_close(call(term, fields), plain(leaf, label), rtol=1e-4, atol=1e-5)
    seconds = median_seconds(ways, rounds, warm=rows < 512)
    saved = {"ours": saved_mib(lambda: call(term, fields)), "plain": saved_mib(lambda: plain(leaf, label))}
    return {
        "ours_seconds": round(seconds["ours"], 5),
        "plain_seconds": round(seconds["plain"], 5),
        "times_faster": round(seconds["plain"] / seconds["ours"], 1),
        "ours_saved_mib": saved["ours"],
        "plain_saved_mib": saved["plain"],
        "times_less_saved": round(saved["plain"] / max(saved["ours"], 1e-9), 1),
    }


def feature_smoothing(cases: int = 12208, columns: int = COLUMNS, batch: int = 256) -> dict[str, float]:
    """An epoch of counting and calibrating features of 100 labels: ours, and the plain loop over the labels."""
    chance = torch.Generator().manual_seed(0)
    features, label = torch.randn(cases, columns, generator=chance), torch.randint(0, 100, (cases, 1), generator=chance)
    neck = FeatureSmoothing(CovariateNeck(columns, 0, 1), columns, low=0.0, high=99.0, bin_width=1.0).train()
    tables = torch.rand(4, 100, columns, generator=chance) + 0.5

    @torch.no_grad()
    def ours() -> None:
        for start in range(0, cases, batch):
            rows = slice(start, start + batch)
            neck(features[rows], None, label[rows].float())
        neck.end_epoch()

    ways = {"ours": ours, "plain": lambda: plain_feature_smoothing(features, label[:, 0], batch, tables)}
    seconds = median_seconds(ways, 5)
    return {
        **{f"{name}_seconds": round(value, 4) for name, value in seconds.items()},
        "times_faster": round(seconds["plain"] / seconds["ours"], 2),
    }


def terms() -> dict[str, nn.Module]:
    return {
        "RMLoss": losses.RMLoss(),
        "RobustPearsonLoss": losses.RobustPearsonLoss(),
        "CoarseToFineSpearmanLoss prediction": losses.CoarseToFineSpearmanLoss(),
        "CoarseToFineSpearmanLoss embedding": losses.CoarseToFineSpearmanEmbeddingLoss(),
        "RankSimilarityLoss": losses.RankSimilarityLoss(),
        "JoCoRankLoss": losses.JoCoRankLoss(),
        "RankNContrastLoss": losses.RankNContrastLoss(),
        "BalancedMSELoss": losses.BalancedMSELoss(),
        "AdaptiveTripletLoss": losses.AdaptiveTripletLoss(),
        "OrdinalRegressionLoss": losses.OrdinalRegressionLoss([-1.0, 0.0, 1.0, 2.0]),
    }


def term_seconds(rows: int, rounds: int) -> dict[str, float]:
    """Seconds of loss and gradient of every term."""
    fields = draw(rows)
    leaves = [fields[name] for name in ("embedding", "prediction", "logits")]

    def run(term: nn.Module) -> Callable[[], Any]:
        return lambda: torch.autograd.grad(call(term, fields), leaves, allow_unused=True)

    return {name: median_seconds({name: run(term)}, rounds)[name] for name, term in terms().items()}


def step_seconds() -> float:
    """One training step of ResNet-18 on 256 grey images of 160 x 108, the second of two."""
    encoder = build_encoder("monai/resnet18", ndim=2, channels=1)
    model = nn.Sequential(encoder, nn.Linear(int(encoder.features), 1))
    optimiser = torch.optim.AdamW(model.parameters())
    image, label = torch.rand(256, 1, 160, 108), torch.randn(256, 1)

    def step() -> None:
        nn.functional.l1_loss(model(image), label).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        optimiser.zero_grad()

    return median_seconds({"step": step}, 1)["step"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "batch_terms.json")
    settings = parser.parse_args()
    result: dict[str, Any] = {"machine": machine(), "columns": COLUMNS}
    result["rank_n_contrast"] = {
        str(rows): compare(losses.RankNContrastLoss(), plain_rank_n_contrast, rows, 1 if rows > 256 else 3)
        for rows in (64, 256, 512)
    }
    result["rank_similarity"] = {
        str(rows): compare(losses.RankSimilarityLoss(), plain_rank_similarity, rows, 3) for rows in (64, 256, 512)
    }
    result["feature_smoothing"] = feature_smoothing()
    spent = {str(rows): term_seconds(rows, rounds) for rows, rounds in SIZES.items()}
    step = step_seconds()
    result["terms_seconds"] = {
        rows: {name: round(value, 5) for name, value in found.items()} for rows, found in spent.items()
    }
    result["step_seconds"] = round(step, 2)
    result["share_of_step_256"] = {name: round(value / step, 5) for name, value in spent["256"].items()}
    result["coarse_to_fine_spearman_512"] = {
        name: {"seconds": round(spent["512"][name], 4), "saved_mib": saved_mib(lambda: call(terms()[name], draw(512)))}  # noqa: B023
        for name in spent["512"]
        if name.startswith("CoarseToFine")
    }
    settings.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
