import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.models import CovariateNeck, LinearHead


def test_scale_multiplies_the_embedding_and_learns() -> None:
    neck = CovariateNeck(6, 0, 4)
    features = torch.randn(5, 6)
    before = neck(features)
    with torch.no_grad():
        neck.scale.fill_(-2.5)
    torch.testing.assert_close(neck(features), before * -2.5)
    neck(features).sum().backward()
    torch.testing.assert_close(neck.scale.grad, before.sum())
    assert not CovariateNeck(6, 0, 4, scale=3.0, learn_scale=False).scale.requires_grad


def test_layers_are_those_of_the_published_code() -> None:
    neck = CovariateNeck(2048, 1, 1000)
    assert (neck.first.in_features, neck.first.out_features) == (2080, 1000)
    assert (neck.second.in_features, neck.second.out_features) == (1000, 1000)


def test_forward_equals_the_layers_by_hand() -> None:
    neck = CovariateNeck(3, 2, 4, covariate_width=5, hidden=7, scale=0.5)
    covariates = torch.tensor([[1.0, 10.0], [3.0, 10.0], [8.0, 10.0]])
    neck.fit(covariates)
    features = torch.randn(3, 3)
    column = (covariates[:, 0] - 4.0) / covariates[:, 0].std(correction=0)
    standard = torch.stack([column, torch.zeros(3)], dim=1)  # the second is constant: centred only
    assert neck.embed is not None
    joined = torch.cat([features, neck.embed(standard)], dim=1)
    torch.testing.assert_close(neck(features, covariates), neck.second(neck.first(joined).clamp(min=0)) * 0.5)


def test_units_of_covariates_do_not_matter_after_fit() -> None:
    torch.manual_seed(0)
    neck, covariates, features = CovariateNeck(3, 1, 4), torch.rand(6, 1), torch.randn(6, 3)
    first = neck.fit(covariates)(features, covariates)
    torch.testing.assert_close(neck.fit(covariates * 1000)(features, covariates * 1000), first, rtol=1e-4, atol=1e-5)


def test_covariates_that_do_not_fit_are_refused() -> None:
    features = torch.zeros(2, 3)
    with pytest.raises(InputError, match="reads 2 covariates, and none came"):
        CovariateNeck(3, 2, 4)(features)
    with pytest.raises(InputError, match="reads no covariates, and 1 came"):
        CovariateNeck(3, 0, 4)(features, torch.zeros(2, 1))
    with pytest.raises(ValueError, match=r"shape \(2, 1\)"):
        CovariateNeck(3, 1, 4)(features, torch.zeros(1, 1))
    with pytest.raises(ValueError, match="finite"):
        CovariateNeck(3, 1, 4).fit(torch.tensor([[float("nan")]]))
    assert CovariateNeck(3, 0, 4)(features, torch.zeros(2, 0)).shape == (2, 4)


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="features"):
        CovariateNeck(0, 0, 4)
    with pytest.raises(ValueError, match="scale must not be 0"):
        CovariateNeck(3, 0, 4, scale=0.0)
    with pytest.raises(ValueError, match="got 4 and 0"):
        LinearHead(4, 0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_does_not_round_the_embedding(dtype: torch.dtype) -> None:
    neck, head = CovariateNeck(6, 1, 4), LinearHead(4, 2)
    features, covariates = torch.randn(5, 6), torch.randn(5, 1)
    with torch.autocast("cpu", dtype=dtype):
        embedding = neck(features, covariates)
        prediction = head(embedding)
    assert torch.equal(embedding, neck(features, covariates))
    assert torch.equal(prediction, head(embedding))


def test_half_weights_give_float32_out() -> None:
    neck, head = CovariateNeck(6, 1, 4).bfloat16(), LinearHead(4, 2).bfloat16()
    embedding = neck(torch.randn(5, 6), torch.randn(5, 1))
    assert embedding.dtype == head(embedding).dtype == torch.float32
