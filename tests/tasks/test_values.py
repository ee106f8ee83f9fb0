"""What kinds on a line share."""

import pytest
import torch

from medgauge.tasks.values import constant, distance, relative_error

NAN = float("nan")


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def test_the_constant_is_the_median_of_known_labels() -> None:
    assert constant(torch.tensor([[1.0, 5.0], [NAN, 1.0], [4.0, 9.0]])).tolist() == [2.5, 5.0]


def test_distance_is_absolute_and_missing_where_one_is() -> None:
    assert distance(column(1, 5, NAN), column(4, 3, 1))[:2].flatten().tolist() == [3.0, 2.0]
    assert distance(column(NAN), column(1)).isnan().all()


def test_errors_are_over_those_of_the_median_and_averaged_over_targets() -> None:
    label = torch.tensor([[1.0, 10.0], [5.0, NAN], [NAN, 30.0]])  # blind: 2 around 3, 10 around 20
    found = relative_error(torch.tensor([1.0, 4.0]), label, torch.tensor([3.0, 20.0]))
    assert found == pytest.approx((1 / 2 + 4 / 10) / 2)
    assert relative_error(torch.tensor([1.0, NAN]), label, torch.tensor([3.0, 20.0])) == pytest.approx(1 / 2)
    assert relative_error(torch.tensor([1.5]), column(3, 3), torch.tensor([3.0])) == 1.5  # the median has no error
