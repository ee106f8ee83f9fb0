"""The parts of a pretraining before any step, and what cannot be trained on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from medgauge.core.batch import Batch
from medgauge.core.errors import InputError
from medgauge.data.cases import make_cases
from medgauge.fitting import pretrain_parts
from medgauge.fitting.pretrain_cases import load_cases
from medgauge.fitting.pretrain_parts import PretrainParts, build_parts
from medgauge.fitting.stamp import make_recipe
from medgauge.recipes.pretraining import method_objective
from medgauge.training.caching import cache_gradients
from medgauge.training.told import ToldObjective
from medgauge.training.views import read_views
from tests.fitting.small_pretraining import SMALL, WHERE, make_table


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_table(tmp_path_factory.mktemp("parts"))


def parts(table: Path, **changes: object) -> PretrainParts:
    placed: dict[str, Any] = {place.replace("__", "."): one for place, one in changes.items()}
    given = {"table": table, "cache": str(table.parent / "cache"), **WHERE}
    cases = load_cases(make_recipe("siamese_re", given, {**SMALL, **placed}, pretraining=True))
    return build_parts(cases, make_cases(cases.study.images, cases.study.table.label))


def test_weights_depend_on_the_seed_alone_and_the_trial_changes_nothing(table: Path) -> None:
    one, other = (parts(table, pretraining__queue=4).model for _ in range(2))
    torch.testing.assert_close(dict(one.state_dict()), dict(other.state_dict()), rtol=0, atol=0)
    assert len(one.recent.known()) == 0
    assert not torch.equal(parts(table, seed=1).model.encoder.network.last.weight, one.encoder.network.last.weight)  # type: ignore[union-attr]  # a layer's


def test_a_step_tells_spread_and_sizes(table: Path) -> None:
    made = parts(table)
    batches = made.batches(rank=0, world_size=1, device=torch.device("cpu"))
    batch = batches(2)
    assert batch.view is not None
    step = read_views(made.model, batch, 0.0)
    assert set(made._told(step)) == {"spread", "spread_predicted", "cluster_1", "cluster_2", "cluster_3"}


@pytest.mark.parametrize("method", ["siamese", "vicreg"])
def test_a_batch_in_parts_has_the_gradient_of_the_whole(table: Path, method: str) -> None:
    objective = method_objective({"pretraining": {"method": method}})
    made = parts(table, training__micro_batch=3, pretraining__method=method, objective=objective)
    assert made.is_split
    batches = made.batches(rank=0, world_size=1, device=torch.device("cpu"))
    whole = batches(2)
    loads = batches.parts(2, 3)
    assert [len(load().row) for load in loads] == [3, 3, 2]
    assert torch.cat([load().row for load in loads]).tolist() == whole.row.tolist()
    assert whole.weight is not None
    assert len(whole.weight.unique()) > 1

    made.model.double()
    plain = ToldObjective({"agreement": (made.objective.terms["agreement"], 1.0)}, made._told)
    made.model.in_parts = False
    values = plain(read_views(made.model, in_double(whole), 0.0))
    values["total"].backward()
    made.model.in_parts = True
    expected = [one.grad.clone() for one in made.model.parameters() if one.grad is not None]
    made.model.zero_grad()
    doubled = [in_double(load()) for load in loads]
    cached = cache_gradients(
        lambda place: read_views(made.model, doubled[place], 0.0), len(loads), made.objective, made.model
    )
    for place, part in enumerate(doubled):
        cached.loss(place, read_views(made.model, part, 0.0)).backward()
    found = [one.grad for one in made.model.parameters() if one.grad is not None]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-9)
    torch.testing.assert_close(cached.values, {name: value.detach() for name, value in values.items()})
    assert len(found) == len(list(made.model.parameters()))


def in_double(batch: Batch) -> Batch:
    assert batch.view is not None
    return replace(batch, image=batch.image.double(), view=batch.view.double())


def test_batch_norm_keeps_whole_batches_and_it_is_said(table: Path) -> None:
    made = parts(table, training__micro_batch=3, model__encoder__norm="batch")
    assert not made.is_split
    (note,) = made.notes
    assert note.startswith("training.micro_batch 3 has no effect, as bottleneck normalises each case by all others")
    assert parts(table).notes == parts(table, training__micro_batch=3).notes == []


def test_the_last_part_of_an_epoch_has_a_row_in_the_log(table: Path) -> None:
    assert parts(table).schedule.evaluations == 1


def test_views_that_are_the_same_are_refused(table: Path) -> None:
    with pytest.raises(
        InputError, match="^augmentation changes nothing, so that both views of an image would be the same"
    ):
        parts(table, augmentation={})


def test_fewer_than_two_cases_a_process_are_refused(table: Path) -> None:
    with pytest.raises(InputError, match="^pretraining.warmup_batch 3 leaves a process fewer than 2 cases of a step"):
        parts(table, training__devices=2, pretraining__warmup_batch=3)


def test_several_processes_are_said_to_normalise_over_their_own_cases(table: Path) -> None:
    (note,) = parts(table, training__devices=2).notes
    assert note.startswith("each of 2 processes normalises over its own share of a batch (batch norm), so that weights")


@pytest.mark.parametrize(("part", "most"), [(1, 2), (3, 3), (6, 4)])
def test_a_trial_takes_no_more_cases_than_memory_is_for(
    table: Path, monkeypatch: pytest.MonkeyPatch, part: int, most: int
) -> None:
    tried: list[int] = []
    monkeypatch.setattr(pretrain_parts, "try_batch", lambda *given: tried.append(len(given[3].row)))
    parts(table, training__micro_batch=part)
    assert 2 <= tried[0] <= most
