"""Standardised features as the embedding."""

import numpy as np
import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.models import build_model
from medgauge.models.standardised import StandardisedNeck


def test_columns_are_standardised_by_the_training_cases_and_clipped() -> None:
    random = np.random.default_rng(0)
    train, covariates = random.normal(3, 2, (50, 4)), random.normal(100, 5, (50, 1))
    train[:, 2] = 7.0
    neck = StandardisedNeck(4, 1).fit_features(torch.tensor(train).float(), torch.tensor(covariates).float())
    new = np.array([[3.0, 1000.0, 8.0, 2.0]])
    joined = np.concatenate([train, covariates], 1)
    spread = joined.std(0)
    spread[2] = 1.0
    wanted = (np.array([[*new[0], 90.0]]) - joined.mean(0)) / spread
    wanted[0, 1], wanted[0, 2] = 8.0, 0.0
    found = neck(torch.tensor(new).float(), torch.tensor([[90.0]]))
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-4, atol=1e-4)


def test_it_is_built_again_from_its_description() -> None:
    description = {
        "ndim": 2,
        "channels": 1,
        "covariates": 2,
        "targets": 1,
        "encoder": {"name": "small", "width": 0.25, "norm": "group", "settings": {}},
        "neck": StandardisedNeck(3, 2).describe(),
        "head": None,
    }
    model = build_model(description)
    assert model.neck.embedding == model.encoder.features + 2
    assert model.describe()["neck"] == {"name": "standardised"}


def test_missing_covariates_are_refused() -> None:
    with pytest.raises(InputError, match="reads 2 covariates, and none came"):
        StandardisedNeck(3, 2)(torch.ones(1, 3))
