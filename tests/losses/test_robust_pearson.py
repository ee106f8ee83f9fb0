"""Robust Pearson loss: the contract, golden numbers, the definition as a slow loop, and which cases it throws out."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from medgauge.core.batch import Step
from medgauge.losses import RobustPearsonLoss
from medgauge.training.objective import Objective
from tests.contracts import TermContract

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "robust_pearson.json").read_text())
FORMER: dict[str, Any] = {"distribution": "absolute", "beta": 1.0}
PLAIN: dict[str, Any] = {"outlier_rule": "none", "mean_weight": 0, "spread_weight": 0, "outlier_weight": 0}


class TestRegion(TermContract):
    def make(self) -> nn.Module:
        return RobustPearsonLoss()


class TestQuantile(TermContract):
    def make(self) -> nn.Module:
        return RobustPearsonLoss("quantile", outlier_fraction=0.3, mean_weight=0.5, beta=0.3)


class TestMad(TermContract):
    def make(self) -> nn.Module:
        return RobustPearsonLoss("mad", spread_weight=2.0)


class TestPlainPearson(TermContract):
    def make(self) -> nn.Module:
        return RobustPearsonLoss(**PLAIN)


class TestAbsolute(TermContract):
    def make(self) -> nn.Module:
        return RobustPearsonLoss(**FORMER)


class TestConcordance(TermContract):
    def make(self) -> nn.Module:
        return RobustPearsonLoss(agreement="concordance", agreement_weight=0.7)


def draw(n: int = 20, t: int = 2, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    made = torch.Generator().manual_seed(seed)
    label = torch.randn(n, t, generator=made, dtype=torch.float64)
    prediction = 0.7 * label + 0.6 * torch.randn(n, t, generator=made, dtype=torch.float64) + 0.2
    return prediction, label, torch.rand(n, generator=made, dtype=torch.float64) + 0.2


def columns(*values: list[float]) -> list[Tensor]:
    return [torch.tensor(value, dtype=torch.float64)[:, None] for value in values]


def slow_outliers(term: RobustPearsonLoss, error: np.ndarray, label: np.ndarray) -> np.ndarray:
    """The outliers of one target by the docstring, one case at a time."""
    n = len(error)
    if term.outlier_rule == "none":
        return np.zeros(n, dtype=bool)
    if term.outlier_rule == "mad":
        deviation = np.median(np.abs(error - np.median(error)))
        return np.array([deviation > 0 and e > np.median(error) + 3 * 1.4826 * deviation for e in error])
    score = error.copy()
    if term.outlier_rule == "region":
        for i in range(n):
            near = [math.exp(-(((label[i] - other) / (term.neighbourhood * label.std())) ** 2) / 2) for other in label]
            score[i] = error[i] / np.average(error, weights=near)
    chosen = np.zeros(n, dtype=bool)
    chosen[np.argsort(-score)[: math.ceil(term.outlier_fraction * n)]] = True
    return chosen


def smooth(e: float, beta: float) -> float:
    return e**2 / (2 * beta) if abs(e) < beta else abs(e) - beta / 2


def slow_value(term: RobustPearsonLoss, prediction: np.ndarray, label: np.ndarray, weight: np.ndarray) -> float:
    """The loss by the docstring, one target at a time."""
    values = []
    for guesses, labels in zip(prediction.T, label.T, strict=True):
        there = ~np.isnan(labels)
        guess, truth, share = guesses[there], labels[there], weight[there]
        outlier = slow_outliers(term, np.abs(guess - truth), truth)
        x, y, w = guess[~outlier], truth[~outlier], share[~outlier]
        covariance = np.cov(x, y, aweights=w, bias=True)
        means, spreads = (np.average(x, weights=w), np.average(y, weights=w)), np.sqrt(np.diag(covariance))
        agreement = covariance[0, 1] / spreads.prod()
        if term.agreement == "concordance":
            agreement = 2 * covariance[0, 1] / ((spreads**2).sum() + (means[0] - means[1]) ** 2)
        penalty = 0.0
        for e, w_i in zip(np.abs(guess - truth)[outlier], share[outlier], strict=True):
            penalty += w_i * smooth(e, term.beta)
        far = abs if term.distribution == "absolute" else lambda e: smooth(e, 1.0)
        parts = {
            "agreement": 1 - agreement,
            "mean": far(means[0] - means[1]),
            "spread": far(spreads[0] - spreads[1]),
            "outlier": penalty / share.sum(),
        }
        values.append(sum(term.part_weights[name] * part for name, part in parts.items()))
    return float(np.mean(values))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_golden_numbers(dtype: torch.dtype) -> None:
    case, weighted = GOLDEN["plain"], GOLDEN["weighted"]
    plain, concordance = RobustPearsonLoss(**PLAIN), RobustPearsonLoss(**PLAIN, agreement="concordance")
    prediction, label = (part.to(dtype) for part in columns(case["prediction"], case["label"]))
    assert plain(prediction, label).item() == pytest.approx(case["one_less_pearson"], abs=1e-7)
    assert concordance(prediction, label).item() == pytest.approx(1 - case["concordance"], abs=1e-7)
    prediction, label = (part.to(dtype) for part in columns(weighted["prediction"], weighted["label"]))
    weight = torch.tensor(weighted["weight"], dtype=dtype)
    assert plain(prediction, label, weight).item() == pytest.approx(1 - weighted["pearson"], abs=6e-7)
    assert plain(prediction, label).item() == pytest.approx(1 - weighted["unweighted"], abs=6e-7)


def test_plain_setting_is_scipys_correlation() -> None:
    prediction, label, _ = draw(40, 1)
    expected = 1 - stats.pearsonr(prediction[:, 0].numpy(), label[:, 0].numpy()).statistic
    assert RobustPearsonLoss(**PLAIN)(prediction, label).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("distribution", ["smooth_l1", "absolute"])
@pytest.mark.parametrize("agreement", ["pearson", "concordance"])
@pytest.mark.parametrize("rule", ["region", "quantile", "mad", "none"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equals_a_slow_loop(seed: int, rule: Any, agreement: Any, distribution: Any) -> None:
    term = RobustPearsonLoss(
        rule,
        outlier_fraction=0.25,
        mean_weight=0.7,
        spread_weight=1.3,
        outlier_weight=2.0,
        agreement=agreement,
        beta=0.4,
        distribution=distribution,
    )
    prediction, label, weight = draw(21, 3, seed)
    prediction[:, 2] = 3 * prediction[:, 2] + 2.5  # mean and spread beyond the bend of smooth L1
    prediction[4] += 3.0  # something for every rule to find
    label[[2, 9], [0, 1]] = math.nan
    for share in (weight, torch.ones_like(weight)):
        expected = slow_value(term, prediction.numpy(), label.numpy(), share.numpy())
        assert term(prediction, label, share).item() == pytest.approx(expected, rel=1e-12)
    assert term(prediction, label).item() == pytest.approx(expected, rel=1e-12)
    assert (term.log()["outlier_rate"] > 0) == (rule != "none")


@pytest.mark.parametrize(
    ("part", "expected", "former"),
    [("mean", 0.125, 0.5), ("spread", 0.28125, 0.75), ("agreement", 0.0, 0.0), ("outlier", 0.0, 0.0)],
)
def test_each_part_can_stand_alone(part: str, expected: float, former: float) -> None:
    label = torch.tensor([[-1.0], [1.0], [-1.0], [1.0]])
    settings = dict.fromkeys(("mean_weight", "spread_weight", "agreement_weight", "outlier_weight"), 0.0)
    for more, value in (({}, expected), (FORMER, former)):
        term = RobustPearsonLoss("none", **{**settings, f"{part}_weight": 1.0}, **more)
        assert term(0.25 * label + 0.5, label).item() == pytest.approx(value, abs=1e-7)


def test_pull_of_mean_and_spread_shrinks_with_their_difference() -> None:
    """An absolute value pulls as hard at a hundredth as at a half."""
    label = torch.tensor([[-1.0], [1.0], [-1.0], [1.0]], dtype=torch.float64)

    def pull(away: float, **more: Any) -> float:
        prediction = ((1 + away) * label + away).requires_grad_()
        RobustPearsonLoss("none", agreement_weight=0, outlier_weight=0, **more)(prediction, label).backward()
        assert prediction.grad is not None
        return float(prediction.grad.norm())

    assert pull(0.01) == pytest.approx(pull(0.5) / 50, rel=1e-9)
    assert pull(0.01, **FORMER) == pytest.approx(pull(0.5, **FORMER), rel=1e-9)
    assert pull(2.0) == pytest.approx(pull(2.0, **FORMER), rel=1e-9)  # beyond the bend they are one


def test_is_zero_only_where_prediction_is_label() -> None:
    _, label, _ = draw()
    assert RobustPearsonLoss()(label, label).item() == 0
    for wrong, least in ((2 * label, 0.3), (label + 1, 0.4), (-label, 1.9)):
        assert RobustPearsonLoss("none")(wrong, label).item() > least
    for blind in (2 * label, label + 1):  # why mean and spread are looked at
        assert RobustPearsonLoss(**PLAIN)(blind, label).item() < 1e-14


def test_outliers_keep_their_own_slope() -> None:
    prediction, label, _ = draw(30, 1)
    prediction[3], prediction[8] = label[3] + 4, label[8] - 0.3
    prediction[[*range(3), *range(4, 8), *range(9, 30)]] = label[[*range(3), *range(4, 8), *range(9, 30)]] + 0.01
    prediction.requires_grad_()
    RobustPearsonLoss("quantile", outlier_fraction=2 / 30, mean_weight=0, spread_weight=0, agreement_weight=0)(
        prediction, label
    ).backward()
    expected = torch.zeros(30, 1, dtype=torch.float64)
    expected[3], expected[8] = 1 / 30, -0.3 / 0.4 / 30  # beyond the bend of 0.4, and before it
    torch.testing.assert_close(prediction.grad, expected, rtol=1e-12, atol=1e-12)


def test_selection_has_no_gradient_and_outliers_none_through_the_other_parts() -> None:
    prediction, label, _ = draw(30, 1)
    prediction[3] = label[3] + 9
    prediction.requires_grad_()
    RobustPearsonLoss(outlier_fraction=1 / 30, outlier_weight=0)(prediction, label).backward()
    assert prediction.grad is not None
    assert prediction.grad[3] == 0
    assert prediction.grad.count_nonzero() == 29


def imbalanced(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """64 cases, 6 of them rare, with predictions shrunk to the mean: prediction, label, region."""
    made = torch.Generator().manual_seed(seed)
    rare = torch.arange(64) < 6
    noise, scatter = (torch.randn(64, generator=made, dtype=torch.float64) for _ in range(2))
    label = torch.where(rare, 3 + noise, 0.6 * noise)
    label = (label - label.mean()) / label.std()
    return (0.5 * label + 0.3 * scatter)[:, None], label[:, None], 2 * rare.long()


def test_rare_cases_are_thrown_out_by_quantile_but_not_by_region() -> None:
    rates: dict[str, list[float]] = {"region": [], "quantile": []}
    for seed in range(40):
        prediction, label, region = imbalanced(seed)
        for rule, found in rates.items():
            term = RobustPearsonLoss(rule)  # type: ignore[arg-type]  # from the keys
            term(prediction, label, region=region)
            told = term.log()
            assert told["outlier_rate"].item() == pytest.approx(7 / 64)
            assert 58 * told["outlier_rate_many"].item() + 6 * told["outlier_rate_few"].item() == pytest.approx(
                7, abs=1e-4
            )
            found.append(told["outlier_rate_few"].item())
    assert np.mean(rates["quantile"]) > 0.6
    assert np.mean(rates["region"]) < 0.1


def test_a_wrong_case_among_others_is_thrown_out_by_region() -> None:
    found = 0
    for seed in range(20):
        prediction, label, _ = imbalanced(seed)
        wrong = torch.zeros(64, dtype=torch.int64)
        wrong[20:22] = 1
        prediction[20:22] = label[20:22] + 2.5
        term = RobustPearsonLoss()
        term(prediction, label, region=wrong)
        found += 2 * term.log()["outlier_rate_medium"].item()
    assert found > 36  # of 40


def test_a_wrong_label_bends_the_line_less_than_with_least_squares() -> None:
    made = torch.Generator().manual_seed(0)
    place = torch.randn(60, 1, generator=made, dtype=torch.float64)
    label = place + 0.1 * torch.randn(60, 1, generator=made, dtype=torch.float64)
    label[place.argmin()], label[place.argmax()] = 3.0, -3.0
    slopes = []
    for loss in (RobustPearsonLoss(), nn.MSELoss()):
        line = torch.tensor([0.2, 0.5], dtype=torch.float64, requires_grad=True)
        for step in range(400):
            (slope,) = torch.autograd.grad(loss(line[0] * place + line[1], label), line)
            line = (line - 0.1 * (1 - step / 400) * slope).detach().requires_grad_()
        slopes.append(line[0].item())
    assert slopes[0] == pytest.approx(1.0, abs=0.07)
    assert slopes[1] < 0.9


def test_tied_errors_are_no_outliers() -> None:
    label = torch.arange(20.0)[:, None]
    term = RobustPearsonLoss("quantile")
    term(label + 1, label)
    assert term.log()["outlier_rate"] == 0
    term = RobustPearsonLoss("mad")  # no deviation at all: nothing stands out
    prediction = label + 1
    prediction[3] += 5
    term(prediction, label)
    assert term.log()["outlier_rate"] == 0


@pytest.mark.parametrize("rule", ["region", "quantile"])
def test_order_of_signs_does_not_decide_ties(rule: Any) -> None:
    """Two cases at one label with opposite errors: neither is before the other."""
    prediction, label = columns([0.1, 2.0, 0.0, 1.1, -1.0, 1.9], [0.0, 1.0, 0.1, 1.0, 0.0, 2.0])
    turned = torch.tensor([4, 1, 2, 3, 0, 5])
    term = RobustPearsonLoss(rule, outlier_fraction=0.1)
    torch.testing.assert_close(term(prediction, label), term(prediction[turned], label[turned]), rtol=1e-13, atol=0)
    assert term.log()["outlier_rate"] in ((0,) if rule == "quantile" else (0, 1 / 6))


def test_weights_count_as_repetitions_and_zero_as_absence() -> None:
    prediction, label, _ = draw(12, 2)
    times = torch.tensor([1, 2, 0, 3, 1, 1, 0, 2, 1, 4, 1, 2])
    again = torch.repeat_interleave(torch.arange(12), times)
    for term in (RobustPearsonLoss("none"), RobustPearsonLoss("none", agreement="concordance")):
        torch.testing.assert_close(
            term(prediction, label, times.double()), term(prediction[again], label[again]), rtol=1e-12, atol=0
        )
    kept, term = times > 0, RobustPearsonLoss()
    prediction[2] = math.nan  # an image that failed does no harm where it weighs nothing
    torch.testing.assert_close(
        term(prediction, label, kept.double()), term(prediction[kept], label[kept]), rtol=1e-12, atol=0
    )


def test_targets_with_labels_are_averaged() -> None:
    prediction, label, _ = draw(20, 3)
    label[:, 1] = math.nan
    label[::3, 2] = math.nan
    seen = ~label[:, 2].isnan()
    prediction.requires_grad_()
    term = RobustPearsonLoss()
    expected = (term(prediction[:, :1], label[:, :1]) + term(prediction[seen, 2:], label[seen, 2:])) / 2
    loss = term(prediction, label)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    loss.backward()
    assert prediction.grad is not None
    assert prediction.grad[label.isnan()].eq(0).all()


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_cases_are_judged_one_by_one(rows: int) -> None:
    """Three cases, one of them an outlier: two inliers correlate perfectly whatever they are."""
    prediction, label, weight = draw(rows, 1)
    each = nn.functional.smooth_l1_loss(prediction, label, beta=0.4, reduction="none")[:, 0]
    expected = (weight * each).sum() / weight.sum()
    torch.testing.assert_close(RobustPearsonLoss()(prediction, label, weight), expected, rtol=1e-12, atol=0)
    if rows < 3:
        assert RobustPearsonLoss(**PLAIN)(prediction, label) == 0


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_too_few_cases_for_a_correlation_are_zero_with_a_graph(rows: int) -> None:
    prediction = torch.ones(rows, 2, requires_grad=True)
    loss = RobustPearsonLoss(**PLAIN)(prediction, torch.zeros(rows, 2))
    loss.backward()
    assert loss == 0
    assert prediction.grad is not None
    assert prediction.grad.eq(0).all()


def test_equal_predictions_or_labels_have_no_correlation_but_still_learn() -> None:
    _, label, _ = draw(10, 1)
    flat = torch.full_like(label, 0.1).requires_grad_()
    assert RobustPearsonLoss(**PLAIN)(flat, label) == 0
    RobustPearsonLoss()(flat, label).backward()
    assert flat.grad is not None
    assert (flat.grad - flat.grad.mean()).abs().max() > 1e-3  # they part
    loss = RobustPearsonLoss("none", agreement_weight=0, outlier_weight=0)(label, torch.full_like(label, 0.1))
    parts = smooth(float(label.std(correction=0)), 1.0), smooth(float(label.mean() - 0.1), 1.0)
    assert loss.item() == pytest.approx(sum(parts), rel=1e-12)
    assert RobustPearsonLoss(**PLAIN)(label, torch.full_like(label, 0.1)) == 0


def test_predictions_equal_to_the_last_digit_have_no_correlation() -> None:
    label = torch.arange(4.0)[:, None]
    step = torch.finfo(torch.float32).eps
    noise = torch.tensor([[0.0], [1.0], [0.0], [1.0]])
    assert RobustPearsonLoss(**PLAIN)(1 + step * noise, label) == 0
    assert RobustPearsonLoss(**PLAIN)(1 + 8 * step * noise, label) > 0.1


def test_labels_far_from_zero() -> None:
    prediction, label, weight = draw(40, 2)
    for agreement in ("pearson", "concordance"):
        term = RobustPearsonLoss(agreement=agreement)  # type: ignore[arg-type]  # from the tuple
        far = term(prediction + 1e9, label + 1e9, weight)  # where float64 keeps 1e-7
        assert far.item() == pytest.approx(term(prediction, label, weight).item(), abs=1e-6)
        alone = prediction.float().requires_grad_()
        loss = term(alone, label.float() + 1e9)
        loss.backward()
        assert loss.isfinite()
        assert alone.grad is not None
        assert alone.grad.isfinite().all()


def test_huge_and_tiny_units_do_not_matter_for_the_correlation() -> None:
    prediction, label, _ = draw(20, 1)
    plain = RobustPearsonLoss(**PLAIN)
    for unit in (1e200, 1e-200):
        torch.testing.assert_close(plain(unit * prediction, label), plain(prediction, label), rtol=1e-12, atol=0)


def test_log_tells_regions_that_are_there() -> None:
    prediction, label, _ = draw(10, 2)
    term = RobustPearsonLoss("quantile", outlier_fraction=0.2)
    assert term.log() == {}
    term(prediction, label)
    assert set(term.log()) == {"outlier_rate"}
    assert term.log()["outlier_rate"].item() == pytest.approx(0.2)
    label[0, 0] = math.nan
    region = torch.tensor([2, 0, 0, 0, 0, -1, 0, 0, 0, 0])
    term(prediction, label, region=region)
    told = {name for name, figure in term.log().items() if not figure.isnan()}
    assert told == {"outlier_rate", "outlier_rate_many"}  # the only case of few has no label
    assert set(term.log()) == {"outlier_rate", "outlier_rate_many", "outlier_rate_medium", "outlier_rate_few"}
    error = (prediction - label)[:, 0].abs()
    worst = error.nan_to_num().argsort(descending=True)[:2]
    assert term.log()["outlier_rate_many"].item() == pytest.approx((region[worst] == 0).sum().item() / 8)


def test_objective_logs_the_rates() -> None:
    prediction, label, region = imbalanced(0)
    values = Objective({"global": (RobustPearsonLoss(), 2.0)})(Step(label=label, prediction=prediction, region=region))
    told = {name for name, value in values.items() if not value.isnan()}
    assert told == {"global", "global_outlier_rate", "global_outlier_rate_many", "global_outlier_rate_few", "total"}
    torch.testing.assert_close(values["total"], 2 * values["global"])
    step = replace(Step(label=label, prediction=prediction), region=None)
    assert set(Objective({"global": (RobustPearsonLoss(), 1.0)})(step)) == {"global", "global_outlier_rate", "total"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"outlier_rule": "worst"}, "^outlier_rule must be one of region, quantile, mad, none, got worst$"),
        ({"agreement": "kendall"}, "^agreement must be one of pearson, concordance, got kendall$"),
        ({"outlier_fraction": 1.0}, r"^outlier_fraction must be in \[0, 1\), got 1.0$"),
        ({"outlier_fraction": -0.1}, r"^outlier_fraction must be in \[0, 1\), got -0.1$"),
        ({"mean_weight": -1.0}, "^mean_weight must be >= 0 and finite, got -1.0$"),
        ({"spread_weight": math.inf}, "^spread_weight must be >= 0 and finite, got inf$"),
        ({"outlier_weight": math.nan}, "^outlier_weight must be >= 0 and finite, got nan$"),
        ({**PLAIN, "agreement_weight": 0.0}, "^one of mean_weight, .* must be > 0, got 0$"),
        ({"distribution": "square"}, "^distribution must be one of smooth_l1, absolute, got square$"),
        ({"neighbourhood": 0.0}, "^neighbourhood must be > 0 and finite, got 0.0$"),
        ({"beta": -1.0}, "^beta must be > 0 and finite, got -1.0$"),
    ],
)
def test_refuses_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RobustPearsonLoss(**settings)


def test_refuses_inputs_that_do_not_fit() -> None:
    prediction, label, weight = draw(6)
    for wrong in (torch.zeros(5, dtype=torch.int64), torch.zeros(6, 1, dtype=torch.int64), torch.zeros(6)):
        with pytest.raises(ValueError, match="^region must be 6 integers, got"):
            RobustPearsonLoss()(prediction, label, region=wrong)
    for bad in (0 * weight, -weight, weight * math.nan):
        with pytest.raises(ValueError, match="weight must be"):
            RobustPearsonLoss()(prediction, label, bad)
