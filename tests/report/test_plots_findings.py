"""Figures of a finding: the ROC curve is that of scikit-learn, the reliability curve has the cases of its bins."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve as expected

from medgauge.report.plots_findings import reliability_curve, roc_curve, roc_points


def cases(count: int = 80) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    label = (random.random(count) < 0.3).astype(float)
    return np.round(np.clip(0.3 * label + random.random(count) * 0.6, 0, 1), 1), label


def test_the_curve_is_that_of_scikit_learn() -> None:
    value, label = cases()
    false, true, at = roc_points(value, label)
    wanted = expected(label, value, drop_intermediate=False)
    for ours, theirs in zip((false, true, at), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs)


def test_the_threshold_is_marked_where_it_calls() -> None:
    value, label = cases()
    plot = roc_curve(value, label, (value >= 0.5).astype(float), (0.5, 0.5))
    assert plot is not None
    mark = plot["data"][-1]
    assert mark["y"] == pytest.approx([(value[label == 1] >= 0.5).mean()])
    assert mark["x"] == pytest.approx([(value[label == 0] >= 0.5).mean()])
    assert len(roc_curve(value, label, label, None)["data"]) == 2  # type: ignore[index]
    assert roc_curve(value, np.zeros(80), np.zeros(80), (0.5, 0.5)) is None


def test_thresholds_that_differ_by_fold_are_told_as_such() -> None:
    value, label = cases()
    for ends, words in (
        ((0.5, 0.5), "threshold 0.500<br>"),
        ((0.25, 0.5), "thresholds of the folds 0.250 to 0.500<br>"),
    ):
        plot = roc_curve(value, label, (value >= 0.5).astype(float), ends)
        assert plot is not None
        assert plot["data"][-1]["hovertext"][0].startswith(words)


def test_the_reliability_curve_counts_every_case_once() -> None:
    value, label = cases()
    plot = reliability_curve(value, label)
    assert plot is not None
    observed = plot["data"][1]
    counts = [int(text.split(" of ")[1].split()[0]) for text in observed["hovertext"]]
    assert sum(counts) == 80
    assert np.dot(counts, observed["y"]) == pytest.approx(label.sum())
    assert reliability_curve(value[:0], label[:0]) is None
