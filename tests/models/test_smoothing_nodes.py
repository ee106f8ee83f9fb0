"""Where the nodes of feature smoothing lie, and that statistics and calibrated features are steady there."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medgauge.core.errors import InputError
from medgauge.fitting.parts import build_parts
from medgauge.models import FeatureSmoothing
from medgauge.models.smoothing_nodes import smoothing_nodes
from medgauge.recipes.build import model_description
from tests.fitting.test_train import small_study


def normal(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def slow_cases(label: list[float], low: float, width: float, count: int) -> list[float]:
    """Each label gives a part to the two nodes beside it, and all of it to an end node that it is beyond."""
    found = [0.0] * count
    for one in label:
        place = min(max((one - low) / width, 0.0), count - 1.0)
        below = min(int(place), count - 2)
        found[below] += 1 - (place - below)
        found[below + 1] += place - below
    return found


@pytest.mark.parametrize("count", [200, 600, 5000])
@pytest.mark.parametrize("draw", [normal, lambda count: normal(count).exp()])
def test_every_node_has_cases_and_one_node_more_would_lack_them(count: int, draw: object) -> None:
    label = draw(count)  # type: ignore[operator]  # one of two
    nodes = smoothing_nodes(label)
    found = round((nodes.high - nodes.low) / nodes.bin_width) + 1
    assert 3 <= found <= count / 40
    assert min(slow_cases(label.tolist(), nodes.low, nodes.bin_width, found)) >= 40 or found == 3
    more = np.quantile(label, [0.5 / (found + 1), 1 - 0.5 / (found + 1)])
    assert min(slow_cases(label.tolist(), more[0], (more[1] - more[0]) / found, found + 1)) < 40


def test_more_cases_give_finer_nodes() -> None:
    widths = [smoothing_nodes(normal(count)).bin_width for count in (100, 600, 3000, 20000)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 5 * widths[-1]


def test_what_is_given_stays_and_labels_of_any_kind_have_nodes() -> None:
    label = normal(600)
    assert smoothing_nodes(label, low=-2.0, high=2.0, bin_width=0.5) == (-2.0, 2.0, 0.5)
    assert smoothing_nodes(label, low=-1.0, high=1.0)[:2] == (-1.0, 1.0)
    ends = smoothing_nodes(label, bin_width=0.1)
    assert ends[:2] == pytest.approx(np.quantile(label, [0.01, 0.99]).tolist())
    assert smoothing_nodes(label, kernel_size=31).bin_width == pytest.approx(
        np.ptp(smoothing_nodes(label, kernel_size=31)[:2]) / 15
    )
    missing = torch.cat([label, torch.full((40,), torch.nan)])
    assert smoothing_nodes(missing) == smoothing_nodes(label)
    for odd in (torch.zeros(0), torch.ones(1), torch.ones(50), torch.tensor([0.0] * 90 + [1.0])):
        low, high, width = smoothing_nodes(odd)
        assert low < high
        assert width > 0


class Reads(nn.Module):
    covariates, embedding = 0, 16

    def forward(self, features: Tensor, covariates: Tensor | None = None) -> Tensor:
        return features


def smoothed(*, again: bool, **settings: float) -> tuple[Tensor, Tensor, Tensor]:
    """Eight epochs of 600 cases with features that are standard normal whatever the label is: variances, and z, z' of the tails.

    Args:
        again: the same features in each epoch; else drawn anew.
        settings: of the nodes; none: those of the labels.
    """
    label, made = normal(600), torch.Generator().manual_seed(1)
    neck = FeatureSmoothing(Reads(), 16, **(settings or smoothing_nodes(label)._asdict()))  # type: ignore[arg-type]  # numbers
    first = torch.randn(600, 16, generator=made, dtype=torch.float64)
    for _ in range(8):
        features = first if again else torch.randn(600, 16, generator=made, dtype=torch.float64)
        calibrated = neck(features, None, label[:, None])
        neck.end_epoch()
    tail = label.abs() > 2
    assert tail.sum() > 20
    return neck.running_variance[neck.seen > 0], features[tail], calibrated[tail]


def test_running_variances_and_calibrated_features_are_steady_to_the_tails() -> None:
    """All variances are 1; one of 40 numbers differs by more than half of that once in thirty times."""
    for again, low, high in ((False, 0.7, 1.5), (True, 0.5, 1.8)):
        variance, before, after = smoothed(again=again)
        assert low < variance.min()
        assert variance.max() < high
        assert after.std().item() == pytest.approx(before.std().item(), rel=0.05)
    variance, before, after = smoothed(again=True, low=-3.0, high=3.0, bin_width=0.1)
    assert variance.min() < 0.1
    assert variance.max() > 4
    assert after.std() < 0.85 * before.std()  # what nodes of a tenth do


def test_a_recipe_reaches_the_settings() -> None:
    given = {
        "low": -1.5,
        "high": 2.0,
        "bin_width": 0.5,
        "kernel_size": 3,
        "sigma": 1.0,
        "momentum": 0.5,
        "start_epoch": 2,
    }
    parts = build_parts(small_study(model={"neck": "feature_smoothing", "smoothing": given, "embedding": 4}))
    assert isinstance(parts.model.neck, FeatureSmoothing)
    assert parts.model.neck.settings == given
    auto = build_parts(small_study(model={"neck": "feature_smoothing", "embedding": 4})).model.neck
    assert isinstance(auto, FeatureSmoothing)
    assert auto.nodes == 3  # of eight training cases
    assert auto.settings["momentum"] == 0.9


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kernel_size": 4}, "model.smoothing.kernel_size must be odd, got 4"),
        ({"low": 1.0, "high": 1.0}, "model.smoothing.low must be < high, got 1.0 and 1.0"),
        ({"momentum": 1.0}, r"model.smoothing.momentum must be .*\[0, 1\)"),
        ({"bin_width": 1e-6}, "model.smoothing cannot be: bin_width must be wider"),
        ({"bin_width": 5.0}, "model.smoothing cannot be: kernel_size must be < 2, twice the number of nodes, got 5"),
    ],
)
def test_settings_that_cannot_be_are_one_sentence(given: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        build_parts(small_study(model={"neck": "feature_smoothing", "smoothing": given, "embedding": 4}))


def test_feature_smoothing_knows_one_target() -> None:
    study = small_study(model={"neck": "feature_smoothing"})
    with pytest.raises(InputError, match="knows one target, and data.label names 2"):
        model_description(study.recipe, ndim=2, channels=1, label=torch.zeros(5, 2))
