import math
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision.amp import MixedPrecision
from safetensors.torch import load_file
from torch import Tensor, nn

from medgauge.core.batch import Batch
from medgauge.losses import PointwiseLoss
from medgauge.training.collect import bare
from medgauge.training.loop import Schedule, Trainer, Validation
from medgauge.training.objective import Objective
from medgauge.training.plan import OptimiserSettings, TrainingSettings, build_optimiser, learning_rate
from medgauge.training.progress import Progress

LABEL = torch.linspace(-1, 1, 8, dtype=torch.float64)[:, None]


class Line(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, image: Tensor, covariates: Tensor | None = None) -> SimpleNamespace:
        return SimpleNamespace(embedding=image, prediction=self.linear(image), logits=None, features=image)


class Identity:
    def encode(self, label: Tensor, divisor: Tensor | None = None) -> Tensor:
        return label

    def decode(self, value: Tensor, divisor: Tensor | None = None) -> Tensor:
        return value


class Memory:
    """Keeps checkpoints and the log."""

    def __init__(self) -> None:
        self.saved: dict[str, Any] = {}
        self.log: list[list[Any]] = []

    def save_checkpoint(self, name: str, state: Mapping[str, Any]) -> None:
        self.saved[name] = dict(state)

    def load_checkpoint(self, name: str) -> dict[str, Any] | None:
        return self.saved.get(name)

    def write_table(self, name: str, columns: Any, rows: Any) -> None:
        self.log = [list(columns), *map(list, rows)]


def validation(error: float) -> Validation:
    return Validation(error, {"val_mae": error})


def trainer(
    schedule: Schedule, keeper: Memory, figures: list[float] | None = None, rates: OptimiserSettings | None = None
) -> Trainer:
    torch.manual_seed(0)
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    rates = rates or OptimiserSettings(name="sgd", learning_rate=0.1, schedule="constant", warmup=0, weight_decay=0.0)
    model, objective = Line(), Objective({"error": (PointwiseLoss("mse"), 2.0)})
    wrapped, optimiser = fabric.setup(model, build_optimiser([model], rates))
    queue = iter(figures or [])
    label = 3 * LABEL + 1

    def batch(step: int) -> Batch:
        rows = torch.tensor([step % 8, (step + 3) % 8])
        return Batch(image=LABEL[rows].float(), label=label[rows], row=rows)

    return Trainer(
        fabric=fabric, model=wrapped, objective=objective, optimiser=optimiser, batch=batch, coding=Identity(), schedule=schedule,
        rates=rates, validate=lambda: validation(next(queue, 1.0)), keeper=keeper,
    )  # fmt: skip


def test_it_learns_and_logs_every_part() -> None:
    keeper = Memory()
    outcome = trainer(Schedule(steps=800, epoch=16, evaluations=4), keeper).fit()
    weights = keeper.saved["last.ckpt"]["model"]
    assert float(weights["linear.weight"]) == pytest.approx(3, abs=1e-3)
    assert float(weights["linear.bias"]) == pytest.approx(1, abs=1e-3)
    assert keeper.log[0] == ["epoch", "step", "lr", "error", "total", "val_mae"]
    assert [row[1] for row in keeper.log[1:]] == sorted({*range(16, 801, 16), 200, 600})
    assert [row[1] for row in keeper.log[1:] if row[5] is not None] == [200, 400, 600, 800]
    assert all(row[4] == pytest.approx(2 * row[3]) for row in keeper.log[1:])
    assert outcome.stopped_because == "steps"


class Tells(PointwiseLoss):
    """Tells of every fourth batch ``seldom``, the number of the batch, and of none ``never``."""

    batch = 0

    def log(self) -> dict[str, Tensor]:
        self.batch += 1
        return {"seldom": torch.tensor(math.nan if self.batch % 4 else self.batch), "never": torch.tensor(math.nan)}


def test_a_figure_that_a_batch_could_not_tell_is_left_out_of_its_mean() -> None:
    keeper = Memory()
    run = trainer(Schedule(steps=17, epoch=8, evaluations=1), keeper)
    run.objective = Objective({"error": (Tells("mse"), 2.0)})
    run.fit()
    assert keeper.log[0] == ["epoch", "step", "lr", "error", "error_seldom", "total", "val_mae"]
    assert [row[4] for row in keeper.log[1:]] == [6.0, 14.0, None]


def test_the_best_checkpoint_is_that_of_the_smallest_validation_mae() -> None:
    keeper = Memory()
    outcome = trainer(Schedule(steps=16, epoch=4, evaluations=4), keeper, [3.0, 1.0, 2.0, 1.5]).fit()
    assert (outcome.best, outcome.best_step) == (1.0, 8)
    assert not torch.equal(
        keeper.saved["best.ckpt"]["model"]["linear.weight"], keeper.saved["last.ckpt"]["model"]["linear.weight"]
    )


def test_patience_stops_early() -> None:
    keeper = Memory()
    outcome = trainer(
        Schedule(steps=100, epoch=10, evaluations=10, patience=2), keeper, [3.0, 2.0, 2.5, 2.5, 1.0]
    ).fit()
    assert (outcome.step, outcome.stopped_because) == (40, "patience")


def test_going_on_from_any_checkpoint_ends_like_an_unbroken_run() -> None:
    whole = Memory()
    trainer(Schedule(steps=21, epoch=4, evaluations=3), whole).fit()
    for stop in (1, 5, 8, 20):
        broken = Memory()
        first = trainer(Schedule(steps=21, epoch=4, evaluations=3, checkpoint_seconds=0.0), broken)
        first.report = lambda progress, stop=stop: _stop(progress, stop)  # type: ignore[misc]  # bound in the loop
        with pytest.raises(InterruptedError):
            first.fit()
        assert broken.saved["last.ckpt"]["progress"]["step"] == stop
        trainer(Schedule(steps=21, epoch=4, evaluations=3), broken).fit()
        assert broken.log == whole.log
        assert torch.equal(
            broken.saved["last.ckpt"]["model"]["linear.weight"], whole.saved["last.ckpt"]["model"]["linear.weight"]
        )


def _stop(progress: Progress, step: int) -> None:
    if progress.step == step:
        raise InterruptedError


def test_accumulated_batches_give_the_mean_gradient() -> None:
    keeper, other = Memory(), Memory()
    run = trainer(Schedule(steps=1, epoch=1, evaluations=1, accumulate=2), keeper)
    run.fit()
    both = trainer(Schedule(steps=1, epoch=1, evaluations=1), other)
    one, two = run.batch(0), run.batch(1)
    both.batch = lambda step: Batch(
        torch.cat([one.image, two.image]), torch.cat([one.label, two.label]), torch.cat([one.row, two.row])
    )
    both.fit()
    assert torch.allclose(
        keeper.saved["last.ckpt"]["model"]["linear.weight"],
        other.saved["last.ckpt"]["model"]["linear.weight"],
        atol=1e-7,
    )


def test_a_time_limit_ends_the_run_with_an_evaluation() -> None:
    keeper = Memory()
    outcome = trainer(Schedule(steps=10**9, epoch=50, evaluations=3, seconds=0.3), keeper).fit()
    assert outcome.stopped_because == "time"
    assert outcome.evaluated == 3
    assert keeper.log[-1][5] is not None


def test_the_learning_rate_warms_up_and_falls() -> None:
    settings = OptimiserSettings(learning_rate=1.0, warmup=3)
    assert [learning_rate(settings, step, 0.0) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert learning_rate(settings, 100, 0.5) == pytest.approx(0.5)
    assert learning_rate(settings, 100, 1.0) == pytest.approx(0.0)


def test_weight_decay_spares_biases_and_norms() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    decayed, spared = build_optimiser([model], OptimiserSettings(weight_decay=0.5, learning_rate=0.1)).param_groups
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.5, 0.0)
    assert [p.ndim for p in decayed["params"]] == [2]
    assert [p.ndim for p in spared["params"]] == [1, 1, 1]


@pytest.mark.parametrize(("name", "value"), [("steps", -1), ("batch_size", -1), ("devices", 0), ("seconds", -1.0)])
def test_impossible_settings_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        TrainingSettings(**{name: value})


@pytest.mark.slow
def test_two_processes_end_like_one(tmp_path: Path, cache: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MEDGAUGE_CACHE": str(cache)}
    two = ["--training.devices=2"]
    runs = {"one": [], "two": two, "parts": [*two, "--training.micro_batch=3"]}  # of 8 and of 7 cases
    for name, changes in runs.items():
        command = [
            sys.executable, "-m", "medgauge", "fit", "hc18_rm_l1", "--out", str(tmp_path / name), *changes,
            "--training.accelerator=cpu", "--training.steps=6", "--training.batch_size=15", "--training.evaluations=2", "--no-images",
            "--model.encoder.width=0.25", "--model.encoder.norm=group", "--model.embedding=8", "--optimiser.name=sgd",
        ]  # fmt: skip
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
    one, *others = (load_file(tmp_path / name / "model.safetensors") for name in runs)
    start = {name for name in one if one[name].is_floating_point()}
    assert start
    for name in start:
        assert all(torch.allclose(one[name], other[name], atol=1e-5, rtol=1e-4) for other in others), name
    logs = [(tmp_path / name / "log.csv").read_text().splitlines() for name in runs]
    assert logs[0][0] == logs[1][0] == logs[2][0]
    for left, right in [*zip(logs[0][1:], logs[1][1:], strict=True), *zip(logs[0][1:], logs[2][1:], strict=True)]:
        for one_cell, other in zip(left.split(","), right.split(","), strict=True):
            assert one_cell == other or float(one_cell) == pytest.approx(float(other), rel=1e-3)


def scaled_trainer(schedule: Schedule, keeper: Memory) -> Trainer:
    """One whose gradients are scaled as those of float16 are on a GPU, by Adam with clipping."""
    rates = OptimiserSettings(name="adamw", learning_rate=0.1, schedule="constant", warmup=0, clip=1.0)
    made = trainer(schedule, keeper, rates=rates)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=3)
    fabric = Fabric(accelerator="cpu", devices=1, plugins=MixedPrecision("16-mixed", "cpu", scaler=scaler))
    fabric.launch()
    model = bare(made.model)
    made.model, made.optimiser = fabric.setup(model, build_optimiser([model], rates, fused=False))
    return replace(made, fabric=fabric)


def test_scaled_gradients_are_clipped_left_out_where_they_overflow_and_their_scale_goes_on_after_a_stop() -> None:
    whole, broken = Memory(), Memory()
    scaled_trainer(Schedule(steps=200, epoch=8, evaluations=1), whole).fit()
    scaled_trainer(Schedule(steps=101, epoch=8, evaluations=1), broken).fit()
    broken.saved["last.ckpt"]["progress"]["stopped_because"] = ""
    scaled_trainer(Schedule(steps=200, epoch=8, evaluations=1), broken).fit()
    found, expected = broken.saved["last.ckpt"], whole.saved["last.ckpt"]
    assert expected["precision"]["scale"] < 2.0**127
    assert found["precision"] == expected["precision"]
    torch.testing.assert_close(found["model"], expected["model"], rtol=0, atol=0)
    assert float(expected["model"]["linear.weight"]) > 1.5  # the line's is 3
