"""Feature smoothing: the published statistics as a slow loop, float labels, state, processes, and odd batches."""

import copy
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from medgauge.models import CovariateNeck, FeatureSmoothing, Model, build_encoder, build_model
from tests.processes import in_each_process

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "density_weights.json").read_text())
BINS, WIDTH = 12, 6  # integer labels 0 to 11, six features
BUFFERS = {"sums", "seen", "running_mean", "running_variance", "smoothed_mean", "smoothed_variance", "epoch"}


class Reads(nn.Module):
    """An inner neck that gives the features as they come."""

    covariates, embedding = 0, WIDTH

    def forward(self, features: Tensor, covariates: Tensor | None = None) -> Tensor:
        return features

    def describe(self) -> dict[str, object]:
        return {"name": "reads"}


def make(**settings: Any) -> FeatureSmoothing:
    return FeatureSmoothing(Reads(), WIDTH, **{"low": 0.0, "high": BINS - 1.0, "bin_width": 1.0, **settings})


def draw(count: int, seed: int = 0, *, whole: bool = True) -> tuple[Tensor, Tensor]:
    """Features whose mean and spread depend on the label; every integer label occurs twice or more."""
    made = torch.Generator().manual_seed(seed)
    label = torch.rand(count, 1, generator=made, dtype=torch.float64) * (BINS - 1)
    label[: 2 * BINS, 0] = torch.arange(2 * BINS) % BINS
    label = label.round() if whole else label
    noise = torch.randn(count, WIDTH, generator=made, dtype=torch.float64)
    return torch.sin(label + torch.arange(WIDTH)) + noise * (0.2 + label / BINS), label


def train_epoch(neck: FeatureSmoothing, features: Tensor, label: Tensor, size: int = 20) -> Tensor:
    parts = zip(features.split(size), label.split(size), strict=True)
    out = torch.cat([neck(some, None, labels) for some, labels in parts])
    neck.end_epoch()
    return out


def published_loop(epochs: list[tuple[np.ndarray, np.ndarray]], momentum: float) -> tuple[np.ndarray, ...]:
    """Mean and variance (n - 1) of each integer label, moved from epoch to epoch, and smoothed with reflecting ends."""
    mean, variance = np.zeros((BINS, WIDTH)), np.ones((BINS, WIDTH))
    for number, (features, label) in enumerate(epochs):
        old = 0.0 if number == 0 else momentum
        for value in range(BINS):
            rows = features[label == value]
            mean[value] = (1 - old) * rows.mean(0) + old * mean[value]
            variance[value] = (1 - old) * rows.var(0, ddof=int(len(rows) > 1)) + old * variance[value]
    window = gaussian_filter1d([0.0, 0.0, 1.0, 0.0, 0.0], 2)
    window /= window.sum()
    smoothed = []
    for statistic in (mean, variance):
        around = np.pad(statistic, ((2, 2), (0, 0)), mode="reflect")
        smoothed.append(np.stack([sum(window[k] * around[value + k] for k in range(5)) for value in range(BINS)]))
    return mean, variance, *smoothed


def calibrate_loop(features: np.ndarray, label: np.ndarray, statistics: tuple[np.ndarray, ...]) -> np.ndarray:
    mean, variance, smoothed_mean, smoothed_variance = statistics
    out = features.copy()
    for row, value in enumerate(label.astype(int)):
        factor = np.sqrt(np.clip(smoothed_variance[value] / variance[value], 0.1, 10))
        out[row] = (features[row] - mean[value]) * factor + smoothed_mean[value]
    return out


@pytest.mark.parametrize("momentum", [0.9, 0.5])
def test_equals_the_published_loop_on_integer_labels(momentum: float) -> None:
    neck, done = make(momentum=momentum), []
    for seed in range(4):
        features, label = draw(150, seed)
        out = train_epoch(neck, features, label)
        rows = label[:, 0].numpy()
        if done:
            expected = calibrate_loop(features.numpy(), rows, published_loop(done, momentum))
            np.testing.assert_allclose(out.numpy(), expected, rtol=1e-9, atol=1e-9)
            assert (out - features).abs().max() > 0.1
        else:
            assert torch.equal(out, features)  # nothing is known in the first epoch
        done.append((features.numpy(), rows))
    statistics = published_loop(done, momentum)
    found = (neck.running_mean, neck.running_variance, neck.smoothed_mean, neck.smoothed_variance)
    for one, expected in zip(found, statistics, strict=True):
        np.testing.assert_allclose(one.numpy(), expected, rtol=1e-9, atol=1e-9)


def test_float32_features_agree_with_float64() -> None:
    neck, other = make(), make()
    for seed in range(2):
        features, label = draw(150, seed)
        wide = train_epoch(neck, features + 50, label)
        narrow = train_epoch(other, (features + 50).float(), label.float())
    assert narrow.dtype == torch.float32
    torch.testing.assert_close(narrow.double(), wide, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(  # a variance about a mean of 50 loses three of the seven digits of float32 features
        other.running_variance, neck.running_variance, rtol=1e-3, atol=0
    )


def test_a_peak_is_smoothed_by_the_golden_kernel() -> None:
    neck = make()
    features, label = torch.zeros(BINS, WIDTH), torch.arange(float(BINS))[:, None]
    features[6] = 1.0
    train_epoch(neck, features, label)
    assert neck.smoothed_mean[4:9, 0].tolist() == pytest.approx(GOLDEN["published_kernel_5_2_sum_1"], abs=1e-6)
    assert neck.smoothed_mean[[3, 9], 0].tolist() == [0, 0]


def test_calibrated_features_have_the_smoothed_mean_and_variance() -> None:
    neck = make()
    features, label = draw(600)
    train_epoch(neck, features, label)
    out = neck(features, None, label)
    for value in range(BINS):
        rows = label[:, 0] == value
        torch.testing.assert_close(out[rows].mean(dim=0), neck.smoothed_mean[value], rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(out[rows].var(dim=0), neck.smoothed_variance[value], rtol=1e-9, atol=1e-9)


def test_float_labels_share_their_two_nodes() -> None:
    neck = FeatureSmoothing(Reads(), WIDTH, low=20.0, high=30.0, bin_width=1.0)
    features = torch.randn(2, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    neck(features, None, torch.tensor([[25.2], [25.7]], dtype=torch.float64))
    share = torch.tensor([[0.8, 0.3], [0.2, 0.7]], dtype=torch.float64)  # of node 25 and node 26
    torch.testing.assert_close(neck.sums[5:7, 0], share.sum(dim=1))
    torch.testing.assert_close(neck.sums[5:7, 2 : 2 + WIDTH], share @ features)
    neck.end_epoch()
    torch.testing.assert_close(neck.running_mean[5:7], share @ features / share.sum(dim=1, keepdim=True))
    assert neck.seen.tolist() == [0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    # two cases: weights cancel, and the variance (n - 1) is that of the two
    torch.testing.assert_close(neck.running_variance[5:7], features.var(dim=0).expand(2, -1))


def test_float_labels_are_calibrated_by_interpolated_statistics() -> None:
    neck = make()
    train_epoch(neck, *draw(400, whole=False))
    features, label = draw(50, seed=1, whole=False)
    found = neck(features, None, label)
    for row in range(24, 50):
        value = float(label[row])
        mean, variance, goal, spread = (
            np.stack([np.interp(value, np.arange(BINS), column) for column in statistic.T.numpy()])
            for statistic in (neck.running_mean, neck.running_variance, neck.smoothed_mean, neck.smoothed_variance)
        )
        expected = (features[row].numpy() - mean) * np.sqrt(np.clip(spread / variance, 0.1, 10)) + goal
        np.testing.assert_allclose(found[row].numpy(), expected, rtol=1e-9, atol=1e-9)


def test_labels_beyond_the_ends_use_the_end_nodes() -> None:
    neck, other = make(), make()
    features, label = draw(200)
    outside = label.clone()
    outside[label == 0], outside[label == BINS - 1] = -1e9, 400.0
    train_epoch(neck, features, outside)
    train_epoch(other, features, label)
    torch.testing.assert_close(neck.state_dict(), other.state_dict(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(neck(features, None, outside), other(features, None, label), rtol=1e-12, atol=1e-12)


def test_nodes_without_cases_give_nothing_and_take_nothing() -> None:
    neck = make()
    features, label = draw(200)
    kept = (label[:, 0] != 5) & (label[:, 0] != 6)
    train_epoch(neck, features[kept], label[kept])
    assert neck.seen[5] == neck.seen[6] == 0
    for buffer in (neck.running_mean, neck.running_variance, neck.smoothed_mean, neck.smoothed_variance):
        assert buffer[5:7].eq(0).all()
    window = neck.kernel[[0, 1, 2]]  # node 4 sees 2, 3 and itself
    expected = (window @ neck.running_mean[2:5]) / window.sum()
    torch.testing.assert_close(neck.smoothed_mean[4], expected)
    torch.testing.assert_close(neck(features, None, label)[~kept], features[~kept], rtol=0, atol=0)
    neck.sums.zero_()
    before = neck.running_mean[4].clone()
    rows = label[:, 0] == 5
    train_epoch(neck, features[rows] + 3, label[rows])
    torch.testing.assert_close(neck.running_mean[5], (features[rows] + 3).mean(dim=0))  # its first epoch, in full
    assert torch.equal(neck.running_mean[4], before)


def test_statistics_of_an_epoch_take_effect_in_the_next() -> None:
    neck = make()
    train_epoch(neck, *draw(150))
    before = {name: value.clone() for name, value in neck.state_dict().items()}
    features, label = draw(150, seed=1)
    first = neck(features, None, label)
    assert torch.equal(neck(features, None, label), first)
    changed = {name for name, value in neck.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"sums"}
    neck.end_epoch()
    assert (neck(features, None, label) - first).abs().max() > 1e-3


def test_buffers_are_each_their_own_and_in_the_state() -> None:
    neck = make()
    assert set(neck.state_dict()) == BUFFERS
    train_epoch(neck, *draw(100))
    assert len({value.data_ptr() for value in neck.state_dict().values()}) == len(BUFFERS)


@pytest.mark.parametrize("stop", [3, 4])  # within an epoch, and at its end
def test_goes_on_from_its_state(stop: int) -> None:
    batches = [draw(40, seed) for seed in range(10)]

    def run(neck: FeatureSmoothing, steps: range) -> list[Tensor]:
        made = []
        for step in steps:
            made.append(neck(batches[step][0], None, batches[step][1]))
            if step % 4 == 3:
                neck.end_epoch()
        return made

    whole, first, resumed = make(), make(), make()
    expected = run(whole, range(10))
    run(first, range(stop))
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert all(
        torch.equal(one, other) for one, other in zip(run(resumed, range(stop, 10)), expected[stop:], strict=True)
    )
    torch.testing.assert_close(resumed.state_dict(), whole.state_dict(), rtol=0, atol=0)


def test_starts_at_the_epoch_asked_for() -> None:
    neck = make(start_epoch=3)
    for seed in range(5):
        features, label = draw(100, seed)
        assert torch.equal(train_epoch(neck, features, label), features) == (seed < 3)


def test_evaluation_and_no_label_are_the_inner_neck_alone() -> None:
    neck = make()
    features, label = draw(100)
    train_epoch(neck, features, label)
    before = copy.deepcopy(neck.state_dict())
    assert torch.equal(neck(features), features)
    assert torch.equal(neck.eval()(features, None, label), features)
    torch.testing.assert_close(neck.state_dict(), before, rtol=0, atol=0)
    assert not torch.equal(neck.train()(features, None, label), features)


def test_rows_with_a_missing_label_or_a_broken_feature_are_left_out() -> None:
    features, label = draw(80)
    neck, other = make(), make()
    train_epoch(neck, features, label)
    train_epoch(other, features, label)
    holed, broken = label.clone(), features.clone()
    holed[3], broken[7, 2], broken[9, 0] = torch.nan, torch.nan, torch.inf
    kept = torch.ones(80, dtype=torch.bool)
    kept[[3, 7, 9]] = False
    broken.requires_grad_()
    found = neck(broken, None, holed)
    torch.testing.assert_close(found[kept], other(features[kept], None, label[kept]), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found[~kept], broken[~kept], rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(neck.sums, other.sums, rtol=1e-12, atol=1e-12)
    found[kept].sum().backward()
    assert broken.grad is not None
    assert broken.grad.isfinite().all()


@pytest.mark.parametrize("case", ["one", "two", "missing", "equal labels", "equal features", "none", "far"])
def test_odd_batches_stay_finite(case: str) -> None:
    features, label = draw(40)
    rows = {"one": 1, "two": 2, "none": 0}.get(case, 40)
    features, label = features[:rows].float(), label[:rows].float()
    if case == "missing":
        label = label * torch.nan
    if case == "equal labels":
        label = label * 0 + 4.3
    if case == "equal features":
        features = features * 0 + 0.7
    if case == "far":
        label = label + 1e9
    neck = make()
    for _ in range(3):
        leaf = features.clone().requires_grad_()
        found = neck(leaf, None, label)
        found.square().sum().backward()
        neck.end_epoch()
        assert found.isfinite().all()
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()
        assert all(value.isfinite().all() for value in neck.state_dict().values())
    if case in ("missing", "equal features", "one", "none"):
        assert torch.equal(found, leaf)


def test_features_without_variance_are_not_calibrated() -> None:
    neck = make()
    features, label = draw(200)
    features[:, 0] = 0.0  # a dead unit
    features[label[:, 0] < 4, 1] = 0.3  # constant for some labels only
    train_epoch(neck, features, label)
    found = neck(features, None, label)
    assert torch.equal(found[:, 0], features[:, 0])
    assert torch.equal(found[label[:, 0] < 4, 1], features[label[:, 0] < 4, 1])
    assert (found[:, 2] - features[:, 2]).abs().max() > 0.1


def test_the_gradient_is_that_of_the_calibration_with_statistics_held() -> None:
    neck = make()
    features, label = draw(60)
    train_epoch(neck, features, label)
    leaf = features[:5].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda given: neck(given, None, label[:5]), leaf)
    neck(leaf, None, label[:5]).sum().backward()
    node = label[:5, 0].long()
    factor = (neck.smoothed_variance[node] / neck.running_variance[node]).clamp(0.1, 10).sqrt()
    torch.testing.assert_close(leaf.grad, factor)
    assert not any(value.requires_grad for value in neck.state_dict().values())


def test_the_factor_is_clipped() -> None:
    neck = make(kernel_size=23, sigma=8.0)  # a node's own share of the mean is under a tenth
    features, label = draw(400)
    features = torch.where(label == 5, features * 1e-3, torch.where(label == 8, features * 1e3, features))
    train_epoch(neck, features, label)
    found = neck(features, None, label)
    for value, least_or_most in ((5, 10.0), (8, 0.1)):
        rows = label[:, 0] == value
        spread = found[rows].var(dim=0) / features[rows].var(dim=0)
        torch.testing.assert_close(spread, torch.full_like(spread, least_or_most), rtol=1e-6, atol=0)


def test_inputs_are_not_changed() -> None:
    neck = make()
    features, label = draw(60)
    kept = (features.clone(), label.clone())
    for _ in range(2):
        train_epoch(neck, features, label)
    assert torch.equal(features, kept[0])
    assert torch.equal(label, kept[1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_and_half_modules_keep_the_statistics_wide(dtype: torch.dtype) -> None:
    features, label = draw(60)
    neck, other = make(), make().to(dtype)
    assert {value.dtype for value in other.state_dict().values()} == {torch.float64, torch.int64}
    train_epoch(neck, features.to(dtype).float(), label.float())
    with torch.autocast("cpu", dtype=dtype):
        train_epoch(other, features.to(dtype), label.float())
        torch.testing.assert_close(other.state_dict(), neck.state_dict(), rtol=0, atol=0)
        found = other(features.to(dtype), None, label.float())
    assert found.dtype == torch.float32
    assert torch.equal(found, neck(features.to(dtype).float(), None, label.float()))


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (torch.zeros(4, 2), r"^feature smoothing knows one target, got labels of shape \(4, 2\)$"),
        (torch.zeros(4), r"^features must be \(n, 6\) and label \(n, 1\), got \(4, 6\) and \(4,\)$"),
        (torch.zeros(3, 1), r"^features must be .* got \(4, 6\) and \(3, 1\)$"),
    ],
)
def test_labels_that_do_not_fit_are_refused(label: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()(torch.zeros(4, WIDTH), None, label)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bin_width": 0.0}, "^bin_width must be > 0, got 0.0$"),
        ({"bin_width": 1e-9}, "^bin_width must be wider: 0.0 to 11.0 in steps of 1e-09 are over 10000 nodes$"),
        ({"high": 0.0}, "^low must be < high, both finite, got 0.0 and 0.0$"),
        ({"high": float("inf")}, "^low must be < high, both finite"),
        ({"kernel_size": 4}, "^kernel_size must be odd and >= 1, got 4$"),
        ({"kernel_size": 25}, "^kernel_size must be < 24, twice the number of nodes, got 25$"),
        ({"sigma": -1.0}, "^sigma must be finite and > 0, got -1.0$"),
        ({"momentum": 1.0}, r"^momentum must be in \[0, 1\), got 1.0$"),
        ({"start_epoch": 0}, "^features and start_epoch must be >= 1, got 6 and 0$"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**settings)
    assert make(kernel_size=23).nodes == BINS
    assert FeatureSmoothing(Reads(), WIDTH).nodes == 61


def test_model_is_described_and_built_again() -> None:
    encoder = build_encoder("small", ndim=2, channels=1, width=0.25)
    inner = CovariateNeck(encoder.features, 1, 4)
    model = Model(encoder, FeatureSmoothing(inner, encoder.features, bin_width=0.5, start_epoch=2))
    again = build_model(json.loads(json.dumps(model.describe())))
    assert again.describe() == model.describe()
    again.load_state_dict(model.state_dict())
    image, covariates = torch.rand(6, 1, 16, 16), torch.tensor([[1.0], [2.0], [3.0], [5.0], [8.0], [9.0]])
    model.neck.fit(covariates)
    assert inner.mean.item() == pytest.approx(28 / 6)
    model(image, covariates, torch.linspace(-1, 1, 6)[:, None])
    assert model.neck.sums[:, 0].sum().item() == pytest.approx(6)
    assert (model.neck.covariates, model.neck.embedding) == (1, 4)


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(WIDTH, WIDTH).double()
        self.neck = make()

    def forward(self, features: Tensor, label: Tensor) -> Tensor:
        out: Tensor = self.neck(self.layer(features), None, label)
        return out


def train(rows: slice, *, processes: int) -> dict[str, Tensor]:
    model = Small()
    wrapped: nn.Module = DistributedDataParallel(model) if processes > 1 else model
    results = {}
    for step in range(6):
        features, label = draw(48, step)
        model.zero_grad()
        out = wrapped(features[rows], label[rows])
        (out.square().sum() * processes).backward()
        if step % 2 == 1:
            model.neck.end_epoch()
        results[f"gradient {step}"] = model.layer.weight.grad
    return results | {name: value.clone() for name, value in model.neck.state_dict().items()}


def _shard(rank: int) -> dict[str, Tensor]:
    return train(slice(30) if rank == 0 else slice(30, None), processes=2)


@pytest.mark.slow
def test_two_processes_have_the_statistics_and_gradients_of_one() -> None:
    expected = train(slice(None), processes=1)
    first, second = in_each_process(_shard)
    assert all(torch.equal(first[name], second[name]) for name in BUFFERS)
    torch.testing.assert_close(first, expected, rtol=1e-9, atol=1e-9)
    assert expected["smoothed_mean"].abs().max() > 0
