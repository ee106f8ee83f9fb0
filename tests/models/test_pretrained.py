"""Features of a pretrained network's stages: their numbers by a slow loop, greys, sizes, volumes."""

import numpy as np
import pytest
import torch
from torch import Tensor

from medgauge.core.errors import InputError
from medgauge.models.pretrained import StageFeatures, enlarged, volume_planes


def two_stages(image: Tensor) -> list[Tensor]:
    return [image[:, :, ::2, ::2], (2 * image[:, :2, ::4, ::4])]


def build(channels: int = 3, least: int = 0) -> StageFeatures:
    return StageFeatures(
        two_stages, channels=channels, widths=(3, 2), mean=[0.5, 0.4, 0.3], deviation=[0.2, 0.1, 0.5], least=least
    )


def test_mean_and_deviation_of_each_channel_of_each_stage() -> None:
    image = torch.rand(3, 3, 12, 8, generator=torch.Generator().manual_seed(0))
    plain = (image.numpy().astype(np.float64) - np.array([0.5, 0.4, 0.3])[:, None, None]) / np.array([0.2, 0.1, 0.5])[
        :, None, None
    ]
    rows = []
    for one in plain:
        first, second = one[:, ::2, ::2], 2 * one[:2, ::4, ::4]
        rows.append(
            [channel.mean() for channel in first]
            + [channel.std() for channel in first]
            + [channel.mean() for channel in second]
            + [channel.std() for channel in second]
        )
    made = build()
    assert made.features == 10
    np.testing.assert_allclose(made(image).numpy(), np.array(rows), rtol=1e-4, atol=1e-4)


def test_greys_are_three_equal_colours() -> None:
    grey = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(build(1)(grey), build()(torch.cat([grey] * 3, 1)))


def test_other_channels_are_refused() -> None:
    with pytest.raises(InputError, match=r"1 or 3 channels, and these have 7"):
        build(7)


def test_small_images_are_enlarged_by_one_factor_and_large_ones_left() -> None:
    assert enlarged(torch.rand(1, 3, 28, 14), 96).shape == (1, 3, 96, 48)
    large = torch.rand(1, 3, 100, 20)
    assert enlarged(large, 96) is large
    torch.testing.assert_close(enlarged(torch.full((1, 3, 5, 5), 0.25), 96), torch.full((1, 3, 96, 96), 0.25))


def test_nine_planes_of_a_volume() -> None:
    volume = torch.rand(2, 1, 9, 5, 7, generator=torch.Generator().manual_seed(2))
    planes, array = volume_planes(volume).numpy(), volume[:, 0].numpy()
    assert planes.shape == (2, 9, 3, 9, 9)
    np.testing.assert_array_equal(
        planes[:, 1, :, :5, :7], array[:, 3:6]
    )  # the middle one across depth, and its neighbours
    np.testing.assert_array_equal(planes[:, 3, 1, :9, :7], array[:, :, 1])  # a quarter of the rows
    np.testing.assert_array_equal(planes[:, 8, 2, :9, :5], array[..., 5])  # beside three quarters of the columns
    assert (planes[:, 1, :, 5:] == 0).all()


def test_planes_of_one_slice() -> None:
    assert volume_planes(torch.rand(1, 3, 1, 4, 4)).shape == (1, 9, 3, 4, 4)


def test_features_of_a_volume_are_the_mean_over_its_planes() -> None:
    volume = torch.rand(2, 1, 8, 8, 8, generator=torch.Generator().manual_seed(3))
    made = build(1)
    each = torch.stack([made._pooled(plane) for plane in volume_planes(volume).unbind(1)])
    torch.testing.assert_close(made(volume), each.mean(0))
