import math

import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.semantics.cooccurrence import cooccurrence_vectors, mutual_information
from medgauge.semantics.similarity import cosines

NAN = float("nan")


def drawn() -> torch.Tensor:
    """40 cases of four labels, the second like the first, a fifth of the cells missing."""
    draw = torch.Generator().manual_seed(5)
    label = (torch.rand(40, 4, generator=draw) < 0.3).double()
    label[:, 1] = torch.where(torch.rand(40, generator=draw) < 0.8, label[:, 0], label[:, 1])
    return label.masked_fill(torch.rand(40, 4, generator=draw) < 0.2, NAN)


def test_mutual_information_equals_a_slow_loop_over_cases_in_which_both_are_known() -> None:
    label = drawn()
    found = mutual_information(label)
    for a in range(4):
        for b in range(4):
            rows = [row for row in label.tolist() if not math.isnan(row[a]) and not math.isnan(row[b])]
            both = sum(row[a] * row[b] for row in rows) / len(rows)
            alone = sum(row[a] for row in rows) / len(rows), sum(row[b] for row in rows) / len(rows)
            slow = max(0.0, math.log(both / (alone[0] * alone[1]))) if both else 0.0
            assert found[a, b] == pytest.approx(slow, abs=1e-12)


def test_labels_that_come_together_are_alike_and_products_of_vectors_are_finite_without_common_cases() -> None:
    table = cosines(cooccurrence_vectors(drawn(), list("abcd")))
    assert table[0, 1] == table.fill_diagonal_(-1).max()
    apart = torch.tensor([[1, NAN], [0, NAN], [NAN, 1], [NAN, 0.0]])
    assert torch.allclose(cosines(cooccurrence_vectors(apart, ["a", "b"])), torch.eye(2), atol=1e-6)


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        ([0, 0, 0], "says nothing of b: it is present in no case"),
        ([1, 1, NAN], "says nothing of b: it is absent in no case"),
        ([NAN, NAN, NAN], "says nothing of b: it is known in no case"),
        ([0, 1, -1], "b holds -1"),
    ],
)
def test_labels_that_say_nothing_are_refused(column: list[float], sentence: str) -> None:
    label = torch.tensor([[0, 1, 1], column]).T
    with pytest.raises(InputError, match=sentence):
        cooccurrence_vectors(label, ["a", "b"])
