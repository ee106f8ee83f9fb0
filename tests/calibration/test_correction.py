"""Corrections that are functions of the prediction, and the age gap that is not."""

import inspect
import json
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from medgauge import metrics
from medgauge.calibration import (
    AgeGapLine,
    LabelConditionalConformal,
    LabelPartition,
    PredictionCorrection,
    delta_corrected,
)
from medgauge.metrics import bias, calibration_slope, mae

NAN = math.nan


def shrunken(n: int = 200, seed: int = 0) -> tuple[Tensor, Tensor, list[str]]:
    """Predictions that are far too near the mean, and off by five."""
    chance = np.random.default_rng(seed)
    label = chance.normal(50, 10, n)
    value = 0.4 * (label - 50) + 55 + chance.normal(0, 1, n)
    return torch.tensor(value)[:, None], torch.tensor(label)[:, None], [str(row) for row in range(n)]


def test_linear_is_weighted_least_squares_with_every_group_counted_once() -> None:
    value, label, _ = shrunken(90)
    group = [str(min(row, 39)) for row in range(90)]  # the last group has 51 cases
    fitted = PredictionCorrection.fit(value, label, group, kind="linear")
    weight = np.array([1 / group.count(name) for name in group])
    design = np.column_stack([np.ones(90), value[:, 0].numpy()])
    expected = np.linalg.solve(design.T @ (weight[:, None] * design), design.T @ (weight * label[:, 0].numpy()))
    assert fitted.line[0] == pytest.approx(tuple(expected), rel=1e-9)
    assert fitted.groups == (40,)
    torch.testing.assert_close(fitted.apply(value), expected[0] + expected[1] * value, rtol=1e-9, atol=0)


@pytest.mark.parametrize("kind", ["linear", "isotonic"])
def test_new_cases_lose_bias_and_the_slope_is_one(kind: str) -> None:
    value, label, group = shrunken()
    fitted = PredictionCorrection.fit(value, label, group, kind=kind)  # type: ignore[arg-type]  # a parameter
    value, label, _ = shrunken(2000, seed=1)
    after = fitted.apply(value)
    assert abs(float(bias(value, label))) > 4
    assert abs(float(bias(after, label))) < 0.5
    assert float(mae(after, label)) < 0.5 * float(mae(value, label))
    assert float(calibration_slope(value, label)) > 2
    assert float(calibration_slope(after, label)) == pytest.approx(1, abs=0.05)


def test_isotonic_never_falls_and_is_constant_beyond_its_ends() -> None:
    value, label, group = shrunken(60)
    fitted = PredictionCorrection.fit(value, label, group, kind="isotonic")
    place = torch.linspace(0, 120, 500).double()[:, None]
    after = fitted.apply(place)[:, 0]
    assert (after.diff() >= 0).all()
    assert after[0] == after[1]
    assert after[-1] == after[-2]
    assert len(set(after.tolist())) > 5


def test_few_groups_equal_predictions_and_missing_labels() -> None:
    value, label, group = shrunken(40)
    few = PredictionCorrection.fit(value, label, [name[-1] for name in group], kind="linear")
    assert few.groups == (10,)
    assert few.identity(0)
    assert torch.equal(few.apply(value), value)
    assert "needs 20 calibration groups with this label, there are 10" in few.note(0)
    same = PredictionCorrection.fit(torch.ones(40, 1), label, group, kind="isotonic")
    assert same.identity(0)
    assert "all equal" in same.note(0)
    holes = torch.cat([label, label], dim=1)
    holes[5:, 1] = NAN
    two = PredictionCorrection.fit(value.expand(-1, 2), holes, group, kind="linear")
    assert two.groups == (40, 5)
    assert not two.identity(0)
    assert two.identity(1)
    assert "from 40 calibration groups" in two.note(0)
    nobody = PredictionCorrection.fit(value[:0], label[:0], [], kind="linear")
    assert nobody.groups == (0,)
    assert PredictionCorrection.fit(value, label, group, kind="linear").apply(torch.tensor([[NAN]])).isnan().all()


def test_cross_fit_corrects_each_case_without_its_group() -> None:
    value, label, _ = shrunken(60)
    group = [str(row // 2) for row in range(60)]
    whole, values = PredictionCorrection.cross_fit(value, label, group, kind="linear", seed=0)
    assert whole == PredictionCorrection.fit(value, label, group, kind="linear")
    moved = label.clone()
    moved[10] += 1000  # another label of one case changes everybody's correction but its own group's
    others, again = PredictionCorrection.cross_fit(value, moved, group, kind="linear", seed=0)
    assert again[10] == values[10]
    assert again[11] == values[11]
    assert others != whole
    assert (again != values).sum() > 40
    few, same = PredictionCorrection.cross_fit(value, label, ["a"] * 60, kind="linear", seed=0)
    assert few.identity(0)
    assert torch.equal(same, value)


@pytest.mark.parametrize("kind", ["linear", "isotonic"])
def test_intervals_about_corrected_values_still_cover(kind: str) -> None:
    line = LabelPartition((50.0,), (0, 1), ("low", "high"))
    hits, draws, n = [], 120, 40
    for seed in range(draws):
        value, label, group = shrunken(n + 200, seed)
        fitted, values = PredictionCorrection.cross_fit(
            value[:n],
            label[:n],
            group[:n],
            kind=kind,
            seed=seed,  # type: ignore[arg-type]  # a parameter
        )
        conformal = LabelConditionalConformal.fit(
            values, label[:n], group[:n], [line], level=0.8, seed=seed, cross=True
        )
        hits.append(conformal.contains(fitted.apply(value[n:]), label[n:]).double().mean().item())
    # about 20 groups a region: the exact mean without a correction is 0.80 to 0.84 by their number, 0.81 on average;
    # the error of the mean over the draws is 0.005
    assert 0.79 < np.mean(hits) < 0.845, np.mean(hits)


def test_to_dict_and_back() -> None:
    value, label, group = shrunken(40)
    for kind in ("linear", "isotonic"):
        fitted = PredictionCorrection.fit(value, label, group, kind=kind)  # type: ignore[arg-type]  # a loop
        saved = json.loads(json.dumps(fitted.to_dict(), allow_nan=False))
        assert PredictionCorrection.from_dict(saved) == fitted
    line = AgeGapLine.fit(value, label, group)
    assert AgeGapLine.from_dict(json.loads(json.dumps(line.to_dict(), allow_nan=False))) == line
    none = AgeGapLine.fit(value[:3], label[:3], group[:3])
    again = AgeGapLine.from_dict(json.loads(json.dumps(none.to_dict(), allow_nan=False)))
    assert again.groups == (3,)
    assert all(map(math.isnan, again.line[0]))


def test_age_gap_has_no_trend_over_the_true_label() -> None:
    value, label, group = shrunken()
    gap = delta_corrected(value, label, AgeGapLine.fit(value, label, group))
    slope = np.polyfit(label[:, 0].numpy(), gap[:, 0].numpy(), 1)[0]
    assert slope == pytest.approx(0, abs=1e-12)
    assert float(gap.mean()) == pytest.approx(0, abs=1e-12)
    raw = value - label
    expected = np.polyval(np.polyfit(label[:, 0].numpy(), raw[:, 0].numpy(), 1), label[:, 0].numpy())
    np.testing.assert_allclose(gap[:, 0].numpy(), raw[:, 0].numpy() - expected, atol=1e-9)


def test_age_gap_of_a_model_that_knows_nothing_is_nought_so_it_is_no_accuracy() -> None:
    _, label, group = shrunken()
    constant = torch.full_like(label, 50.0)
    gap = delta_corrected(constant, label, AgeGapLine.fit(constant, label, group))
    assert gap.abs().max() < 1e-9
    few = AgeGapLine.fit(constant[:5], label[:5], group[:5])
    assert delta_corrected(constant, label, few).isnan().all()


def test_no_metric_takes_an_age_gap() -> None:
    taken = [name for name in metrics.__all__ if inspect.isfunction(getattr(metrics, name))]
    assert len(taken) > 10
    for name in taken:
        assert not {"line", "age_gap", "delta"} & set(inspect.signature(getattr(metrics, name)).parameters), name
    assert not any("delta" in name or "gap" in name for name in metrics.__all__)


def test_wrong_settings_raise() -> None:
    value, label, group = shrunken(30)
    with pytest.raises(ValueError, match="kind must be linear or isotonic, got 'cubic'"):
        PredictionCorrection.fit(value, label, group, kind="cubic")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match="rows must be equal"):
        PredictionCorrection.fit(value, label[:5], group, kind="linear")
    with pytest.raises(ValueError, match=r"\(n, 1\)"):
        PredictionCorrection.fit(value, label, group, kind="linear").apply(torch.zeros(2, 2))
