import pytest
import torch

from medgauge.inference import FAR_WORDS, far_threshold, is_far


def test_the_words_are_those_of_the_report() -> None:
    assert FAR_WORDS == "farther from the gallery than 99 % of validation cases"


@pytest.mark.parametrize("count", [1, 50, 100, 101, 1_000, 1_234])
def test_the_words_are_true_of_what_is_flagged(count: int) -> None:
    distances = torch.rand(count, generator=torch.Generator().manual_seed(count))
    threshold = far_threshold(distances)
    just_beyond = torch.tensor([threshold]).double() * (1 + 1e-9)
    assert is_far(just_beyond, threshold).item()
    assert not is_far(torch.tensor([threshold]).double(), threshold).item()
    assert (distances.double() < just_beyond).double().mean() >= 0.99
    lower = distances[distances.double() < threshold]  # with a lower threshold they would not be
    assert len(lower) < 0.99 * count


def test_cases_without_any_neighbour_count_as_far() -> None:
    assert far_threshold(torch.tensor([1.0, torch.inf])) == torch.inf
    assert is_far(torch.tensor([torch.inf, 0.5]), 2.0).tolist() == [True, False]


@pytest.mark.parametrize("distances", [torch.zeros(0), torch.zeros(2, 1), torch.tensor([0.0, float("nan")])])
def test_wrong_distances_raise(distances: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="distances must be 1-D"):
        far_threshold(distances)
