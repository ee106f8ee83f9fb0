"""Calibrators beside scikit-learn and SciPy, what chooses them, and what they do to drawn probabilities that are wrong."""

import json

import numpy as np
import pytest
import scipy.optimize
import sklearn.metrics
import torch
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from medgauge.calibration.calibrators import Calibrator, _chosen, choose
from medgauge.metrics.reliability import calibration_error

Pair = tuple[np.ndarray, np.ndarray]


def drawn(rows: int, seed: int = 0, *, distort: float = 2.5, shift: float = 1.0) -> Pair:
    """Probabilities whose logit is the true one times ``distort``, plus ``shift``; and labels."""
    random = np.random.default_rng(seed)
    logit = random.normal(-1, 1.2, rows)
    label = (random.random(rows) < 1 / (1 + np.exp(-logit))).astype(float)
    return 1 / (1 + np.exp(-(distort * logit + shift))), label


def smoothed(label: np.ndarray) -> np.ndarray:
    ones = label.sum()
    return np.where(label == 1, (ones + 1) / (ones + 2), 1 / (len(label) - ones + 2))


def test_logistic_equals_scikit_learn_on_smoothed_labels() -> None:
    value, label = drawn(400)
    kept = value.clip(1e-3, 1 - 1e-3)
    logit, target = np.log(kept / (1 - kept))[:, None], smoothed(label)
    twice = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        np.vstack([logit, logit]), np.repeat([1, 0], 400), sample_weight=np.concatenate([target, 1 - target])
    )
    found = Calibrator.fit(value, label, kind="logistic")
    assert found.numbers[0] == found.numbers[1]
    np.testing.assert_allclose(found.numbers[0], twice.coef_[0, 0], rtol=1e-4)
    np.testing.assert_allclose(found.apply(value), twice.predict_proba(logit)[:, 1], atol=1e-4)


def test_beta_equals_a_bounded_search() -> None:
    for seed in range(3):
        value, label = drawn(300, seed)
        value = value**0.5 if seed else 1 - (1 - value) ** 3
        kept, target = value.clip(1e-3, 1 - 1e-3), smoothed(label)

        def loss(abc: np.ndarray, kept: np.ndarray = kept, target: np.ndarray = target) -> float:
            score = abc[0] * np.log(kept) - abc[1] * np.log(1 - kept) + abc[2]
            return float((np.logaddexp(0, score) - target * score).sum())

        outside = scipy.optimize.minimize(loss, [1, 1, 0], bounds=[(0, None), (0, None), (None, None)], tol=1e-12)
        numbers = Calibrator.fit(value, label, kind="beta").numbers
        assert loss(np.array(numbers)) <= outside.fun + 1e-6
        np.testing.assert_allclose(numbers, outside.x, atol=0.02)


def test_isotonic_is_scikit_learns_kept_from_the_ends() -> None:
    value, label = drawn(300)
    outside = IsotonicRegression(out_of_bounds="clip").fit(value, label).predict(value)
    found = Calibrator.fit(value, label, kind="isotonic").apply(value)
    np.testing.assert_allclose(found, outside.clip(1 / 302, 301 / 302), atol=1e-12)


def test_a_negative_slope_becomes_none_and_the_order_is_never_turned_round() -> None:
    value, label = drawn(300)
    for kind in ("logistic", "beta", "isotonic"):
        said = Calibrator.fit(1 - value, label, kind=kind).apply(np.linspace(0, 1, 50))
        assert (np.diff(said) >= -1e-12).all()
    np.testing.assert_allclose(Calibrator.fit(1 - value, label, kind="logistic").apply(value), label.mean(), atol=0.01)


@pytest.mark.parametrize("kind", ["logistic", "beta", "isotonic"])
def test_apart_equal_and_extreme_probabilities_stay_finite_and_inside(kind: str) -> None:
    label = np.array([0.0] * 20 + [1.0] * 10)
    for value in (label, np.full(30, 0.3), np.linspace(0, 1, 30)):
        said = Calibrator.fit(value, label, kind=kind).apply(np.array([0.0, 0.3, 1.0, np.nan]))  # type: ignore[arg-type]
        assert ((said[:3] > 0) & (said[:3] < 1)).all()
        assert np.isnan(said[3])
    flat = Calibrator.fit(np.full(30, 0.3), label, kind=kind).apply(np.array([0.3]))  # type: ignore[arg-type]
    np.testing.assert_allclose(flat, 1 / 3, atol=0.02)


def test_calibration_makes_drawn_probabilities_true() -> None:
    value, label = drawn(4000)
    fresh, truth = drawn(20_000, 1)

    def error(said: np.ndarray) -> float:
        return float(calibration_error(torch.tensor(said)[:, None], torch.tensor(truth)[:, None]))

    assert error(fresh) > 0.1
    for kind in ("logistic", "beta", "isotonic"):
        assert error(Calibrator.fit(value, label, kind=kind).apply(fresh)) < 0.03, kind


def test_the_kind_is_chosen_by_the_groups_of_the_rarer_state() -> None:
    value, label = drawn(2000)
    ones, zeros = np.flatnonzero(label == 1), np.flatnonzero(label == 0)

    def kind(present: int, absent: int) -> str:
        rows = np.concatenate([ones[:present], zeros[:absent]])
        found = choose(value[rows], label[rows], [str(row) for row in rows], seed=0)
        assert (found.present_groups, found.absent_groups) == (present, absent)
        tried = ["none", "logistic", "beta", "isotonic"][: 4 if found.rarer >= 50 else 2]
        assert list(found.losses) == (tried if found.rarer >= 10 else [])
        return found.calibrator.kind

    assert kind(9, 400) == kind(400, 9) == "rate"
    assert kind(10, 400) == kind(49, 400) == kind(400, 49) == "logistic"
    assert kind(50, 400) in ("logistic", "beta", "isotonic")
    rows = ones[:60]
    assert choose(value[rows], label[rows], ["one"] * 60, seed=0).calibrator.kind == "rate"
    assert choose(value[:0], label[:0], [], seed=0).calibrator.kind == "none"


def test_a_calibrator_that_gives_all_cases_one_probability_is_the_base_rate() -> None:
    for rows in (60, 400):  # with logistic alone, and with a choice
        value, label = drawn(rows)
        for flat in (1 - value, np.full(rows, 0.3)):
            found = choose(flat, label, [str(row) for row in range(rows)], seed=0)
            assert found.rarer >= 10
            assert found.calibrator == Calibrator("rate", ((label.sum() + 0.5) / (rows + 1),))


def test_the_base_rate_is_shrunk_by_one_case_that_is_half_present() -> None:
    label = np.array([1.0, 0.0, 0.0, 0.0])
    assert Calibrator.fit(label, label, kind="rate").apply(np.array([0.1, 0.9])).tolist() == [0.3, 0.3]


def test_a_left_out_loss_that_is_smaller_beyond_chance_chooses() -> None:
    random = np.random.default_rng(0)
    value = random.random(3000)
    steps = np.where(value < 0.5, 0.1, 0.6)  # a step: neither curve follows it
    label = (random.random(3000) < steps).astype(float)
    found = choose(value, label, [str(row // 2) for row in range(3000)], seed=0)
    assert found.calibrator.kind == "isotonic"
    assert found.losses["isotonic"] == min(found.losses.values())
    assert found.losses["logistic"] - found.losses["isotonic"] > 0.01


def test_probabilities_that_are_true_stay_as_they_are() -> None:
    """Over 20 draws of 25 and of 160 present cases: no simple one has a smaller loss than what is chosen, most often none."""
    for rows, kinds in ((80, ("none", "logistic")), (500, ("none", "logistic", "beta", "isotonic"))):
        picked = []
        for seed in range(20):
            value, label = drawn(rows, seed, distort=1.0, shift=0.0)
            found = choose(value, label, [str(row) for row in range(rows)], seed=0)
            assert tuple(found.losses) == kinds
            loss = -np.log(np.where(label == 1, value, 1 - value).clip(1e-3)).mean()
            np.testing.assert_allclose(found.losses["none"], loss, rtol=1e-9)
            assert found.losses[found.calibrator.kind] <= min(found.losses[kind] for kind in ("none", "logistic"))
            picked.append(found.calibrator.kind)
        assert max(set(picked), key=picked.count) == "none"
        sure, truth = drawn(rows, 0, distort=4.0)
        assert choose(sure, truth, [str(row) for row in range(rows)], seed=0).calibrator.kind != "none"


def test_a_richer_calibrator_must_be_better_by_more_than_one_standard_error_of_groups() -> None:
    gain = np.repeat([0.25, -0.05], 6)
    flat = np.full(12, 0.5)
    alone = np.array([str(row) for row in range(12)], dtype=object)
    pairs = np.repeat(np.array(["a", "b"], dtype=object), 6)
    assert gain.std(ddof=1) / 12**0.5 < gain.mean() < np.array([0.25, -0.05]).std(ddof=1) / 2**0.5
    assert _chosen({"none": flat, "logistic": flat + 1, "beta": flat - gain}, alone) == "beta"
    assert _chosen({"none": flat, "logistic": flat + 1, "beta": flat - gain}, pairs) == "none"
    assert _chosen({"none": flat, "logistic": flat - 0.01, "beta": flat - gain}, pairs) == "logistic"
    sure = {"none": flat, "logistic": flat, "beta": flat - 0.1, "isotonic": flat - 0.2}
    assert _chosen(sure, pairs) == "isotonic"
    assert _chosen({"none": flat, "logistic": flat}, pairs) == "none"


def test_where_the_truth_is_logistic_the_choice_costs_no_more_than_the_smallest_loss_would() -> None:
    """Mean log loss on 2,000 new cases over 40 draws of 200 cases, some 60 of them present."""
    chosen, smallest, rich = [], [], 0
    for seed in range(40):
        value, label = drawn(200, seed)
        fresh, truth = drawn(2000, 1000 + seed)
        found = choose(value, label, [str(row) for row in range(200)], seed=seed)
        lowest = min(found.losses, key=lambda kind: found.losses[kind])
        said = [one.apply(fresh) for one in (found.calibrator, Calibrator.fit(value, label, kind=lowest))]
        for one, kept in zip(said, (chosen, smallest), strict=True):
            kept.append(sklearn.metrics.log_loss(truth, one))
        rich += lowest in ("beta", "isotonic")
    assert rich >= 5
    assert np.mean(chosen) < np.mean(smallest)


def test_left_out_losses_know_groups() -> None:
    """Ten copies of each case: with copies apart isotonic would know the labels; within a group it does not."""
    value, label = drawn(250, shift=0.0, distort=1.0)
    many, truth = np.repeat(value, 10), np.repeat(label, 10)
    grouped = choose(many, truth, [str(row // 10) for row in range(2500)], seed=0)
    apart = choose(many, truth, [str(row) for row in range(2500)], seed=0)
    assert apart.losses["isotonic"] < apart.losses["logistic"]
    assert grouped.losses["isotonic"] > grouped.losses["logistic"]


def test_json_gives_the_same_calibrator_back() -> None:
    value, label = drawn(200)
    for kind in ("logistic", "beta", "isotonic", "rate", "none"):
        found = Calibrator.fit(value, label, kind=kind)  # type: ignore[arg-type]
        back = Calibrator.from_dict(json.loads(json.dumps(found.to_dict())))
        assert back == found
        np.testing.assert_array_equal(back.apply(value), found.apply(value))


def test_what_does_not_fit_is_refused() -> None:
    saved = Calibrator("beta", (1.0, 1.0, 0.0)).to_dict()
    for wrong, words in (
        ({"kind": "spline"}, "one of logistic"),
        ({"numbers": [1.0]}, "3 numbers"),
        ({"numbers": [-1.0, 1.0, 0.0]}, "a and b must be >= 0"),
        ({"knots": [[0.5, 0.2], [0.1, 0.2]]}, "rising probabilities"),
        ({"kind": "isotonic", "numbers": []}, "isotonic calibrator"),
    ):
        with pytest.raises(ValueError, match=words):
            Calibrator.from_dict(saved | wrong)
    with pytest.raises(ValueError, match="at least one case"):
        Calibrator.fit(np.empty(0), np.empty(0), kind="rate")
