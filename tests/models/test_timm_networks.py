import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from medgauge.core.errors import InputError
from medgauge.models import build_encoder
from medgauge.models.description import check_description
from tests.timm_guard import ensure_timm

NAME = "timm/test_resnet"  # timm's own miniature, for tests


@pytest.fixture(scope="module", autouse=True)
def _timm_ready() -> None:
    ensure_timm()


def timm_network(name: str = "test_resnet", channels: int = 3, **settings: object) -> nn.Module:
    """As timm itself makes it, with weights of a seed."""
    import timm

    torch.manual_seed(1)
    network: nn.Module = timm.create_model(name, num_classes=0, in_chans=channels, **settings)
    return network.eval()


def weights_of(channels: int) -> dict[str, Tensor]:
    return timm_network(channels=channels).state_dict()


def saved(tmp_path: Path, network: nn.Module) -> str:
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    return str(tmp_path / "weights.safetensors")


def images(channels: int = 3, size: tuple[int, ...] = (96, 64)) -> Tensor:
    return torch.rand(2, channels, *size, generator=torch.Generator().manual_seed(2))


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
@pytest.mark.parametrize("channels", [3, 5])
def test_local_weights_come_back(tmp_path: Path, suffix: str, channels: int) -> None:
    weights, path = weights_of(channels), tmp_path / f"weights of mine{suffix}"
    save_file(weights, path) if suffix == ".safetensors" else torch.save({"state_dict": weights, "epoch": 3}, path)
    loaded = build_encoder(NAME, ndim=2, channels=channels, pretrained=str(path)).network.state_dict()
    assert all(torch.equal(loaded[f"network.{key}"], value) for key, value in weights.items())


@pytest.mark.parametrize(
    ("name", "mean", "deviation"),
    [  # as timm publishes them
        ("test_resnet", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ("test_efficientnet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_standardised_as_in_the_pretraining(
    tmp_path: Path, name: str, mean: tuple[float, ...], deviation: tuple[float, ...], channels: int
) -> None:
    network = timm_network(name)
    colour = np.concatenate([images(1)] * 3, 1) if channels == 1 else images().numpy()
    plain = torch.from_numpy((colour - np.array(mean)[:, None, None]) / np.array(deviation)[:, None, None]).float()
    encoder = build_encoder(f"timm/{name}", ndim=2, channels=channels, pretrained=saved(tmp_path, network)).eval()
    with torch.no_grad():
        torch.testing.assert_close(encoder(images(channels)), network(plain), rtol=1e-4, atol=1e-5)
        random = build_encoder(f"timm/{name}", ndim=2, channels=channels).eval()
        own = random.network.get_submodule("network")
        torch.testing.assert_close(random(images(channels)), own(plain), rtol=1e-4, atol=1e-5)


def test_mean_and_deviation_are_in_the_description_and_may_be_given() -> None:
    usual = build_encoder("timm/test_efficientnet", ndim=2, channels=5)
    settings = usual.describe()["settings"]
    assert settings == {
        "features": "last",
        "mean": [0.485, 0.456, 0.406],
        "deviation": [0.229, 0.224, 0.225],
        "least": 96,
    }
    description = {"ndim": 2, "channels": 5, "covariates": 0, "targets": 0, "head": None, "encoder": usual.describe()}
    check_description(description | {"neck": {"name": "standardised"}})
    given = {"mean": [0.25], "deviation": [0.5, 0.25, 0.125], "drop_path_rate": 0.1}
    own = build_encoder(NAME, ndim=2, channels=3, settings=given).describe()["settings"]
    assert (own["mean"], own["deviation"], own["drop_path_rate"]) == ([0.25] * 3, [0.5, 0.25, 0.125], 0.1)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"features": "all"}, "must be last or stages, got 'all'"),
        ({"least": -1}, "least of timm/test_resnet must be a whole number >= 0"),
        ({"mean": [0.5, 0.5]}, "mean of timm/test_resnet must be three numbers"),
        ({"mean": "grey"}, "mean of timm/test_resnet must be three numbers"),
        ({"deviation": [0.5, 0.0, 0.5]}, "deviation of timm/test_resnet must be three numbers"),
        ({"deviation": [0.5, float("nan"), 0.5]}, "deviation of timm/test_resnet must be three numbers"),
    ],
)
def test_settings_of_ours_that_cannot_be_are_refused(given: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        build_encoder(NAME, ndim=2, channels=3, settings=given)


@pytest.mark.parametrize(
    ("name", "ends"),
    [  # what timm's own network runs through at the end of each stage
        ("test_convnext", ["stages.0", "stages.1", "stages.2", "stages.3"]),
        ("test_resnet", ["act1", "layer1", "layer2", "layer3", "layer4"]),
        ("test_vit", ["blocks.3", "blocks.4", "blocks.5"]),
    ],
)
def test_features_of_stages_are_mean_and_deviation_of_their_channels(
    tmp_path: Path, name: str, ends: list[str]
) -> None:
    sized = {"img_size": [96, 64]} if name == "test_vit" else {}
    network, kept = timm_network(name, **sized), {}
    for end in ends:
        network.get_submodule(end).register_forward_hook(lambda _, __, out, end=end: kept.__setitem__(end, out))
    settings = {"features": "stages", "least": 0, **sized}
    encoder = build_encoder(f"timm/{name}", ndim=2, channels=3, pretrained=saved(tmp_path, network), settings=settings)
    with torch.no_grad():
        network((images() - 0.5) / 0.5)
        found = encoder.eval()(images())
    rows = []
    for one in (kept[end].double().numpy() for end in ends):
        places = one[:, -6 * 4 :].swapaxes(1, 2) if one.ndim == 3 else one.reshape(*one.shape[:2], -1)
        rows += [places.mean(2), places.std(2)]  # of a transformer the 6 x 4 patches, without what stands for the whole
    assert encoder.features == found.shape[1]
    np.testing.assert_allclose(found.numpy(), np.concatenate(rows, 1), rtol=1e-3, atol=2e-3)  # float32 sums


def test_maps_with_channels_last_are_turned() -> None:
    settings = {"features": "stages", "least": 0, "img_size": 64, "window_size": 2}
    encoder = build_encoder("timm/swin_tiny_patch4_window7_224", ndim=2, channels=1, settings=settings)
    assert [one.shape[1:] for one in encoder.network.stages(torch.zeros(1, 3, 64, 64))] == [  # type: ignore[operator, union-attr]
        (96, 16, 16),
        (192, 8, 8),
        (384, 4, 4),
        (768, 2, 2),
    ]


def test_stages_read_volumes_and_no_seven_channels() -> None:
    build_encoder(NAME, ndim=3, channels=1, settings={"features": "stages", "least": 32}).check_size((8, 12, 10))
    with pytest.raises(InputError, match="1 or 3 channels, and these have 7"):
        build_encoder(NAME, ndim=2, channels=7, settings={"features": "stages"})
    with pytest.raises(InputError, match="reads 2-D images only"):
        build_encoder(NAME, ndim=3, channels=1)


def test_a_network_that_timm_cannot_take_apart_gives_its_last_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    import timm

    make = timm.create_model

    def without_stages(name: str, **settings: object) -> nn.Module:
        if settings.pop("features_only", False):
            raise RuntimeError("features_only not implemented for this network.")
        made: nn.Module = make(name, **settings)
        return made

    monkeypatch.setattr(timm, "create_model", without_stages)
    encoder = build_encoder(NAME, ndim=2, channels=1, settings={"features": "stages"})
    assert encoder.describe()["settings"]["features"] == "last"
    assert encoder(images(1)).shape == (2, encoder.features)
    with pytest.raises(InputError, match="gives no maps of the stages of test_resnet, so it reads no volumes"):
        build_encoder(NAME, ndim=3, channels=1, settings={"features": "stages"})


@pytest.mark.parametrize("features", ["last", "stages"])
def test_weights_of_greys_are_read_as_those_of_equal_colours(tmp_path: Path, features: str) -> None:
    file = saved(tmp_path, timm_network(channels=1))
    settings = {"features": features, "least": 0}
    encoder = build_encoder(NAME, ndim=2, channels=1, pretrained=file, settings=settings).eval()
    with torch.no_grad():
        if features == "last":
            wanted = timm_network(channels=1)((images(1) - 0.5) / 0.5)
            torch.testing.assert_close(encoder(images(1)), wanted, rtol=1e-4, atol=1e-5)
        else:
            assert encoder(images(1)).isfinite().all()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_both_kinds_of_files_are_read_for_stages(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    save_file(weights_of(3), path) if suffix == ".safetensors" else torch.save(weights_of(3), path)
    encoder = build_encoder(NAME, ndim=2, channels=3, pretrained=str(path), settings={"features": "stages"})
    kept = {key.replace(".", "_"): value for key, value in weights_of(3).items()}
    found = encoder.network.state_dict()
    assert found
    for key, value in found.items():
        assert torch.equal(value, kept[key.removeprefix("stages.network.").replace(".", "_")])


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
