import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.semantics.controls import one_hot, orthogonal, shuffled_order


def test_controls_are_at_right_angles_and_of_length_1() -> None:
    for made in (one_hot(6), orthogonal(6, 20, 1)):
        assert torch.allclose(made @ made.T, torch.eye(6), atol=1e-6)
    assert torch.equal(orthogonal(6, 20, 1), orthogonal(6, 20, 1))
    assert not torch.allclose(orthogonal(6, 20, 1), orthogonal(6, 20, 2), atol=0.1)
    with pytest.raises(InputError, match="at least 6, got 5"):
        orthogonal(6, 5, 0)


def test_no_label_keeps_its_own_vector() -> None:
    for seed in range(20):
        order = shuffled_order(4, seed)
        assert sorted(order) == [0, 1, 2, 3]
        assert all(at != place for place, at in enumerate(order))
    assert len({tuple(shuffled_order(4, seed)) for seed in range(20)}) > 1
    with pytest.raises(InputError, match="two labels or more"):
        shuffled_order(1, 0)
