"""A trial before any run: whether the machine has what is asked for, and whether the first batch can be trained on."""

import copy
import os
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from medgauge.core.batch import Batch, LabelCoding, Step
from medgauge.core.errors import InputError
from medgauge.models.encoders import LITE
from medgauge.recipes.schema import Recipe
from medgauge.training.caching import normalises_over_batch
from medgauge.training.objective import Objective
from medgauge.training.settings import TrainingSettings
from medgauge.training.step import is_guided, read_step

CASES, LEAST = 4, 2  # of the first batch, that are tried; what normalises over a batch needs two
REMEDIES = {
    "prediction": "model.head none gives none; give model.head auto, or leave the term out",
    "logits": "only an ordinal or a distribution head gives them; give such a model.head, or leave the term out",
    "prototypes": "give model.head prototypes, or leave the term out",
    "semantics": "give model.head prototypes, or leave the term out",
    "weight": "give weights.scheme inverse or sqrt_inverse, or leave the term out",
    "covariates": "name data.covariates, or leave the term out",
}
NOTHING = "nothing in this run gives it; leave the term out"


def check_devices(training: TrainingSettings) -> None:
    """Raise InputError unless this machine has what the training settings ask for."""
    there = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    found = next((name for name, count in there.items() if count), None)
    asked = training.accelerator
    kind = found if asked == "gpu" else (found or "cpu") if asked == "auto" else asked
    if kind is None or (kind != "cpu" and not there[kind]):
        raise InputError(
            f"training.accelerator is {asked}, and this machine has {found or 'no such device'}; "
            f"give training.accelerator {found or 'cpu'} or auto"
        )
    if kind != "cpu" and training.devices > there[kind]:
        raise InputError(f"training.devices is {training.devices}, and this machine has {there[kind]} of {kind}")
    if kind == "cpu" and training.precision == "16-mixed":
        raise InputError(
            "training.precision 16-mixed needs a GPU, and this run is on the CPU; give bf16-mixed or 32-true"
        )
    if kind == "cpu" and training.devices > 2 * (os.cpu_count() or 1):
        raise InputError(
            f"training.devices is {training.devices}, and this machine has {os.cpu_count()} processors; give at most twice as many"
        )
    if "tensorboard" in training.loggers and not (find_spec("tensorboard") or find_spec("tensorboardX")):
        raise InputError(
            "training.loggers asks for tensorboard, which is not installed: pip install 'medgauge[tensorboard]'"
        )


def check_norms(model: nn.Module, recipe: Recipe) -> None:
    """Raise InputError where a batch goes through the network in parts, and cases are normalised by all others of it."""
    if not recipe.training.is_split or not normalises_over_batch(model.train()):
        return
    encoder = recipe.model.encoder
    remedy = "give model.encoder.norm group or instance"
    if encoder.name == LITE or encoder.name.startswith("timm/"):  # norms of their own
        remedy = "choose the encoder small, or one without batch normalisation (timm/convnext_tiny)"
    raise InputError(
        f"training.micro_batch takes a batch through the network in parts, and the encoder {encoder.name} normalises each case "
        f"by all others of its batch; {remedy}, or leave training.micro_batch out"
    )


def tried_cases(training: TrainingSettings) -> int:
    """Cases of a trial: no more than go through the network together, as memory is for so many, and two at the least.

    >>> tried_cases(TrainingSettings()), tried_cases(TrainingSettings(batch_size=8, micro_batch=1))
    (4, 2)
    """
    return CASES if training.micro_batch is None else max(LEAST, min(CASES, training.micro_batch))


def try_batch(model: nn.Module, objective: Objective, coding: LabelCoding, batch: Batch) -> None:
    """Take cases of the first batch forward and back, on copies, so that nothing of the run changes.

    Raises:
        InputError: a term lacks what it needs, a value is not finite, or whatever the model or a term refuses.
    """
    model, objective = copy.deepcopy(model), copy.deepcopy(objective)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            step = read_step(model.train(), batch, coding, 0.0, guided=is_guided(model))
            _check_needs(objective, step)
            parts = objective(step)
            if parts["total"].requires_grad:
                parts["total"].backward()
        except InputError:
            raise
        except Exception as error:  # of the networks and terms that a recipe may name: anything
            raise InputError(f"the first batch cannot be trained on: {_reason(error)}") from error
    _check_values({name: parts[name] for name in (*objective.terms, "total")}, step, coding)


def _check_needs(objective: Objective, step: Step) -> None:
    for name, missing in objective.lacking(step):
        raise InputError(f"objective.{name} needs {missing}, and a step has none: {REMEDIES.get(missing, NOTHING)}")


def _check_values(parts: dict[str, Tensor], step: Step, coding: LabelCoding) -> None:
    """Raise InputError for a value that is not finite."""
    if bool(torch.isinf(step.label).any()):
        raise InputError(
            "the labels are too large or too close to one another to be scaled; give them in another unit, "
            "or give another data.label_scaling"
        )
    for name, value in parts.items():
        if not bool(torch.isfinite(value).all()):
            what = "objective's total" if name == "total" else f"objective.{name}"
            raise InputError(
                f"{what} is {float(value.detach()):g} for the first batch; look at its arguments and factor, and at the labels"
            )


def _reason(error: Exception) -> str:
    text = (str(error).splitlines() or [""])[0]
    if "more than 1 value per channel" in text:
        return (
            "batches of one case leave a normalisation over the batch nothing to go by; give training.batch_size 2 or more, "
            "or model.encoder.norm group"
        )
    return text or f"the model or a term stops with {type(error).__name__}"
