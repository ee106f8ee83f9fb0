"""What every metric keeps to, and its value beside SciPy's and scikit-learn's."""

from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
import torch

from medgauge import metrics
from medgauge.metrics import Metric

NAN = float("nan")


def concordance(guess: np.ndarray, truth: np.ndarray) -> float:
    both = np.cov(guess, truth, bias=True)
    return 2 * both[0, 1] / (both[0, 0] + both[1, 1] + (guess.mean() - truth.mean()) ** 2)


OUTSIDE: dict[Metric, Callable[[np.ndarray, np.ndarray], float]] = {
    metrics.mae: lambda p, y: sklearn.metrics.mean_absolute_error(y, p),
    metrics.rmse: lambda p, y: sklearn.metrics.root_mean_squared_error(y, p),
    metrics.r2: lambda p, y: sklearn.metrics.r2_score(y, p),
    metrics.bias: lambda p, y: sum(a - b for a, b in zip(p, y, strict=True)) / len(p),
    metrics.geometric_mean_error: lambda p, y: scipy.stats.gmean(np.maximum(abs(p - y), 1e-6)),
    metrics.pearson: lambda p, y: scipy.stats.pearsonr(p, y).statistic,
    metrics.spearman: lambda p, y: scipy.stats.spearmanr(p, y).statistic,
    metrics.concordance_correlation: concordance,
    metrics.calibration_slope: lambda p, y: scipy.stats.linregress(p, y).slope,
    metrics.calibration_intercept: lambda p, y: scipy.stats.linregress(p, y).intercept,
    metrics.accuracy: lambda p, y: sklearn.metrics.accuracy_score(y, np.floor(p + 0.5)),
    metrics.within_one: lambda p, y: sum(abs(np.floor(a + 0.5) - b) <= 1 for a, b in zip(p, y, strict=True)) / len(p),
}
BEST = dict.fromkeys(OUTSIDE, 1.0) | {
    metrics.mae: 0.0,
    metrics.rmse: 0.0,
    metrics.bias: 0.0,
    metrics.geometric_mean_error: 1e-6,
    metrics.calibration_intercept: 0.0,
}
every_metric = pytest.mark.parametrize("metric", list(OUTSIDE), ids=lambda metric: metric.__name__)


def cases(rows: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(0)
    label = (torch.randn(rows, 2, generator=chance, dtype=torch.float64) * 20 + 150).round()
    return label * 0.8 + 10 * torch.randn(rows, 2, generator=chance, dtype=torch.float64).round(decimals=1), label


@every_metric
def test_equals_scipy_or_scikit_learn(metric: Metric) -> None:
    prediction, label = cases()
    outside = [OUTSIDE[metric](prediction[:, j].numpy(), label[:, j].numpy()) for j in range(2)]
    value = metric(prediction, label)
    assert value.dtype == torch.float64
    np.testing.assert_allclose(value.numpy(), outside, rtol=1e-11)


@every_metric
def test_a_perfect_prediction_gives_the_best_value(metric: Metric) -> None:
    _, label = cases()
    np.testing.assert_allclose(metric(label, label).numpy(), BEST[metric], atol=1e-12)


@every_metric
def test_order_does_not_matter(metric: Metric) -> None:
    prediction, label = cases()
    order = torch.randperm(len(label), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        metric(prediction[order], label[order]), metric(prediction, label), rtol=1e-11, atol=1e-11
    )


@every_metric
def test_missing_labels_are_left_out_of_their_target_only(metric: Metric) -> None:
    prediction, label = cases()
    holes = label.clone()
    holes[::3, 0] = NAN
    kept = torch.tensor([row for row in range(len(label)) if row % 3])
    value = metric(prediction, holes)
    torch.testing.assert_close(value[0], metric(prediction[kept], label[kept])[0], rtol=1e-12, atol=0)
    assert value[1] == metric(prediction, label)[1]


@every_metric
def test_no_label_or_a_missing_prediction_is_nan(metric: Metric) -> None:
    prediction, label = cases()
    label[:, 0] = NAN
    prediction[0, 0] = NAN  # where the label is missing too: no matter
    assert metric(prediction, label).isnan().tolist() == [True, False]
    prediction[0, 1] = NAN
    assert metric(prediction, label).isnan().tolist() == [True, True]
    assert metric(torch.empty(0, 2), torch.empty(0, 2)).isnan().all()


@every_metric
@pytest.mark.parametrize(
    "label", [torch.ones(4), torch.ones(4, 2), torch.ones(3, 1), torch.ones(4, 1, dtype=torch.int64)]
)
def test_what_does_not_fit_raises(metric: Metric, label: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="must be"):
        metric(torch.ones(4, 1), label)


@every_metric
def test_float32_is_computed_in_float64_and_left_alone(metric: Metric) -> None:
    prediction, label = (tensor.float() for tensor in cases())
    before = prediction.clone()
    assert torch.equal(metric(prediction, label), metric(prediction.double(), label.double()))
    assert torch.equal(prediction, before)
    assert metric(prediction.requires_grad_(), label).requires_grad is False


CONSTANT = {  # constant prediction, constant label, both and equal, both and different
    metrics.r2: (-1.5, NAN, NAN, NAN),
    metrics.pearson: (NAN, NAN, NAN, NAN),
    metrics.spearman: (NAN, NAN, NAN, NAN),
    metrics.concordance_correlation: (0.0, 0.0, NAN, 0.0),
    metrics.calibration_slope: (NAN, 0.0, NAN, NAN),
    metrics.calibration_intercept: (NAN, 0.1, NAN, NAN),
}


@pytest.mark.parametrize("metric", list(CONSTANT), ids=lambda metric: metric.__name__)
def test_constants_have_the_documented_value(metric: Metric) -> None:
    rising = torch.tensor([[0.1], [1.1], [2.1]], dtype=torch.float64)
    flat = torch.full((3, 1), 0.1, dtype=torch.float64)
    found = [metric(*pair).item() for pair in [(flat, rising), (rising, flat), (flat, flat), (flat + 1, flat)]]
    np.testing.assert_allclose(found, CONSTANT[metric], atol=1e-12)


@pytest.mark.parametrize("metric", [metrics.pearson, metrics.spearman, metrics.concordance_correlation, metrics.r2])
def test_a_perfect_prediction_is_exactly_1_at_every_size(metric: Metric) -> None:
    for rows in [*range(2, 70), 255, 1000, 4097]:
        label = torch.randn(rows, 1, generator=torch.Generator().manual_seed(rows)) * 20 + 150
        assert metric(label, label).item() == 1, rows


def test_a_perfect_order_is_exactly_1_and_its_reverse_minus_1_at_every_size() -> None:
    for rows in [*range(2, 70), 255, 1000, 4097]:
        label = torch.randn(rows, 1, generator=torch.Generator().manual_seed(rows)).mul(4).round()  # with ties
        label[0] = 99
        assert metrics.spearman(label**3, label).item() == 1, rows
        assert metrics.spearman(-(label**3), label).item() == -1, rows


def test_one_case() -> None:
    prediction, label = torch.tensor([[3.0]]), torch.tensor([[1.0]])
    defined = (metrics.mae, metrics.rmse, metrics.bias, metrics.geometric_mean_error)
    assert [round(metric(prediction, label).item(), 12) for metric in defined] == [2, 2, 2, 2]
    assert metrics.concordance_correlation(prediction, label).item() == 0
    assert all(m(prediction, label).isnan().all() for m in (metrics.r2, metrics.pearson, metrics.spearman))


def test_spearman_of_300000_cases_on_four_levels_equals_scipy() -> None:
    chance = np.random.default_rng(0)
    label = chance.choice(4, size=300_000, p=[0.7, 0.2, 0.07, 0.03]).astype(float)
    prediction = label + chance.normal(size=label.size)
    ours = metrics.spearman(torch.tensor(prediction)[:, None], torch.tensor(label)[:, None])
    assert ours.item() == pytest.approx(scipy.stats.spearmanr(prediction, label).statistic, abs=1e-12)
    four = torch.tensor(prediction).round().clamp(0, 3)
    ours = metrics.spearman(four[:, None], torch.tensor(label)[:, None])
    assert ours.item() == pytest.approx(scipy.stats.spearmanr(four.numpy(), label).statistic, abs=1e-12)


def test_geometric_mean_error_counts_small_errors_as_the_floor() -> None:
    prediction, label = torch.tensor([[1.0], [5.0]]), torch.tensor([[1.0], [1.0]])
    assert metrics.geometric_mean_error(prediction, label, floor=0.01).item() == pytest.approx(0.2)
    with pytest.raises(ValueError, match="floor must be > 0, got 0"):
        metrics.geometric_mean_error(prediction, label, floor=0)


def test_calibration_is_the_line_of_label_on_prediction() -> None:
    label = torch.linspace(0, 10, 11, dtype=torch.float64)[:, None]
    narrow = 5 + 0.5 * (label - 5)  # drawn to the middle
    assert metrics.calibration_slope(narrow, label).item() == pytest.approx(2)
    assert metrics.calibration_intercept(narrow, label).item() == pytest.approx(-5)
