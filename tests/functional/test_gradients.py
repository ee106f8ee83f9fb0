import pytest
import torch

from medgauge.functional.distances import pair_distances, square_form
from medgauge.functional.gradients import pair_sums, with_slope


def test_gives_value_and_slope() -> None:
    point = torch.tensor([3.0, 4.0], requires_grad=True)
    value = with_slope(torch.tensor(5.0), point, torch.tensor([0.6, 0.8]))
    assert value == 5
    (2 * value).backward()
    torch.testing.assert_close(point.grad, torch.tensor([1.2, 1.6]))


def test_refuses_a_slope_of_another_shape() -> None:
    with pytest.raises(ValueError, match=r"slope must have the shape \(2,\), got \(2, 1\)"):
        with_slope(torch.tensor(5.0), torch.zeros(2), torch.zeros(2, 1))


@pytest.mark.parametrize("rows", [0, 1, 2, 5])
def test_pair_sums_is_the_adjoint_of_the_square_form(rows: int) -> None:
    draw = torch.Generator().manual_seed(0)
    points = torch.randn(rows, 3, dtype=torch.float64, generator=draw)
    weight = torch.randn(rows, rows, dtype=torch.float64, generator=draw)
    pairs = pair_distances(points)
    torch.testing.assert_close((weight * square_form(pairs, rows)).sum(), pair_sums(weight) @ pairs)
