"""The parts of a pretraining before any step: model, objective, plan, and the batches of a process."""

from dataclasses import dataclass, replace

import torch

from medgauge.core.batch import Step
from medgauge.core.errors import InputError
from medgauge.core.seeding import derive_seed
from medgauge.data.cases import CaseArrays
from medgauge.data.images.augment import AugmentSettings
from medgauge.fitting.pretrain_cases import PretrainCases
from medgauge.fitting.trial import check_devices, tried_cases, try_batch
from medgauge.fitting.view_batches import ViewBatches
from medgauge.models.description import check_storable
from medgauge.models.encoders import build_encoder
from medgauge.models.scaling import LabelScaling
from medgauge.models.siamese import Method, SiameseModel, view_spread
from medgauge.models.stored import Budget
from medgauge.recipes.build import MOST_WEIGHTS, TOO_LARGE
from medgauge.recipes.entries import read_entries
from medgauge.recipes.mistakes import resolve_class
from medgauge.recipes.schema import Recipe
from medgauge.samplers import RandomBatchSampler
from medgauge.study.decide import augment_settings
from medgauge.training.caching import normalises_over_batch
from medgauge.training.loop import Schedule
from medgauge.training.told import Heads, ToldObjective

FEW_VOLUMES = 5


@dataclass
class PretrainParts:
    """Model, objective and plan; ``coding`` stands where labels would be scaled."""

    cases: PretrainCases
    arrays: CaseArrays
    model: SiameseModel
    schedule: Schedule
    augment: AugmentSettings
    coding: LabelScaling
    current: ViewBatches | None = None

    def __post_init__(self) -> None:
        """Build the terms; what a step tells beside them comes from the model and from the batches in use."""
        entries = read_entries(self.recipe.objective)
        terms = {name: (resolve_class(one.class_path)(**one.init_args), one.factor) for name, one in entries.items()}
        self.objective = ToldObjective(terms, lambda step: self._told(step))  # a copy of the terms shares a function
        self.is_split = self.recipe.training.is_split and not normalises_over_batch(self.model.encoder.train())

    @property
    def recipe(self) -> Recipe:
        """With nothing left to decide."""
        return self.cases.study.recipe

    def batches(self, *, rank: int, world_size: int, device: torch.device) -> ViewBatches:
        """The batches of a process, from now on in use."""
        wanted, batch = self.recipe.pretraining, int(self.recipe.training.batch_size)
        count, seed, warmup = len(self.cases.rows), self.recipe.seed, int(wanted.warmup)

        def sampler(size: int, purpose: str) -> RandomBatchSampler:
            return RandomBatchSampler(count, size, seed=derive_seed(seed, purpose), rank=rank, world_size=world_size)

        first = (sampler(wanted.warmup_batch, "warm-up"), warmup) if warmup else None
        self.current = ViewBatches(
            self.arrays,
            self.cases.rows,
            self.model,
            wanted,
            self.augment,
            sampler(batch, "pretraining"),
            first,
            seed,
            device,
            self._at_once(device),
        )
        return self.current

    @property
    def notes(self) -> list[str]:
        """What is said of batches that were to go through the encoder in parts and do not, and of several processes."""
        training, notes = self.recipe.training, []
        if training.is_split and not self.is_split:
            notes.append(
                f"training.micro_batch {training.micro_batch} has no effect, as {self.recipe.model.encoder.name} "
                "normalises each case by all others of its batch; model.encoder.norm group (of small and bottleneck) does not"
            )
        if training.devices > 1:
            notes.append(
                f"each of {training.devices} processes normalises over its own share of a batch (batch norm), so that weights, and with "
                "them clusters, differ from those of one process"
            )
        return notes

    def _at_once(self, device: torch.device) -> int:
        """Cases whose features are computed together; few volumes stay in a processor's caches."""
        training, volumes = self.recipe.training, self.arrays.array.ndim == 5
        if training.micro_batch is not None:
            return training.micro_batch
        return FEW_VOLUMES if volumes and device.type == "cpu" else int(training.batch_size)

    def _told(self, step: Step) -> dict[str, torch.Tensor]:
        if step.projection is None or step.twin is None:
            return {}
        spread = view_spread(step.projection, step.twin, method_of(self.recipe))
        return {**spread, **(self.current.told if self.current is not None else {})}


def build_parts(cases: PretrainCases, arrays: CaseArrays) -> PretrainParts:
    """Build all parts, and try the first batches on copies.

    Raises:
        InputError: a part cannot be built, both views would be the same, or a batch cannot be trained on.
    """
    recipe = cases.study.recipe
    check_devices(recipe.training)
    smallest = recipe.training.devices
    for name, size in _sizes(recipe).items():
        if size < 2 * smallest:
            raise InputError(
                f"{name} {size} leaves a process fewer than 2 cases of a step, and the normalisation behind the encoder needs 2; give "
                f"{2 * smallest} or more, or fewer training.devices"
            )
    augment = augment_settings(recipe)
    if not augment.kinds():
        raise InputError(
            "augmentation changes nothing, so that both views of an image would be the same; give rotation, scale, shift, "
            "intensity or another change"
        )
    shape = cases.study.images.array.shape
    model = build_model(recipe, ndim=len(shape) - 2, channels=shape[1])
    model.encoder.check_size(shape[2:])
    if len(shape) == 4:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as torch documents it
    training = recipe.training
    schedule = Schedule(
        steps=int(training.steps),
        epoch=max(1, len(cases.rows) // int(training.batch_size)),
        evaluations=1,  # at the end, so that the last part of an epoch has its row in the log
        seconds=training.seconds,
        checkpoint_seconds=training.checkpoint_seconds,
        seed=recipe.seed,
    )
    parts = PretrainParts(cases, arrays, model, schedule, augment, LabelScaling())
    batches = parts.batches(rank=0, world_size=1, device=torch.device("cpu"))
    plain = replace(batches, settings=replace(recipe.pretraining, selection="none"), first=None)
    most = tried_cases(recipe.training) if parts.is_split else None
    try_batch(model, parts.objective, parts.coding, plain.parts(0, most)[0]())
    if parts.is_split:  # after the trial, which copies model and objective apart from each other
        model.in_parts, parts.objective.heads = True, Heads(model.project, model.heads)
    return parts


def build_model(recipe: Recipe, *, ndim: int, channels: int) -> SiameseModel:
    """The model of two views, with weights that depend on the seed alone."""
    wanted, given = recipe.model.encoder, recipe.pretraining
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(recipe.seed, "weights"))
        with Budget(MOST_WEIGHTS, TOO_LARGE):
            encoder = build_encoder(
                wanted.name,
                ndim=ndim,
                channels=channels,
                width=wanted.width,
                norm=wanted.norm,
                pretrained=wanted.pretrained not in (None, "none") and (wanted.pretrained or False),
                settings=wanted.settings,
            )
            model = SiameseModel(
                encoder, method_of(recipe), hidden=given.hidden, expanded=given.expanded, queue=given.queue
            )
    whole = {"encoder": encoder.describe(), "neck": {"name": "standardised"}, "head": None}
    check_storable({**whole, "ndim": ndim, "channels": channels, "covariates": 0, "targets": 0})
    return model


def method_of(recipe: Recipe) -> Method:
    """What is predicted."""
    return "siamese" if recipe.pretraining.method == "none" else recipe.pretraining.method


def _sizes(recipe: Recipe) -> dict[str, int]:
    """Cases of a step, by the setting that says how many."""
    wanted = recipe.pretraining
    found = {"training.batch_size": int(recipe.training.batch_size)}
    if wanted.selection != "none":
        found["pretraining.warmup_batch"] = wanted.warmup_batch
    if wanted.selection == "balanced":
        found["pretraining.size"] = wanted.size
    return found
