"""The moving average of weights: by hand, in a model, and across a stop."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import medgauge
from medgauge.runfolder import RunFolder
from medgauge.training.averaging import AveragedWeights
from medgauge.training.collect import bare
from medgauge.training.loop import Schedule
from tests.fitting.small_study import COLUMNS, SMALL, make_table
from tests.training.test_loop import Memory, trainer


def test_the_average_is_that_of_a_slow_loop() -> None:
    model, steps = nn.Linear(1, 1, bias=False), [4.0, -2.0, 8.0]
    nn.init.constant_(model.weight, 1.0)
    average, by_hand = AveragedWeights(model), 1.0
    for step, value in enumerate(steps, start=1):
        nn.init.constant_(model.weight, value)
        average.update(model, step)
        decay = (1 + step) / (10 + step)  # 2/11, 3/12, 4/13
        by_hand = decay * by_hand + (1 - decay) * value
    assert float(average.average["weight"]) == pytest.approx(by_hand, rel=1e-6)
    before = float(average.average["weight"])
    average.update(model, 10**6)  # the decay is 0.999 at most
    assert float(average.average["weight"]) == pytest.approx(0.999 * before + 0.001 * 8.0, rel=1e-6)


def test_inside_the_context_the_model_is_the_average_and_after_it_itself() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    average = AveragedWeights(model)
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimiser = torch.optim.SGD(model.parameters(), 0.5)
    model(torch.randn(8, 2) + 5).square().sum().backward()
    optimiser.step()
    average.update(model, 1)
    own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with average.inside(model):
        for name in ("0.weight", "1.bias", "1.running_mean", "1.running_var"):
            wanted = 2 / 11 * start[name] + 9 / 11 * own[name]
            torch.testing.assert_close(model.state_dict()[name], wanted)
            assert not torch.equal(wanted, own[name])
        assert model.state_dict()["1.num_batches_tracked"] == 1
    assert all(torch.equal(own[name], tensor) for name, tensor in model.state_dict().items())


def test_a_state_of_another_model_is_refused() -> None:
    with pytest.raises(ValueError, match="the averaged weights are of another model"):
        AveragedWeights(nn.Linear(2, 1)).restore(AveragedWeights(nn.Linear(3, 1)).state())


def averaged(schedule: Schedule, keeper: Memory, figures: list[float] | None = None) -> Any:
    made = trainer(schedule, keeper, figures)
    made.average = AveragedWeights(bare(made.model))
    return made


def test_the_best_checkpoint_is_the_average_and_the_last_one_has_both() -> None:
    keeper = Memory()
    run = averaged(Schedule(steps=20, epoch=10, evaluations=1), keeper)

    def weight() -> torch.Tensor:
        return bare(run.model).linear.weight  # type: ignore[no-any-return,union-attr,operator]  # a Line

    first = float(weight().detach())
    seen: list[float] = []
    run.report = lambda progress: seen.append(float(weight().detach()))
    run.fit()
    wanted = first
    for step, value in enumerate(seen, start=1):
        decay = (1 + step) / (10 + step)
        wanted = decay * wanted + (1 - decay) * value
    assert float(keeper.saved["best.ckpt"]["model"]["linear.weight"]) == pytest.approx(wanted, rel=1e-5)
    assert float(keeper.saved["last.ckpt"]["average"]["linear.weight"]) == pytest.approx(wanted, rel=1e-5)
    assert float(keeper.saved["last.ckpt"]["model"]["linear.weight"]) == seen[-1]
    assert abs(seen[-1] - wanted) > 1e-3


def fit_until(one: Any, stop: int) -> None:
    """Train until a step, at which the run is interrupted."""

    def interrupt(progress: Any) -> None:
        if progress.step == stop:
            raise InterruptedError

    one.report = interrupt
    with pytest.raises(InterruptedError):
        one.fit()


@pytest.mark.parametrize("stop", [1, 5, 8, 20])
def test_going_on_from_any_checkpoint_ends_like_an_unbroken_run(stop: int) -> None:
    whole, broken = Memory(), Memory()
    averaged(Schedule(steps=21, epoch=4, evaluations=3), whole).fit()
    first = averaged(Schedule(steps=21, epoch=4, evaluations=3, checkpoint_seconds=0.0), broken)
    fit_until(first, stop)
    averaged(Schedule(steps=21, epoch=4, evaluations=3), broken).fit()
    for name, part in (("last.ckpt", "model"), ("last.ckpt", "average"), ("best.ckpt", "model")):
        assert torch.equal(whole.saved[name][part]["linear.weight"], broken.saved[name][part]["linear.weight"])
    assert broken.log == whole.log


@pytest.mark.parametrize("stop", [15, 25, 35])
def test_patience_counts_on_after_a_stop(stop: int) -> None:
    plan: dict[str, Any] = {"steps": 100, "epoch": 10, "evaluations": 10, "patience": 2}
    figures = {10: 3.0, 20: 2.0, 30: 2.5, 40: 2.5, 50: 1.0}
    keeper = Memory()

    def begin(seconds: float) -> Any:
        later = [value for step, value in figures.items() if step > (stop if seconds else 0)]
        return trainer(Schedule(**plan, checkpoint_seconds=0.0), keeper, later)

    first = begin(0)
    fit_until(first, stop)
    outcome = begin(1).fit()
    assert (outcome.step, outcome.stopped_because, outcome.best_step) == (40, "patience", 20)


def test_a_run_saves_the_average_once(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    for ema in (False, True):
        changes = {**SMALL, "training.ema": ema, "optimiser.learning_rate": 0.05}
        medgauge.fit("l1", out=tmp_path / str(ema), table=table, changes=changes, **COLUMNS)
    plain, average = (load_file(tmp_path / name / "model.safetensors") for name in ("False", "True"))
    assert {name: tensor.shape for name, tensor in plain.items()} == {n: tensor.shape for n, tensor in average.items()}
    last = RunFolder(tmp_path / "True").load_checkpoint("last.ckpt")
    raw = RunFolder(tmp_path / "False").load_checkpoint("last.ckpt")
    assert last is not None
    assert raw is not None
    assert "average" not in raw
    for name, tensor in last["average"].items():
        assert torch.equal(average[f"model.{name}"], tensor)
        assert torch.equal(last["model"][name], raw["model"][name])  # training itself is the same
    assert any(not torch.equal(average[f"model.{name}"], last["model"][name]) for name in last["average"])
    logs = [(tmp_path / name / "log.csv").read_text() for name in ("False", "True")]
    assert logs[0] != logs[1]  # validation read other weights
    assert json.loads((tmp_path / "True" / "results.json").read_text())["training"]["best_step"] == 6
