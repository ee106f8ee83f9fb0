"""What the kinds share: a kind that says nothing of its own is silent, and nothing is read before the fit."""

import pytest
import torch

from medgauge.tasks import KINDS, Kind
from medgauge.tasks.columns import LabelColumns, fitted
from medgauge.tasks.settings import HeadSettings


class Silent(LabelColumns):
    kind = "silent"


def test_columns_that_say_nothing_of_their_own_are_silent() -> None:
    task = Silent.make(["a", "b"], HeadSettings(), "zscore")
    label, chance = torch.zeros(3, 2), torch.full((3, 2, 4), 0.25)
    assert (task.name, task.columns) == ("silent", ("a", "b"))
    assert task.further(label, label, 0) == task.together(label, label, label, list("abc"), seed=None) == {}
    assert task.notes(label, None) == []
    assert task.difficulty() is None
    assert task.aligned(chance, task) is chance


@pytest.mark.parametrize("kind", KINDS.values())
def test_nothing_is_kept_before_the_fit(kind: type[Kind]) -> None:
    task = kind.make(["a"], HeadSettings(classes={"a": ["x", "y"]}), "zscore")
    with pytest.raises(ValueError, match="fit the task first"):
        task.to_dict()


def test_what_was_fitted_is_handed_on() -> None:
    assert fitted(0) == 0
