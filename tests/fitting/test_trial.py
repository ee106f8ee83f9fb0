"""What is tried before a run: the machine, and the first batch forward and back."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import medgauge.fitting.trial as trial
from medgauge import losses
from medgauge.core.errors import InputError
from medgauge.fitting.parts import build_parts
from medgauge.fitting.trial import check_devices
from medgauge.recipes.build import MOST_WEIGHTS
from medgauge.training.settings import TrainingSettings
from tests.fitting.test_train import small_study

HERE = __name__


class NeedsWeight(nn.Module):
    """A term that cannot do without weights."""

    def forward(self, prediction: Tensor, weight: Tensor) -> Tensor:
        return (prediction * weight[:, None]).mean()


class NotANumber(nn.Module):
    """A term that is NaN."""

    def forward(self, prediction: Tensor) -> Tensor:
        return prediction.mean() * float("nan")


class TellsNothing(nn.Module):
    """A term whose figures beside its value are NaN: there was nothing to tell."""

    def forward(self, prediction: Tensor) -> Tensor:
        return prediction.square().mean()

    def log(self) -> dict[str, Tensor]:
        return {"rate": torch.tensor(float("nan"))}


class Rows(nn.Module):
    """A term that returns no scalar."""

    def forward(self, prediction: Tensor) -> Tensor:
        return prediction


class NeedsSemantics(nn.Module):
    """A term of a field that nothing fills."""

    def forward(self, semantics: Tensor) -> Tensor:
        return semantics.mean()


class Worded(nn.Module):
    """A term that stops in many lines."""

    def forward(self, prediction: Tensor) -> Tensor:
        raise RuntimeError("the first line\nand a second")


class StopsBackwards(nn.Module):
    """A term whose gradient cannot be taken."""

    def forward(self, prediction: Tensor) -> Tensor:
        class Once(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, values: Tensor) -> Tensor:
                return values.mean()

            @staticmethod
            def backward(ctx: Any, *gradients: Tensor) -> Tensor:
                raise RuntimeError("no gradient here")

        return Once.apply(prediction)  # type: ignore[no-any-return, no-untyped-call]  # torch: untyped


def one_term(name: str) -> dict[str, Any]:
    return {"mine": {"term": {"class_path": name if "." in name or name in losses.__all__ else f"{HERE}.{name}"}}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"objective": one_term("NeedsWeight")}, "objective.mine needs weight, and a step has none: give weights.scheme"),
        ({"objective": one_term("NeedsSemantics")}, "objective.mine needs semantics, and a step has none: give model.head prototypes"),
        ({"objective": one_term("NotANumber")}, "objective.mine is nan for the first batch; look at its arguments"),
        ({"objective": one_term("Rows")}, r"cannot be trained on: term mine \(Rows\) must return a scalar"),
        ({"objective": one_term("Worded")}, "the first batch cannot be trained on: the first line$"),
        ({"objective": one_term("StopsBackwards")}, "the first batch cannot be trained on: no gradient here$"),
        ({"model": {"head": "none", "embedding": 4}}, "objective.error needs prediction, .* model.head none gives none"),
        ({"training": {"batch_size": 1, "steps": 2}}, "batches of one case .* training.batch_size 2 or more"),
        (
            {"training": {"batch_size": 1, "steps": 2}, "model": {"encoder": {"norm": "group"}}, "objective": one_term("RMLoss")},
            r"objective.mine \(RMLoss\) compares cases with one another, and training.batch_size leaves one case a batch; give 2",
        ),
        (
            {
                "prediction": {"correction": "isotonic"},
                "data": {"shares": {"train": 0.7, "val": 0.2, "calibration": 0.0, "test": 0.1}},
            },
            "prediction.correction isotonic is fitted on calibration cases, and there are none; give calibration a share",
        ),
        ({"training": {"batch_size": 2, "devices": 3, "steps": 2}}, "is 3, and a batch has 2 cases; give a training.batch_size of 3"),
        ({"objective": {"mine": {"factor": 1e308, "term": {"class_path": "PointwiseLoss"}}}}, "objective's total is inf"),
        ({"model": {"embedding": 65536, "encoder": {"width": 64}}}, f"more than {MOST_WEIGHTS} weights"),
    ],
)  # fmt: skip
def test_what_training_would_refuse_is_refused_before(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        build_parts(small_study(**changes))


def test_a_figure_that_the_first_batch_cannot_tell_stops_nothing() -> None:
    study = small_study(objective=one_term("TellsNothing"))
    assert "mine" in build_parts(study).objective.terms


def test_labels_that_are_infinite_once_scaled_are_refused() -> None:
    study = small_study(data={"label_scaling": "none"})
    label = study.table.label * 1e38
    with pytest.raises(InputError, match="the labels are too large or too close to one another"):
        build_parts(replace(study, table=replace(study.table, label=label)))


def test_a_trial_changes_nothing_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def weights(parts: Any) -> Tensor:
        return torch.cat([tensor.flatten().double() for tensor in parts.model.state_dict().values()])

    torch.manual_seed(3)
    before = torch.get_rng_state()
    tried = weights(build_parts(small_study()))
    assert torch.equal(before, torch.get_rng_state())
    monkeypatch.setattr("medgauge.fitting.parts.try_batch", lambda *parts: None)
    assert torch.equal(tried, weights(build_parts(small_study())))


def machine(monkeypatch: pytest.MonkeyPatch, cuda: int = 0, mps: bool = False, processors: int = 4) -> None:
    monkeypatch.setattr(trial.torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(trial.torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.setattr(trial.os, "cpu_count", lambda: processors)


@pytest.mark.parametrize(
    ("there", "asked", "words"),
    [
        ({}, {"accelerator": "cuda"}, "training.accelerator is cuda, and this machine has no such device; give .* cpu or auto"),
        ({}, {"accelerator": "gpu"}, "training.accelerator is gpu, and this machine has no such device"),
        ({}, {"accelerator": "mps"}, "training.accelerator is mps"),
        ({"mps": True}, {"accelerator": "cuda"}, "this machine has mps; give training.accelerator mps or auto"),
        ({"cuda": 1}, {"accelerator": "mps"}, "this machine has cuda"),
        ({"cuda": 2}, {"accelerator": "gpu", "devices": 3}, "training.devices is 3, and this machine has 2 of cuda"),
        ({"cuda": 2}, {"devices": 3}, "training.devices is 3, and this machine has 2 of cuda"),
        ({}, {"precision": "16-mixed"}, "training.precision 16-mixed needs a GPU"),
        ({"cuda": 1}, {"accelerator": "cpu", "precision": "16-mixed"}, "training.precision 16-mixed needs a GPU"),
        ({"processors": 2}, {"devices": 5}, "training.devices is 5, and this machine has 2 processors"),
    ],
)  # fmt: skip
def test_a_machine_that_lacks_what_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, there: dict[str, Any], asked: dict[str, Any], words: str
) -> None:
    machine(monkeypatch, **there)
    with pytest.raises(InputError, match=words):
        check_devices(TrainingSettings(**asked))


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        ({}, {}),
        ({"processors": 2}, {"accelerator": "cpu", "devices": 4, "precision": "bf16-mixed"}),
        ({"cuda": 2}, {"accelerator": "gpu", "devices": 2, "precision": "16-mixed"}),
        ({"cuda": 1}, {"accelerator": "auto", "precision": "16-mixed"}),
        ({"mps": True}, {"accelerator": "gpu"}),
    ],
)
def test_a_machine_that_has_it(monkeypatch: pytest.MonkeyPatch, there: dict[str, Any], asked: dict[str, Any]) -> None:
    machine(monkeypatch, **there)
    check_devices(TrainingSettings(**asked))


def test_a_logger_that_is_not_installed_is_told_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"tensorboard, which is not installed: pip install 'medgauge\[tensorboard\]'"):
        check_devices(TrainingSettings(loggers=["tensorboard"]))
    monkeypatch.setattr(trial, "find_spec", lambda name: SimpleNamespace() if name == "tensorboardX" else None)
    check_devices(TrainingSettings(loggers=["tensorboard"]))
