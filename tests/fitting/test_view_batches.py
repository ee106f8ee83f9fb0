"""Batches of two views: the clusters behind weights and choices, one seed one batch, and several processes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from medgauge.data.cases import CaseArrays
from medgauge.data.images.augment import AugmentSettings
from medgauge.fitting.view_batches import ViewBatches, choose
from medgauge.models.encoders import build_encoder
from medgauge.models.siamese import SiameseModel
from medgauge.recipes.pretraining_settings import PretrainingSettings
from medgauge.samplers import RandomBatchSampler, farthest_pair_selection
from tests.processes import in_each_process

REWEIGHT = PretrainingSettings(method="siamese", selection="reweight", clusters=3)
BALANCED = PretrainingSettings(method="siamese", selection="balanced", clusters=3, size=4)


def blobs(*counts: int) -> Tensor:
    draw, middles = torch.Generator().manual_seed(0), (0.0, 4.0, 10.0)
    return torch.cat([m + 0.1 * torch.randn(n, 5, generator=draw) for m, n in zip(middles, counts, strict=False)])


def make(
    settings: PretrainingSettings, *, rank: int = 0, world: int = 1, queue: int = 0, warmup: int = 0
) -> ViewBatches:
    images = np.random.default_rng(0).random((20, 1, 32, 32)).astype(np.float32)
    images[:12] *= np.linspace(0, 1, 12, dtype=np.float32)[:, None, None, None]
    torch.manual_seed(0)
    encoder = build_encoder("bottleneck", ndim=2, channels=1, width=0.25, settings={"features": 6})
    sampler = RandomBatchSampler(18, 9, seed=1, rank=rank, world_size=world)
    first = (RandomBatchSampler(18, 4, seed=2, rank=rank, world_size=world), warmup) if warmup else None
    return ViewBatches(
        CaseArrays(images, 1.0, np.zeros((20, 0))),
        list(range(1, 19)),
        SiameseModel(encoder, queue=queue),
        settings,
        AugmentSettings(rotation=20.0, scale=0.3, noise=0.1),
        sampler,
        first,
        seed=3,
        device=torch.device("cpu"),
    )


def test_weights_are_the_largest_clusters_count_over_ones_own() -> None:
    chosen = choose(blobs(6, 3, 2), torch.zeros(0, 5), REWEIGHT, seed=0)
    assert chosen.weight is not None
    assert chosen.weight.tolist() == [1.0] * 6 + [2.0] * 3 + [3.0] * 2
    assert chosen.sizes == [6, 3, 2]
    assert chosen.places.tolist() == list(range(11))


def test_recent_features_count_in_weights_and_not_in_sizes() -> None:
    recent = blobs(0, 0, 10)
    chosen = choose(blobs(6, 3, 2), recent, REWEIGHT, seed=0)
    assert chosen.weight is not None
    assert chosen.weight.tolist() == [2.0] * 6 + [4.0] * 3 + [1.0] * 2  # counts 6, 3 and 12
    assert chosen.sizes == [6, 3, 2]


def test_a_balanced_batch_is_that_of_the_farthest_pair() -> None:
    features = blobs(6, 3, 4)
    chosen = choose(features, torch.zeros(0, 5), BALANCED, seed=0)
    assert chosen.weight is None
    assert set(chosen.places.tolist()) == set(farthest_pair_selection(features, 3, 4, seed=0).tolist())
    assert set(chosen.places.tolist()) <= {*range(6), *range(9, 13)}


def test_empty_clusters_count_for_nothing() -> None:
    chosen = choose(torch.ones(5, 5), torch.zeros(0, 5), REWEIGHT, seed=0)
    assert chosen.weight is not None
    assert chosen.weight.tolist() == [1.0] * 5
    assert chosen.sizes == [5, 0, 0]
    assert choose(torch.ones(5, 5), torch.zeros(0, 5), BALANCED, seed=0).places.tolist() == [0, 1, 2, 3]


def test_both_views_are_of_the_same_cases_and_differ() -> None:
    batch = make(PretrainingSettings(method="siamese"))(0)
    assert batch.view is not None
    assert batch.image.shape == batch.view.shape == (9, 1, 32, 32)
    assert all(not torch.equal(one, two) for one, two in zip(batch.image, batch.view, strict=True))
    still = replace(make(PretrainingSettings(method="siamese")), augment=AugmentSettings())(0)
    assert still.view is not None
    assert torch.equal(still.image, still.view)
    assert torch.equal(still.image[:, 0], torch.from_numpy(make(REWEIGHT).arrays.array)[still.row, 0])


def test_a_step_gives_one_batch_and_another_step_another() -> None:
    batches = make(REWEIGHT)
    first, again, other = batches(4), batches(4), batches(5)
    assert torch.equal(first.row, again.row)
    assert torch.equal(first.image, again.image)
    assert first.weight is not None
    assert again.weight is not None
    assert torch.equal(first.weight, again.weight)
    assert not torch.equal(first.row, other.row)


def test_until_the_warm_up_is_over_small_batches_count_the_same() -> None:
    batches = make(REWEIGHT, warmup=2)
    for step, count in ((0, 4), (1, 4), (2, 9)):
        batch = batches(step)
        assert len(batch.row) == count
        assert (batch.weight is None) == (step < 2)
        assert set(batches.told) == (set() if step < 2 else {"cluster_1", "cluster_2", "cluster_3"})


def test_the_model_is_left_in_training_with_its_statistics() -> None:
    batches = make(REWEIGHT, queue=5)
    before = {name: one.clone() for name, one in batches.model.state_dict().items() if not name.startswith("recent")}
    batches(0)
    after = {name: one for name, one in batches.model.state_dict().items() if not name.startswith("recent")}
    torch.testing.assert_close(after, before, rtol=0, atol=0)
    assert batches.model.training
    assert len(batches.model.recent.known()) == 5


def of_process(rank: int, settings: PretrainingSettings) -> dict[str, Tensor]:
    batches = make(settings, rank=rank, world=2, queue=6)
    batches(0)
    batch = batches(1)
    assert batch.view is not None
    weight = torch.zeros(0) if batch.weight is None else batch.weight
    return {"row": batch.row, "weight": weight, "image": batch.image, "view": batch.view}


@pytest.mark.slow
@pytest.mark.parametrize("settings", [REWEIGHT, BALANCED])
def test_two_processes_have_the_batch_of_one(settings: PretrainingSettings) -> None:
    whole = make(settings, queue=6)
    whole(0)
    batch = whole(1)
    assert batch.view is not None
    weight = torch.zeros(0) if batch.weight is None else batch.weight
    expected = {"row": batch.row, "weight": weight, "image": batch.image, "view": batch.view}
    for rank, found in enumerate(in_each_process(of_process, settings)):
        for name, part in expected.items():
            torch.testing.assert_close(found[name], part[rank::2])
