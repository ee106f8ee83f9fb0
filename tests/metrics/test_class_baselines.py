"""The baselines of classes: training shares, and chances from covariates."""

import math

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from medgauge.core.task import Known
from medgauge.metrics.class_baselines import ClassCovariatesOnly, TrainingShares, class_shares

NAN = math.nan


def known(count: int, seed: int) -> Known:
    """The class hangs on the first covariate."""
    draw = np.random.default_rng(seed)
    covariates = draw.normal(size=(count, 2))
    label = np.digitize(covariates[:, 0] + 0.3 * draw.normal(size=count), [-0.5, 0.8]).astype(float)
    return Known(torch.tensor(label)[:, None], torch.tensor(covariates))


def test_shares_leave_missing_labels_out() -> None:
    label = torch.tensor([[0.0, 1.0], [0.0, NAN], [2.0, 1.0], [0.0, 0.0]])
    torch.testing.assert_close(class_shares(label), torch.tensor([[0.75, 0.0, 0.25], [1 / 3, 2 / 3, 0.0]]).double())
    read = TrainingShares.fit(Known(label, torch.zeros(4, 0)), Known(label, torch.zeros(4, 0))).read(torch.zeros(5, 0))
    assert read.shape == (5, 2, 3)


def test_covariates_tell_the_class_where_they_do() -> None:
    made = ClassCovariatesOnly.fit(known(200, 0), known(80, 1))
    test = known(100, 2)
    chance = made.read(test.covariates)
    assert (chance[:, 0].argmax(-1) == test.label[:, 0]).double().mean() > 0.65
    torch.testing.assert_close(chance.sum(-1), torch.ones(100, 1).double())
    assert made.sort[0] in ("neighbours", "logistic")


def test_without_validation_it_is_the_middle_penalty_of_scikit_learn() -> None:
    train, none = known(200, 0), Known(torch.zeros(0, 1), torch.zeros(0, 2))
    made = ClassCovariatesOnly.fit(train, none)
    test = known(10, 2)
    features = train.covariates.numpy()
    mean, deviation = features.mean(0), features.std(0)
    model = LogisticRegression(C=1.0, max_iter=1000).fit((features - mean) / deviation, train.label[:, 0].numpy())
    expected = model.predict_proba((test.covariates.numpy() - mean) / deviation)
    np.testing.assert_allclose(made.read(test.covariates)[:, 0].numpy(), expected, atol=1e-6)
    assert made.sort == ["logistic"]


def test_one_class_alone_is_its_share() -> None:
    one = Known(torch.ones(4, 1), torch.zeros(4, 2))
    made = ClassCovariatesOnly.fit(one, one)
    assert made.read(torch.zeros(2, 2)).tolist() == [[[0.0, 1.0]]] * 2
    assert made.sort == ["none"]
