"""Shares of right grades and the confusion matrix: beside scikit-learn, a slow loop, and exact cases."""

import math

import numpy as np
import pytest
import sklearn.metrics
import torch

from medgauge.core.figure import Figure
from medgauge.metrics import accuracy, confusion, quadratic_kappa, within_one
from medgauge.metrics.catalogue import ACCURACY, GRADE, KAPPA, WITHIN_ONE

NAN = float("nan")


def drawn(levels: list[float], rows: int = 300) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    label = random.choice(levels, size=(rows, 2))
    return label + random.normal(size=(rows, 2)).round(1), label


def half_up(value: float) -> int:
    whole = math.floor(value)
    return whole + (value - whole >= 0.5)


@pytest.mark.parametrize("levels", [[0, 1, 2, 3, 4], [-2, -1, 0, 1], [0, 1, 3, 7]])
def test_accuracy_and_kappa_equal_scikit_learns(levels: list[float]) -> None:
    value, label = drawn(levels)
    assert (value % 1 == 0.5).any()
    rounded = np.vectorize(half_up)(value)
    kappa, exact = (
        quadratic_kappa(torch.tensor(value), torch.tensor(label).double()),
        accuracy(torch.tensor(value), torch.tensor(label).double()),
    )
    for target in range(2):
        one, other = rounded[:, target], label[:, target]
        every = list(range(min(one.min(), other.min()), max(one.max(), other.max()) + 1))
        outside = sklearn.metrics.cohen_kappa_score(one, other, weights="quadratic", labels=every)
        assert kappa[target].item() == pytest.approx(outside, abs=1e-12)
        assert exact[target].item() == sklearn.metrics.accuracy_score(other, one)


@pytest.mark.parametrize("levels", [[0, 1, 2, 3, 4], [-2, -1, 0, 1], [0, 1, 3, 7]])
def test_shares_equal_a_slow_loop(levels: list[float]) -> None:
    value, label = drawn(levels)
    for metric, steps in ((accuracy, 0), (within_one, 1)):
        found = metric(torch.tensor(value), torch.tensor(label).double())
        for target in range(2):
            right = 0
            for guess, truth in zip(value[:, target], label[:, target], strict=True):
                right += abs(half_up(guess) - truth) <= steps
            assert found[target].item() == right / len(value)


def test_halves_go_up_and_nothing_below_them_does() -> None:
    label = torch.zeros(6, 1)
    value = torch.tensor([[0.49999997], [-0.5], [-0.50000006], [0.5], [0.49999], [-1.0]])
    assert accuracy(value, label).item() == pytest.approx(3 / 6)
    assert within_one(value, label).item() == 1
    assert accuracy(torch.tensor([[math.nextafter(0.5, 0)]], dtype=torch.float64), torch.zeros(1, 1)).item() == 1
    assert quadratic_kappa(value[[0, 3]], torch.tensor([[0.0], [1.0]])).item() == 1
    assert quadratic_kappa(torch.tensor([[-1.5], [-0.5]]), torch.tensor([[-1.0], [0.0]])).item() == 1


@pytest.mark.parametrize("metric", [accuracy, within_one, quadratic_kappa])
def test_labels_between_grades_are_refused(metric: object) -> None:
    assert callable(metric)
    for wrong in (0.5, math.inf):
        with pytest.raises(ValueError, match=f"label must hold whole numbers for {metric.__name__}"):
            metric(torch.zeros(2, 1), torch.tensor([[NAN], [wrong]]))


@pytest.mark.parametrize("levels", [[0.0, 1.0, 2.0, 3.0, 4.0], [-3.0, 0.0, 1.0, 5.0]])
def test_confusion_equals_a_slow_loop_and_scikit_learns(levels: list[float]) -> None:
    random = np.random.default_rng(1)
    label, value = random.choice(levels, 400), random.choice(np.arange(-12, 14) / 2, 400)
    counts = np.zeros((len(levels), len(levels)), dtype=int)
    said = []
    for guess, truth in zip(value, label, strict=True):
        away = [abs(guess - level) for level in levels]
        place = max(at for at, one in enumerate(away) if one == min(away))  # the upper of two as near
        counts[levels.index(truth), place] += 1
        said.append(levels[place])
    found = confusion(torch.tensor(value), torch.tensor(label), levels)
    assert found.dtype == torch.int64
    assert found.tolist() == counts.tolist()
    assert found.tolist() == sklearn.metrics.confusion_matrix(label, said, labels=levels).tolist()


def test_confusion_leaves_out_what_it_cannot_place() -> None:
    value, label = torch.tensor([0.0, 1.0, NAN, 1.0, 1.0]), torch.tensor([0.0, NAN, 0.0, 2.0, 1.0])
    assert confusion(value, label, [0.0, 1.0]).tolist() == [[1, 0], [0, 1]]
    assert confusion(value, label, [0.0]).tolist() == [[1]]
    assert confusion(value[:0], label[:0], [0.0, 1.0]).tolist() == [[0, 0], [0, 0]]
    with pytest.raises(ValueError, match="levels must rise"):
        confusion(value, label, [1.0, 1.0])
    with pytest.raises(ValueError, match="one shape"):
        confusion(value[:, None], label, [0.0, 1.0])


def test_the_catalogue_of_grades() -> None:
    assert list(GRADE) == ["mae", "quadratic_kappa", "accuracy", "within_one", "bias", "spearman"]
    assert not KAPPA.in_strata
    figures: list[Figure] = [ACCURACY, WITHIN_ONE]
    for one in figures:
        assert one.headline
        assert one.in_strata
        assert one.a_mean_of_cases
        assert not one.lower_is_better
    label = torch.tensor([[0.0], [1.0], [3.0]])
    for figure in GRADE.values():
        assert figure.of(label, label).item() == pytest.approx(figure.best, abs=1e-12)
