"""The encoder of the imbalance-aware self-supervision: two bottleneck blocks and a fully connected layer."""

from jaxtyping import Float
from torch import Tensor, nn

from medgauge.models.residual import CONV, POOL, Subsample, fill, make_norm

STEM, MIDDLE, LAST = 32, 64, 128
NARROW = 4
"""How many times fewer channels a block has inside than it gives."""


class BottleneckBlock(nn.Module):
    """1, 3 and 1 wide convolutions, each with a norm, beside a shortcut; the middle one halves the size.

    - Shape: (n, inputs, \\*space) -> (n, outputs, \\*space / 2).
    - Source: He et al., CVPR 2016, bottleneck block.
    """

    def __init__(self, inputs: int, outputs: int, *, ndim: int, norm: str) -> None:
        super().__init__()
        conv, inner = CONV[ndim], max(outputs // NARROW, 1)
        self.body = nn.Sequential(
            conv(inputs, inner, 1, bias=False),
            make_norm(norm, inner, ndim),
            nn.ReLU(inplace=True),
            conv(inner, inner, 3, stride=2, padding=1, bias=False),
            make_norm(norm, inner, ndim),
            nn.ReLU(inplace=True),
            conv(inner, outputs, 1, bias=False),
            make_norm(norm, outputs, ndim),
        )
        self.shortcut = nn.Sequential(
            Subsample(2), conv(inputs, outputs, 1, bias=False), make_norm(norm, outputs, ndim)
        )
        self.activation = nn.ReLU(inplace=True)
        fill(self)

    def forward(self, image: Float[Tensor, "n i *space"]) -> Float[Tensor, "n o *smaller"]:
        """Return the block's output."""
        out: Tensor = self.activation(self.body(image) + self.shortcut(image))
        return out


class BottleneckNetwork(nn.Module):
    """A stem of 7 a side, two bottleneck blocks, the average over all places and a fully connected layer.

    - Shape: image (n, channels, h, w) or (n, channels, d, h, w) -> (n, features).
    - Source: Li et al., MICCAI 2021 (arXiv 2103.04167): two bottleneck blocks, 256 features of the last layer.
    - Departs: the layer table is in a supplement that we do not have; stem (stride 2, maximum of 3 a side with stride 2)
      and channels (32, 64, 128) are a reconstruction.

    Args:
        ndim: 2 or 3.
        channels: of the image.
        width: factor on the channels inside.
        features: how many.
        norm: ``batch``, ``instance`` or ``group``.
    """

    def __init__(
        self, *, ndim: int, channels: int, width: float = 1.0, features: int = 256, norm: str = "batch"
    ) -> None:
        super().__init__()
        stem, middle, last = (max(round(one * width), 1) for one in (STEM, MIDDLE, LAST))
        self.features = features
        self.stem = nn.Sequential(
            CONV[ndim](channels, stem, 7, stride=2, padding=3, bias=False),
            make_norm(norm, stem, ndim),
            nn.ReLU(inplace=True),
            POOL[ndim](3, stride=2, padding=1),
        )
        fill(self.stem)
        self.blocks = nn.Sequential(
            BottleneckBlock(stem, middle, ndim=ndim, norm=norm), BottleneckBlock(middle, last, ndim=ndim, norm=norm)
        )
        self.last = nn.Linear(last, features)

    def forward(self, image: Float[Tensor, "n c *space"]) -> Float[Tensor, "n f"]:
        """Return the features."""
        features: Tensor = self.last(self.blocks(self.stem(image)).flatten(start_dim=2).mean(dim=2))
        return features
