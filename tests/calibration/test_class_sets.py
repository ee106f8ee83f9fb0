"""Sets of classes: by name, within each true class."""

import json
import math
from types import SimpleNamespace

import pytest
import torch

from medgauge.calibration import ClassSets
from medgauge.core.task import Observed
from medgauge.functional.classes import ClassStrata

STRATA = ClassStrata((("AP", "LL", "PA"),))


def observed(count: int, seed: int) -> Observed:
    """Cases of AP and PA (never LL) with noisy chances."""
    draw = torch.Generator().manual_seed(seed)
    label = torch.where(torch.rand(count, 1, generator=draw) < 0.3, 0.0, 2.0).double()
    logits = torch.randn(count, 1, 3, generator=draw, dtype=torch.float64)
    logits.scatter_add_(2, label[:, :, None].long(), torch.full((count, 1, 1), 1.5, dtype=torch.float64))
    chance = logits.softmax(-1)
    return Observed(chance, label, [str(row) for row in range(count)], chance)


def test_sets_hold_within_each_class_and_an_unseen_one_is_in_all() -> None:
    sets = ClassSets.fit(observed(600, 0), STRATA, SimpleNamespace(level=0.8), seed=0)
    seen = observed(3000, 1)
    stated = sets.apply(seen)
    for place in (0, 2):
        rows = seen.label[:, 0] == place
        assert stated["covered"][rows].double().mean().item() == pytest.approx(0.8, abs=0.06)
    assert math.isinf(sets.threshold[0][1])
    assert bool(stated["set"][:, 0, 1].all())
    assert "class LL has 0: it is in every set" in sets.note(0)


def test_names_stand_in_columns_cells_and_figures() -> None:
    sets = ClassSets(0.8, ((0.0, 1.0, 2.0),), ((0.6, 0.6, 0.6),), ((9, 9, 9),), (27,), names=STRATA.classes)
    assert sets.columns("view", 0) == ["set_view", "probability_AP_view", "probability_LL_view", "probability_PA_view"]
    chance = torch.tensor([[[0.5, 0.4, 0.1]], [[0.1, 0.2, 0.7]]]).double()
    seen = Observed(chance, torch.tensor([[0.0], [1.0]]).double(), ["a", "b"], chance)
    stated = sets.apply(seen)
    assert sets.cells(stated, 0) == [["AP | LL", 0.5, 0.4, 0.1], ["PA", 0.1, 0.2, 0.7]]
    found = sets.figures(stated, seen, STRATA, 0, seed=0)
    assert found["confusion"] == {"levels": ["AP", "LL", "PA"], "counts": [[1, 0, 0], [0, 0, 1], [0, 0, 0]]}
    said = found["set"]
    assert isinstance(said, dict)
    assert {name: one["coverage"] for name, one in said["by_class"].items() if one["n"]} == {"AP": 1.0, "LL": 0.0}


def test_each_of_several_columns_has_its_own_classes_alone() -> None:
    strata = ClassStrata((("AP", "PA"), ("F", "M", "X")))
    levels = ((0.0, 1.0), (0.0, 1.0, 2.0))
    sets = ClassSets(0.8, levels, ((0.6, 0.6), (0.6, 0.6, 0.6)), ((9, 9), (9, 9, 9)), (18, 27), names=strata.classes)
    assert sets.columns("view", 0) == ["set_view", "probability_AP_view", "probability_PA_view"]
    assert sets.columns("sex", 1) == ["set_sex", "probability_F_sex", "probability_M_sex", "probability_X_sex"]
    chance = torch.tensor([[[0.75, 0.25, 0.0], [0.125, 0.375, 0.5]]]).double()
    seen = Observed(chance, torch.tensor([[0.0, 2.0]]).double(), ["a"], chance)
    stated = sets.apply(seen)
    assert sets.cells(stated, 0) == [["AP", 0.75, 0.25]]
    assert sets.cells(stated, 1) == [["X", 0.125, 0.375, 0.5]]
    said = [sets.figures(stated, seen, strata, target, seed=0)["set"] for target in (0, 1)]
    assert [list(one["by_region"]) for one in said if isinstance(one, dict)] == [["AP", "PA"], ["F", "M", "X"]]


def test_names_go_through_json() -> None:
    sets = ClassSets.fit(observed(60, 0), STRATA, SimpleNamespace(level=0.8), seed=0)
    again = ClassSets.from_dict(json.loads(json.dumps(sets.to_dict(), allow_nan=False)))
    assert again == sets
    with pytest.raises(ValueError, match="names must have one entry"):
        ClassSets(0.8, ((0.0, 1.0),), ((0.6, 0.6),), ((9, 9),), (9,), names=(("AP",),))
