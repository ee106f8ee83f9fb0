"""Settings of the loop and of the optimiser; they can be read without PyTorch."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from medgauge.core.settings import Range, Section, Size


@dataclass
class OptimiserSettings(Section):
    """Settings of the optimiser and its learning-rate schedule.

    Args:
        name: which of PyTorch's optimisers.
        learning_rate: peak learning rate; auto = 0.01 for the encoder small, 0.001 for others (of a tuned encoder
            a tenth of it), 0.0001 where all is trained on from pretrained weights.
        weight_decay: of weights with two or more axes; biases and norms have none.
        schedule: cosine falls to zero over the run, constant does not.
        warmup: steps over which the learning rate rises linearly from zero.
        clip: largest norm of the gradient; 0 = no clipping.
    """

    place = "optimiser"

    name: Literal["adamw", "adam", "sgd"] = "adamw"
    learning_rate: Annotated[float, Range(above=0, most=1000)] | Literal["auto"] = "auto"
    weight_decay: Annotated[float, Range(least=0, most=1000)] = 0.01
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: Annotated[int, Range(least=0, most=10**9)] = 50
    clip: Annotated[float, Range(least=0, most=1e9)] = 0.0


@dataclass
class TrainingSettings(Section):
    """Settings of the training loop.

    Args:
        steps: optimiser steps; auto = 150 passes over the training cases, but at least 600 and at most 20000 steps; 0 where
            nothing is trained.
        seconds: stop after this much training time, with the schedule fitted to it; 0 = steps alone decide.
        batch_size: cases a step, over all processes; auto = 32 in 2-D (64 from 5000 cases on), 16 in 3-D, but no more than a
            quarter of the training cases.
        micro_batch: cases that a process takes through the network at once, where a batch is too large for its memory; the
            loss is that of the whole batch all the same, with the same gradient. null = the whole batch.
        accumulate: batches whose gradients are added up before a step (batch terms see each batch alone).
        evaluations: how often the validation cases are read in a run.
        patience: stop after so many evaluations without a better one; 0 = never.
        ema: validate and save a moving average of the weights in place of the last ones: w <- d w + (1 - d) w_t,
            d = min(0.999, (1 + t) / (10 + t)) at step t; the statistics of batch normalisation are averaged with them.
        precision: of the network's numbers, by Lightning Fabric's names; 16-mixed needs a GPU.
        accelerator: what computes; gpu is cuda or mps, whichever there is.
        devices: processes, one a device.
        checkpoint_seconds: at least one checkpoint in this time.
        loggers: tensorboard, beside log.csv, which is always written.
    """

    place = "training"

    steps: Annotated[int, Range(least=0, most=10**9)] | Literal["auto"] = "auto"
    seconds: Annotated[float, Range(least=0, most=1e8)] = 0.0
    batch_size: Annotated[int, Range(least=1, most=10**6)] | Literal["auto"] = "auto"
    micro_batch: Annotated[int, Range(least=1, most=10**6)] | None = None
    accumulate: Annotated[int, Range(least=1, most=10_000)] = 1
    evaluations: Annotated[int, Range(least=1, most=100_000)] = 10
    patience: Annotated[int, Range(least=0, most=100_000)] = 0
    ema: bool = False
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"] = "auto"
    devices: Annotated[int, Range(least=1, most=1024)] = 1
    checkpoint_seconds: Annotated[float, Range(least=0, most=1e8)] = 30.0
    loggers: Annotated[list[Literal["tensorboard"]], Size(distinct=True)] = field(default_factory=list)

    @property
    def is_split(self) -> bool:
        """Whether a batch goes through the network in parts, as far as its size is decided."""
        if self.micro_batch is None:
            return False
        return self.batch_size == "auto" or self.batch_size > self.micro_batch * self.devices

    def conflicts(self) -> list[str]:
        """What does not hold between settings, a sentence each."""
        if self.micro_batch is None or self.accumulate == 1:
            return []
        return [
            f"training.micro_batch {self.micro_batch} gives the loss of a whole batch, and training.accumulate {self.accumulate} "
            f"adds up those of several; give a training.batch_size as large as these together and training.accumulate 1, or "
            "leave training.micro_batch out"
        ]
