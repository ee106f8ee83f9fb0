"""Logistic regression of grades: its chances are scikit-learn's, left-out groups have no part in theirs, and it is loaded as it was."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.errors import InputError
from medgauge.core.evidence import Reading
from medgauge.inference import LogisticPredictor, left_out_regression

LEVELS = [(0.0, 1.0, 3.0)]
NAN = float("nan")


def cases(embedding: Tensor, label: Tensor, group: Sequence[str] | None = None) -> Cases:
    names = [str(row) for row in range(len(label))]
    return Cases(embedding, label.double(), names, list(group or names))


def drawn(count: int = 60, width: int = 4, seed: int = 0, noise: float = 0.5) -> tuple[Tensor, Tensor]:
    """Points whose first column tells the level, more or less."""
    make = torch.Generator().manual_seed(seed)
    points = torch.randn(count, width, generator=make)
    said = points[:, 0] + noise * torch.randn(count, generator=make)
    return points, torch.tensor(LEVELS[0])[(said > -0.3).int() + (said > 0.6).int()][:, None]


def chances(train: np.ndarray, label: np.ndarray, query: np.ndarray, constant: float) -> np.ndarray:
    """What scikit-learn says of each step, with the columns of ``train`` standardised by hand."""
    above = []
    for level in LEVELS[0][:-1]:
        model = LogisticRegression(C=1 / constant, max_iter=5000, tol=1e-9).fit(train, label > level)
        above.append(model.predict_proba(query)[:, 1])
    second = np.minimum(above[0], above[1])
    return np.stack([1 - above[0], above[0] - second, second], 1)


def standardised(train: Tensor, query: Tensor) -> np.ndarray:
    plain = train.double().numpy()
    return (query.double().numpy() - plain.mean(0)) / plain.std(0)


def chance_of(reading: Reading) -> np.ndarray:
    assert reading.probability is not None
    return reading.probability[:, 0].numpy()


@pytest.mark.parametrize("width", [4, 150])  # the second has more columns than cases
def test_chances_are_those_of_a_logistic_regression_a_step(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr(left_out_regression, "CONSTANTS", (30.0,))
    (points, label), query = drawn(width=width), drawn(9, width, seed=5)[0]
    reading = LogisticPredictor(LEVELS).fit(cases(points, label)).read(cases(query, label[:9], "abcdefghi"))
    wanted = chances(standardised(points, points), label[:, 0].numpy(), standardised(points, query), 30.0)
    np.testing.assert_allclose(chance_of(reading), wanted, atol=2e-3)
    np.testing.assert_allclose(reading.value[:, 0], wanted @ np.array(LEVELS[0]), atol=6e-3)
    assert reading.evidence is None


def test_a_training_group_is_read_without_its_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_out_regression, "CONSTANTS", (10.0,))
    points, label = drawn(40)
    group = [f"g{row // 2}" for row in range(40)]
    model = LogisticPredictor(LEVELS).fit(cases(points, label, group), cases(points, label, group), absolute)
    found = chance_of(model.read(cases(points, label, group)))
    fold = model.learned()["fold"].numpy()
    assert all(fold[row] == fold[row + 1] for row in range(0, 40, 2))  # a group is in one fold
    assert np.bincount(fold).tolist() == [8] * 5
    plain = standardised(points, points)
    for one in range(5):
        kept = fold != one
        wanted = chances(plain[kept], label[kept, 0].numpy(), plain[~kept], 10.0)
        np.testing.assert_allclose(found[~kept], wanted, atol=2e-3)
    value = found @ np.array(LEVELS[0])
    assert model.validation.tolist() == pytest.approx([np.abs(value - label[:, 0].numpy()).mean()])


def absolute(value: Tensor, label: Tensor) -> Tensor:
    return (value - label).abs()


def test_the_constant_is_that_of_the_smallest_ranked_probability_score(monkeypatch: pytest.MonkeyPatch) -> None:
    points, label = drawn(80)
    best, scores = LogisticPredictor(LEVELS).fit(cases(points, label)), {}
    for constant in (1e4, 100.0, best.tuned["constant"], 0.01):
        monkeypatch.setattr(left_out_regression, "CONSTANTS", (constant,))
        found = chance_of(LogisticPredictor(LEVELS).fit(cases(points, label)).read(cases(points, label)))
        above = np.stack([found[:, 1] + found[:, 2], found[:, 2]], 1)
        there = np.stack([label[:, 0] > 0, label[:, 0] > 1], 1)
        scores[constant] = ((above - there) ** 2).sum()
    assert min(scores, key=lambda constant: scores[constant]) == best.tuned["constant"]
    assert 0.01 < best.tuned["constant"] < 1000


def test_what_tells_nothing_is_held_down() -> None:
    points, label = drawn(60)
    blind = LogisticPredictor(LEVELS).fit(cases(torch.randn(60, 4, generator=torch.Generator().manual_seed(9)), label))
    assert blind.tuned["constant"] > 3 * LogisticPredictor(LEVELS).fit(cases(points, label)).tuned["constant"]


def test_a_level_of_one_group_is_absent_where_that_is_left_out() -> None:
    points, label = drawn(30)
    label[label == 3.0] = 1.0
    label[:2] = 3.0
    group = ["rare", "rare", *map(str, range(28))]
    model = LogisticPredictor(LEVELS).fit(cases(points, label, group))
    own, other = (chance_of(model.read(cases(points, label, names))) for names in (group, ["new"] * 30))
    assert own[:2, 2].max() < 1e-12  # read without the only group that has it
    assert other[:2, 2].min() > 1e-3
    np.testing.assert_allclose(own.sum(1), 1, rtol=1e-12)


def test_only_one_level() -> None:
    points, _ = drawn(10)
    model = LogisticPredictor([(2.0,)]).fit(cases(points, torch.full((10, 1), 2.0)))
    assert model.read(cases(points[:3], torch.full((3, 1), 2.0), "xyz")).value.tolist() == [[2.0]] * 3


def test_missing_labels_and_targets_of_unlike_levels() -> None:
    points, label = drawn(60)
    both = torch.cat([label, (points[:, 1:2] > 0).double() * 5], 1)
    both[::3, 0] = NAN
    levels = [*LEVELS, (0.0, 5.0)]
    query = cases(points[:9], both[:9], "abcdefghi")
    reading = LogisticPredictor(levels).fit(cases(points, both)).read(query)
    assert reading.probability is not None
    assert (reading.probability[:, 1, 2] == 0).all()
    np.testing.assert_allclose(reading.value[:, 1], 5 * reading.probability[:, 1, 1])
    kept = ~both[:, 0].isnan()
    alone = LogisticPredictor(LEVELS).fit(cases(points[kept], both[kept, :1]))
    assert (
        alone.read(cases(points[:9], both[:9, :1], "abcdefghi")).value[:, 0] - reading.value[:, 0]
    ).abs().max() < 0.5


def test_constant_columns_say_nothing_and_one_that_is_all_there_is_does_not_fail() -> None:
    points, label = drawn(40)
    wide = torch.cat([points, torch.full((40, 1), 7.0)], 1)
    query = torch.cat([points[:4], torch.full((4, 1), -900.0)], 1)
    plain, more = LogisticPredictor(LEVELS).fit(cases(points, label)), LogisticPredictor(LEVELS).fit(cases(wide, label))
    new, names = label[:4], "wxyz"
    np.testing.assert_allclose(  # as near as its solver comes: which stops at a gradient of 1e-5
        chance_of(more.read(cases(query, new, names))), chance_of(plain.read(cases(points[:4], new, names))), atol=1e-3
    )
    flat = LogisticPredictor(LEVELS).fit(cases(torch.ones(40, 60), label)).read(cases(torch.ones(1, 60), new[:1], "w"))
    shares = [float((label == level).double().mean()) for level in LEVELS[0]]
    np.testing.assert_allclose(chance_of(flat)[0], shares, atol=1e-3)  # of the solver, as above


def test_restored_it_reads_exactly_the_same() -> None:
    points, label = drawn(30, 50)
    points[:, 3] = 4.0
    gallery = cases(points, label)
    model, query = LogisticPredictor(LEVELS).fit(gallery), cases(points[:6], label[:6], ["0", "1", "2", "x", "y", "z"])
    again = LogisticPredictor(LEVELS).restore(gallery, model.tuned)
    with pytest.raises(ValueError, match="has learned nothing"):
        again.read(query)
    again.take_learned(model.learned())
    assert torch.equal(again.read(query).value, model.read(query).value)
    assert again.tuned == model.tuned
    assert all(one.isfinite().all() for one in model.learned().values())


@pytest.mark.parametrize("name", ["mean", "deviation", "weight", "bias", "fold"])
def test_numbers_of_another_shape_are_refused(name: str) -> None:
    points, label = drawn(30)
    model = LogisticPredictor(LEVELS).fit(cases(points, label))
    wrong = model.learned() | {name: model.learned()[name][:-1]}
    with pytest.raises(ValueError, match="must be of shape"):
        LogisticPredictor(LEVELS).restore(cases(points, label), model.tuned).take_learned(wrong)


def test_what_cannot_be_learned_is_told() -> None:
    points, label = drawn(10)
    with pytest.raises(InputError, match="two groups or more, and they are of 1"):
        LogisticPredictor(LEVELS).fit(cases(points, label, ["a"] * 10))
    points[3, 1] = NAN
    with pytest.raises(InputError, match="not finite numbers; the network diverged"):
        LogisticPredictor(LEVELS).fit(cases(points, label))
    with pytest.raises(ValueError, match="call fit"):
        _ = LogisticPredictor(LEVELS).tuned
