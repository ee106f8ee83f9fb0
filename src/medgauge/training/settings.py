"""Settings of the loop and of the optimiser; they can be read without PyTorch."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass
class OptimiserSettings:
    """Settings of the optimiser and its learning-rate schedule.

    Args:
        name: which of PyTorch's optimisers.
        learning_rate: peak learning rate; > 0; auto = 0.01 for the encoder small, 0.001 for others, 0.0001 for pretrained ones.
        weight_decay: of weights with two or more axes; biases and norms have none.
        schedule: cosine falls to zero over the run, constant does not.
        warmup: steps over which the learning rate rises linearly from zero.
        clip: largest norm of the gradient; 0 = no clipping.
    """

    name: Literal["adamw", "adam", "sgd"] = "adamw"
    learning_rate: float | Literal["auto"] = "auto"
    weight_decay: float = 0.01
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: int = 50
    clip: float = 0.0

    def __post_init__(self) -> None:
        if self.learning_rate != "auto" and self.learning_rate <= 0:
            raise ValueError(f"optimiser.learning_rate must be > 0, got {self.learning_rate}")
        for name in ("weight_decay", "warmup", "clip"):
            if getattr(self, name) < 0:
                raise ValueError(f"optimiser.{name} must be >= 0, got {getattr(self, name)}")


@dataclass
class TrainingSettings:
    """Settings of the training loop.

    Args:
        steps: optimiser steps; auto = 150 passes over the training cases, but at least 600 and at most 20000 steps.
        seconds: stop after this much training time, with the schedule fitted to it; 0 = steps alone decide.
        batch_size: cases a step, over all processes; auto = 32 in 2-D (64 from 5000 cases on), 16 in 3-D, but no more than a
            quarter of the training cases.
        accumulate: batches whose gradients are added up before a step (batch terms see each batch alone).
        evaluations: how often the validation cases are read in a run.
        patience: stop after so many evaluations without a better one; 0 = never.
        precision: Lightning Fabric's names (32-true, bf16-mixed, 16-mixed).
        accelerator: Lightning Fabric's names (auto, cpu, cuda, mps).
        devices: processes, one a device.
        checkpoint_seconds: at least one checkpoint in this time.
        loggers: tensorboard, beside log.csv, which is always written.
    """

    steps: int | Literal["auto"] = "auto"
    seconds: float = 0.0
    batch_size: int | Literal["auto"] = "auto"
    accumulate: int = 1
    evaluations: int = 10
    patience: int = 0
    precision: str = "32-true"
    accelerator: str = "auto"
    devices: int = 1
    checkpoint_seconds: float = 30.0
    loggers: list[Literal["tensorboard"]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "accumulate", "evaluations", "devices"):
            value = getattr(self, name)
            if value != "auto" and value < 1:
                raise ValueError(f"training.{name} must be >= 1, got {value}")
        for name in ("seconds", "patience", "checkpoint_seconds"):
            if getattr(self, name) < 0:
                raise ValueError(f"training.{name} must be >= 0, got {getattr(self, name)}")
