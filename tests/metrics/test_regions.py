"""Label regions against SciPy's density and a slow loop, and at the edges of what labels can be."""

import json
from functools import partial

import pytest
import torch
from scipy.stats import gaussian_kde

from medgauge import metrics
from medgauge.metrics import LabelRegions, by_region, published_regions, region_codes

NAN = float("nan")


def skewed(count: int = 201, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).exp() * 30


@pytest.mark.parametrize("count", [3, 10, 201])
def test_equals_a_slow_loop_over_scipys_density(count: int) -> None:
    train = skewed(count)
    kde = gaussian_kde(train.numpy())
    density = kde(train.numpy()).tolist()
    order = sorted(range(count), key=lambda row: -density[row])
    code = dict.fromkeys(order, 2)
    code |= dict.fromkeys(order[: round(0.8 * count)], 1) | dict.fromkeys(order[: round(0.5 * count)], 0)
    assert LabelRegions.fit(train).of(train).tolist() == [code[row] for row in range(count)]

    fresh = skewed(300, seed=1)
    many, medium = density[order[round(0.5 * count) - 1]], density[order[round(0.8 * count) - 1]]
    slow = []
    for label, height in zip(fresh.tolist(), kde(fresh.numpy()).tolist(), strict=True):
        outside = label < train.min() or label > train.max()
        slow.append(2 if outside or height < medium else int(height < many))
    assert LabelRegions.fit(train).of(fresh).tolist() == slow


def test_half_of_the_training_cases_is_many_and_a_fifth_few() -> None:
    code = LabelRegions.fit(skewed(1000)).of(skewed(1000))
    assert torch.bincount(code).tolist() == [500, 300, 200]


def test_outside_the_training_range_is_few_and_missing_is_minus_one() -> None:
    train = torch.cat([skewed(), torch.tensor([NAN])])
    regions = LabelRegions.fit(train)
    edge = torch.tensor([regions.points[0] - 1e-9, regions.points[-1] + 1e-9, NAN], dtype=torch.float64)
    assert regions.of(edge).tolist() == [2, 2, -1]
    assert regions.points.numel() == 201
    dense_at_its_edge = LabelRegions.fit(torch.cat([torch.zeros(80), torch.arange(1.0, 21.0)]).double())
    assert dense_at_its_edge.of(torch.tensor([0.0, -1e-6], dtype=torch.float64)).tolist() == [0, 2]


def test_equal_labels_stay_together() -> None:
    heap = torch.cat([torch.zeros(90), torch.linspace(1, 10, 10)]).double()
    code = LabelRegions.fit(heap).of(heap)
    assert torch.bincount(code).tolist() == [90, 0, 10]
    assert LabelRegions.fit(torch.tensor([1.0, 2.0])).of(torch.tensor([1.0, 2.0])).tolist() == [0, 0]
    mirrored = torch.tensor([-2.0, -1.0, -1.0, 0.0, 0.0, 1.0, 1.0, 2.0]).double() + 0.1
    code = LabelRegions.fit(mirrored).of(mirrored)
    assert code.tolist() == code.flip(0).tolist()


def test_a_constant_label_is_all_many() -> None:
    regions = LabelRegions.fit(torch.full((30,), 7.3))
    assert regions.of(torch.full((4,), 7.3)).tolist() == [0, 0, 0, 0]
    assert regions.of(torch.tensor([7.2, 7.4, NAN])).tolist() == [2, 2, -1]
    assert LabelRegions.fit(torch.tensor([7.3])).of(torch.tensor([7.3])).tolist() == [0]


def test_attributes_stored_and_given_back_are_the_same_regions() -> None:
    regions = LabelRegions.fit(skewed())
    numbers = json.loads(json.dumps({k: v for k, v in vars(regions).items() if k != "points"}))
    again = LabelRegions(points=regions.points, **numbers)
    assert torch.equal(again.of(skewed(500, seed=2)), regions.of(skewed(500, seed=2)))
    assert sorted(numbers) == ["bandwidth", "many_threshold", "medium_threshold"]


@pytest.mark.parametrize(
    "label", [torch.tensor([NAN]), torch.empty(0), torch.tensor([1.0, torch.inf]), torch.ones(3, 1)]
)
def test_labels_without_regions_raise(label: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="label must"):
        LabelRegions.fit(label)


def test_wrong_shares_raise() -> None:
    with pytest.raises(ValueError, match="sum <= 1"):
        LabelRegions.fit(skewed(), many=0.8, medium=0.3)


def two_targets() -> tuple[torch.Tensor, torch.Tensor, list[LabelRegions]]:
    label = torch.stack([skewed(400, seed=4), -skewed(400, seed=5)], dim=1)
    label[3, 0] = NAN
    regions = [LabelRegions.fit(skewed()), LabelRegions.fit(-skewed())]
    noise = torch.randn(400, 2, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    return label.nan_to_num() + noise, label, regions


@pytest.mark.parametrize("metric", [metrics.mae, metrics.bias, partial(metrics.geometric_mean_error, floor=0.1)])
def test_by_region_is_the_metric_of_the_regions_cases(metric: metrics.Metric) -> None:
    prediction, label, regions = two_targets()
    found = by_region(metric, prediction, label, regions)
    assert list(found) == list(metrics.REGION_NAMES)
    for target in range(2):
        code = regions[target].of(label[:, target])
        for number, name in enumerate(metrics.REGION_NAMES):
            rows = code == number
            slow = metric(prediction[rows, target, None], label[rows, target, None])
            torch.testing.assert_close(found[name][target], slow[0], rtol=1e-12, atol=0)
    codes = region_codes(label, regions)
    assert codes[3].tolist() == [-1, regions[1].of(label[3:4, 1]).item()]
    again = by_region(metric, prediction, label, codes)
    assert all(torch.equal(again[name], found[name]) for name in found)


def test_a_region_without_cases_is_nan() -> None:
    label = torch.full((5, 1), 1e6, dtype=torch.float64)
    found = by_region(metrics.mae, label + 1, label, [LabelRegions.fit(skewed())])
    assert [found[name].item() for name in ("many", "medium", "few")] == pytest.approx([NAN, NAN, 1], nan_ok=True)


@pytest.mark.parametrize(
    "metric",
    [
        metrics.r2,
        metrics.pearson,
        metrics.spearman,
        metrics.concordance_correlation,
        metrics.calibration_slope,
        partial(metrics.r2),
    ],
)
def test_no_correlation_inside_a_region(metric: metrics.Metric) -> None:
    prediction, label, regions = two_targets()
    with pytest.raises(ValueError, match="no meaning inside a region"):
        by_region(metric, prediction, label, regions)


def test_regions_must_fit_the_targets() -> None:
    prediction, label, regions = two_targets()
    with pytest.raises(ValueError, match="one a target, got 1"):
        by_region(metrics.mae, prediction, label, regions[:1])
    with pytest.raises(ValueError, match="shapes must be equal"):
        by_region(metrics.mae, prediction, label, torch.zeros(400, 1, dtype=torch.int64))


def test_published_regions_count_the_bin() -> None:
    train = torch.cat([torch.full((size,), age) for size, age in [(101, 30.0), (100, 31.0), (20, 32.0), (19, 33.0)]])
    label = torch.tensor([30.0, 31.0, 32.0, 33.0, 40.0, NAN, 29.6, 30.49])
    assert published_regions(train, label, bin_width=1).tolist() == [0, 1, 1, 2, 2, -1, 0, 0]
    assert published_regions(train, label, bin_width=10).tolist() == [0, 0, 0, 0, 2, -1, 0, 0]
    assert published_regions(train, label, bin_width=1, many=10, few=5).tolist() == [0, 0, 0, 0, 2, -1, 0, 0]


def test_published_bins_hold_multiples_of_the_width() -> None:
    train = torch.full((150,), 0.3, dtype=torch.float64)  # 0.3 / 0.1 is 2.9999999999999996
    assert published_regions(train, torch.tensor([0.1 + 0.2, 0.2], dtype=torch.float64), bin_width=0.1).tolist() == [
        0,
        2,
    ]


def test_published_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="bin_width must be > 0, got 0"):
        published_regions(skewed(), skewed(), bin_width=0)
    with pytest.raises(ValueError, match="few must be"):
        published_regions(skewed(), skewed(), bin_width=1, many=10, few=12)
