"""Thresholds beside a search over every cut, with ties, and where nothing can be chosen."""

import numpy as np
import pytest
import sklearn.metrics

from medgauge.calibration.thresholds import choose_threshold


def cases(seed: int, rows: int = 60) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    label = (random.random(rows) < 0.3).astype(float)
    return (0.3 * label + 0.7 * random.random(rows)).round(1), label


@pytest.mark.parametrize("seed", range(5))
def test_no_cut_serves_the_rule_better(seed: int) -> None:
    value, label = cases(seed)
    cuts = np.unique(value)

    def gain(cut: float, rule: str) -> float:
        said = value >= cut
        if rule == "f1":
            return float(sklearn.metrics.f1_score(label, said))
        return float(sklearn.metrics.balanced_accuracy_score(label, said))

    for rule in ("f1", "youden"):
        found = choose_threshold(value, label, rule=rule)  # type: ignore[arg-type]
        best = max(gain(cut, rule) for cut in cuts)
        assert gain(found, rule) == pytest.approx(best)
        assert all(gain(cut, rule) < best - 1e-12 for cut in cuts[cuts > found][1:])


@pytest.mark.parametrize("seed", range(5))
def test_a_fixed_sensitivity_is_reached_by_the_largest_threshold(seed: int) -> None:
    value, label = cases(seed)
    found = choose_threshold(value, label, rule="sensitivity", sensitivity=0.9)
    reached = [(value[label == 1] >= cut).mean() for cut in np.unique(value) if cut > found]
    assert (value[label == 1] >= found).mean() >= 0.9
    assert reached[1:] == [one for one in reached[1:] if one < 0.9]
    everything = choose_threshold(value, label, rule="sensitivity", sensitivity=1.0)
    assert (value[label == 1] >= everything).all()


def test_it_lies_midway_to_the_next_probability_below() -> None:
    value, label = np.array([0.2, 0.4, 0.4, 0.9]), np.array([0.0, 1.0, 0.0, 1.0])
    assert choose_threshold(value, label, rule="sensitivity", sensitivity=1.0) == pytest.approx(0.3)
    assert choose_threshold(value, label, rule="sensitivity", sensitivity=0.5) == pytest.approx(0.65)
    assert choose_threshold(value[1:], label[1:], rule="sensitivity", sensitivity=1.0) == pytest.approx(0.2)


def test_one_half_where_nothing_can_be_chosen() -> None:
    for label in (np.zeros(3), np.ones(3), np.empty(0)):
        assert choose_threshold(np.full(len(label), 0.2), label, rule="f1") == 0.5
    with pytest.raises(ValueError, match="rule"):
        choose_threshold(np.array([0.1]), np.array([1.0]), rule="best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sensitivity must be"):
        choose_threshold(np.array([0.1]), np.array([1.0]), rule="sensitivity", sensitivity=0.0)
