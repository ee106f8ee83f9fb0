"""A queue of features: order, length, and what a checkpoint has of it."""

import torch

from medgauge.models.recent_features import RecentFeatures


def rows(start: int, count: int) -> torch.Tensor:
    return torch.arange(start, start + count).float()[:, None].expand(-1, 2)


def test_the_oldest_leave_it() -> None:
    queue = RecentFeatures(5, 2)
    assert queue.known().shape == (0, 2)
    seen = list[float]()
    for start, count in ((0, 3), (3, 1), (4, 4), (8, 9), (17, 2)):
        queue.add(rows(start, count))
        seen += rows(start, count)[:, 0].tolist()
        assert queue.known()[:, 0].tolist() == seen[-5:]


def test_goes_on_from_its_state() -> None:
    queue, other = RecentFeatures(4, 2), RecentFeatures(4, 2)
    queue.add(rows(0, 3))
    other.load_state_dict(queue.state_dict())
    for one in (queue, other):
        one.add(rows(3, 2))
    assert torch.equal(queue.known(), other.known())


def test_of_length_zero_it_keeps_nothing() -> None:
    queue = RecentFeatures(0, 2)
    queue.add(rows(0, 3))
    assert len(queue.known()) == 0
