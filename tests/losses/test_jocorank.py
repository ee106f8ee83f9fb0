"""JoCoRank: the contract, each level as a slow loop, identities, and what switching does."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medgauge.losses import JoCoRankLoss, RankSimilarityLoss, RobustPearsonLoss
from tests.contracts import TermContract
from tests.losses.test_rank_similarity import slow_loop as slow_ranking

OFF = {"individual_weight": 0.0, "global_weight": 0.0, "peer_weight": 0.0, "ranking_weight": 0.0}
LEVELS = ("individual", "global", "peer", "ranking")


def only(level: str, **settings: Any) -> JoCoRankLoss:
    """The term with one level."""
    return JoCoRankLoss(**{**OFF, f"{level}_weight": 1.0, **settings})


class TestJoCoRankLoss(TermContract):
    """The ranking defines its own gradient: the embedding's is compared with the slow loop's, not the numerical one."""

    def make(self) -> nn.Module:
        return JoCoRankLoss(ranking_weight=3.0)

    @pytest.mark.parametrize("missing", [False, True])
    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_gradient_is_the_numerical_one(self, seed: int, missing: bool) -> None:
        given = self.given(self.step(6, seed=seed, missing=missing))
        term, fixed = self.make(), {name: value for name, value in given.items() if name != "prediction"}
        assert torch.autograd.gradcheck(lambda prediction: term(prediction=prediction, **fixed), given["prediction"])
        (found,) = torch.autograd.grad(term(**given), given["embedding"])
        seen = ~given["label"].isnan().any(1)
        embedding, label = given["embedding"].detach()[seen].numpy(), given["label"][seen].numpy()
        _, _, expected = slow_ranking(embedding, label, 2.0)
        assert np.abs(expected).max() > 0.01
        np.testing.assert_allclose(found[seen].numpy(), 3 * expected / int(seen.sum()), rtol=1e-9, atol=1e-12)


class TestWithoutRanking(TermContract):
    def make(self) -> nn.Module:
        return JoCoRankLoss(ranking_weight=0.0)


class TestRanksOfPairs(TermContract):
    def make(self) -> nn.Module:
        return JoCoRankLoss(ranking_weight=0.0, individual="mse", peer="rank", outlier_rule="quantile")


def draw(n: int = 12, t: int = 1, seed: int = 0) -> dict[str, Tensor]:
    made = torch.Generator().manual_seed(seed)
    label = torch.randn(n, t, generator=made, dtype=torch.float64)
    prediction = label + 0.5 * torch.randn(n, t, generator=made, dtype=torch.float64)
    embedding = torch.randn(n, 5, generator=made, dtype=torch.float64)
    weight = torch.rand(n, generator=made, dtype=torch.float64) + 0.2
    return {"prediction": prediction, "label": label, "embedding": embedding, "weight": weight}


def smooth(error: float, beta: float) -> float:
    return error**2 / (2 * beta) if abs(error) < beta else abs(error) - beta / 2


@pytest.mark.parametrize("kind", ["smooth_l1", "l1", "mse"])
def test_the_individual_level_is_a_weighted_mean_over_the_labels_that_are_there(kind: Any) -> None:
    given = draw(t=2)
    given["label"][3, 1] = math.nan
    penalty = {"smooth_l1": lambda e: smooth(e, 0.3), "l1": abs, "mse": lambda e: e**2}[kind]
    above = below = 0.0
    for i in range(12):
        for target in range(2):
            if not math.isnan(given["label"][i, target]):
                error = (given["prediction"] - given["label"])[i, target].item()
                above += given["weight"][i].item() * penalty(error)
                below += given["weight"][i].item()
    assert only("individual", individual=kind, beta=0.3)(**given).item() == pytest.approx(above / below, rel=1e-12)


def test_the_global_level_is_the_weighted_correlation_with_mean_and_spread() -> None:
    label = torch.tensor([24, 26, 27, 30, 33], dtype=torch.float64)[:, None]
    prediction = torch.tensor([24.5, 25.5, 27.5, 29, 31], dtype=torch.float64)[:, None]
    weight = torch.tensor([1.5, 0.8, 0.7, 0.9, 2], dtype=torch.float64)
    for share, correlation in ((weight, 0.992366), (torch.ones_like(weight), 0.984332)):  # methods.md, section 1.4
        w = (share / share.sum()).numpy()
        p, y = prediction[:, 0].numpy(), label[:, 0].numpy()
        means = w @ p, w @ y
        spreads = math.sqrt(w @ (p - means[0]) ** 2), math.sqrt(w @ (y - means[1]) ** 2)
        apart = means[0] - means[1], spreads[0] - spreads[1]
        for kind, expected in (("smooth_l1", sum(smooth(e, 1.0) for e in apart)), ("absolute", sum(map(abs, apart)))):
            found = only("global", outlier_rule="none", distribution=kind)(prediction, label, weight=share).item()
            assert found == pytest.approx(1 - correlation + expected, abs=1e-6)


def test_the_global_level_takes_the_outliers_out_and_keeps_their_slope() -> None:
    given = draw(20) | {"weight": torch.ones(20, dtype=torch.float64)}
    given["prediction"][7] += 5
    found = only("global", outlier_rule="quantile", outlier_fraction=0.05, beta=0.3)(**given).item()
    p, y = (np.delete(given[name][:, 0].numpy(), 7) for name in ("prediction", "label"))
    expected = 1 - np.corrcoef(p, y)[0, 1] + smooth(p.mean() - y.mean(), 1.0) + smooth(p.std() - y.std(), 1.0)
    expected += smooth((given["prediction"] - given["label"])[7].item(), 0.3) / 20
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("peer", ["difference", "rank"])
@pytest.mark.parametrize("missing", [False, True])
def test_the_peer_level_equals_a_loop_over_pairs(missing: bool, peer: Any) -> None:
    given = draw(10, t=2)
    given["prediction"][4, 0] += 9  # the one outlier of the first target; the second's is found
    given["label"][6, 0] = given["label"][7, 0]  # a tie, which has no order
    if missing:
        given["label"][2, 1] = math.nan
    error = (given["prediction"] - given["label"]).numpy()
    above = below = 0.0
    for target in range(2):
        outlier = np.nanargmax(np.abs(error[:, target]))
        for i in range(10):
            for j in range(i + 1, 10):
                gap = error[i, target] - error[j, target]
                sign = np.sign((given["label"][i, target] - given["label"][j, target]).item())
                if outlier in (i, j) or math.isnan(gap) or (peer == "rank" and sign == 0):
                    continue
                apart = (given["prediction"][i, target] - given["prediction"][j, target]).item()
                cost = smooth(gap, 0.3) if peer == "difference" else math.log1p(math.exp(-sign * apart / 0.7))
                share = math.sqrt(given["weight"][i].item() * given["weight"][j].item())
                above += share * cost
                below += share
    term = only("peer", peer=peer, beta=0.3, temperature=0.7, outlier_rule="quantile")
    assert term(**given).item() == pytest.approx(above / below, rel=1e-12)


def test_squared_over_all_pairs_the_peer_level_is_twice_the_variance_of_errors() -> None:
    given = draw(15)
    error = given["prediction"] - given["label"]
    every = (error - error.T).square().mean()
    torch.testing.assert_close(every, 2 * error.var(correction=0), rtol=1e-12, atol=0)
    wide = 1e6  # errors never reach the linear part
    found = only("peer", beta=wide, outlier_rule="none")(given["prediction"], given["label"])
    torch.testing.assert_close(2 * wide * found, 2 * error.var(correction=1), rtol=1e-9, atol=0)


def test_a_far_error_pulls_its_pairs_no_more_than_linearly() -> None:
    given, term, slopes = draw(15), only("peer", beta=0.1, outlier_rule="none"), []
    for far in (5.0, 500.0):
        prediction = given["label"].clone()
        prediction[3] += far
        prediction.requires_grad_()
        term(prediction, given["label"]).backward()
        assert prediction.grad is not None
        slopes.append(prediction.grad)
    torch.testing.assert_close(*slopes, rtol=1e-12, atol=0)
    assert slopes[0][3].item() == pytest.approx(14 / (15 * 14 / 2), rel=1e-12)  # each of its 14 pairs pulls alike


def test_the_ranking_is_rank_similarity_as_a_mean() -> None:
    given = draw(16)
    expected = RankSimilarityLoss(7.0, reduction="mean")(given["embedding"], given["label"])
    torch.testing.assert_close(only("ranking", interpolation=7.0)(**given), expected, rtol=1e-12, atol=0)
    unique = only("ranking", ties="unique")
    assert unique(**given) == expected
    assert unique.state_dict()["ranking.drawn"] == 1


def test_the_loss_is_the_sum_of_levels_times_factors() -> None:
    given = draw(16, t=2)
    alone = {level: only(level)(**given) for level in LEVELS}
    factors = dict(zip(LEVELS, (0.5, 2.0, 3.0, 7.0), strict=True))
    whole = JoCoRankLoss(**{f"{level}_weight": factor for level, factor in factors.items()})
    expected = sum(factors[level] * alone[level] for level in LEVELS)
    torch.testing.assert_close(whole(**given), expected, rtol=1e-12, atol=0)
    logged = whole.log()
    for level in LEVELS:
        assert alone[level] > 0
        torch.testing.assert_close(logged[level], alone[level], rtol=1e-12, atol=0)
        assert not logged[level].requires_grad


@pytest.mark.parametrize("level", LEVELS)
def test_a_factor_of_zero_switches_a_level_off(level: str) -> None:
    given = draw(16)
    ones = {f"{other}_weight": 1.0 for other in LEVELS}
    without = JoCoRankLoss(**{**ones, f"{level}_weight": 0.0})
    expected = sum(only(other)(**given) for other in LEVELS if other != level)
    torch.testing.assert_close(without(**given), expected, rtol=1e-12, atol=0)
    assert level not in without.log()
    if level == "ranking":
        del given["embedding"]
        torch.testing.assert_close(without(**given), expected, rtol=1e-12, atol=0)


def test_the_ranking_needs_an_embedding() -> None:
    given = draw()
    del given["embedding"]
    with pytest.raises(ValueError, match="^embedding must be given where ranking_weight is not 0, got None$"):
        JoCoRankLoss()(**given)


def test_right_predictions_cost_nothing_in_the_three_levels() -> None:
    given = draw(t=2)
    term = JoCoRankLoss(ranking_weight=0.0)
    given["prediction"] = given["label"].clone().requires_grad_()
    loss = term(**given)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert given["prediction"].grad is not None
    assert given["prediction"].grad.abs().max() < 1e-6
    assert term(**{**given, "prediction": given["label"] + 1}) > 1  # the peer level alone does not see a shift
    assert only("peer", outlier_rule="none")(given["label"] + 1, given["label"]).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("level", ["individual", "global", "peer"])
def test_a_heavier_case_pulls_more(level: str) -> None:
    given = draw()
    term, slopes = only(level, outlier_rule="none"), []
    for heavier in (1.0, 4.0):
        weight = torch.ones(12, dtype=torch.float64)
        weight[5] = heavier
        prediction = given["label"] + torch.eye(12, dtype=torch.float64)[:, 5:6]  # one case is wrong
        prediction.requires_grad_()
        term(prediction, given["label"], weight=weight).backward()
        assert prediction.grad is not None
        slopes.append(prediction.grad[5].item())
    assert slopes[1] > 1.2 * slopes[0] > 0


def test_without_weights_all_weigh_one() -> None:
    given = draw()
    equal = {**given, "weight": torch.full((12,), 3.0, dtype=torch.float64)}
    del given["weight"]
    torch.testing.assert_close(JoCoRankLoss()(**given), JoCoRankLoss()(**equal), rtol=1e-12, atol=0)


def test_cases_of_weight_zero_count_for_nothing_but_in_the_ranking() -> None:
    given = draw()
    given["weight"][4] = 0
    kept = torch.arange(12) != 4
    found = JoCoRankLoss(ranking_weight=0.0)(**given)
    expected = JoCoRankLoss(ranking_weight=0.0)(**{name: value[kept] for name, value in given.items()})
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("weight", [0.0, -1.0, math.nan])
def test_refuses_weights_that_weigh_nothing(weight: float) -> None:
    given = draw()
    given["weight"] = given["weight"] * 0 + weight
    with pytest.raises(ValueError, match="weight must be"):
        JoCoRankLoss()(**given)


def test_logs_the_outliers_by_region() -> None:
    given = draw(20)
    given["prediction"][3] += 9
    region = torch.zeros(20, dtype=torch.int64)
    region[[3, 4]] = 2
    term = JoCoRankLoss(outlier_rule="quantile", outlier_fraction=0.05)
    assert term.log() == {}
    term(**given, region=region)
    logged = {name: value.item() for name, value in term.log().items()}
    assert set(LEVELS) < set(logged)
    assert logged["outlier_rate_few"] == 0.5
    assert logged["outlier_rate_many"] == 0


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_few_rows_are_finite(rows: int) -> None:
    given = draw(rows)
    for name in ("prediction", "embedding"):
        given[name].requires_grad_()
    loss = JoCoRankLoss()(**given)
    loss.backward()
    assert loss.isfinite()
    assert all(given[name].grad.isfinite().all() for name in ("prediction", "embedding"))  # type: ignore[union-attr]  # backward has run


def test_labels_far_from_zero_give_nearly_the_same() -> None:
    given = draw(20)
    given |= {name: (64 * given[name]).round() / 64 for name in ("prediction", "label")}  # exact beside 1e9
    far = given | {name: given[name] + 1e9 for name in ("prediction", "label")}
    torch.testing.assert_close(JoCoRankLoss()(**far), JoCoRankLoss()(**given), rtol=1e-5, atol=0)
    assert JoCoRankLoss()(**{name: value.float() for name, value in far.items()}).isfinite()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (OFF, "^one of individual_weight, global_weight, peer_weight, ranking_weight must be > 0, got 0$"),
        ({"peer_weight": -1.0}, "^peer_weight must be >= 0 and finite, got -1.0$"),
        ({"ranking_weight": math.inf}, "^ranking_weight must be >= 0 and finite, got inf$"),
        ({"individual": "huber"}, "^individual must be one of smooth_l1, l1, mse, got huber$"),
        ({"peer": "pairs"}, "^peer must be one of difference, rank, got pairs$"),
        ({"temperature": 0.0}, "^temperature must be > 0 and finite, got 0.0$"),
        ({"beta": 0.0}, "^beta must be > 0 and finite, got 0.0$"),
        ({"outlier_rule": "all"}, "^outlier_rule must be one of region, quantile, mad, none, got all$"),
        ({"interpolation": 0.0}, "^interpolation must be > 0 and finite, got 0.0$"),
        ({"ties": "first"}, "^ties must be one of midrank, unique, got first$"),
    ],
)
def test_refuses_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        JoCoRankLoss(**settings)


def test_the_defaults_are_what_the_page_says() -> None:
    term = JoCoRankLoss()
    assert term.factors == {"individual": 1.0, "global": 1.0, "peer": 1.0, "ranking": 10.0}
    assert (term.beta, term.correlation.distribution) == (0.4, "smooth_l1")
    assert isinstance(term.correlation, RobustPearsonLoss)
    assert (term.correlation.outlier_rule, term.correlation.outlier_fraction) == ("region", 0.1)
    assert (term.ranking.interpolation, term.ranking.ties, term.ranking.reduction) == (2.0, "midrank", "mean")
