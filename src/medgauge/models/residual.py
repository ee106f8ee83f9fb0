"""The package's own small encoder: narrow, quick on a CPU, for a few hundred to a few thousand cases."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.checks import check_choice

NORMS = ("batch", "instance", "group")
POOLS = ("average", "average_max")

CONV = {2: nn.Conv2d, 3: nn.Conv3d}
POOL = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
_BATCH = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_INSTANCE = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}


def make_norm(kind: str, channels: int, ndim: int) -> nn.Module:
    """A normalisation layer with learned scale and shift; ``group`` has at most 8 groups of equal size."""
    check_choice("norm", kind, NORMS)
    if kind == "group":
        return nn.GroupNorm(math.gcd(8, channels), channels)
    return _BATCH[ndim](channels) if kind == "batch" else _INSTANCE[ndim](channels, affine=True)


def _conv(inputs: int, outputs: int, *, ndim: int, size: int, stride: int = 1) -> nn.Module:
    return CONV[ndim](inputs, outputs, size, stride=stride, padding=size // 2, bias=False)


class Subsample(nn.Module):
    """Every stride-th place of each axis: before a 1 x 1 convolution the same as giving that a stride.

    A strided 1 x 1 convolution of few channels in channels_last ends the process in some CPU builds of PyTorch.
    """

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, image: Float[Tensor, "n c *space"]) -> Float[Tensor, "n c *smaller"]:
        """Return the places kept."""
        if self.stride == 1:
            return image
        kept = (slice(None), slice(None), *[slice(None, None, self.stride)] * (image.ndim - 2))
        layout = torch.channels_last if image.ndim == 4 else torch.contiguous_format
        return image[kept].contiguous(memory_format=layout)


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut; the block starts as its shortcut (the last norm's scale is 0).

    - Shape: (n, inputs, \\*space) -> (n, outputs, \\*space / stride).
    - Source: He et al., CVPR 2016, basic block; zero start: Goyal et al., arXiv 1706.02677.
    """

    def __init__(self, inputs: int, outputs: int, *, ndim: int, stride: int, norm: str) -> None:
        super().__init__()
        last = make_norm(norm, outputs, ndim)
        self.body = nn.Sequential(
            _conv(inputs, outputs, ndim=ndim, size=3, stride=stride),
            make_norm(norm, outputs, ndim),
            nn.ReLU(inplace=True),
            _conv(outputs, outputs, ndim=ndim, size=3),
            last,
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            projection = _conv(inputs, outputs, ndim=ndim, size=1)
            self.shortcut = nn.Sequential(Subsample(stride), projection, make_norm(norm, outputs, ndim))
        self.activation = nn.ReLU(inplace=True)
        fill(self)
        nn.init.zeros_(last.get_parameter("weight"))

    def forward(self, image: Float[Tensor, "n i *space"]) -> Float[Tensor, "n o *smaller"]:
        """Return the block's output."""
        out: Tensor = self.activation(self.body(image) + self.shortcut(image))
        return out


class ResidualNetwork(nn.Module):
    """Stem, stages of residual blocks (each after the first halves the size), global pooling.

    - Shape: image (n, channels, h, w) or (n, channels, d, h, w) -> (n, features).

    Args:
        ndim: 2 or 3.
        channels: of the image.
        widths: channels of each stage.
        blocks: residual blocks a stage.
        stem_stride: 1, 2 or 4 (stride 2, then a maximum over 3 x 3 at every second place); each step cuts the time to
            about a third.
        norm: ``batch``, ``instance`` or ``group``.
        pool: ``average``, or ``average_max`` (average and maximum side by side, twice the features).
    """

    def __init__(
        self,
        *,
        ndim: int,
        channels: int,
        widths: Sequence[int] = (16, 32, 64, 128),
        blocks: int = 1,
        stem_stride: int = 2,
        norm: str = "batch",
        pool: str = "average",
    ) -> None:
        super().__init__()
        if ndim not in CONV:
            raise ValueError(f"ndim must be 2 or 3, got {ndim}")
        if min(channels, blocks, len(widths), *widths) < 1:
            raise ValueError(f"channels, blocks and widths must be >= 1, got {channels}, {blocks}, {list(widths)}")
        if stem_stride not in (1, 2, 4):
            raise ValueError(f"stem_stride must be 1, 2 or 4, got {stem_stride}")
        check_choice("pool", pool, POOLS)
        self.pool = pool
        self.features = widths[-1] * (2 if pool == "average_max" else 1)
        self.stem = nn.Sequential(
            _conv(channels, widths[0], ndim=ndim, size=5 if ndim == 2 else 3, stride=min(stem_stride, 2)),
            make_norm(norm, widths[0], ndim),
            nn.ReLU(inplace=True),
            POOL[ndim](3, stride=2, padding=1) if stem_stride == 4 else nn.Identity(),
        )
        fill(self.stem)
        stages: list[nn.Module] = []
        inputs = widths[0]
        for stage, width in enumerate(widths):
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                stages.append(ResidualBlock(inputs, width, ndim=ndim, stride=stride, norm=norm))
                inputs = width
        self.stages = nn.Sequential(*stages)

    def forward(self, image: Float[Tensor, "n c *space"]) -> Float[Tensor, "n f"]:
        """Return the pooled features."""
        maps = self.stages(self.stem(image)).flatten(start_dim=2)
        average: Tensor = maps.mean(dim=2)
        return torch.cat([average, maps.amax(dim=2)], dim=1) if self.pool == "average_max" else average


def fill(module: nn.Module) -> None:
    """He initialisation of the convolutions."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
