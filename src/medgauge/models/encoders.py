"""Encoders by name: images to features."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.errors import InputError
from medgauge.core.threads import few_threads
from medgauge.core.words import nearest_names
from medgauge.models import monai_networks
from medgauge.models.bottleneck import BottleneckNetwork
from medgauge.models.residual import ResidualNetwork
from medgauge.models.table_columns import TABLE, TableColumns

NO_SETTINGS: Mapping[str, Any] = MappingProxyType({})
LITE = "lite0"
WIDTHS = (16, 32, 64, 128)
SMALL_SETTINGS: Mapping[str, Any] = MappingProxyType({"blocks": 1, "pool": "average"})
STEM_STRIDE = {2: 4, 3: 2}  # volumes are smaller a side, and a stem of 4 would leave too little of them
DEFAULT_NORM = {2: "batch", 3: "group"}


class Encoder(nn.Module):
    """A network with what is needed to check its images and to build it again.

    - Shape: image (n, channels, h, w) or (n, channels, d, h, w) -> features (n, ``features``).
    - Raises: InputError for an image with other channels or dimensions.

    Args:
        network: image -> (n, features).
        features: how many.
        ndim: 2 or 3; 0 for features of a table, (n, channels).
        channels: of the image.
        description: what :func:`build_encoder` got, without the pretrained weights.

    With ``keeps_statistics`` set, batch normalisation keeps its statistics while training: small batches tell no others.
    """

    def __init__(
        self, network: nn.Module, *, features: int, ndim: int, channels: int, description: Mapping[str, Any]
    ) -> None:
        super().__init__()
        self.network = network
        self.features, self.ndim, self.channels = features, ndim, channels
        self.description = dict(description)
        self.keeps_statistics = False

    def train(self, mode: bool = True) -> Self:
        """As any module; statistics of batch normalisation that are to be kept stay those of the pretraining."""
        super().train(mode)
        for module in self.modules() if self.keeps_statistics else ():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.training = False
        return self

    def forward(self, image: Float[Tensor, "n c *space"]) -> Float[Tensor, "n f"]:
        """Return the features."""
        if image.ndim != self.ndim + 2:
            raise InputError(
                f"the model reads {self.ndim}-D images, and these have {image.ndim - 2} dimensions beside channels; "
                "give images like those it was trained with."
            )
        if image.shape[1] != self.channels:
            word = "channel" if self.channels == 1 else "channels"
            raise InputError(
                f"the model reads {self.channels} {word}, and the image has {image.shape[1]}; "
                "give images like those it was trained with."
            )
        features: Tensor = self.network(image)
        return features

    @torch.no_grad()
    def check_size(self, size: Sequence[int]) -> None:
        """Raise InputError unless a trial image of this size, (h, w) or (d, h, w), gives the features promised."""
        if self.ndim == 0:
            return
        was, weight = self.training, next(self.parameters())
        try:
            with few_threads(1):
                features = self.eval()(torch.zeros(1, self.channels, *size, device=weight.device, dtype=weight.dtype))
        except (AssertionError, RuntimeError, ValueError, TypeError) as error:
            shown = " x ".join(str(side) for side in size)
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(
                f"the encoder {self.description['name']} cannot read images of {shown} ({reason}); "
                "choose another image size or another encoder."
            ) from error
        finally:
            self.train(was)
        if features.shape != (1, self.features):
            shape = tuple(features.shape)
            raise InputError(
                f"the encoder {self.description['name']} gives no list of features but a map of shape {shape}."
            )

    def describe(self) -> dict[str, Any]:
        """What :func:`medgauge.models.build_model` needs to build this encoder again."""
        return dict(self.description)


def encoder_names() -> dict[str, str]:
    """Names that :func:`build_encoder` knows, with what they are."""
    names = {"small": "narrow residual network for small data, 2-D and 3-D"}
    names |= {"bottleneck": "two bottleneck blocks and 256 features, of the Siamese pretraining, 2-D and 3-D"}
    names |= {"lite0": "EfficientNet-lite0 with ImageNet weights, no hub needed; volumes by nine planes"}
    names |= {f"monai/{name}": "MONAI, 2-D and 3-D" for name in monai_networks.NAMES}
    return names | {"timm/<name>": "any network of timm, 2-D, extra timm (timm/convnext_tiny, timm/inception_v3)"}


def build_encoder(
    name: str,
    *,
    ndim: int,
    channels: int,
    width: float = 1.0,
    norm: str = "default",
    pretrained: bool | str = False,
    settings: Mapping[str, Any] = NO_SETTINGS,
) -> Encoder:
    """The encoder of that name.

    - Raises: InputError for an unknown name (with the nearest ones) or a setting the encoder does not have.

    Args:
        name: see :func:`encoder_names`.
        ndim: dimensions of the image, 2 or 3.
        channels: of the image.
        width: factor on the channels inside (``small`` and MONAI's ResNets).
        norm: ``batch``, ``instance``, ``group``, or ``default``: batch in 2-D, group in 3-D (small batches);
            timm's networks keep their own.
        pretrained: False, ``package`` (lite0), ``hub`` (timm's networks) or a file of weights of these.
        settings: of this encoder alone; ``lite0``: least (96); ``bottleneck``: features (256); ``small``: blocks (1), pool (average),
            stem_stride (4 in 2-D, 2 in 3-D); timm's: see :func:`medgauge.models.timm_networks.build_timm`.
    """
    if name == TABLE:
        return _table(ndim, channels, settings)
    if ndim not in (2, 3):
        raise InputError(f"images have 2 or 3 dimensions, not {ndim}.")
    if channels < 1 or width <= 0:
        raise ValueError(f"channels must be >= 1 and width > 0, got {channels} and {width}")
    if norm not in ("default", "batch", "instance", "group"):
        raise InputError(f"norm must be default, batch, instance or group, and is {norm}.")
    kind, _, inner = name.partition("/")
    if kind == "timm" and inner:
        network, features, settings = _timm(inner, ndim, channels, width, norm, pretrained, settings)
    elif name == LITE:
        network, features = _lite(channels, width, norm, pretrained, settings)
    else:
        check_encoder_name(name)
        if pretrained:
            raise InputError(
                f"the encoder {name} has no pretrained weights to load; only {LITE} and encoders named timm/... do."
            )
        norm = DEFAULT_NORM[ndim] if norm == "default" else norm
        if kind == "small":
            settings = {**SMALL_SETTINGS, "stem_stride": STEM_STRIDE[ndim], **settings}
        make = MAKERS[kind]
        network, features = make(inner, ndim, channels, width, norm, settings)
    description = {"name": name, "width": width, "norm": norm, "settings": dict(settings)}
    return Encoder(network, features=features, ndim=ndim, channels=channels, description=description)


def check_encoder_name(name: str) -> None:
    """Raise InputError for a name, other than of timm's networks, that there is not."""
    names = [known for known in encoder_names() if known != "timm/<name>"]
    if name in names:
        return
    near = nearest_names(name, [*names, "timm/convnext_tiny"]) or names
    raise InputError(
        f"there is no encoder named {name}; the nearest are {', '.join(near)} (see: medgauge list encoders)."
    )


def _small(
    _: str, ndim: int, channels: int, width: float, norm: str, settings: Mapping[str, Any]
) -> tuple[nn.Module, int]:
    known = [*SMALL_SETTINGS, "stem_stride"]
    wrong = sorted(set(settings) - set(known))
    if wrong:
        raise InputError(f"the encoder small has no setting {wrong[0]}; its settings are {', '.join(known)}.")
    widths = [max(round(one * width), 1) for one in WIDTHS]
    try:
        network = ResidualNetwork(ndim=ndim, channels=channels, widths=widths, norm=norm, **settings)
    except (TypeError, ValueError) as error:
        raise InputError(f"the encoder small cannot be built: {error}.") from error
    return network, network.features


def _bottleneck(
    _: str, ndim: int, channels: int, width: float, norm: str, settings: Mapping[str, Any]
) -> tuple[nn.Module, int]:
    for wrong in sorted(set(settings) - {"features"}):
        raise InputError(f"the encoder bottleneck has no setting {wrong}; its setting is features.")
    network = BottleneckNetwork(ndim=ndim, channels=channels, width=width, norm=norm, **settings)
    return network, network.features


def _monai(
    name: str, ndim: int, channels: int, width: float, norm: str, settings: Mapping[str, Any]
) -> tuple[nn.Module, int]:
    return monai_networks.build_monai(name, ndim=ndim, channels=channels, width=width, norm=norm, settings=settings)


MAKERS = {"small": _small, "bottleneck": _bottleneck, "monai": _monai}


def _table(ndim: int, channels: int, settings: Mapping[str, Any]) -> Encoder:
    """Columns of a table; its settings are the names of each block's columns, and whether they are scaled."""
    blocks = [len(names) for names in settings["columns"]]
    if ndim != 0 or sum(blocks) != channels:
        raise InputError(f"a table of features has {sum(blocks)} columns and no axes, got {channels} and {ndim}.")
    network = TableColumns(blocks, scaled=settings["scaled"])
    description = {"name": TABLE, "width": 1.0, "norm": "default", "settings": dict(settings)}
    return Encoder(network, features=channels, ndim=0, channels=channels, description=description)


def _lite(
    channels: int, width: float, norm: str, pretrained: bool | str, settings: Mapping[str, Any]
) -> tuple[nn.Module, int]:
    if width != 1.0 or norm != "default":
        raise InputError(f"{LITE} keeps its own width and norm; leave width at 1 and norm at default.")
    from medgauge.models.lite_networks import build_lite

    return build_lite(channels, pretrained, settings)


def _timm(
    name: str, ndim: int, channels: int, width: float, norm: str, pretrained: bool | str, settings: Mapping[str, Any]
) -> tuple[nn.Module, int, Mapping[str, Any]]:
    if ndim != 2 and settings.get("features") != "stages":
        raise InputError(
            f"timm/{name} reads 2-D images only, and these have {ndim} dimensions; choose small or monai/resnet18, or "
            "represent.name frozen, which reads nine planes of a volume."
        )
    if width != 1.0 or norm != "default":
        raise InputError(f"timm/{name} keeps its own width and norm; leave width at 1 and norm at default.")
    from medgauge.models.timm_networks import LAST, build_timm

    made = build_timm(name, channels=channels, pretrained=pretrained, settings=settings)
    if ndim != 2 and made.settings["features"] == LAST:
        raise InputError(f"timm gives no maps of the stages of {name}, so it reads no volumes; choose another encoder.")
    return made
