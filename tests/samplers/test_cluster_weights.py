"""RE: the paper's example, a slow loop, and clusters without rows."""

import pytest
import torch

from medgauge.samplers.cluster_weights import cluster_weights


def test_counts_3_2_1_give_weights_1_15_3() -> None:
    assert cluster_weights(torch.tensor([2, 0, 1, 0, 2, 2])).tolist() == [1.0, 1.5, 3.0, 1.5, 1.0, 1.0]


def test_equals_a_slow_loop() -> None:
    assignment = torch.randint(7, (50,), generator=torch.Generator().manual_seed(0))
    own = assignment.tolist()
    plain = [len(own) / own.count(one) for one in own]
    expected = torch.tensor([one / min(plain) for one in plain])
    found = cluster_weights(assignment)
    torch.testing.assert_close(found, expected)
    assert found.min() == 1


def test_empty_clusters_count_for_nothing() -> None:
    assert cluster_weights(torch.tensor([9, 9, 0])).tolist() == [1.0, 1.0, 2.0]
    assert cluster_weights(torch.tensor([4, 4])).tolist() == [1.0, 1.0]
    assert cluster_weights(torch.tensor([], dtype=torch.int64)).shape == (0,)


@pytest.mark.parametrize("wrong", [torch.rand(3), torch.zeros(2, 2, dtype=torch.int64)])
def test_anything_but_whole_numbers_is_refused(wrong: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="^assignment must be whole numbers of shape"):
        cluster_weights(wrong)
