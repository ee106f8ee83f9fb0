"""Few cases are computed on one thread, and the number of threads is as before afterwards."""

from collections.abc import Iterator

import pytest
import torch

from medgauge.core.threads import few_threads


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("cases", "inside"), [(1, 1), (2000, 1), (2001, 3)])
def test_up_to_two_thousand_cases_have_one_thread(cases: int, inside: int) -> None:
    with few_threads(cases):
        assert torch.get_num_threads() == inside
    assert torch.get_num_threads() == 3


def test_threads_are_as_before_within_another() -> None:
    with few_threads(10):
        with few_threads(5000):
            assert torch.get_num_threads() == 1
        with few_threads(10):
            pass
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_threads_are_as_before_after_an_error() -> None:
    with pytest.raises(ValueError, match="wrong"), few_threads(10):
        raise ValueError("wrong")
    assert torch.get_num_threads() == 3
