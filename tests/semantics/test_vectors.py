import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.semantics.vectors import LabelVectors


def test_a_subset_keeps_its_cosines_before_and_a_missing_label_is_told_with_the_nearest() -> None:
    made = LabelVectors(("a", "b", "c"), torch.tensor([[1.0, 1], [1, 2], [3, 1]]), {"kind": "table"}).adjusted(
        "centred"
    )
    part = made.of(["c", "a"])
    assert made.before is not None
    assert part.before is not None
    assert part.before[0, 1] == made.before[2, 0]
    assert torch.equal(part.vectors, made.vectors[[2, 0]])
    with pytest.raises(InputError, match="table does not have nodule"):
        made.of(["nodule"])


@pytest.mark.parametrize("shape", [(2, 0), (3, 2), (2, 2, 1)])
def test_one_vector_a_label(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="one vector a label"):
        LabelVectors(("a", "b"), torch.ones(shape))
