"""Entries of an objective are read as data."""

import sys
from typing import get_args

import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.recipes.build import build_objective, build_tasks
from medgauge.recipes.data_settings import DataSettings
from medgauge.recipes.entries import KindName, ObjectiveEntry, read_entries
from medgauge.recipes.mistakes import objective_mistakes
from medgauge.recipes.read import build_recipe, default_values
from medgauge.recipes.schema import ModelSettings, Recipe
from medgauge.tasks import Numbers

L1 = {"class_path": "PointwiseLoss", "init_args": {"kind": "l1"}}


def test_an_entry_has_its_defaults_and_nothing_is_imported() -> None:
    found = read_entries({"mine": {"term": {"class_path": "no_such_module.Mine"}}})
    assert found == {"mine": ObjectiveEntry("no_such_module.Mine", {}, 1.0, None)}
    assert "no_such_module" not in sys.modules


def test_an_unknown_task_is_named_with_the_nearest() -> None:
    (words,) = objective_mistakes({"error": {"term": L1, "task": "grades"}})
    assert (
        words
        == f"objective.error.task must be one of {', '.join(get_args(KindName))} or null, got 'grades' (did you mean grade?)"
    )


def test_an_entry_without_a_term_is_told_the_nearest_that_has_one() -> None:
    (words,) = objective_mistakes({"error": {"term": L1}, "eror": {"factor": 2}})
    assert words.startswith("objective.eror must have the form {factor: 1.0, term: ")
    assert words.endswith("got {'factor': 2} (did you mean objective.error?)")
    (words,) = objective_mistakes({"error": {"term": L1}, "order": {"factor": 2}})
    assert words.endswith("got {'factor': 2}")


def objective(**entry: object) -> dict[str, object]:
    data = {"label": ["age", "dr"], "kind": {"dr": "grade"}}
    recipe = build_recipe({"data": data, "objective": {"error": {"term": L1, **entry}}})
    tasks = build_tasks(recipe).fit(torch.tensor([[1.0, 0.0], [2.0, 1.0], [4.0, 1.0]]).double(), None)
    return dict(build_objective(recipe, tasks).parts)


def test_with_several_kinds_an_entry_says_which_it_is_of() -> None:
    part = objective(task="grade")["error"]
    assert (part.start, part.stop, part.logits) == (1, 2, 1)  # type: ignore[attr-defined]
    with pytest.raises(
        InputError,
        match=r"objective\.error names no task; this run has number, grade: give --objective\.error\.task number",
    ):
        objective()


def test_the_default_of_several_kinds_is_that_of_each() -> None:
    values = default_values({"data": {"label": ["age", "dr"], "kind": {"dr": "grade"}}})
    tasks = {entry.task for entry in read_entries(values["objective"]).values()}
    assert tasks == {"number", "grade"}
    alone = default_values({"data": {"label": ["dr"], "kind": {"dr": "grade"}}})
    assert {entry.task for entry in read_entries(alone["objective"]).values()} == {None}


@pytest.mark.parametrize(
    ("init_args", "bins"),
    [({}, (-4.0, 4.0, 40)), ({"low": -2, "bins": 8}, (-2, 4.0, 8)), ({"bins": "8"}, None), ({"low": [1]}, None)],
)
def test_a_distribution_head_has_the_bins_of_its_term(init_args: dict[str, object], bins: tuple[float, ...]) -> None:
    recipe = Recipe(data=DataSettings(label=["age"]), model=ModelSettings(head="distribution"))
    recipe.objective = {"value": {"term": {"class_path": "DistributionLoss", "init_args": init_args}}}  # a stranger's
    (task,) = build_tasks(recipe)
    assert isinstance(task, Numbers)
    assert task.head_settings.bins == bins


def test_a_term_that_needs_logits_says_which_heads_give_them() -> None:
    recipe = build_recipe(
        {"data": {"label": ["age"]}, "objective": {"value": {"term": {"class_path": "DistributionLoss"}}}}
    )
    tasks = build_tasks(recipe).fit(torch.tensor([[1.0], [2.0]]).double(), None)
    with pytest.raises(
        InputError, match=r"objective\.value needs logits, .* gives none; model\.head distribution does$"
    ):
        build_objective(recipe, tasks)
