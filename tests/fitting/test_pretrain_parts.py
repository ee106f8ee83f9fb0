"""The parts of a pretraining before any step, and what cannot be trained on."""

from pathlib import Path
from typing import Any

import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.data.cases import make_cases
from medgauge.fitting.pretrain_cases import load_cases
from medgauge.fitting.pretrain_parts import PretrainParts, build_parts
from medgauge.fitting.stamp import make_recipe
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
    made.model(batch.image, batch.view)
    assert set(made._told()) == {"spread", "spread_predicted", "cluster_1", "cluster_2", "cluster_3"}


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
