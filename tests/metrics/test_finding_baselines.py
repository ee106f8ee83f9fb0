"""Baselines of findings: rates, and logistic regression on the covariates."""

import math

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from medgauge.core.task import Known
from medgauge.metrics.finding_baselines import PENALTIES, FindingCovariates, TrainingRate

NAN = math.nan


def known(rows: int, seed: int) -> Known:
    draw = torch.Generator().manual_seed(seed)
    covariates = torch.randn(rows, 2, generator=draw, dtype=torch.float64) * torch.tensor([1.0, 50.0])
    label = (covariates[:, :1] + torch.randn(rows, 1, generator=draw) > 0.5).double()
    return Known(torch.cat([label, torch.zeros(rows, 1)], dim=1), covariates)


def test_the_rate_leaves_missing_labels_out() -> None:
    train = Known(torch.tensor([[1.0], [0.0], [NAN], [0.0]]), torch.zeros(4, 0))
    assert TrainingRate.fit(train, train).read(torch.zeros(2, 0)).tolist() == [[1 / 3], [1 / 3]]


def test_covariates_are_read_as_scikit_learn_reads_them() -> None:
    train, validation, asked = known(200, 0), known(100, 1), known(30, 2)
    train.label[:20, 0] = NAN
    made = FindingCovariates.fit(train, validation)
    read = made.read(asked.covariates)
    assert made.sort == ["logistic", "rate"]
    assert read[:, 1].tolist() == [0.0] * 30
    scaler = StandardScaler().fit(train.covariates[20:].numpy())
    found = {}
    for penalty in PENALTIES:
        model = LogisticRegression(C=1 / penalty)
        model.fit(scaler.transform(train.covariates[20:].numpy()), train.label[20:, 0].numpy())
        chance = model.predict_proba(scaler.transform(validation.covariates.numpy()))[:, 1]
        truth = validation.label[:, 0].numpy()
        cost = -np.mean(truth * np.log(chance) + (1 - truth) * np.log(1 - chance))
        found[cost] = model.predict_proba(scaler.transform(asked.covariates.numpy()))[:, 1]
    np.testing.assert_allclose(read[:, 0].numpy(), found[min(found)], atol=1e-6)
