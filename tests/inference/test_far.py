import numpy as np
import pytest
import torch

from medgauge.inference import FAR_WORDS, far_threshold, is_far
from medgauge.report.evidence import FAR


def test_the_words_are_those_of_the_report() -> None:
    assert FAR_WORDS == "farther from the gallery than 97.5 % of cases like the training cases" == FAR


@pytest.mark.parametrize("count", [39, 50, 100, 101, 1_000, 1_234])
def test_the_words_are_true_of_what_is_flagged(count: int) -> None:
    distances = torch.rand(count, generator=torch.Generator().manual_seed(count))
    threshold = far_threshold(distances)
    just_beyond = torch.tensor([threshold]).double() * (1 + 1e-9)
    assert is_far(just_beyond, threshold).item()
    assert not is_far(torch.tensor([threshold]).double(), threshold).item()
    assert (distances.double() < just_beyond).double().mean() >= 0.975
    lower = distances[distances.double() < threshold]  # with a lower threshold they would not be
    assert len(lower) < 0.975 * (count + 1)


def test_few_cases_set_the_largest_distance() -> None:
    assert far_threshold(torch.tensor([3.0, 1.0, 2.0])) == 3.0
    assert far_threshold(torch.arange(38.0)) == 37.0
    assert far_threshold(torch.arange(79.0)) == 77.0  # 78 of 79 at least 0.975 x 80


@pytest.mark.parametrize(("count", "rate"), [(20, 1 / 21), (39, 1 / 40), (100, 2 / 101), (400, 10 / 401)])
def test_a_further_like_case_is_flagged_as_often_as_promised(count: int, rate: float) -> None:
    random = np.random.default_rng(count)
    flags = []
    for _ in range(1500):
        drawn = torch.from_numpy(random.gamma(2.0, size=count + 50))
        flags.append(is_far(drawn[count:], far_threshold(drawn[:count])).double().mean().item())
    assert np.mean(flags) == pytest.approx(rate, abs=3 * np.std(flags) / np.sqrt(len(flags)))
    assert rate <= 0.025 or count < 39


def test_cases_without_any_neighbour_count_as_far() -> None:
    assert far_threshold(torch.tensor([1.0, torch.inf])) == torch.inf
    assert is_far(torch.tensor([torch.inf, 0.5]), 2.0).tolist() == [True, False]


@pytest.mark.parametrize("distances", [torch.zeros(0), torch.zeros(2, 1), torch.tensor([0.0, float("nan")])])
def test_wrong_distances_raise(distances: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="distances must be 1-D"):
        far_threshold(distances)
