from typing import Any

import pytest
import torch
from torch import nn

from medgauge.core.errors import InputError
from medgauge.models import build_encoder, encoder_names
from medgauge.models.residual import ResidualBlock, ResidualNetwork

NAMES = [name for name in encoder_names() if name != "timm/<name>"]
QUICK = ("small", "monai/resnet10", "monai/resnet50", "monai/densenet121")
SIZE = {2: (40, 48), 3: (32, 36, 32)}


def test_names_are_found() -> None:
    assert {"small", "monai/resnet10", "monai/resnet18", "monai/resnet34", "monai/resnet50"} <= set(NAMES)
    assert {"monai/densenet121", "monai/densenet169"} <= set(NAMES)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_every_encoder_runs_forward_and_backward(name: str, ndim: int) -> None:
    channels = 1 if name == "lite0" else 2
    encoder = build_encoder(name, ndim=ndim, channels=channels)
    features = encoder(torch.randn(2, channels, *SIZE[ndim]))
    assert features.shape == (2, encoder.features)
    features.square().sum().backward()
    gradients = [parameter.grad for parameter in encoder.parameters()]
    assert all(gradient is not None and bool(torch.isfinite(gradient).all()) for gradient in gradients)
    encoder.check_size(SIZE[ndim])


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("norm", ["default", "batch", "instance", "group"])
@pytest.mark.parametrize("name", ["small", "monai/resnet10", "monai/densenet121"])
def test_norm_is_the_one_asked_for(name: str, norm: str, ndim: int) -> None:
    kinds: dict[str, tuple[type[nn.Module], ...]] = {
        "batch": (nn.BatchNorm2d, nn.BatchNorm3d),
        "instance": (nn.InstanceNorm2d, nn.InstanceNorm3d),
        "group": (nn.GroupNorm,),
    }
    wanted = {2: "batch", 3: "group"}[ndim] if norm == "default" else norm
    modules = list(build_encoder(name, ndim=ndim, channels=1, norm=norm).modules())
    counts = {kind: sum(isinstance(module, types) for module in modules) for kind, types in kinds.items()}
    assert counts.pop(wanted) > 5
    assert set(counts.values()) == {0}


def test_resnet_halves_the_image_in_its_first_convolution() -> None:
    encoder = build_encoder("monai/resnet10", ndim=3, channels=1)
    first = encoder.network.get_submodule("conv1")
    assert isinstance(first, nn.Conv3d)
    assert (first.stride, first.kernel_size) == ((2, 2, 2), (7, 7, 7))
    free = build_encoder("monai/resnet10", ndim=3, channels=1, settings={"conv1_t_stride": 1, "conv1_t_size": 3})
    first = free.network.get_submodule("conv1")
    assert isinstance(first, nn.Conv3d)
    assert (first.stride, first.kernel_size) == ((1, 1, 1), (3, 3, 3))


@pytest.mark.parametrize("name", ["small", "monai/resnet10"])
def test_width_multiplies_the_features(name: str) -> None:
    plain, wide = (build_encoder(name, ndim=2, channels=1, width=width) for width in (1.0, 1.5))
    assert wide.features == 1.5 * plain.features
    wide.check_size((32, 32))


@pytest.mark.parametrize(
    "settings",
    [{"blocks": 2}, {"stem_stride": 1}, {"stem_stride": 2}, {"pool": "average_max"}],
)
def test_settings_of_small(settings: dict[str, Any]) -> None:
    encoder = build_encoder("small", ndim=2, channels=1, settings=settings)
    encoder.check_size((33, 47))
    assert encoder.features == (256 if settings.get("pool") == "average_max" else 128)


def test_small_starts_with_its_shortcuts() -> None:
    block = ResidualBlock(4, 4, ndim=2, stride=1, norm="batch")
    image = torch.rand(2, 4, 6, 6)
    assert torch.equal(block(image), image)


def test_average_max_holds_average_and_maximum() -> None:
    network = ResidualNetwork(ndim=2, channels=1, widths=(4, 6), pool="average_max")
    image = torch.rand(2, 1, 16, 16)
    maps = network.stages(network.stem(image))
    torch.testing.assert_close(network(image), torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1))


def test_a_case_does_not_depend_on_its_batch_in_3d() -> None:
    encoder = build_encoder("small", ndim=3, channels=1).train()
    images = torch.randn(3, 1, 16, 16, 16)
    torch.testing.assert_close(encoder(images)[:1], encoder(images[:1]), rtol=1e-4, atol=1e-5)


def test_channels_last_gives_the_same() -> None:
    encoder, images = build_encoder("small", ndim=2, channels=1).eval(), torch.randn(2, 1, 32, 32)
    expected = encoder(images)
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's overloads leave it out
    torch.testing.assert_close(
        encoder(images.contiguous(memory_format=torch.channels_last)), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_is_finite(dtype: torch.dtype) -> None:
    encoder = build_encoder("small", ndim=2, channels=1)
    with torch.autocast("cpu", dtype=dtype):
        features = encoder(torch.randn(2, 1, 24, 24))
    features.float().sum().backward()
    assert bool(torch.isfinite(features).all())


def test_images_that_do_not_fit_are_refused() -> None:
    encoder = build_encoder("small", ndim=2, channels=1)
    with pytest.raises(InputError, match="the model reads 1 channel, and the image has 3"):
        encoder(torch.zeros(2, 3, 16, 16))
    with pytest.raises(InputError, match="the model reads 2-D images, and these have 3 dimensions"):
        encoder(torch.zeros(2, 1, 16, 16, 16))
    with pytest.raises(InputError, match=r"monai/densenet121 cannot read images of 16 x 16 \("):
        build_encoder("monai/densenet121", ndim=2, channels=1).check_size((16, 16))


def test_check_size_leaves_the_encoder_as_it_was() -> None:
    encoder = build_encoder("small", ndim=2, channels=1).train()
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    encoder.check_size((32, 32))
    assert encoder.training
    assert all(torch.equal(before[key], value) for key, value in encoder.state_dict().items())


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("smal", {}, "no encoder named smal; the nearest are small"),
        ("monai/resnet19", {}, r"nearest are .*monai/resnet1"),
        ("convnext_tiny", {}, "nearest are timm/convnext_tiny"),
        ("small", {"settings": {"block": 2}}, "no setting block; its settings are blocks, pool, stem_stride"),
        ("small", {"settings": {"pool": "max"}}, "pool must be one of average, average_max, got max"),
        ("small", {"settings": {"blocks": "2"}}, "cannot be built"),
        ("small", {"norm": "layer"}, "norm must be default, batch, instance or group"),
        ("small", {"pretrained": "hub"}, "no pretrained weights"),
        ("small", {"ndim": 4}, "2 or 3 dimensions, not 4"),
        ("monai/resnet10", {"settings": {"dropout": 0.1}}, "no setting dropout; its settings are act,"),
        ("monai/densenet121", {"settings": {"in_channels": 3}}, "no setting in_channels"),
        ("monai/densenet121", {"width": 2.0}, "no width setting"),
        ("timm/convnext_tiny", {"ndim": 3}, "reads 2-D images only"),
        ("timm/convnext_tiny", {"norm": "group"}, "keeps its own width and norm"),
    ],
)
def test_wrong_names_and_settings_are_one_sentence(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_encoder(name, **{"ndim": 2, "channels": 1, **arguments})


def test_a_subsample_before_a_pointwise_convolution_is_its_stride() -> None:
    from torch import nn

    from medgauge.models.residual import Subsample

    for kind, size in ((nn.Conv2d, (5, 8)), (nn.Conv3d, (3, 4, 5))):
        strided = kind(4, 6, 1, stride=2)
        plain = kind(4, 6, 1)
        plain.load_state_dict(strided.state_dict())
        image = torch.rand(2, 4, *size)
        assert torch.allclose(plain(Subsample(2)(image)), strided(image), atol=1e-6)


def test_few_channels_and_large_images_survive_training() -> None:
    encoder = build_encoder("small", ndim=2, channels=1, width=0.25).to(memory_format=torch.channels_last)
    for _ in range(10):
        encoder(torch.rand(8, 1, 192, 192).contiguous(memory_format=torch.channels_last)).square().mean().backward()
    assert all(bool(torch.isfinite(parameter.grad).all()) for parameter in encoder.parameters())
