"""What a model has to beat."""

import pytest
import torch

from medgauge.core.task import Known
from medgauge.evaluation.baselines import joined_sorts, mean_baselines, read_baselines
from tests.inference.small import number_task

NAN = float("nan")


def known(count: int, covariates: int) -> Known:
    label = torch.arange(float(count)).double()[:, None]
    return Known(label, (3 * label + 1).expand(-1, covariates))


def test_without_covariates_the_training_median_is_alone() -> None:
    values, sorts = read_baselines(number_task(known(9, 0).label), known(9, 0), known(4, 0), torch.zeros(3, 0))
    assert list(values) == ["median"]
    assert values["median"].flatten().tolist() == [4.0] * 3
    assert list(sorts) == ["median"]


def test_a_covariate_that_tells_the_label_is_found() -> None:
    wanted = torch.tensor([[7.0], [16.0]]).double()  # labels 2 and 5
    values, sorts = read_baselines(number_task(known(40, 1).label), known(40, 1), known(12, 1), wanted)
    assert values["covariates_only"].flatten().tolist() == pytest.approx([2.0, 5.0], abs=0.2)
    assert sorts["covariates_only"][0] in ("ridge", "neighbours")


def test_several_fits_are_averaged_over_those_that_have_a_value() -> None:
    found = [
        ({"median": torch.tensor([[1.0], [NAN]])}, {"median": ["ridge", "none"]}),
        ({"median": torch.tensor([[4.0], [2.0]])}, {"median": ["neighbours", "none"]}),
    ]
    values, sorts = mean_baselines(found)
    assert values["median"].flatten().tolist() == [2.5, 2.0]
    assert sorts == {"median": ["ridge or neighbours", "none"]}


def test_words_that_are_the_same_stand_once() -> None:
    assert joined_sorts([{"a": ["x"], "b": []}, {"a": ["y"], "b": []}, {"a": ["x"], "b": []}]) == {
        "a": ["x or y"],
        "b": [],
    }
