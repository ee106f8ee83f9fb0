import pytest
import torch

from medgauge.core.batch import Cases
from medgauge.core.checks import check_rows, check_same_shape, observed
from medgauge.core.seeding import derive_seed, generator


def test_a_column_against_a_vector_is_an_error() -> None:
    with pytest.raises(ValueError, match="2-D float"):
        check_same_shape(prediction=torch.zeros(4, 1), label=torch.zeros(4))
    with pytest.raises(ValueError, match="shapes must be equal"):
        check_same_shape(prediction=torch.zeros(4, 1), label=torch.zeros(4, 2))


def test_rows_must_be_equal() -> None:
    check_rows(embedding=torch.zeros(3, 2), label=torch.zeros(3, 1), weight=torch.ones(3), covariates=None)
    with pytest.raises(ValueError, match="rows must be equal"):
        check_rows(embedding=torch.zeros(3, 2), label=torch.zeros(4, 1))
    with pytest.raises(ValueError, match="float tensor"):
        check_rows(label=torch.zeros(3, 1, dtype=torch.int64))


def test_rows_with_a_missing_label_are_left_out() -> None:
    label = torch.tensor([[1.0, 2.0], [torch.nan, 2.0], [3.0, 4.0]])
    embedding, kept = observed(torch.arange(6.0).view(3, 2), label)
    assert embedding.tolist() == [[0.0, 1.0], [4.0, 5.0]]
    assert kept.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_seeds_depend_on_every_part_and_fit_a_generator() -> None:
    seeds = {derive_seed(seed, purpose, step) for seed in range(3) for purpose in "ab" for step in range(50)}
    assert len(seeds) == 300
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed(1, "1") != derive_seed(11, "")
    assert torch.equal(torch.rand(3, generator=generator(1, "x")), torch.rand(3, generator=generator(1, "x")))


def test_a_gallery_takes_rows_and_leaves_out_cases_without_labels() -> None:
    label = torch.tensor([[1.0], [torch.nan], [3.0]], dtype=torch.float64)
    gallery = Cases(torch.arange(6.0).view(3, 2), label, ["a", "b", "c"], ["p", "q", "r"], divisor=torch.arange(3.0))
    kept = gallery.observed()
    assert (len(kept), kept.id, kept.group, kept.divisor.tolist()) == (2, ["a", "c"], ["p", "r"], [0.0, 2.0])
    assert kept.embedding.tolist() == [[0.0, 1.0], [4.0, 5.0]]
