"""The model of two views: which rows stand beside which, where gradient flows, and features in evaluation mode."""

import pytest
import torch
from torch import Tensor

from medgauge.functional.directions import output_spread
from medgauge.losses import NegativeCosineLoss
from medgauge.models.encoders import build_encoder
from medgauge.models.siamese import Method, SiameseModel, view_spread


def make(method: Method = "siamese") -> SiameseModel:
    torch.manual_seed(0)
    encoder = build_encoder("bottleneck", ndim=3, channels=1, width=0.25, settings={"features": 12})
    return SiameseModel(encoder, method, hidden=5, expanded=7)


def views(n: int = 6) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(1)
    return torch.rand(n, 1, 16, 16, 16, generator=draw), torch.rand(n, 1, 16, 16, 16, generator=draw)


def test_projections_of_each_view_stand_beside_the_representation_of_the_other() -> None:
    model, (image, view) = make(), views()
    out = model(image, view)
    first, second = (model.projector(model.encoder(one)) for one in (image, view))
    assert model.predictor is not None
    torch.testing.assert_close(out.projection, torch.cat([model.predictor(first), model.predictor(second)]))
    torch.testing.assert_close(out.twin, torch.cat([second, first]))


def test_twins_have_no_gradient_and_projections_have() -> None:
    out = make()(*views())
    assert not out.twin.requires_grad
    assert out.projection.requires_grad
    model = make()
    out = model(*views())
    NegativeCosineLoss()(out.projection, out.twin).backward()
    assert all(one.grad is not None and one.grad.isfinite().all() for one in model.parameters())


def test_vicreg_has_one_row_a_case_and_gradient_in_both_views() -> None:
    out = make("vicreg")(*views())
    assert out.projection.shape == out.twin.shape == (6, 7)
    assert out.projection.requires_grad
    assert out.twin.requires_grad


def test_represents_in_evaluation_mode_and_leaves_the_mode_and_statistics_alone() -> None:
    model, (image, _) = make().train(), views()
    model(*views())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = model.represent(image)
    assert model.encoder.training
    assert not found.requires_grad
    torch.testing.assert_close(dict(model.state_dict()), before, rtol=0, atol=0)
    torch.testing.assert_close(found[:2], model.represent(image[:2]))
    torch.testing.assert_close(found, model.eval().encoder(image))


def test_tells_a_collapse() -> None:
    model, (image, view) = make(), views()
    out = model(image, view)
    assert view_spread(*out, "siamese")["spread"] > 0.5
    assert view_spread(*out, "siamese")["spread"] == output_spread(model.projector(model.encoder(image)))
    assert model.predictor is not None
    torch.nn.init.zeros_(model.predictor[3].weight)  # type: ignore[arg-type]  # a linear layer's
    assert view_spread(*model(image, view), "siamese")["spread_predicted"].item() == pytest.approx(0, abs=1e-5)
    out = make("vicreg")(image, view)
    assert view_spread(*out, "vicreg") == {"spread": output_spread(out.projection)}


@pytest.mark.parametrize("method", ["siamese", "vicreg"])
def test_in_parts_it_gives_features_that_its_heads_project_as_if_whole(method: Method) -> None:
    model, (image, view) = make(method).train(), views()
    whole = model(image, view)
    model.in_parts = True
    features = model(image, view)
    assert features.shape == (6, 24)
    torch.testing.assert_close(model.project(*features.chunk(2, dim=1)), whole)
    inside = {id(one) for one in model.encoder.parameters()}
    assert {id(one) for one in model.parameters()} == inside | {id(one) for one in model.heads()}
