import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from medgauge.core.errors import InputError
from medgauge.models import CovariateNeck, LinearHead, Model, build_encoder, build_model


def make(*, ndim: int = 2, covariates: int = 2, targets: int = 3, name: str = "small", head: bool = True) -> Model:
    encoder = build_encoder(name, ndim=ndim, channels=1)
    neck = CovariateNeck(encoder.features, covariates, 8, covariate_width=4, hidden=6, scale=2.0, dropout=0.1)
    return Model(encoder, neck, LinearHead(8, targets) if head else None)


@pytest.mark.parametrize("ndim", [2, 3])
def test_outputs_have_their_shapes(ndim: int) -> None:
    output = make(ndim=ndim)(torch.randn(4, 1, *[16] * ndim), torch.randn(4, 2))
    assert output.embedding.shape == (4, 8)
    assert output.prediction is not None
    assert output.prediction.shape == (4, 3)
    assert output.features.shape == (4, 128)
    assert output.logits is None


def test_head_reads_the_scaled_embedding() -> None:
    model = make().eval()
    output = model(torch.randn(4, 1, 16, 16), torch.randn(4, 2))
    assert model.head is not None
    torch.testing.assert_close(output.prediction, model.head(output.embedding))


def test_without_a_head_there_is_no_prediction() -> None:
    model = make(covariates=0, head=False)
    assert model(torch.randn(2, 1, 16, 16)).prediction is None
    assert build_model(model.describe()).head is None


@pytest.mark.parametrize(
    ("name", "ndim", "head"), [("small", 2, True), ("small", 3, False), ("monai/resnet10", 3, True)]
)
def test_model_comes_back_from_json_and_safetensors(tmp_path: Path, name: str, ndim: int, head: bool) -> None:
    model = make(name=name, ndim=ndim, head=head)
    images, covariates = torch.randn(3, 1, *[32] * ndim), torch.rand(3, 2) * 9
    model.neck.fit(covariates)  # type: ignore[operator]  # torch gives submodules a wide type
    model(images, covariates).embedding.sum().backward()  # moves running statistics
    (tmp_path / "model.json").write_text(json.dumps(model.describe()))
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    again = build_model(json.loads((tmp_path / "model.json").read_text()))
    again.load_state_dict(load_file(tmp_path / "model.safetensors"))
    for one, other in zip(model.eval()(images, covariates), again.eval()(images, covariates), strict=True):
        assert one is None or torch.equal(one, other)
    assert again.describe() == model.describe()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_gives_finite_float32(dtype: torch.dtype) -> None:
    model = make()
    with torch.autocast("cpu", dtype=dtype):
        output = model(torch.randn(4, 1, 16, 16), torch.randn(4, 2))
    outputs = [value for value in output if value is not None]
    assert all(value.dtype == torch.float32 and bool(torch.isfinite(value).all()) for value in outputs)
    sum(value.square().sum() for value in outputs).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_double_model_stays_double() -> None:
    output = make().double()(torch.randn(2, 1, 16, 16).double(), torch.randn(2, 2).double())
    assert output.embedding.dtype == torch.float64


def test_what_does_not_fit_is_refused() -> None:
    model = make()
    with pytest.raises(InputError, match="the model reads 1 channel, and the image has 3"):
        model(torch.zeros(2, 3, 16, 16), torch.zeros(2, 2))
    with pytest.raises(InputError, match="reads 2 covariates, and none came"):
        model(torch.zeros(2, 1, 16, 16))


def test_broken_descriptions_are_refused() -> None:
    description = make().describe()
    for key in description:
        with pytest.raises(InputError, match="incomplete or from another version"):
            build_model({name: value for name, value in description.items() if name != key})
    with pytest.raises(InputError, match="incomplete or from another version"):
        build_model({**description, "neck": {**description["neck"], "depth": 3}})
    with pytest.raises(InputError, match="does not have"):
        build_model({**description, "head": {"name": "quantile"}})


def test_a_part_without_description_can_run_but_not_be_saved() -> None:
    class Flat(nn.Module):
        features = 4

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image.flatten(1)

    model = Model(Flat(), CovariateNeck(4, 0, 2))
    assert model(torch.zeros(1, 1, 2, 2)).embedding.shape == (1, 2)
    with pytest.raises(ValueError, match="the encoder Flat must have a method describe"):
        model.describe()
