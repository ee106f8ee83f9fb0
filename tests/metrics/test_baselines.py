"""The two baselines: what they choose, and that nothing of the evaluated labels reaches them."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from medgauge.metrics import covariate_baseline, mae, median_baseline, skill

NAN = float("nan")


def table(rows: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two targets of two covariates: the first linear, the second a step."""
    chance = torch.Generator().manual_seed(seed)
    covariates = torch.randn(rows, 2, generator=chance, dtype=torch.float64) * torch.tensor([1.0, 1000.0])
    noise = 0.1 * torch.randn(rows, 2, generator=chance, dtype=torch.float64)
    linear = covariates[:, :1] - covariates[:, 1:] / 1000
    return covariates, torch.cat([linear, (linear.abs() > 1).double() * 10], dim=1) + noise


def test_each_target_gets_the_kind_that_reads_val_best() -> None:
    (train, truth), (val, check), (cases, label) = table(300, 0), table(60, 1), table(50, 2)
    read = covariate_baseline(train, truth, val, check, cases)
    assert read.kind == ["ridge", "neighbours"]
    error = mae(read.value, label)
    assert error[0] < 0.12
    assert error[1] < 0.5 * mae(median_baseline(truth, 50), label)[1]
    for kind in ("neighbours", "ridge"):
        forced = covariate_baseline(train, truth, val, check, cases, kind=kind)
        assert forced.kind == [kind, kind]
        on_val = covariate_baseline(train, truth, val, check, val, kind=kind)
        best = covariate_baseline(train, truth, val, check, val)
        assert (mae(best.value, check) <= mae(on_val.value, check)).all()


def test_ridge_equals_scikit_learn_on_standardised_covariates() -> None:
    (train, truth), (val, check), (cases, _) = table(80, 0), table(20, 1), table(10, 2)
    read = covariate_baseline(train, truth[:, :1], val, check[:, :1], cases, kind="ridge")
    centre, spread = train.mean(0), train.std(0, correction=0)
    plain = Ridge(alpha=read.setting[0]).fit(((train - centre) / spread).numpy(), truth[:, 0].numpy())
    np.testing.assert_allclose(read.value[:, 0].numpy(), plain.predict(((cases - centre) / spread).numpy()), rtol=1e-9)


def test_missing_labels_are_left_out_of_each_target() -> None:
    (train, truth), (val, check), (cases, _) = table(80, 0), table(20, 1), table(10, 2)
    holes = truth.clone()
    holes[::2, 0] = NAN
    read = covariate_baseline(train, holes, val, check, cases)
    half = covariate_baseline(train[1::2], truth[1::2], val, check, cases)
    whole = covariate_baseline(train, truth, val, check, cases)
    torch.testing.assert_close(read.value[:, 0], half.value[:, 0])
    assert torch.equal(read.value[:, 1], whole.value[:, 1])


def test_no_training_or_validation_labels() -> None:
    (train, truth), (val, check), (cases, _) = table(80, 0), table(20, 1), table(10, 2)
    none = covariate_baseline(train, torch.full_like(truth, NAN), val, check, cases)
    assert none.kind == ["none", "none"]
    assert none.value.isnan().all()
    unchosen = covariate_baseline(train, truth, val, torch.full_like(check, NAN), cases)
    assert unchosen.kind == ["neighbours", "neighbours"]
    assert unchosen.value.isfinite().all()


def test_few_cases_constant_covariates_and_no_case_to_read() -> None:
    train, truth = torch.tensor([[1.0], [1.0], [1.0]]), torch.tensor([[1.0], [2.0], [6.0]])
    read = covariate_baseline(train, truth, train, truth, train[:0])
    assert read.value.shape == (0, 1)
    read = covariate_baseline(train, truth, train[:1], truth[:1] + 2, train, kind="ridge")
    assert read.value.flatten().tolist() == pytest.approx([3.0, 3.0, 3.0])


def test_what_does_not_fit_raises() -> None:
    covariates, label = torch.rand(5, 2), torch.rand(5, 1)
    with pytest.raises(ValueError, match="one or more columns"):
        covariate_baseline(covariates[:, :0], label, covariates[:, :0], label, covariates[:, :0])
    with pytest.raises(ValueError, match="finite, none missing"):
        covariate_baseline(covariates, label, covariates, label, covariates / 0)
    with pytest.raises(ValueError, match="kind must be"):
        covariate_baseline(covariates, label, covariates, label, covariates, kind="forest")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="targets must be equal"):
        covariate_baseline(covariates, label, covariates, label.expand(-1, 2), covariates)


def test_median_is_the_middle_of_the_observed_labels() -> None:
    label = torch.tensor([[1.0, NAN], [4.0, NAN], [NAN, NAN], [2.0, NAN], [100.0, NAN]])
    assert median_baseline(label, 3)[:, 0].tolist() == [3.0, 3.0, 3.0]
    assert median_baseline(label, 3)[:, 1].isnan().all()
    assert median_baseline(torch.empty(0, 2), 1).isnan().all()


def test_skill_is_one_minus_the_ratio() -> None:
    found = skill(torch.tensor([5.0, 20.0, 0.0, 1.0]), torch.tensor([20.0, 10.0, 4.0, 0.0]))
    assert found.tolist() == pytest.approx([0.75, -1, 1, NAN], nan_ok=True)
