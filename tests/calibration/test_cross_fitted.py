"""Cross-fitted sets against a slow loop that counts scores, label by label, and against split conformal sets."""

import json
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from medgauge.calibration import LabelConditionalConformal, LabelPartition
from medgauge.calibration.cross_fitted import CrossFitted
from medgauge.calibration.scores import one_a_group

NAN, INF = math.nan, math.inf
LINE = LabelPartition((10.0, 20.0, 30.0, 40.0), (2, 1, 0, 1, 2))  # few, medium, many, medium, few


def column(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)[:, None]


def drawn(count: int, seed: int, *, scaled: bool) -> tuple[Tensor, Tensor, list[str], Tensor, Tensor | None]:
    """Values, labels, one case a group, folds and scales; all are multiples of 1/8, so that counts are exact."""
    chance = np.random.default_rng(seed)
    label = torch.tensor(chance.integers(0, 400, count) / 8)[:, None]
    scale = torch.tensor(chance.choice([0.5, 1.0, 2.0], count))[:, None]
    value = label + scale * torch.tensor(chance.integers(-64, 65, count) / 8)[:, None]
    fold = torch.tensor(chance.integers(0, 4, count))
    fold[:4] = torch.arange(4)
    return value, label, [f"g{row}" for row in range(count)], fold, scale if scaled else None


def slow_members(
    data: tuple[Tensor, Tensor, list[str], Tensor, Tensor | None],
    merged: tuple[int, ...],
    values: list[float],
    scales: list[float],
    places: list[float],
    level: float,
) -> list[bool]:
    """Whether each place is in the set of one case whose fits say ``values`` and expect errors of ``scales``."""
    value, label, _, fold, scale = data
    truth, told, homes = label[:, 0].tolist(), value[:, 0].tolist(), fold.tolist()
    sizes = [1.0] * len(truth) if scale is None else scale[:, 0].tolist()
    region_of = {y: merged[code] for y, code in zip(truth, LINE.of(label[:, 0]).tolist(), strict=True)}
    found = []
    for y, code in zip(places, LINE.of(torch.tensor(places)).tolist(), strict=True):
        smaller, count = 0, 0
        for i in range(len(truth)):
            if region_of[truth[i]] == merged[code]:
                count += 1
                score, k = abs(truth[i] - told[i]) / sizes[i], homes[i]
                smaller += score < abs(y - values[k]) / scales[k]
        found.append(smaller < level * (count + 1) - 1e-9)
    return found


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize(("level", "count"), [(0.9, 90), (0.5, 30), (0.8, 24)])
def test_sets_and_hulls_equal_a_slow_count(scaled: bool, level: float, count: int) -> None:
    data = drawn(count, count, scaled=scaled)
    value, label, group, fold, scale = data
    fitted = CrossFitted.fit(value, label, group, fold, [LINE], scale, level=level, seed=0)
    assert (fitted.folds, fitted.scaled) == (4, scaled)
    chance = np.random.default_rng(7)
    places = [place / 16 for place in range(-400, 1200)]  # holds every end: they are multiples of 1/16
    centre = chance.integers(0, 400, 6) / 8
    said = torch.tensor(centre + chance.integers(-24, 25, (4, 6)) / 8)[:, :, None]
    own = torch.tensor(chance.choice([0.5, 1.0, 2.0], (4, 6)))[:, :, None] if scaled else None
    lower, upper = fitted.interval(said, said.mean(0), own)
    for case in range(6):
        values, scales = said[:, case, 0].tolist(), [1.0] * 4 if own is None else own[:, case, 0].tolist()
        wanted = slow_members(data, fitted.merged[0], values, scales, places, level)
        many = torch.tensor(values)[:, None].expand(4, len(places))[:, :, None]
        wide = None if own is None else torch.tensor(scales)[:, None].expand(4, len(places))[:, :, None]
        assert fitted.contains(many, column(*places), wide)[:, 0].tolist() == wanted
        inside = [place for place, is_in in zip(places, wanted, strict=True) if is_in]
        mean = sum(values) / 4
        assert float(lower[case]) == pytest.approx(min([mean, *inside]), abs=1e-9)
        top = max([mean, *inside])  # the open end of a region lies between two places
        assert top - 1e-9 <= float(upper[case]) <= top + 1 / 16


def test_with_one_fold_it_is_the_label_conditional_set() -> None:
    value, label, group, fold, scale = drawn(80, 3, scaled=True)
    group = [f"g{row // 2}" for row in range(80)]
    fitted = CrossFitted.fit(value, label, group, fold * 0, [LINE], scale, level=0.8, seed=5)
    split = LabelConditionalConformal.fit(value, label, group, [LINE], level=0.8, seed=5, scale=scale)
    assert (fitted.merged, fitted.groups) == (split.merged, split.groups)
    said, own = torch.linspace(-20, 70, 91).double()[:, None], torch.linspace(0.5, 2, 91).double()[:, None]
    lower, upper = fitted.interval(said[None], said, own[None])
    hull = split.hull(said, own)
    torch.testing.assert_close(lower, hull.lower)
    torch.testing.assert_close(upper, hull.upper)
    truth = torch.linspace(60, -10, 91).double()[:, None]
    assert torch.equal(fitted.contains(said[None], truth, own[None]), split.contains(said, truth, own))


def test_by_hand_with_two_folds() -> None:
    whole = LabelPartition((), (0,), ("all",))
    label, miss = column(1, 2, 3, 4), column(1, 3, 2, 4)
    fitted = CrossFitted.fit(label + miss, label, list("abcd"), torch.tensor([0, 0, 1, 1]), [whole], level=0.5, seed=0)
    assert fitted.scores == ((((1.0, 3.0), (2.0, 4.0)),),)
    # fold 0 says 10, fold 1 says 20: spans 9-11, 7-13, 18-22, 16-24; fewer than 2.5 of 4 scores may be smaller
    said = torch.tensor([[[10.0]], [[20.0]]])
    lower, upper = fitted.interval(said, column(15.0))
    assert (lower.item(), upper.item()) == (9.0, 22.0)
    tried = column(9.0, 8.9, 11.0, 15.0, 18.0, 22.0, 22.1)
    many = said.expand(2, 7, 1)
    # in 9-11 two spans hold it: two scores are smaller
    assert fitted.contains(many, tried).flatten().tolist() == [True, False, True, False, True, True, False]
    lower, upper = fitted.interval(said, column(30.0))
    assert (lower.item(), upper.item()) == (9.0, 30.0)  # widened to hold the value


def test_an_empty_set_is_the_value_alone() -> None:
    whole = LabelPartition((), (0,), ("all",))
    label, miss = column(1, 2, 3, 4), column(1, 1, 1, 1)
    fitted = CrossFitted.fit(label + miss, label, list("abcd"), torch.arange(4), [whole], level=0.5, seed=0)
    said = torch.tensor([0.0, 100.0, 200.0, 300.0])[:, None, None]  # no label is in more than one span
    lower, upper = fitted.interval(said, column(150.0))
    assert (lower.item(), upper.item()) == (150.0, 150.0)


def test_one_case_a_group_is_drawn_as_elsewhere_and_regions_are_merged_by_counts() -> None:
    value, label, _, _, _ = drawn(60, 9, scaled=False)
    group = [f"g{row % 12}" for row in range(60)]
    fold = torch.arange(60) % 12 % 3
    fitted = CrossFitted.fit(value, label, group, fold, [LINE], level=0.9, seed=4)
    code = LINE.of(label[:, 0])
    joined = torch.tensor(fitted.merged[0])[code]
    residual = (value - label).abs()[:, 0]
    for region, by_fold in enumerate(fitted.scores[0]):
        wanted = one_a_group(residual.masked_fill(joined != region, NAN), group, 4, 0)
        assert sorted(score for of in by_fold for score in of) == wanted
        assert len(by_fold) == 3
        for k, of in enumerate(by_fold):
            own = residual[(joined == region) & (fold == k)].tolist()
            assert set(of) <= set(own)
    assert fitted.groups == (tuple(len({group[row] for row in range(60) if code[row] == one}) for one in range(3)),)


def test_too_few_groups_are_infinite_and_missing_values_say_nothing() -> None:
    value, label, group, fold, _ = drawn(8, 1, scaled=False)
    fitted = CrossFitted.fit(value, label, group, fold, [LINE], level=0.9, seed=0)
    said = torch.full((4, 2, 1), 25.0)
    said[2, 1] = NAN
    lower, upper = fitted.interval(said, column(25.0, 25.0))
    assert (lower[0].item(), upper[0].item()) == (-INF, INF)
    assert lower[1].isnan()
    assert upper[1].isnan()
    assert fitted.contains(said, column(1e9, 25.0)).flatten().tolist() == [True, False]
    assert fitted.contains(said, column(NAN, 25.0)).flatten().tolist() == [False, False]
    nothing = CrossFitted.fit(value[:0], label[:0], [], fold[:0], [LINE], level=0.9, seed=0)
    assert nothing.interval(column(1.0)[None], column(1.0))[0].item() == -INF


def test_missing_labels_are_left_out_and_targets_are_apart() -> None:
    label = torch.tensor([[25.0, NAN], [26.0, 1.0], [NAN, 1.0], [27.0, 9.0]]).double()
    other = LabelPartition((), (0,), ("all",))
    line = LabelPartition((), (0,), ("all",))
    fitted = CrossFitted.fit(
        label + 1, label, list("abcd"), torch.tensor([0, 1, 0, 1]), [line, other], level=0.5, seed=0
    )
    assert fitted.scores == ((((1.0,), (1.0, 1.0)),), (((1.0,), (1.0, 1.0)),))
    said = torch.tensor([[[5.0, 50.0]], [[5.0, 50.0]]])
    lower, upper = fitted.interval(said, said[0])
    assert (lower.tolist(), upper.tolist()) == ([[4.0, 49.0]], [[6.0, 51.0]])


def test_many_cases_in_chunks_equal_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    value, label, group, fold, _ = drawn(60, 2, scaled=False)
    fitted = CrossFitted.fit(value, label, group, fold, [LINE], level=0.8, seed=0)
    said = torch.tensor(np.random.default_rng(0).uniform(0, 50, (4, 33, 1)))
    whole, held = fitted.interval(said, said[0]), fitted.contains(said, said[1])
    monkeypatch.setattr("medgauge.calibration.cross_fitted.ENTRIES", 90)
    assert all(torch.equal(one, two) for one, two in zip(whole, fitted.interval(said, said[0]), strict=True))
    assert torch.equal(held, fitted.contains(said, said[1]))


def test_wrong_shapes_and_groups_raise() -> None:
    value, label, group, fold, _ = drawn(30, 2, scaled=False)
    fitted = CrossFitted.fit(value, label, group, fold, [LINE], level=0.8, seed=0)
    with pytest.raises(ValueError, match="a group must be in one fold"):
        CrossFitted.fit(value, label, ["same"] * 30, fold, [LINE], level=0.8, seed=0)
    with pytest.raises(ValueError, match=r"values must be \(4, n, 1\), got \(3, 5, 1\)"):
        fitted.interval(torch.zeros(3, 5, 1), torch.zeros(5, 1))
    with pytest.raises(ValueError, match="rows must be equal"):
        fitted.contains(torch.zeros(4, 5, 1), torch.zeros(4, 1))
    with pytest.raises(ValueError, match="scale must not be given"):
        fitted.interval(torch.zeros(4, 5, 1), torch.zeros(5, 1), torch.ones(4, 5, 1))
    with pytest.raises(ValueError, match="scale must have the shape of values"):
        fitted.interval(torch.zeros(4, 5, 1), torch.zeros(5, 1), torch.ones(4, 4, 1))
    with pytest.raises(ValueError, match="one a case"):
        CrossFitted.fit(value, label, group, fold[:3], [LINE], level=0.8, seed=0)
    with pytest.raises(ValueError, match="same number of folds"):
        CrossFitted(0.9, (LINE,), ((0, 1, 2),), ((1, 1, 1),), ((((1.0,),), ((1.0,), ()), ((1.0,),)),))


def test_it_says_what_it_aims_at_and_what_is_guaranteed_and_comes_back_from_json() -> None:
    value, label, group, fold, scale = drawn(90, 4, scaled=True)
    for fitted in (
        CrossFitted.fit(value, label, group, fold, [LINE], level=0.9, seed=0),
        CrossFitted.fit(value, label, group, fold, [LINE], scale, level=0.8, seed=0),
    ):
        saved = json.loads(json.dumps(fitted.to_dict(), allow_nan=False))
        assert CrossFitted.from_dict(saved) == fitted
    note = CrossFitted.fit(value, label, group, fold, [LINE], level=0.9, seed=0).note(0)
    assert "it aims at 90 %; guaranteed on average about 80 % (CV+, Barber et al. 2021)" in note
    assert "no guarantee by region is proved" in note
    assert "from the groups of 4 folds" in note
    assert "follows the error" not in note
    assert "aims at 80 %; guaranteed on average about 60 %" in fitted.note(0)
    assert "follows the error" in fitted.note(0)
    few = CrossFitted.fit(value[:5], label[:5], group[:5], fold[:5], [LINE], level=0.9, seed=0)
    assert few.note(0).startswith("A 90 % interval needs 9 calibration groups with this label, and there are 5")
    saved["targets"][0]["merged"] = [0, 1, 5]
    with pytest.raises(ValueError, match="merged must name the places of"):
        CrossFitted.from_dict(saved)
