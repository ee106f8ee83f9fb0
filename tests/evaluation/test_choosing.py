"""Choosing among candidates, against loops over cases, and what the choice is worth in a simulation."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from medgauge.evaluation.choosing import blend_weights, choose, nested_blend_weights
from medgauge.metrics.crossed import crossed_draws
from medgauge.tasks.values import least_absolute

NAN = float("nan")


def some(
    candidates: int, groups: int, *, seed: int, better: float = 0.3
) -> tuple[torch.Tensor, torch.Tensor, list[str], list[int]]:
    """Errors of one to four cases a group, later candidates better, and a patient's cases alike."""
    chance = np.random.default_rng(seed)
    size = chance.integers(1, 5, groups)
    group = [f"p{one}" for one, count in enumerate(size) for _ in range(count)]
    fold = [one % 5 for one, count in enumerate(size) for _ in range(count)]
    shared = np.repeat(chance.normal(size=(candidates + 1, groups)), size, axis=1)
    error = np.abs(3 + shared + 0.5 * chance.normal(size=shared.shape))
    error[:-1] -= np.minimum(error[:-1], better * np.arange(candidates)[:, None] / candidates)
    return torch.from_numpy(error[:-1]), torch.from_numpy(error[-1]), group, fold


def slow_error(values: Sequence[float], group: Sequence[str]) -> float:
    """Standard error of a mean of cases whose groups are independent: the spread of the groups' sums around it."""
    mean, residual = sum(values) / len(values), dict[str, float]()
    for value, name in zip(values, group, strict=True):
        residual[name] = residual.get(name, 0.0) + value - mean
    count = len(residual)
    if count < 2:
        return math.inf
    return math.sqrt(count / (count - 1) * sum(one * one for one in residual.values())) / len(values)


def slow_rule(error: np.ndarray, group: Sequence[str], cases: Sequence[int]) -> int:
    """The rule of choice on a list of cases, with every difference as a list."""
    names = [group[case] for case in cases]
    means = [float(np.mean([row[case] for case in cases])) for row in error]
    best = means.index(min(means))
    for place, row in enumerate(error):
        further = [row[case] - error[best][case] for case in cases]
        if np.mean(further) <= slow_error(further, names) or place == best:
            return place
    raise AssertionError


def test_the_choice_and_its_errors_are_those_of_a_loop() -> None:
    seen = set()
    for seed in range(30):
        error, baseline, group, fold = some(4, 25, seed=seed, better=1.5)
        choice = choose(error, baseline, group, fold, seed=0, draws=5)
        assert choice.index == slow_rule(error.numpy(), group, range(len(group)))
        assert choice.error.tolist() == pytest.approx(error.numpy().mean(1).tolist())
        assert choice.standard_error.tolist() == pytest.approx([slow_error(row, group) for row in error.tolist()])
        seen.add(choice.index)
    assert len(seen) > 2


def test_each_fold_has_the_candidate_of_the_other_groups() -> None:
    error, baseline, group, fold = some(6, 30, seed=1, better=0.6)
    fold[-1] = 1 - min(fold[-1], 1)  # a group in two folds takes part in the choice of neither
    choice = choose(error, baseline, group, fold, seed=0, draws=5)
    total = 0.0
    for case, own in enumerate(fold):
        without = {name for name, there in zip(group, fold, strict=True) if there == own}
        others = [one for one, name in enumerate(group) if name not in without]
        picked = slow_rule(error.numpy(), group, others)
        assert int(choice.picked[case]) == picked
        total += float(error[picked, case])
    assert len(set(choice.picked.tolist())) > 1
    assert choice.nested == pytest.approx(total / len(fold))


def test_the_corrected_error_chooses_in_the_bag_and_judges_outside_it() -> None:
    error, baseline, group, fold = some(5, 22, seed=3)
    names = sorted(set(group))
    choice = choose(error, baseline, group, fold, seed=7, draws=60)
    outside, beside, often = [], [], [0] * 5
    for times in torch.cat([by_group for by_group, _ in crossed_draws(22, 1, draws=60, seed=7)]).int().tolist():
        bag, copies = [], []
        for name, count in zip(names, times, strict=True):
            for copy in range(count):
                own = [case for case, there in enumerate(group) if there == name]
                bag += own
                copies += [f"{name} {copy}"] * len(own)
        where = dict(zip(range(len(bag)), bag, strict=True))
        picked = slow_rule(
            np.array([[row[where[at]] for at in where] for row in error.tolist()]), copies, range(len(bag))
        )
        left = [case for case, name in enumerate(group) if times[names.index(name)] == 0]
        often[picked] += 1
        outside.append(float(np.mean([error[picked, case] for case in left])))
        beside.append(float(np.mean([baseline[case] for case in left])))
    assert choice.corrected == pytest.approx(np.mean(outside))
    assert choice.ci95 == pytest.approx(tuple(np.quantile(outside, [0.025, 0.975])))
    assert choice.skill == pytest.approx(1 - np.mean(outside) / np.mean(beside))
    skills = [1 - one / other for one, other in zip(outside, beside, strict=True)]
    assert choice.skill_ci95 == pytest.approx(tuple(np.quantile(skills, [0.025, 0.975])))
    assert choice.share.tolist() == pytest.approx([count / 60 for count in often])
    assert sum(count > 0 for count in often) > 1


def test_the_smallest_of_ten_equal_errors_is_too_good_and_the_corrected_one_is_not() -> None:
    chance, smallest, corrected, nested = np.random.default_rng(0), [], [], []
    group, fold = [str(case // 2) for case in range(80)], [case // 2 % 5 for case in range(80)]
    for seed in range(150):
        error = torch.from_numpy(np.repeat(chance.exponential(size=(10, 40)), 2, axis=1))  # each true error is 1
        choice = choose(error, torch.full((80,), 1.0), group, fold, seed=seed, draws=100)
        smallest.append(float(choice.error.min()))
        corrected.append(choice.corrected)
        nested.append(choice.nested)
    noise = np.std(corrected) / math.sqrt(len(corrected))
    assert np.mean(smallest) < 0.85
    assert abs(np.mean(corrected) - 1) < 3 * noise < 0.05
    assert abs(np.mean(nested) - 1) < 0.05


def test_a_copy_that_costs_more_is_never_chosen() -> None:
    error, baseline, group, fold = some(1, 30, seed=5)
    choice = choose(error.expand(4, -1), baseline, group, fold, seed=0, draws=200)
    assert choice.index == 0
    assert choice.share.tolist() == [1, 0, 0, 0]
    assert not choice.picked.any()


def test_a_gain_beyond_chance_is_worth_its_price_and_groups_say_what_chance_is() -> None:
    chance = np.random.default_rng(2)
    gain = 0.12 + chance.normal(size=20) * 0.5  # of a patient: too little to be told of 20, plenty if 400 were alone
    error = torch.from_numpy(np.stack([np.full(400, 2.0), 2.0 - np.repeat(gain, 20)]))
    assert 0 < gain.mean() < gain.std(ddof=1) / math.sqrt(20)
    fold = [case // 20 % 4 for case in range(400)]
    together = choose(error, torch.full((400,), 3.0), [str(case // 20) for case in range(400)], fold, seed=0, draws=200)
    alone = choose(error, torch.full((400,), 3.0), [str(case) for case in range(400)], fold, seed=0, draws=200)
    assert (together.index, alone.index) == (0, 1)
    assert together.standard_error[1] > 3 * alone.standard_error[1]


def test_one_candidate_alone_has_its_own_error() -> None:
    error, baseline, group, fold = some(1, 30, seed=4)
    choice = choose(error, baseline, group, fold, seed=0)
    mean, blind = float(error.mean()), float(baseline.mean())
    assert (choice.index, choice.nested, choice.corrected) == (0, pytest.approx(mean), pytest.approx(mean))
    assert choice.skill == pytest.approx(1 - mean / blind)
    low, high = choice.ci95
    assert (high - low) / 2 == pytest.approx(1.96 * float(choice.standard_error[0]), rel=0.15)
    assert choice.skill_ci95[0] < choice.skill < choice.skill_ci95[1]


def test_a_missing_label_counts_for_nothing() -> None:
    error, baseline, group, fold = some(3, 25, seed=6)
    full = choose(error, baseline, group, fold, seed=1, draws=50)
    blank = torch.full((3, 2), NAN)
    more = choose(
        torch.cat([blank, error], 1), torch.cat([blank[0], baseline]), [group[0], "nobody", *group], [fold[0], 3, *fold],
        seed=1, draws=50,
    )  # fmt: skip
    assert more.nested == pytest.approx(full.nested)
    assert more.error.tolist() == pytest.approx(full.error.tolist())
    assert more.corrected == pytest.approx(full.corrected)
    assert more.skill == pytest.approx(full.skill)
    assert more.picked[2:].tolist() == full.picked.tolist()
    assert int(more.picked[0]) == int(full.picked[0])
    third = fold.index(3)
    assert int(more.picked[1]) == int(full.picked[third])


def test_few_groups_have_no_interval_and_a_baseline_without_error_no_skill() -> None:
    error, baseline, group, fold = some(3, 19, seed=8)
    few = choose(error, baseline, group, fold, seed=0, draws=50)
    assert all(math.isnan(end) for end in (*few.ci95, *few.skill_ci95))
    assert math.isfinite(few.corrected)
    error, baseline, group, fold = some(3, 20, seed=8)
    enough = choose(error, baseline * 0, group, fold, seed=0, draws=50)
    assert all(map(math.isfinite, enough.ci95))
    assert math.isnan(enough.skill)
    assert all(map(math.isnan, enough.skill_ci95))


def test_the_same_seed_draws_the_same_and_many_folds_take_the_same_path(monkeypatch: pytest.MonkeyPatch) -> None:
    error, baseline, group, fold = some(4, 40, seed=9)
    fold = [int(name[1:]) for name in group]  # each group a fold of its own
    whole = choose(error, baseline, group, fold, seed=3, draws=40)
    assert choose(error, baseline, group, fold, seed=3, draws=40).corrected == whole.corrected
    assert choose(error, baseline, group, fold, seed=4, draws=40).corrected != whole.corrected
    monkeypatch.setattr("medgauge.evaluation.choosing.BLOCK", 90)  # two folds at a time
    assert choose(error, baseline, group, fold, seed=3, draws=40).picked.tolist() == whole.picked.tolist()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"group": ["a"] * 4}, "at least two groups"),
        ({"fold": [1, 1, 1, 1]}, "none beside fold 1"),
        ({"fold": [0, 1]}, "must be of 4 cases"),
        ({"baseline": torch.tensor([1.0, NAN, 1.0, 1.0])}, "for all candidates and the baseline, or for none"),
        (
            {"error": torch.tensor([[1.0, 1.0, 1.0, NAN], [1.0] * 4])},
            "for all candidates and the baseline, or for none",
        ),
        ({"error": torch.tensor([[1.0, -1.0, 1.0, 1.0]])}, ">= 0"),
        ({"error": torch.ones(4)}, r"error must be \(c, n\)"),
    ],
)
def test_what_cannot_be_chosen_from_is_said(change: dict[str, object], words: str) -> None:
    given = {"error": torch.ones(2, 4), "baseline": torch.ones(4), "group": ["a", "a", "b", "b"], "fold": [0, 0, 1, 1]}
    with pytest.raises(ValueError, match=words):
        choose(**(given | change), seed=0, draws=5)  # type: ignore[arg-type]


def blended(value: np.ndarray, label: np.ndarray) -> np.ndarray:
    """The weights by the program as it is written: each case's error in two parts, above and below 0."""
    count, cases = value.shape
    each = np.hstack([value.T, -np.eye(cases), np.eye(cases)])
    one = np.hstack([np.ones((1, count)), np.zeros((1, 2 * cases))])
    costs = np.concatenate([np.zeros(count), np.ones(2 * cases)])
    return np.asarray(linprog(costs, A_eq=np.vstack([each, one]), b_eq=np.append(label, 1.0)).x[:count])


def drawn_values(seed: int, cases: int = 60) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    label = 50 + 10 * chance.normal(size=cases)
    shared = chance.normal(size=cases)
    miss = chance.normal(size=(4, cases)) * [[2.0], [3.0], [4.0], [9.0]] + shared + [[0.0], [1.0], [-1.0], [6.0]]
    return label + miss, label


@pytest.mark.parametrize("seed", range(5))
def test_blend_weights_are_those_of_the_program_as_it_is_written(seed: int) -> None:
    value, label = drawn_values(seed)
    weights = blend_weights(torch.from_numpy(value), torch.from_numpy(label), least_absolute).numpy()
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert (weights >= 0).all()
    assert weights == pytest.approx(blended(value, label), abs=1e-6)
    others = np.random.default_rng(seed).dirichlet(np.full(4, 0.5), 20000)
    assert np.abs(weights @ value - label).mean() <= np.abs(others @ value - label).mean(1).min()


def test_blend_weights_of_special_values() -> None:
    label = torch.tensor([1.0, 2.0, NAN])
    values = torch.tensor([[1.0, 2.0, 9.0], [4.0, 2.0, NAN]])
    assert blend_weights(values, label, least_absolute).tolist() == [1, 0]
    assert blend_weights(values[:1], label, least_absolute).tolist() == [1]
    both_too_high = torch.tensor([[3.0, 4.0, 0.0], [2.0, 3.0, 0.0]])
    assert blend_weights(both_too_high, label, least_absolute).tolist() == pytest.approx([0, 1])
    assert blend_weights(values[:1].expand(3, -1), label, least_absolute).sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="missing ones alone"):
        blend_weights(values, label * NAN, least_absolute)
    with pytest.raises(ValueError, match="finite"):
        blend_weights(values, torch.tensor([1.0, 2.0, 3.0]), least_absolute)


def test_nested_weights_leave_the_groups_of_the_fold_out() -> None:
    value, label = drawn_values(11)
    group = [str(case // 2) for case in range(60)]
    fold = [case // 2 % 3 for case in range(60)]
    fold[1] = 2  # its group is in folds 0 and 2
    found = nested_blend_weights(torch.from_numpy(value), torch.from_numpy(label), group, fold, least_absolute).numpy()
    for case in range(60):
        without = {name for name, there in zip(group, fold, strict=True) if there == fold[case]}
        kept = np.array([name not in without for name in group])
        assert found[:, case] == pytest.approx(blended(value[:, kept], label[kept]), abs=1e-6)
    assert len({tuple(column) for column in found.T.round(6).tolist()}) == 3
