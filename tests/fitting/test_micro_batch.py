"""Runs whose batches go through the network in parts, beside those that take them whole."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision
from torch import Tensor

from medgauge.core.display import Display
from medgauge.core.errors import InputError
from medgauge.fitting.parts import build_parts
from medgauge.fitting.sampling import StepCases, build_sampler, count_parts, micro_batches
from medgauge.fitting.train import build_trainer
from medgauge.recipes.idle import idle_settings
from medgauge.recipes.read import build_recipe, load_values
from medgauge.study.decide import decide_training
from medgauge.study.embedding import embed
from tests.study.small import recipe_of, study_of, table_of
from tests.training.test_loop import Memory

STEPS = 4
FINDINGS = {"label": ["a", "b", "c"], "kind": {"a": "finding", "b": "finding", "c": "finding"}}
METHODS: dict[str, dict[str, Any]] = {
    "rm_l1": {},
    "jocorank": {},
    "distribution": {},
    "fds_l1": {},
    "balanced_mse": {},
    "ranksim": {"training": {"ema": True}},
    "l1": {"augmentation": {"mixup": True, "rotation": 20.0, "noise": 0.1, "scale": 0.2}},
    "dual_weighted": {"data": FINDINGS, "model": {"head": "prototypes", "semantics": {"source": "one_hot", "hidden": 5}}},
}  # fmt: skip


def small_study(name: str = "l1", **changes: Any) -> Any:
    """24 training cases of 40 x 40 pixels, of a recipe's method."""
    random, changed = np.random.default_rng(0), {**METHODS.get(name, {}), **changes}
    method = load_values(name)
    usual = {
        "objective": method["objective"],
        "model": {**method.get("model", {}), "embedding": 6, "encoder": {"width": 0.25, "norm": "group"}},
        "training": {"batch_size": 8, "steps": STEPS, "evaluations": 1},
        "optimiser": {"name": "sgd", "learning_rate": 0.05, "warmup": 0},
    }
    sections = {key: {**usual.get(key, {}), **part} for key, part in changed.items()}
    recipe = recipe_of(**{**usual, **sections})
    label = random.normal(50, 10, 32).round(1)
    table = table_of(label)
    if "kind" in recipe.data.__dict__ and recipe.data.kind:
        table = replace(table, label=random.integers(0, 2, (32, 3)).astype(float), target=["a", "b", "c"])
    study = study_of(table, ["train"] * 24 + ["val"] * 8, recipe)
    array = random.integers(0, 255, (32, 1, 40, 40), dtype=np.uint8)
    study = replace(study, images=replace(study.images, array=array))
    return replace(study, recipe=decide_training(recipe, 2, table.label[:24]))


def weights(study: Any, keeper: Memory | None = None, fabric: Any = None, stop: int = 0) -> dict[str, Tensor]:
    """The weights after a run of a study, those of the objective too."""
    keeper, parts = keeper or Memory(), build_parts(study)
    fabric = fabric or Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    trainer = build_trainer(study, parts, fabric, keeper, Display(False))
    if stop:
        trainer.schedule = replace(trainer.schedule, checkpoint_seconds=0.0)
        trainer.report = lambda progress: _stop(progress.step, stop)
        with pytest.raises(InterruptedError):
            trainer.fit()
        return {}
    trainer.fit()
    state = keeper.saved["last.ckpt"]
    averaged = {f"average {name}": value for name, value in state.get("average", {}).items()}
    return {**state["model"], **{f"objective {name}": value for name, value in state["objective"].items()}, **averaged}


def _stop(step: int, wanted: int) -> None:
    if step == wanted:
        raise InterruptedError


def split(study: Any, size: int | None = 3) -> Any:
    return replace(study, recipe=replace(study.recipe, training=replace(study.recipe.training, micro_batch=size)))


def assert_same(found: dict[str, Tensor], wanted: dict[str, Tensor], start: dict[str, Tensor]) -> None:
    """Weights that moved alike, but for rounding."""
    assert found.keys() == wanted.keys()
    moved = [name for name in start if not torch.equal(start[name], wanted[name])]
    assert len(moved) > len(start) / 2
    for name in found:
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("name", METHODS)
def test_a_run_in_parts_ends_like_one_of_whole_batches(name: str) -> None:
    study = small_study(name)
    assert_same(weights(split(study)), weights(study), dict(build_parts(study).model.named_parameters()))


def test_dropout_is_drawn_anew_each_step_and_goes_on_after_a_stop_bit_for_bit() -> None:
    study = split(small_study("rm_l1", training={"micro_batch": 3}))
    parts = build_parts

    def with_dropout(study: Any) -> Any:
        made = parts(study)
        made.model.neck.dropout.p = 0.5  # type: ignore[union-attr]  # of the covariate neck
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "build_parts", with_dropout)
        whole, broken = weights(study), Memory()
        assert weights(study, broken, stop=2) == {}
        assert broken.saved["last.ckpt"]["progress"]["step"] == 2
        found = weights(study, broken)
    assert found.keys() == whole.keys()
    assert all(torch.equal(found[name], whole[name]) for name in whole)
    plain = weights(study)
    assert not torch.equal(plain["neck.second.weight"], whole["neck.second.weight"])


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_mixed_precision_gives_the_same_but_for_its_rounding(precision: Any) -> None:
    """A scaled loss too, whose gradients are those of the scale but for what half precision rounds."""
    study, scaler = small_study("balanced_mse"), torch.amp.GradScaler("cpu", init_scale=1024.0)

    def mixed() -> Fabric:
        own = MixedPrecision(precision, "cpu", None if precision == "bf16-mixed" else scaler)
        return Fabric(accelerator="cpu", devices=1, plugins=[own])

    one, two = weights(split(study), fabric=mixed()), weights(study, fabric=mixed())
    plain = weights(study)
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=0.05, atol=5e-3)
    assert any(not torch.equal(one[name], plain[name]) for name in one)


def test_parts_are_those_of_the_whole_batch_and_read_when_they_are_made() -> None:
    study = split(small_study("l1", training={"micro_batch": 3}))
    arrays, coding = build_parts(study).arrays, build_parts(study).tasks.coding
    sampler, rows = build_sampler(study), study.rows("train")
    given = (arrays, study, sampler, rows, 1, torch.device("cpu"), coding)
    whole, read = StepCases(*given).part(range(8)), list[int]()

    class Reading(np.ndarray[Any, Any]):
        def __getitem__(self, places: Any) -> Any:
            if isinstance(places, np.ndarray) and self.size:
                read.extend(places.tolist())
            return np.asarray(self)[places] if not isinstance(places, tuple) else super().__getitem__(places)

    watched = replace(arrays, array=arrays.array.view(Reading))
    parts = micro_batches(watched, *given[1:])
    assert read == []
    made = [part() for part in parts]
    assert [len(part.label) for part in made] == [3, 3, 2]
    assert len(read) == 16  # each case, and its partner
    for name in ("image", "label", "row", "region"):
        assert torch.equal(torch.cat([getattr(part, name) for part in made]), getattr(whole, name))


@pytest.mark.parametrize(
    ("batch", "processes", "size", "count"), [(256, 1, 8, 32), (256, 2, 8, 16), (9, 2, 1, 4), (9, 1, 2, 5)]
)
def test_every_process_has_as_many_parts_and_none_is_empty(batch: int, processes: int, size: int, count: int) -> None:
    assert count_parts(batch, processes, size) == count
    for rank in range(processes):
        assert len(range(rank, batch, processes)) >= count


def test_a_norm_over_the_batch_is_refused_and_auto_takes_another() -> None:
    changes = {"training": {"micro_batch": 3}}
    auto = small_study("l1", model={"encoder": {"norm": "auto"}}, **changes)
    assert auto.recipe.model.encoder.norm == "group"
    with pytest.raises(
        InputError, match="small normalises each case by all others of its batch; give model.encoder.norm group"
    ):
        build_parts(small_study("l1", model={"encoder": {"norm": "batch"}}, **changes))
    build_parts(small_study("l1", model={"encoder": {"norm": "instance"}}, **changes))
    with pytest.raises(InputError, match="choose the encoder small, or one without batch normalisation"):
        build_parts(small_study("l1", model={"encoder": {"name": "lite0", "norm": "default", "width": 1.0}}, **changes))


def test_a_tuned_encoder_keeps_the_statistics_of_its_pretraining() -> None:
    wanted = {
        "represent": {"name": "tuned"},
        "model": {"encoder": {"name": "lite0", "norm": "default", "pretrained": "package"}},
    }
    assert build_parts(small_study("l1", **wanted, training={"micro_batch": 3})).model.encoder.keeps_statistics


def test_settings_that_do_not_go_together() -> None:
    with pytest.raises(
        InputError, match="training.micro_batch 8 gives the loss of a whole batch, and training.accumulate 4"
    ):
        build_recipe({"training": {"micro_batch": 8, "accumulate": 4}})
    found = idle_settings(build_recipe({"training": {"micro_batch": 8, "batch_size": 16, "devices": 2}}))
    assert found == {"training.micro_batch": "a training.batch_size that is no larger"}
    assert idle_settings(build_recipe({"training": {"micro_batch": 8, "batch_size": 17, "devices": 2}})) == {}


def test_cases_are_embedded_by_parts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    study, seen = split(small_study()), list[int]()
    parts = build_parts(study)
    parts.model.encoder.register_forward_hook(lambda module, given, features: seen.append(len(features)))
    embed(parts.model, parts.arrays, study.table, range(8), recipe=study.recipe)
    embed(parts.model, parts.arrays, study.table, range(8))
    assert seen == [3, 3, 2, 8]
