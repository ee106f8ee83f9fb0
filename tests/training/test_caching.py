"""Gradients of parts of a batch beside those of the whole; the losses' contract asks the same of every term."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from medgauge.core.batch import Batch, Step
from medgauge.losses import BalancedMSELoss, PointwiseLoss, RMLoss
from medgauge.models import LabelScaling, Model
from medgauge.models.encoders import build_encoder
from medgauge.models.feature_smoothing import FeatureSmoothing
from medgauge.models.heads import LinearHead
from medgauge.models.necks import CovariateNeck
from medgauge.training.caching import cache_gradients, normalises_over_batch
from medgauge.training.objective import Objective
from medgauge.training.step import is_guided, read_step
from tests.processes import in_each_process

COUNT, SIZE = 256, 8


def volumes(count: int = COUNT) -> Batch:
    draw = torch.Generator().manual_seed(0)
    label = torch.randn(count, 1, generator=draw, dtype=torch.float64)
    return Batch(torch.rand(count, 1, 16, 16, 16, generator=draw), label, torch.arange(count))


def model(dropout: float = 0.0, smoothed: bool = False, kind: torch.dtype = torch.float32) -> Model:
    torch.manual_seed(0)
    encoder = build_encoder("small", ndim=3, channels=1, width=0.25, norm="group")
    neck: nn.Module = CovariateNeck(encoder.features, 0, 6, dropout=dropout)
    if smoothed:
        neck = FeatureSmoothing(neck, encoder.features, bin_width=1.0)
    made = Model(encoder, neck, LinearHead(6, 1))
    for weight in made.parameters():  # blocks that begin as their shortcut would pass no gradient
        nn.init.normal_(weight, std=0.2)
    return made.train().to(kind)


def reader(network: nn.Module, batch: Batch, sizes: list[int]) -> Any:
    parts = [
        Batch(image, label, row)
        for image, label, row in zip(
            batch.image.split(sizes), batch.label.split(sizes), batch.row.split(sizes), strict=True
        )
    ]
    coding = LabelScaling("none").fit(batch.label)

    def read(place: int) -> Step:
        torch.manual_seed(place)
        part = replace(parts[place], image=parts[place].image.to(next(network.parameters()).dtype))
        return read_step(network, part, coding, 0.5, guided=is_guided(network))

    return read


def objective() -> Objective:
    """Of embeddings and predictions, with a parameter and a buffer of their own."""
    return Objective({"pairs": (RMLoss(), 1.0), "error": (PointwiseLoss("l1"), 0.5), "own": (BalancedMSELoss(), 0.1)})


def gradients(*modules: nn.Module) -> dict[str, Tensor]:
    named = [(name, weight) for module in modules for name, weight in module.named_parameters()]
    return {name: weight.grad.clone() for name, weight in named if weight.grad is not None}


def joined(steps: list[Step]) -> Step:
    fields = {name: torch.cat([getattr(step, name) for step in steps]) for name in ("label", "embedding", "prediction")}
    return replace(steps[0], **fields)


def apart(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> float:
    """The difference of all gradients, as a share of their norm."""
    assert found.keys() == wanted.keys()
    assert "terms.own.log_noise" in found
    whole = torch.cat([gradient.flatten() for gradient in wanted.values()]).norm()
    return float(torch.cat([(found[name] - wanted[name]).flatten() for name in wanted]).norm() / whole)


@pytest.mark.parametrize(
    ("kind", "dropout", "sizes", "least"),
    [
        (torch.float32, 0.0, [COUNT], 1e-5),
        (torch.float64, 0.0, [COUNT], 1e-12),
        (torch.float32, 0.5, [SIZE] * (COUNT // SIZE), 1e-5),
    ],
)
def test_the_gradient_of_256_cases_by_8_is_that_of_the_whole(
    kind: torch.dtype, dropout: float, sizes: list[int], least: float
) -> None:
    """With dropout, whose draws go with the parts, beside the joined outputs of these with all graphs kept."""
    batch, network, terms = volumes(), model(dropout, kind=kind), objective().to(kind)
    read = reader(network, batch, sizes)
    terms(joined([read(place) for place in range(len(sizes))]))["total"].backward()
    wanted = gradients(network, terms)
    network.zero_grad()
    terms = objective().to(kind)
    read = reader(network, batch, [SIZE] * (COUNT // SIZE))
    cached = cache_gradients(read, COUNT // SIZE, terms, network)
    for place in range(COUNT // SIZE):
        cached.loss(place, read(place)).backward()
    assert apart(gradients(network, terms), wanted) < least


@pytest.mark.slow
def test_two_processes_with_unequal_parts_give_the_gradient_and_the_counts_of_one() -> None:
    network, terms = model(smoothed=True), objective()
    terms(reader(network, volumes(9), [9])(0))["total"].backward()
    wanted = {**gradients(network, terms), "sums": network.neck.sums}
    for found in in_each_process(_learn_shard):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def _learn_shard(rank: int) -> dict[str, Tensor]:
    """Rows of every other place, in two parts."""
    batch, network, terms = volumes(9), model(smoothed=True), objective()
    own = Batch(batch.image[rank::2], batch.label[rank::2], batch.row[rank::2])
    wrapped = DistributedDataParallel(network)
    read = reader(wrapped, own, [3 - rank, 2])
    cached = cache_gradients(read, 2, terms, network)
    with wrapped.no_sync():
        cached.loss(0, read(0)).backward()
    cached.loss(1, read(1)).backward()
    return {**gradients(network, terms), "sums": network.neck.sums}


def test_nothing_of_a_part_is_kept_but_its_outputs() -> None:
    network, graphs = model(), []

    def read(place: int) -> Step:
        step = reader(network, volumes(8), [4, 4])(place)
        graphs.append(step.embedding.requires_grad)
        return step

    cache_gradients(read, 2, objective(), network)
    assert graphs == [False, False]


def test_a_neck_that_counts_cases_counts_each_once() -> None:
    batch, sums = volumes(16), []
    for sizes in ([16], [6, 5, 5]):
        network, terms = model(smoothed=True), objective()
        read = reader(network, batch, sizes)
        if len(sizes) == 1:
            terms(read(0))["total"].backward()
        else:
            cached = cache_gradients(read, len(sizes), terms, network)
            for place in range(len(sizes)):
                cached.loss(place, read(place)).backward()
        sums.append(network.neck.sums)
    assert float(sums[0][:, 0].sum()) == pytest.approx(16)
    torch.testing.assert_close(sums[1], sums[0], rtol=1e-4, atol=1e-5)


class Sees(nn.Module):
    """A term that keeps what it is given."""

    def forward(self, embedding: Tensor, label: Tensor, prototypes: Tensor, progress: Tensor) -> Tensor:
        self.seen = (embedding, label, prototypes, progress)
        return embedding.sum() * prototypes.sum()


def test_a_term_sees_the_rows_of_all_and_once_what_they_share() -> None:
    one = Step(torch.ones(2, 1), embedding=torch.zeros(2, 3), prototypes=torch.ones(4, 3), progress=torch.tensor(0.5))
    steps = [one, replace(one, label=torch.zeros(1, 1), embedding=torch.ones(1, 3))]
    term = Sees()
    cached = cache_gradients(lambda place: steps[place], 2, Objective({"sees": (term, 1.0)}), nn.Identity())
    embedding, label, prototypes, progress = term.seen
    assert label.flatten().tolist() == [1, 1, 0]
    assert embedding.sum(dim=1).tolist() == [0, 0, 3]
    assert (prototypes.shape, float(progress)) == ((4, 3), 0.5)
    assert (float(cached.values["sees"]), cached.sizes) == (36.0, [2, 1])
    assert cached.gradients["embedding"].unique().tolist() == [12.0]
    assert cached.gradients["prototypes"].unique().tolist() == [3.0]


def test_batch_normalisation_counts_only_while_it_is_trained() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    assert normalises_over_batch(network)
    assert not normalises_over_batch(network.eval())
    assert not normalises_over_batch(nn.Sequential(nn.GroupNorm(1, 3), nn.InstanceNorm3d(3)))
