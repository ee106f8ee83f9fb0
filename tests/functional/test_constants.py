"""Known numbers go to where they are needed, and nothing waits for it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from medgauge.functional.constants import on_device
from medgauge.functional.distribution import expected_value
from medgauge.functional.ordinal import expected_level
from medgauge.models.classes import SoftmaxHead
from medgauge.models.pretrained import volume_planes
from tests.contracts import Lists


def test_numbers_take_dtype_and_device_of_the_tensor() -> None:
    found = on_device((1.5, -2.0), torch.zeros(1, dtype=torch.float64))
    torch.testing.assert_close(found, torch.tensor([1.5, -2.0], dtype=torch.float64), rtol=0, atol=0)
    assert on_device([3], torch.zeros(1, device="meta"), torch.int64).dtype == torch.int64
    assert on_device([3], torch.zeros(1, device="meta")).device.type == "meta"


@pytest.mark.parametrize(
    "read",
    [
        lambda device: expected_value(torch.zeros(2, 1, 5, device=device), 0.0, 1.0),
        lambda device: volume_planes(torch.zeros(1, 1, 4, 4, 4, device=device)),
    ],
    ids=["distribution", "planes"],
)
def test_what_runs_in_each_step_stays_on_its_device(read: Callable[[str], Tensor]) -> None:
    with Lists() as lists:
        assert read("meta").device.type == "meta"
    assert lists.found == []


@pytest.mark.parametrize(
    "read",
    [
        lambda: expected_level(torch.zeros(2, 1, 2), (0.0, 1.0, 2.0), "corn"),
        lambda: SoftmaxHead(4, [2, 3])(torch.zeros(2, 4)),
    ],
    ids=["ordinal", "classes"],
)
def test_what_runs_in_each_step_copies_no_list_to_a_device_and_waits(read: Callable[[], object]) -> None:
    with Lists() as lists:
        read()
    assert lists.found == []
