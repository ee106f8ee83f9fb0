"""The bottleneck encoder: sizes by the layer table, volumes and images, and the way through a stored description."""

import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.models.bottleneck import BottleneckNetwork
from medgauge.models.description import check_storable
from medgauge.models.encoders import build_encoder


@pytest.mark.parametrize("ndim", [2, 3])
def test_has_the_layers_of_the_table(ndim: int) -> None:
    network = BottleneckNetwork(ndim=ndim, channels=1)
    stem = 7**ndim * 32 + 2 * 32
    blocks = 0
    for inputs, inner, outputs in ((32, 16, 64), (64, 32, 128)):
        blocks += inputs * inner + 3**ndim * inner**2 + inner * outputs + 2 * (inner + inner + outputs)  # body
        blocks += inputs * outputs + 2 * outputs  # shortcut
    assert sum(one.numel() for one in network.parameters()) == stem + blocks + 128 * 256 + 256


@pytest.mark.parametrize("size", [(32, 32), (17, 32, 32)])
def test_maps_shrink_sixteenfold_and_become_256_features(size: tuple[int, ...]) -> None:
    network = BottleneckNetwork(ndim=len(size), channels=2).eval()
    image = torch.rand(3, 2, *size)
    maps = network.blocks(network.stem(image))
    assert maps.shape[1] == 128
    assert maps.shape[2:] == tuple(-(-side // 16) for side in size)
    assert network(image).shape == (3, 256)


def test_is_an_encoder_that_a_run_can_hold() -> None:
    encoder = build_encoder("bottleneck", ndim=3, channels=1, width=0.5, norm="group", settings={"features": 24})
    encoder.check_size((16, 16, 16))
    assert encoder.features == 24
    again = build_encoder(ndim=3, channels=1, **encoder.describe())
    again.load_state_dict(encoder.state_dict())
    whole = {"encoder": encoder.describe(), "neck": {"name": "standardised"}, "head": None}
    check_storable({**whole, "ndim": 3, "channels": 1, "covariates": 0, "targets": 0})


def test_a_setting_that_it_does_not_have_is_refused() -> None:
    with pytest.raises(InputError, match=r"^the encoder bottleneck has no setting blocks; its setting is features\.$"):
        build_encoder("bottleneck", ndim=3, channels=1, settings={"blocks": 2})
