"""Sets by label region: membership equals the pieces, the hull, coverage in every region, and odd cases."""

import json
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from medgauge.calibration import LabelConditionalConformal, LabelPartition, SplitConformal
from medgauge.metrics import LabelRegions

NAN, INF = math.nan, math.inf
LINE = LabelPartition((10.0, 20.0, 30.0, 40.0), (2, 1, 0, 1, 2))  # few, medium, many, medium, few


def column(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)[:, None]


def made(*quantile: float, partition: LabelPartition = LINE, level: float = 0.9) -> LabelConditionalConformal:
    counts = ((50,) * len(quantile),)
    return LabelConditionalConformal(level, (partition,), (quantile,), counts, (tuple(range(len(quantile))),), counts)


def fit(
    residual: list[float], label: list[float], group: list[str] | None = None, *, level: float = 0.5, seed: int = 0
) -> LabelConditionalConformal:
    names = [str(row) for row in range(len(label))] if group is None else group
    truth = column(*label)
    return LabelConditionalConformal.fit(truth + column(*residual), truth, names, [LINE], level=level, seed=seed)


def runs(inside: Tensor) -> int:
    """How many stretches of True."""
    return int(inside[0]) + int((inside[1:] & ~inside[:-1]).sum())


@pytest.mark.parametrize(
    "quantile", [(1, 2, 9), (9, 2, 1), (3, 0.25, 6), (0.5, 12, 3), (30, 30, 30), (0, 0, 0), (0, 4, 25)]
)
def test_membership_on_a_fine_grid_equals_the_pieces(quantile: tuple[float, ...]) -> None:
    fitted = made(*map(float, quantile))
    place = torch.arange(-6000, 10001, dtype=torch.float64) / 100  # holds every end: all are multiples of a quarter
    value = torch.arange(-60, 240, dtype=torch.float64) / 4
    hull = fitted.hull(value[:, None])
    for row, at in enumerate(value.tolist()):
        region = torch.tensor(LINE.codes)[torch.bucketize(place, torch.tensor(LINE.starts).double(), right=True)]
        half = torch.tensor(quantile, dtype=torch.float64)[region]
        inside = (place - at).abs() <= half + 1e-12
        assert torch.equal(fitted.contains(torch.full_like(place, at)[:, None], place[:, None])[:, 0], inside)
        lower, upper, pieces, excess = (float(part[row, 0]) for part in hull)
        own = place[inside]
        assert pieces == runs(inside)
        assert own[0] - 1e-9 <= lower <= own[0] + 1e-9
        assert own[-1] - 1e-9 <= upper <= own[-1] + 0.01  # the open end of a region lies between two places
        if upper > lower:
            within = (place >= lower) & (place <= upper)
            assert excess == pytest.approx(
                float((~inside & within).sum()) * 0.01 / (upper - lower), abs=0.03 / (upper - lower)
            )
        else:
            assert excess == 0


def test_a_set_in_three_pieces() -> None:
    hull = made(1.0, 8.0, 20.0).hull(column(25.0))
    # many: 24 to 26; medium: 17 to 20 and 30 to 33; few: 5 to 10 and 40 to 45
    assert hull.pieces.item() == 5
    assert hull.lower.item() == 5.0
    assert hull.upper.item() == 45.0
    assert hull.excess.item() == pytest.approx(1 - (2 + 3 + 3 + 5 + 5) / 40)
    assert made(1.0, 8.0, 2.0).hull(column(25.0)).pieces.item() == 3
    whole = made(9.0, 9.0, 9.0).hull(column(25.0))  # one width everywhere: touching pieces are one
    assert (whole.lower.item(), whole.upper.item(), whole.pieces.item(), whole.excess.item()) == (16.0, 34.0, 1, 0.0)


def test_density_regions_give_the_same_answer_piece_by_piece_and_label_by_label() -> None:
    chance = np.random.default_rng(1)
    label = torch.tensor(np.concatenate([chance.normal(0, 1, 200), chance.normal(7, 2, 90)]))
    regions = LabelRegions.fit(label)
    fitted = LabelConditionalConformal.fit(
        label[:, None] + torch.tensor(chance.normal(0, 1, (290, 1))), label[:, None], [str(row) for row in range(290)], [regions],
        level=0.8, seed=0,
    )  # fmt: skip
    place = torch.linspace(-12, 20, 8001, dtype=torch.float64)
    code = regions.of(place)
    half = torch.tensor(fitted.quantile[0], dtype=torch.float64)[code]
    for at in torch.linspace(-5, 14, 39).tolist():
        inside = (at - half <= place) & (place <= at + half)
        hull = fitted.hull(column(at))
        assert hull.pieces.item() == runs(inside)
        assert hull.lower.item() == pytest.approx(float(place[inside][0]), abs=0.004)
        assert hull.upper.item() == pytest.approx(float(place[inside][-1]), abs=0.004)
        assert torch.equal(fitted.contains(torch.full_like(place, at)[:, None], place[:, None])[:, 0], inside)


def test_quantiles_are_ranked_within_the_region_of_the_true_label() -> None:
    label = [25.0] * 4 + [15.0, 35.0, 15.0] + [5.0, 50.0, 45.0, 0.0, 3.0]
    residual = [1.0, -4.0, 2.0, 3.0] + [7.0, -5.0, 6.0] + [50.0, 10.0, -20.0, 40.0, 30.0]
    fitted = fit(residual, label)
    assert fitted.groups == ((4, 3, 5),)
    assert fitted.quantile == ((3.0, 6.0, 30.0),)  # ranks ceil(5/2), ceil(4/2), ceil(6/2)
    both = fit(residual, label, level=0.8)  # 3 groups are too few for 0.8: medium joins many, rank ceil(8 * 0.8) of 7
    assert both.quantile == ((7.0, 7.0, 50.0),)
    assert (both.groups, both.merged, both.merged_groups) == (((4, 3, 5),), ((0, 0, 1),), ((7, 5),))


def test_ties_are_all_within() -> None:
    fitted = fit([2.0] * 9 + [-2.0] * 9, [25.0] * 18, level=0.9)
    assert fitted.quantile[0][0] == 2.0
    value = column(24.0, 24.0, 24.0)
    assert fitted.contains(value, column(22.0, 26.0, 26.5)).flatten().tolist() == [True, True, False]


def test_one_drawn_case_a_group_in_each_region_whatever_the_order() -> None:
    chance = np.random.default_rng(0)
    residual, label = chance.normal(size=90).tolist(), chance.uniform(0, 50, 90).tolist()
    group = [f"p{row % 15}" for row in range(90)]
    fitted = fit(residual, label, group)
    codes = LINE.of(torch.tensor(label)).tolist()
    counts = [len({name for name, code in zip(group, codes, strict=True) if code == one}) for one in range(3)]
    assert fitted.groups == (tuple(counts),)
    order = chance.permutation(90)
    again = fit([residual[row] for row in order], [label[row] for row in order], [group[row] for row in order])
    assert again == fitted
    assert len({fit(residual, label, group, seed=seed).quantile for seed in range(20)}) > 3


def test_the_value_is_always_in_its_set_and_a_missing_value_has_an_empty_one() -> None:
    fitted = made(0.0, 0.0, 0.0)
    value = torch.linspace(-50, 90, 1001).double()[:, None]
    hull = fitted.hull(value)
    assert fitted.contains(value, value).all()
    assert (hull.pieces == 1).all()
    assert torch.equal(hull.lower, value)
    empty = fitted.hull(column(NAN))
    assert empty.pieces.item() == 0
    assert empty.lower.isnan().all()
    assert empty.upper.isnan().all()
    assert empty.excess.isnan().all()
    assert not fitted.contains(column(NAN, 1.0), column(1.0, NAN)).any()


def test_a_region_with_too_few_groups_has_the_width_of_itself_and_its_neighbour() -> None:
    label = [25.0] * 12 + [15.0] * 12 + [45.0] * 4
    residual = [1.0] * 12 + [2.0] * 12 + [9.0, 9.0, 8.0, 7.0]
    fitted = fit(residual, label, level=0.9)
    assert fitted.needed == 9
    assert fitted.groups == ((12, 12, 4),)
    assert (fitted.merged, fitted.merged_groups) == (((0, 1, 1),), ((12, 16),))
    assert fitted.quantile == ((1.0, 9.0, 9.0),)  # ranks ceil(13 * 0.9) of 12, ceil(17 * 0.9) of 16
    note = fitted.note(0)
    assert note.startswith(
        "90 % label-conditional interval from calibration groups by label region (12 many, 16 medium and few)"
    )
    assert "A region by itself needs 9 groups: few has 4, so that it is merged with its neighbour" in note
    assert fitted.counts(0) == {
        "many": {"calibration_groups": 12},
        "medium": {"calibration_groups": 12, "merged": "medium and few", "merged_groups": 16},
        "few": {"calibration_groups": 4, "merged": "medium and few", "merged_groups": 16},
    }
    assert "by itself" not in fit([1.0] * 30, [25.0] * 10 + [15.0] * 10 + [45.0] * 10, level=0.9).note(0)


def test_which_regions_are_merged_depends_on_no_residual() -> None:
    chance = np.random.default_rng(5)
    label = [25.0] * 12 + [15.0] * 5 + [45.0] * 6
    merged = {fit(chance.exponential(size=23).tolist(), label, level=0.9).merged for _ in range(20)}
    assert merged == {((0, 1, 1),)}


def test_one_case_a_group_is_drawn_in_a_merged_region() -> None:
    label, group = (
        [25.0] * 9 + [15.0, 45.0] * 9,
        [f"a{row}" for row in range(9)] + [f"b{row // 2}" for row in range(18)],
    )
    fitted = fit([1.0] * 27, label, group, level=0.91)
    assert fitted.needed == 11
    assert fitted.groups == ((9, 9, 9),)
    assert fitted.merged_groups == ((18,),)  # medium and few have the same 9 groups, too few together


def test_all_groups_together_too_few_are_infinite_and_the_first_sentence_says_how_many_are_needed() -> None:
    fitted = fit([1.0] * 8, [25.0] * 4 + [15.0] * 3 + [45.0], level=0.9)
    assert fitted.quantile == ((INF, INF, INF),)
    assert fitted.note(0).partition(".")[0] == (
        "A 90 % interval needs 9 calibration groups with this label, and there are 8: it is infinite"
    )
    hull = fitted.hull(column(25.0))
    assert (hull.lower.item(), hull.upper.item(), hull.pieces.item(), hull.excess.item()) == (-INF, INF, 1, 0.0)
    assert fitted.contains(column(25.0, 25.0), column(1e9, 25.5)).all()
    nothing = fit([], [], level=0.9)
    assert nothing.groups == ((0, 0, 0),)
    assert nothing.quantile == ((INF, INF, INF),)
    assert nothing.hull(column(1.0)).pieces.item() == 1
    assert "and there are 0" in nothing.note(0)


def test_missing_labels_and_two_targets() -> None:
    label = torch.tensor([[25.0, NAN], [15.0, 1.0], [NAN, 1.0], [45.0, 9.0]], dtype=torch.float64)
    other = LabelPartition((5.0,), (0, 2))
    fitted = LabelConditionalConformal.fit(label + 1, label, list("abcd"), [LINE, other], level=0.5, seed=0)
    assert fitted.groups == ((1, 1, 1), (2, 0, 1))
    assert fitted.quantile == ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0))
    assert fitted.merged == ((0, 1, 2), (0, 0, 1))  # no case of medium: it joins many
    hull = fitted.hull(torch.tensor([[25.0, 4.5]], dtype=torch.float64))
    assert hull.lower.tolist() == [[24.0, 3.5]]
    assert hull.upper.tolist() == [[26.0, 5.5]]


def test_many_cases_in_chunks_equal_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, value = made(1.0, 8.0, 20.0), torch.linspace(-20, 70, 333).double()[:, None]
    whole = fitted.hull(value)
    monkeypatch.setattr("medgauge.calibration.label_conditional.ENTRIES", 40)
    assert all(torch.equal(one, other) for one, other in zip(whole, fitted.hull(value), strict=True))
    assert torch.equal(whole.lower[5:6], fitted.hull(value[5:6]).lower)


def test_to_dict_and_back() -> None:
    regions = LabelRegions.fit(torch.randn(80, generator=torch.Generator().manual_seed(0)).double())
    fitted = LabelConditionalConformal(
        0.9,
        (LINE, LabelPartition.of_regions(regions)),
        ((1.5, 1.5, INF), (0.3, 1 / 3, 2.0)),
        ((12, 30, 3), (9, 9, 9)),
        ((0, 0, 1), (0, 1, 2)),
        ((40, 3), (9, 9, 9)),
        True,
    )
    saved = json.loads(json.dumps(fitted.to_dict(), allow_nan=False))
    assert LabelConditionalConformal.from_dict(saved) == fitted


def test_values_of_several_fits_give_the_same_and_say_that_the_level_is_not_guaranteed() -> None:
    chance = np.random.default_rng(0)
    label = torch.tensor(chance.uniform(0, 50, (60, 1)))
    value, group = label + torch.tensor(chance.normal(size=(60, 1))), [str(row) for row in range(60)]
    conditional = LabelConditionalConformal.fit(value, label, group, [LINE], level=0.8, seed=3, cross=True)
    plain = SplitConformal.fit(value, label, group, level=0.8, seed=3, cross=True)
    same = LabelConditionalConformal.fit(value, label, group, [LINE], level=0.8, seed=3)
    assert conditional.quantile == same.quantile
    assert plain.quantile == SplitConformal.fit(value, label, group, level=0.8, seed=3).quantile
    assert "not guaranteed exactly" in conditional.note(0)
    assert "not guaranteed exactly" in plain.note(0)
    assert "guaranteed" not in same.note(0)


def test_each_region_is_covered_and_the_plain_interval_fails_in_the_rare_one() -> None:
    draws, level, size = 40, 0.9, 900
    covered, counts, plainly = np.zeros(3), np.zeros(3), np.zeros(3)
    for seed in range(draws):
        chance = np.random.default_rng(seed)
        part = np.arange(2 * size) % 20
        low, high = np.select([part < 14, part < 19], [20, 30], 40), np.select([part < 14, part < 19], [30, 40], 60)
        label = chance.uniform(low, high)
        spread = np.select([label < 30, label < 40], [1.0, 1.6], 4.0)
        truth, value = (
            torch.tensor(label)[:, None],
            torch.tensor(label + spread * chance.normal(size=2 * size))[:, None],
        )
        names = [str(row) for row in range(size)]
        conditional = LabelConditionalConformal.fit(value[:size], truth[:size], names, [LINE], level=level, seed=seed)
        plain = SplitConformal.fit(value[:size], truth[:size], names, level=level, seed=seed)
        code = LINE.of(truth[size:, 0])
        inside = conditional.contains(value[size:], truth[size:])[:, 0]
        other = plain.contains(value[size:], truth[size:])[:, 0]
        hull = conditional.hull(value[size:])
        assert (
            ((hull.lower <= truth[size:]) & (truth[size:] <= hull.upper))[:, 0] | ~inside
        ).all()  # the set is in its hull
        for one in range(3):
            covered[one] += inside[code == one].sum().item()
            plainly[one] += other[code == one].sum().item()
            counts[one] += (code == one).sum().item()
    share = covered / counts
    calibration = counts / draws  # as many cases a region as in the test half
    # of n calibration cases the exact mean is ceil((n + 1) level) / (n + 1); both halves add a binomial error
    exact = np.ceil((calibration + 1) * level) / (calibration + 1)
    error = np.sqrt(level * (1 - level) * (1 / counts + 1 / (calibration * draws)))
    assert (np.abs(share - exact) < 4 * error).all(), (share, exact, error)
    assert (plainly / counts)[2] < 0.75
    assert (plainly / counts)[0] > 0.92


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 90, NAN])
def test_a_level_outside_zero_and_one_raises(level: float) -> None:
    with pytest.raises(ValueError, match=r"level must be in \(0, 1\), got"):
        fit([1.0], [1.0], level=level)


def test_wrong_shapes_and_settings_raise() -> None:
    with pytest.raises(ValueError, match="one a target, got 2 for 1"):
        LabelConditionalConformal.fit(column(1.0), column(1.0), ["a"], [LINE, LINE], level=0.9, seed=0)
    with pytest.raises(ValueError, match="each of the 1 cases"):
        LabelConditionalConformal.fit(column(1.0), column(1.0), ["a", "b"], [LINE], level=0.9, seed=0)
    with pytest.raises(ValueError, match="shape"):
        LabelConditionalConformal.fit(column(1.0), column(1.0)[:, 0], ["a"], [LINE], level=0.9, seed=0)
    with pytest.raises(ValueError, match=r"\(n, 1\)"):
        made(1.0, 1.0, 1.0).hull(torch.zeros(2, 2))
    with pytest.raises(ValueError, match="one entry for each of the 3 regions"):
        made(1.0, 1.0)
    with pytest.raises(ValueError, match="quantile must be >= 0"):
        made(1.0, -1.0, 1.0)
    with pytest.raises(ValueError, match=r"merged must name the places of 3 merged regions, got \(0, 0, 2\)"):
        LabelConditionalConformal(0.9, (LINE,), ((1.0,) * 3,), ((9,) * 3,), ((0, 0, 2),), ((9, 9, 9),))


def test_scaled_sets_equal_their_definition_on_a_fine_grid() -> None:
    chance = np.random.default_rng(3)
    label, scale = chance.uniform(0, 50, 200), chance.choice([0.25, 0.5, 1.0, 2.0], 200)
    score = chance.integers(1, 40, 200) / 4
    names = [str(row) for row in range(200)]
    truth = column(*label)
    fitted = LabelConditionalConformal.fit(
        truth + column(*(score * scale)), truth, names, [LINE], level=0.8, seed=0, scale=column(*scale)
    )
    code = np.array(LINE.codes)[np.searchsorted(LINE.starts, label, side="right")]
    wanted = [sorted(score[code == one])[math.ceil(0.8 * (sum(code == one) + 1)) - 1] for one in range(3)]
    assert fitted.quantile[0] == pytest.approx(wanted)
    place = np.arange(-2560, 6401) / 64  # holds every end: all are multiples of a sixteenth
    half = np.array(wanted)[np.array(LINE.codes)[np.searchsorted(LINE.starts, place, side="right")]]
    for at, own in ((3.0, 0.25), (17.5, 1.0), (25.0, 2.0), (41.25, 0.5)):
        inside = np.abs(place - at) <= half * own + 1e-9
        row, width = torch.full((len(place), 1), at).double(), torch.full((len(place), 1), own).double()
        assert np.array_equal(fitted.contains(row, column(*place), width)[:, 0].numpy(), inside)
        hull = fitted.hull(column(at), column(own))
        assert float(hull.lower) == pytest.approx(place[inside][0], abs=1e-6)
        assert float(hull.upper) == pytest.approx(place[inside][-1], abs=0.0157)
        assert int(hull.pieces) == runs(torch.tensor(inside))
    assert LabelConditionalConformal.from_dict(json.loads(json.dumps(fitted.to_dict()))) == fitted
    assert "expected of each case" in fitted.note(0)
    with pytest.raises(ValueError, match="scale must be given"):
        fitted.hull(column(1.0))
