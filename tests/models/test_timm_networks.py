import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from medgauge.core.errors import InputError
from medgauge.models import build_encoder
from tests.timm_guard import ensure_timm

NAME = "timm/test_resnet"  # timm's own miniature, for tests


@pytest.fixture(scope="module", autouse=True)
def _timm_ready() -> None:
    ensure_timm()


def weights_of(channels: int) -> dict[str, Tensor]:
    torch.manual_seed(1)
    return build_encoder(NAME, ndim=2, channels=channels).network.state_dict()


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize(
    "name",
    ["test_resnet", "test_convnext", "test_efficientnet", "mobilenetv3_small_050", "resnet10t"],
)
def test_networks_run_with_any_number_of_channels(name: str, channels: int) -> None:
    encoder = build_encoder(f"timm/{name}", ndim=2, channels=channels)
    features = encoder(torch.randn(2, channels, 64, 64))
    assert features.shape == (2, encoder.features)
    features.sum().backward()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["convnext_tiny", "inception_v3"])
def test_networks_of_the_papers_run(name: str) -> None:
    encoder = build_encoder(f"timm/{name}", ndim=2, channels=1)
    encoder.check_size((96, 96))
    assert encoder.features == {"convnext_tiny": 768, "inception_v3": 2048}[name]


def test_settings_reach_the_network() -> None:
    name = "timm/vit_tiny_patch16_224"
    build_encoder(name, ndim=2, channels=1, settings={"img_size": [32, 48]}).check_size((32, 48))
    with pytest.raises(InputError, match=f"{name} cannot read images of 32 x 48"):
        build_encoder(name, ndim=2, channels=1).check_size((32, 48))
    with pytest.raises(InputError, match="cannot build test_resnet with channels: 1, depth: 3"):
        build_encoder(NAME, ndim=2, channels=1, settings={"depth": 3})


def test_unknown_name_has_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean timm/convnext_tiny"):
        build_encoder("timm/convnex_tiny", ndim=2, channels=1)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_local_weights_come_back(tmp_path: Path, suffix: str, channels: int) -> None:
    weights, path = weights_of(channels), tmp_path / f"weights of mine{suffix}"
    save_file(weights, path) if suffix == ".safetensors" else torch.save({"state_dict": weights, "epoch": 3}, path)
    loaded = build_encoder(NAME, ndim=2, channels=channels, pretrained=str(path)).network.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in weights.items())


def test_colour_weights_are_summed_for_a_grey_image(tmp_path: Path) -> None:
    weights, path = weights_of(3), tmp_path / "weights.safetensors"
    classifier = {"fc.weight": torch.zeros(1000, 4), "fc.bias": torch.zeros(1000)}  # left out: there is no classifier
    save_file(weights | classifier, path)
    grey = build_encoder(NAME, ndim=2, channels=1, pretrained=str(path)).eval()
    colour = build_encoder(NAME, ndim=2, channels=3, pretrained=str(path)).eval()
    image = torch.rand(2, 1, 32, 32)
    torch.testing.assert_close(grey(image), colour(image.expand(2, 3, 32, 32)), rtol=1e-4, atol=1e-5)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    with pytest.raises(InputError, match="there is no file of pretrained weights at"):
        build_encoder(NAME, ndim=2, channels=1, pretrained=str(path))
    path.write_text("not weights")
    with pytest.raises(InputError, match="cannot be read as weights"):
        build_encoder(NAME, ndim=2, channels=1, pretrained=str(path))
    for content in ([1, 2], {"epoch": 3}, {"model": torch.zeros(2), "state": "text"}):
        torch.save(content, path)
        with pytest.raises(InputError, match="holds no table of weights"):
            build_encoder(NAME, ndim=2, channels=1, pretrained=str(path))
    torch.save({"layer.weight": torch.zeros(2)}, path)
    with pytest.raises(InputError, match=r"is not a file of weights for test_resnet: \d+ of its"):
        build_encoder(NAME, ndim=2, channels=1, pretrained=str(path))
    torch.save(weights_of(5), path)
    with pytest.raises(InputError, match="do not fit test_resnet"):
        build_encoder(NAME, ndim=2, channels=2, pretrained=str(path))


def test_weights_that_carry_code_are_not_run(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"weight": Path("anything")}, path)  # a pickled object that is no tensor
    with pytest.raises(InputError, match="cannot be read as weights"):
        build_encoder(NAME, ndim=2, channels=1, pretrained=str(path))


def test_hub_out_of_reach_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"weights of resnet10t could not be fetched from the hub \(.*give a file"):
        build_encoder("timm/resnet10t", ndim=2, channels=1, pretrained="hub")


def test_network_without_published_weights_is_one_sentence() -> None:
    with pytest.raises(InputError, match="timm offers no pretrained weights for resnetblur18"):
        build_encoder("timm/resnetblur18", ndim=2, channels=1, pretrained=True)


def test_without_the_extra_the_sentence_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match=r"need the timm extra .*pip install 'medgauge\[timm\]'"):
        build_encoder(NAME, ndim=2, channels=1)


def test_builds_that_do_not_fit_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(MetaPathFinder):
        def find_spec(self, fullname: str, path: object, target: object = None) -> None:
            if fullname == "timm":
                raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.delitem(sys.modules, "timm")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(InputError, match=r"nms does not exist\): torch and torchvision do not fit each other"):
        build_encoder(NAME, ndim=2, channels=1)
