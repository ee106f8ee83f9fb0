"""Training that diverges ends with one sentence, and keeps what was saved while it was sound."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from medgauge.core.batch import Batch
from medgauge.training.divergence import Diverged, Watch
from medgauge.training.loop import Schedule
from medgauge.training.settings import OptimiserSettings
from tests.training.test_loop import Memory, trainer

NAN = float("nan")


def values(**parts: float) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(value) for name, value in parts.items()}


def rates(rate: float) -> OptimiserSettings:
    found = OptimiserSettings(name="sgd", learning_rate=1.0, schedule="constant", warmup=0, weight_decay=0.0)
    found.learning_rate = rate  # beyond what a recipe may have too, so that a small network diverges at once
    return found


@pytest.mark.parametrize("rate", [10.0, 1e6, 1e20, 1e37])
def test_a_rate_that_is_too_high_is_one_sentence(rate: float) -> None:
    keeper = Memory()
    with pytest.raises(Diverged) as told:
        trainer(Schedule(steps=1000, epoch=10, evaluations=1), keeper, rates=rates(rate)).fit()
    assert str(told.value).startswith("training diverged at step ")
    for words in (
        "error is ",
        f"at a learning rate of {rate:.3g};",
        "nothing was saved before it",
        "learning_rate",
        "clip 1",
    ):
        assert words in str(told.value)
    assert keeper.saved == {}


def test_the_last_good_checkpoint_stays_and_the_step_is_that_of_the_loss() -> None:
    keeper = Memory()
    run = trainer(Schedule(steps=40, epoch=10, evaluations=4), keeper, rates=rates(0.01))
    sound = run.batch

    def spoiled(step: int) -> Batch:
        batch = sound(step)
        return batch if step < 24 else replace(batch, image=batch.image * math.inf)

    run.batch = spoiled
    with pytest.raises(
        Diverged, match=r"diverged at step 25: error is (nan|inf), .* the checkpoint of step 20 is kept"
    ):
        run.fit()
    assert keeper.saved["last.ckpt"]["progress"]["step"] == 20
    for name in ("last.ckpt", "best.ckpt"):
        assert all(bool(tensor.isfinite().all()) for tensor in keeper.saved[name]["model"].values())


def test_a_run_that_goes_on_from_a_checkpoint_names_it() -> None:
    keeper = Memory()
    trainer(Schedule(steps=20, epoch=10, evaluations=1), keeper, rates=rates(0.01)).fit()
    keeper.saved["last.ckpt"]["progress"]["stopped_because"] = ""  # as a run that was stopped there
    run = trainer(Schedule(steps=40, epoch=10, evaluations=1), keeper, rates=rates(1e30))
    with pytest.raises(Diverged, match="the checkpoint of step 20 is kept"):
        run.fit()
    assert keeper.saved["last.ckpt"]["progress"]["step"] == 20


def test_a_validation_score_that_is_no_number_keeps_the_best_before_it() -> None:
    keeper = Memory()
    with pytest.raises(Diverged, match="diverged at step 8: the validation score is nan"):
        trainer(Schedule(steps=16, epoch=4, evaluations=4), keeper, [3.0, NAN]).fit()
    assert set(keeper.saved) == {"best.ckpt", "last.ckpt"}
    assert keeper.saved["last.ckpt"]["progress"]["best"] == 3.0


def test_values_of_an_accelerator_are_looked_at_later_and_the_first_is_told() -> None:
    watch = Watch(3)
    for step, value in ((4, 1.0), (5, math.inf), (6, NAN)):  # as add keeps them, without the look of the CPU
        watch._seen.append((step, 0.5, values(error=value, other=0.0, total=value)))
    with pytest.raises(Diverged, match="at step 5: error is inf, at a learning rate of 0.5; the checkpoint of step 3"):
        watch.look()
    watch.look()  # nothing new


def test_a_figure_that_is_only_told_may_be_no_number() -> None:
    Watch().add(1, 0.1, values(error=1.0, error_outliers=NAN, total=1.0))
    with pytest.raises(Diverged, match="at step 1: total is inf, "):
        Watch().add(1, 0.1, values(error=3e38, error_outliers=NAN, total=math.inf))


def test_weights_that_are_no_numbers_are_found_before_they_are_saved() -> None:
    model = nn.BatchNorm1d(2)
    Watch().look_at(model, 1, 0.1)
    model.running_var[1] = math.inf  # type: ignore[index]
    with pytest.raises(Diverged, match="at step 7: the weights running_var are not finite"):
        Watch().look_at(model, 7, 0.1)
