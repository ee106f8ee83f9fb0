"""What selects a checkpoint, and batches with augmentation."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from medgauge.data.cases import make_cases
from medgauge.fitting.finish import peak_memory
from medgauge.fitting.parts import build_parts, fit_tasks
from medgauge.fitting.pooling import figures_by_fold
from medgauge.fitting.sampling import build_sampler
from medgauge.fitting.train import augmented_batch, first_process, tune, validation_of
from medgauge.metrics.catalogue import NUMBER
from medgauge.recipes.read import load_values
from medgauge.study.decide import decide_training
from medgauge.tasks import Tasks
from medgauge.training.step import is_guided, read_step
from tests.contracts import Waits
from tests.inference.small import drawn, number_task
from tests.study.small import recipe_of, study_of, table_of


def predictor(errors: list[float], **tuned: float) -> Any:
    return SimpleNamespace(validation=torch.tensor(errors), tuned=tuned)


def one_of(columns: list[str], name: str, score: float, record: str, **predictors: Any) -> Any:
    task = SimpleNamespace(columns=columns, name=name, figures={"mae": None})
    return SimpleNamespace(
        task=task, predictors=predictors, record=record, records=(record,) * len(columns), score=score
    )


def test_one_target_has_plain_columns() -> None:
    found = validation_of(
        [one_of(["age"], "number", 0.5, "head", neighbours=predictor([3.0], radius=0.1), head=predictor([2.0]))]
    )
    assert found.score == 0.5
    assert found.figures == pytest.approx(
        {"val_mae": 2.0, "val_mae_neighbours": 3.0, "val_mae_head": 2.0, "val_radius": 0.1}
    )


def test_several_targets_carry_their_names_and_the_score_is_the_mean() -> None:
    found = validation_of(
        [
            one_of(["age", "bmi"], "number", 0.5, "head", head=predictor([2.0, 4.0])),
            one_of(["dr"], "grade", 0.9, "neighbours", neighbours=predictor([1.0], radius=0.1)),
        ]
    )
    assert found.score == pytest.approx(0.7)
    assert found.figures == pytest.approx(
        {
            "val_score": 0.7, "val_mae_age": 2.0, "val_mae_head_age": 2.0, "val_mae_bmi": 4.0, "val_mae_head_bmi": 4.0,
            "val_mae_dr": 1.0, "val_mae_neighbours_dr": 1.0, "val_grade_radius": 0.1,
        }
    )  # fmt: skip


def test_each_task_is_tuned_on_its_own_columns() -> None:
    gallery, validation = drawn(40, 0, prefix="t"), drawn(20, 1, prefix="v")
    (found,) = tune(Tasks((number_task(gallery.label),)), gallery, validation, "neighbours")
    assert found.record == "neighbours"
    assert found.score == pytest.approx(found.task.score(found.read(validation)[0].value, validation.label))


def small_study(**changes: Any) -> Any:
    random = np.random.default_rng(0)
    table = table_of(random.normal(50, 10, 12).round(1), covariates=np.ones((12, 1)), covariate=["mm"])
    usual: dict[str, Any] = {"training": {"batch_size": 4, "steps": 3}, "model": {"embedding": 4}}
    study = study_of(
        table, ["train"] * 8 + ["val"] * 4, recipe_of(**{"data": {"covariates": ["mm"]}} | usual | changes)
    )
    array = random.integers(0, 255, (12, 1, 20, 24), dtype=np.uint8)
    study = replace(study, images=replace(study.images, array=array))
    return replace(study, recipe=decide_training(study.recipe, 2, table.label[:8]))


def test_a_batch_is_that_of_the_sampler_and_the_same_each_time() -> None:
    study = small_study()
    arrays = make_cases(study.images, study.table.label, study.covariates, study.divisor)
    sampler, rows = build_sampler(study), study.rows("train")
    plain = augmented_batch(arrays, study, sampler, rows, 1, torch.device("cpu"), fit_tasks(study).coding)
    assert plain.row.tolist() == [rows[place] for place in sampler.batch(1)]
    np.testing.assert_allclose(plain.label[:, 0], study.table.label[plain.row.numpy(), 0])
    changed = small_study(augmentation={"noise": 0.2})
    one, two = (
        augmented_batch(arrays, changed, sampler, rows, 1, torch.device("cpu"), fit_tasks(study).coding)
        for _ in range(2)
    )
    assert torch.equal(one.image, two.image)
    assert not torch.equal(one.image, plain.image)
    assert torch.equal(one.row, plain.row)


def test_parts_depend_on_the_seed_and_on_training_labels_alone() -> None:
    one, two, other = build_parts(small_study()), build_parts(small_study()), build_parts(small_study(seed=1))
    weights = [torch.cat([weight.flatten() for weight in parts.model.parameters()]) for parts in (one, two, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    study = small_study()
    train = study.table.label[study.rows("train")]
    coded = fit_tasks(study).coding.encode(torch.from_numpy(train))
    np.testing.assert_allclose(coded, (train - train.mean()) / train.std(), rtol=1e-9)
    assert (one.schedule.steps, one.schedule.epoch) == (3, 2)
    assert one.arrays.region is not None
    assert one.arrays.weight is None


def test_the_speaking_process_is_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert first_process()
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert not first_process()


def test_memory_is_in_megabytes() -> None:
    assert 50 < peak_memory() < 64_000


def test_figures_of_each_fold_and_their_spread() -> None:
    nan = float("nan")
    label = torch.tensor([[1.0], [2.0], [3.0], [nan], [9.0]]).double()
    value = torch.tensor([[2.0], [4.0], [3.0], [5.0], [4.0]]).double()
    own = [[0, "head"], [1, "neighbours"], [0, "head"], [1, "neighbours"], [2, "head"]]
    reader = SimpleNamespace(origins=lambda count: own, sources=lambda count: [[name] for _, name in own])
    scored: Any = SimpleNamespace(
        readings=SimpleNamespace(of_figure=lambda figure, target: value[:, [target]]),
        cases=SimpleNamespace(label=label, group=["a", "b", "a", "c", "d"]),
        task=SimpleNamespace(figures={"mae": NUMBER["mae"]}), reader=reader,
    )  # fmt: skip
    found = figures_by_fold(scored, 0)
    assert found["by_fold"] == [
        {"fold": 0, "predictor": "head", "n": 2, "groups": 1, "mae": pytest.approx(0.5)},
        {"fold": 1, "predictor": "neighbours", "n": 1, "groups": 1, "mae": pytest.approx(2.0)},
        {"fold": 2, "predictor": "head", "n": 1, "groups": 1, "mae": pytest.approx(5.0)},
    ]
    assert found["spread_over_folds"] == {"mae": pytest.approx(np.std([0.5, 2, 5], ddof=1))}


@pytest.mark.parametrize("name", ["default", "pearson_spearman", "distribution", "fds_l1", "ranksim"])
def test_a_step_waits_for_no_device_but_to_read_what_lies_on_the_cpu(name: str) -> None:
    method = load_values(name)
    study = small_study(model={**method.get("model", {}), "embedding": 4}, objective=method["objective"])
    parts, rows = build_parts(study), study.rows("train")
    batch = augmented_batch(parts.arrays, study, build_sampler(study), rows, 0, torch.device("cpu"), parts.tasks.coding)
    with Waits() as waits:
        step = read_step(parts.model.train(), batch, parts.tasks.coding, 0.5, guided=is_guided(parts.model))
        parts.objective(step)["total"].backward()
    assert waits.count > 100
    assert waits.found == ["_local_scalar_dense"]  # whether the label scaling divides
