"""Linear support vector machines: scikit-learn's decisions, chances of left-out values, and what is kept."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from sklearn.svm import LinearSVC

from medgauge.core.batch import Cases
from medgauge.core.task import Learned
from medgauge.functional.classes import class_log_loss
from medgauge.inference.balanced_svm import ClassSvm, FindingSvm, GradeSvm
from medgauge.inference.left_out_regression import LeftOutRegression
from tests.inference.test_class_predictors import cases as class_cases

NAN = math.nan


def found(count: int, seed: int, *, prefix: str = "g", rate: float = 0.8) -> Cases:
    """Two findings, rare ones, one with missing labels; two cases a group."""
    draw = torch.Generator().manual_seed(seed)
    embedding = torch.randn(count, 4, generator=draw)
    label = (embedding[:, :2] + 0.7 * torch.randn(count, 2, generator=draw) > rate).double()
    label[::7, 1] = NAN
    names = [f"{prefix}{row // 2}" for row in range(count)]
    return Cases(embedding, label, names, names)


def standardised(gallery: Cases, asked: Cases) -> tuple[np.ndarray, np.ndarray]:
    own = gallery.embedding.double().numpy()
    return tuple(((one.embedding.double().numpy() - own.mean(0)) / own.std(0)).clip(-8, 8) for one in (gallery, asked))


def machine(constant: float) -> LinearSVC:
    return LinearSVC(C=1 / constant, class_weight="balanced", dual=False)


def logit(chance: np.ndarray) -> np.ndarray:
    return np.log(chance / (1 - chance))


def test_chances_of_findings_rise_with_the_decisions_of_scikit_learn() -> None:
    gallery, query = found(120, 0), found(30, 1, prefix="q")
    made = FindingSvm(2).fit(gallery)
    assert isinstance(made, Learned)
    value = made.read(query).value.numpy()
    own, asked = standardised(gallery, query)
    for target in range(2):
        known = ~gallery.label[:, target].isnan().numpy()
        model = machine(made.tuned["constant"]).fit(own[known], gallery.label[known, target].numpy())
        decision = model.decision_function(asked)
        slope, offset = np.polyfit(decision, logit(value[:, target]), 1)
        np.testing.assert_allclose(logit(value[:, target]), slope * decision + offset, atol=1e-6)
        assert slope > 0


def test_chances_have_the_rate_of_the_finding_though_classes_weigh_the_same() -> None:
    gallery, query = found(400, 0, rate=1.5), found(2000, 1, prefix="q", rate=1.5)
    value = FindingSvm(2).fit(gallery).read(query).value
    rate = float((query.label[:, 0] == 1).double().mean())
    assert rate < 0.15
    assert float(value[:, 0].mean()) == pytest.approx(rate, abs=0.04)
    assert roc_auc_score(query.label[:, 0].numpy(), value[:, 0].numpy()) > 0.8


def test_a_training_case_is_read_without_the_fold_of_its_group_and_calibrated_by_the_others() -> None:
    gallery = found(120, 0)
    made = FindingSvm(2).fit(gallery)
    fold, row = made.learned()["fold"], 5
    own, _ = standardised(gallery, gallery)
    decisions = np.zeros(120)
    for one in range(5):
        kept, left = (fold != one).numpy(), (fold == one).numpy()
        model = machine(made.tuned["constant"]).fit(own[kept], gallery.label[kept, 0].numpy())
        decisions[left] = model.decision_function(own[left])
    other = (fold != fold[row]).numpy()
    present = gallery.label[other, 0].numpy() == 1
    target = np.where(present, (present.sum() + 1) / (present.sum() + 2), 1 / ((~present).sum() + 2))
    read = logit(made.read(gallery).value[:, 0].numpy())
    same = (fold == fold[row]).numpy()
    slope, offset = np.polyfit(decisions[same], read[same], 1)
    np.testing.assert_allclose(read[same], slope * decisions[same] + offset, atol=1e-6)
    chance = 1 / (1 + np.exp(-(slope * decisions[other] + offset)))
    assert abs((chance - target).sum()) < 1e-2  # where the log loss is smallest its gradient is 0
    assert abs(((chance - target) * decisions[other]).sum()) < 1e-2


@pytest.mark.parametrize("classes", [2, 3])
def test_chances_of_classes_are_one_slope_and_offsets_away_from_the_decisions(classes: int) -> None:
    gallery, query = class_cases(90, 3, classes=classes), class_cases(20, 4, classes=classes, prefix="q")
    made = ClassSvm([classes]).fit(gallery)
    chance = made.read(query).value[:, 0].numpy()
    np.testing.assert_allclose(chance.sum(1), 1, atol=1e-12)
    own, asked = standardised(gallery, query)
    known = ~gallery.label[:, 0].isnan().numpy()
    model = machine(made.tuned["constant"]).fit(own[known], gallery.label[known, 0].numpy())
    decision = model.decision_function(asked).reshape(20, -1)
    decision = np.stack([np.zeros(20), decision[:, 0]], 1) if classes == 2 else decision
    gap, between = np.log(chance[:, 1:] / chance[:, :1]), decision[:, 1:] - decision[:, :1]
    slopes = [np.polyfit(between[:, one], gap[:, one], 1) for one in range(classes - 1)]
    for one, (slope, offset) in enumerate(slopes):
        np.testing.assert_allclose(gap[:, one], slope * between[:, one] + offset, atol=1e-6)
        assert slope == pytest.approx(slopes[0][0], rel=1e-6)
    blind = class_log_loss(torch.full((20, 1, classes), 1 / classes), query.label).nanmean()
    assert class_log_loss(made.read(query).value, query.label).nanmean() < blind


def test_a_class_that_no_training_case_is_of_has_no_chance_and_one_of_a_single_fold_is_finite() -> None:
    gallery = class_cases(60, 3)
    none = ClassSvm([4]).fit(gallery).read(class_cases(9, 5, prefix="q")).value
    assert float(none[..., 3].max()) < 1e-12
    label = gallery.label.clone()
    label[(label == 2).flatten()] = 0
    label[10] = 2
    once = ClassSvm([3]).fit(Cases(gallery.embedding, label, gallery.id, gallery.group))
    assert bool(once.read(gallery).value.isfinite().all())


def test_grades_have_falling_chances_of_steps_and_their_mean() -> None:
    draw = torch.Generator().manual_seed(0)
    embedding, names = torch.randn(150, 3, generator=draw), [str(row) for row in range(150)]
    label = (embedding[:, :1] * 1.5 + 0.5 * torch.randn(150, 1, generator=draw) + 1).round().clamp(0, 3).double()
    made = GradeSvm([(0.0, 1.0, 2.0, 3.0)]).fit(Cases(embedding, label, names, names))
    asked = Cases(embedding, label, [f"q{name}" for name in names], [f"q{name}" for name in names])
    reading = made.read(asked)
    assert reading.probability is not None
    torch.testing.assert_close(reading.probability.sum(-1), torch.ones(150, 1, dtype=torch.float64))
    assert float(reading.probability.min()) >= 0
    assert float((reading.value - label).abs().mean()) < 0.5


@pytest.mark.parametrize(
    ("made", "again", "gallery"),
    [
        (FindingSvm(2), FindingSvm(2), found(60, 0)),
        (ClassSvm([3]), ClassSvm([3]), class_cases(60, 3)),
    ],
)
def test_what_was_learned_is_kept_as_numbers(made: LeftOutRegression, again: LeftOutRegression, gallery: Cases) -> None:
    made.fit(gallery)
    again.restore(gallery, made.tuned).take_learned(made.learned())
    assert torch.equal(again.read(gallery).value, made.read(gallery).value)


def test_the_order_of_cases_has_no_part() -> None:
    gallery, query = found(80, 0), found(9, 1, prefix="q")
    order = torch.randperm(80, generator=torch.Generator().manual_seed(3)).tolist()
    names = [gallery.group[row] for row in order]
    other = Cases(gallery.embedding[order], gallery.label[order], names, names)
    values = [FindingSvm(2).fit(one).read(query).value for one in (gallery, other)]
    torch.testing.assert_close(values[0], values[1], rtol=0, atol=1e-4)
