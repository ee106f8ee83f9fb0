"""Pretrained 2-D networks as encoders: images standardised as in the pretraining, features of the last layer or of every stage."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from medgauge.core.errors import InputError
from medgauge.functional.constants import on_device

COLOURS = 3
PLANES = (0.25, 0.5, 0.75)
"""Places along an axis at which planes are taken out of a volume."""
_TINY = 1e-6


class LastFeatures(nn.Module):
    """The features that a 2-D network ends in, of images standardised as in its pretraining.

    - Shape: image (n, channels, h, w), in [0, 1] -> (n, f), as the network gives them.

    Greys become three equal colours. Of images that are neither grey nor of three colours every channel is standardised by
    the mean of the three, and the network reads as many channels.

    Args:
        network: image (n, 3 or channels, h, w) -> (n, f).
        channels: of the image.
        mean: of the pretraining's colours, in [0, 1].
        deviation: of these.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: nn.Module, *, channels: int, mean: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__()
        self.network, self.channels = network, channels
        for name, given in (("mean", mean), ("deviation", deviation)):
            each = torch.tensor(given)
            own = each if channels in (1, COLOURS) else each.mean().expand(channels)
            self.register_buffer(name, own[:, None, None].clone(), persistent=False)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n f"]:
        """Return the features."""
        wide = colours(image) if self.channels == 1 else image
        features: Tensor = self.network((wide - self.mean) / self.deviation)
        return features


class StageFeatures(nn.Module):
    """Mean and standard deviation of each channel at the end of every stage of a 2-D network.

    Middle stages say more than the last layer where images are unlike those of the pretraining.

    - Shape: image (n, 1 or 3, h, w) or (n, 1 or 3, d, h, w), in [0, 1] -> (n, ``features``), float32.
    - Raises: InputError for other channels.

    Greys become three equal colours; colours are standardised as in the pretraining; images whose longer side is below
    ``least`` are enlarged to it. Of a volume nine planes are read, three an axis, with the slices beside a plane as its
    colours (of three channels their mean), and the features of the nine are averaged.

    Args:
        stages: colours (n, 3, h, w) -> the map at the end of each stage, (n, c, h', w').
        channels: of the image.
        widths: channels c of each stage.
        mean: of the pretraining's colours, in [0, 1].
        deviation: of these.
        least: pixels of the longer side; 0 = as it is.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        stages: Callable[[Tensor], Sequence[Tensor]],
        *,
        channels: int,
        widths: Sequence[int],
        mean: Sequence[float],
        deviation: Sequence[float],
        least: int = 0,
    ) -> None:
        super().__init__()
        if channels not in (1, COLOURS):
            raise InputError(
                f"a pretrained network reads images of 1 or 3 channels, and these have {channels}; save them with 1 or 3, "
                "or give represent.name scratch"
            )
        self.stages, self.least = stages, least
        self.features = 2 * sum(widths)
        for name, given in (("mean", mean), ("deviation", deviation)):
            self.register_buffer(name, torch.tensor(given)[:, None, None], persistent=False)

    def forward(self, image: Float[Tensor, "n c *space"]) -> Float[Tensor, "n f"]:
        """Return the features."""
        if image.ndim == 4:
            return self._pooled(colours(image))
        planes = volume_planes(image)
        each = self._pooled(planes.flatten(0, 1))
        return each.reshape(*planes.shape[:2], -1).mean(1)

    def _pooled(self, image: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n f"]:
        image = enlarged((image - self.mean) / self.deviation, self.least)
        found = []
        for stage in self.stages(image.contiguous(memory_format=torch.channels_last)):
            values = stage.flatten(2).float()
            found += [values.mean(2), (values.var(2, correction=0) + _TINY).sqrt()]
        return torch.cat(found, 1)


def colours(image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 3 h w"]:
    """Greys as three equal colours; colours as they are."""
    return image if image.shape[1] == COLOURS else image.expand(-1, COLOURS, -1, -1)


def enlarged(image: Float[Tensor, "n c h w"], least: int) -> Float[Tensor, "n c h w"]:
    """The image, enlarged by one factor where its longer side is below ``least`` pixels."""
    longer = max(image.shape[2:])
    if longer >= least:
        return image
    size = [max(1, round(side * least / longer)) for side in image.shape[2:]]
    return functional.interpolate(image, size, mode="bilinear", align_corners=False)


def volume_planes(volume: Float[Tensor, "n c d h w"]) -> Float[Tensor, "n 9 3 s s"]:
    """Nine planes of each volume, three across each axis at a quarter, a half and three quarters of it.

    A plane's colours are the slice before it, its own and the one after it. Planes of unequal sides stand in the upper left
    of a square that holds the largest; the rest is 0.
    """
    volume = volume.mean(1)
    side, found = max(volume.shape[1:]), []
    for axis in (1, 2, 3):
        last = volume.shape[axis] - 1
        for place in PLANES:
            middle = round(place * last)
            slices = on_device([max(middle - 1, 0), middle, min(middle + 1, last)], volume, torch.int64)
            plane = volume.index_select(axis, slices).movedim(axis, 1)
            found.append(functional.pad(plane, (0, side - plane.shape[3], 0, side - plane.shape[2])))
    return torch.stack(found, 1)
