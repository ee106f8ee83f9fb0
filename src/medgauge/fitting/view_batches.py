"""Batches of two views a case: which cases, how much each counts, and how they are changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.batch import Batch
from medgauge.core.seeding import derive_seed, generator
from medgauge.data.cases import CaseArrays
from medgauge.data.images.augment import AugmentSettings, apply, draw
from medgauge.fitting.sampling import count_parts
from medgauge.functional.k_means import k_means
from medgauge.models.siamese import SiameseModel
from medgauge.recipes.pretraining_settings import PretrainingSettings
from medgauge.samplers import RandomBatchSampler, cluster_weights
from medgauge.samplers.farthest_pair_selection import nearest_of_pair
from medgauge.training.gather import gather_in_turn


class Chosen(NamedTuple):
    """What a selection made of the n cases of a step.

    - Shape: places (m,) in the batch; weight (m,) or None; sizes: cases of the batch in each cluster, the largest first.
    """

    places: Int[Tensor, " m"]
    weight: Float[Tensor, " m"] | None
    sizes: list[int]


def choose(
    features: Float[Tensor, "n f"], recent: Float[Tensor, "q f"], settings: PretrainingSettings, seed: int
) -> Chosen:
    """Weights (RE) or a smaller batch (SE) by the clusters of a batch, and of recent features beside it.

    Weights count the cases of a cluster in both, and the least of the batch is 1.
    """
    clusters = k_means(torch.cat([recent, features]), settings.clusters, seed=seed)
    own = clusters.assignment[len(recent) :]
    sizes = sorted(torch.bincount(own, minlength=settings.clusters).tolist(), reverse=True)
    if settings.selection == "balanced":
        return Chosen(nearest_of_pair(features, clusters.centres, settings.size), None, sizes)
    weight = cluster_weights(clusters.assignment)[len(recent) :]
    return Chosen(torch.arange(len(features)), weight / weight.min(), sizes)


@dataclass
class ViewBatches:
    """The local batch of a step: a function of the step, the model's weights and its recent features.

    Until the warm-up is over, and without a selection, all cases of a step count the same. Both views of a case are drawn for
    the whole batch before it is shared among processes, so that these agree with one.

    Args:
        arrays: the cases.
        rows: those that are trained on.
        model: whose encoder gives the features that are clustered, and which holds the recent ones.
        settings: of the selection.
        augment: how views are changed.
        sampler: of the steps after the warm-up.
        first: of the warm-up's, and how many steps it has; None without one.
        seed: of the run.
        device: where batches go.
        at_once: cases that go through the encoder together for the features that are clustered.
    """

    arrays: CaseArrays
    rows: Sequence[int]
    model: SiameseModel
    settings: PretrainingSettings
    augment: AugmentSettings
    sampler: RandomBatchSampler
    first: tuple[RandomBatchSampler, int] | None
    seed: int
    device: torch.device
    at_once: int = 1024
    told: dict[str, Tensor] = field(default_factory=dict)

    def __call__(self, step: int) -> Batch:
        """The batch of a step, counted from 0."""
        (load,) = self.parts(step, None)
        return load()

    def parts(self, step: int, size: int | None) -> list[Callable[[], Batch]]:
        """The batch of a step in parts of at most ``size`` cases (None: whole), each made when it is called.

        The selection is made at once, over the whole batch; as many parts in every process.
        """
        self.told = {}
        warmup = self.first[1] if self.first else 0
        sampler, number = (self.first[0], step) if self.first and step < warmup else (self.sampler, step - warmup)
        places = torch.tensor(sampler.global_batch(number))
        chosen = Chosen(torch.arange(len(places)), None, [])
        if self.settings.selection != "none" and step >= warmup:
            chosen = self._chosen(places, step)
        whole = torch.arange(len(chosen.places))
        mine = whole[sampler.rank :: sampler.world_size]
        count = 1 if size is None else count_parts(len(whole), sampler.world_size, size)
        return [partial(self._part, step, places, chosen, part) for part in mine.tensor_split(count)]

    def _part(self, step: int, places: Tensor, chosen: Chosen, part: Tensor) -> Batch:
        """Both views of some of the chosen cases."""
        mine = chosen.places[part]
        batch = self._load(places[mine])
        views = [self._view(batch.image, len(places), mine, step, view) for view in range(2)]
        weight = None if chosen.weight is None else chosen.weight[part].to(self.device)
        return replace(batch, image=views[0], view=views[1], weight=weight, region=None)

    def _chosen(self, places: Tensor, step: int) -> Chosen:
        """The selection among the cases of all processes, the same in each."""
        rank, world = self.sampler.rank, self.sampler.world_size
        if world > 1:  # normalisation statistics are those of the first process
            for buffer in self.model.buffers():
                torch.distributed.broadcast(buffer, 0)
        own = torch.cat(
            [self.model.represent(self._load(part).image) for part in torch.split(places[rank::world], self.at_once)]
        )
        features = gather_in_turn(own).cpu()
        recent = self.model.recent
        chosen = choose(features, recent.known().cpu(), self.settings, derive_seed(self.seed, "clusters", step))
        recent.add(features)
        self.told = {f"cluster_{place + 1}": torch.tensor(float(size)) for place, size in enumerate(chosen.sizes)}
        return chosen

    def _load(self, places: Tensor) -> Batch:
        return self.arrays.batch([self.rows[place] for place in places.tolist()], self.device)

    def _view(self, image: Tensor, count: int, mine: Tensor, step: int, view: int) -> Tensor:
        drawn = draw(self.augment, count, image.ndim - 2, generator(self.seed, "view", step, view))
        changed = apply(image, drawn.take(mine))
        return changed.contiguous(memory_format=torch.channels_last) if changed.ndim == 4 else changed
