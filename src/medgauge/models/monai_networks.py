"""MONAI's 2-D and 3-D networks as encoders."""

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from medgauge.core.errors import InputError
from medgauge.models.residual import make_norm

NAMES = (
    "resnet10",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "densenet121",
    "densenet169",
    "densenet201",
)


def build_monai(
    name: str, *, ndim: int, channels: int, width: float = 1.0, norm: str, settings: Mapping[str, Any]
) -> tuple[nn.Module, int]:
    """A MONAI network without its classification layer, and its number of features.

    ResNets start with a 7-wide convolution of stride 2 (MONAI's own default, stride 1, is four to eight times slower).
    Every batch normalisation gives way to ``norm`` here: MONAI's ResNet hands its own ``norm`` to the first layer only.

    - Raises: InputError for a setting that the network does not know.

    Args:
        name: one of ``NAMES``.
        ndim: 2 or 3.
        channels: of the image.
        width: factor on a ResNet's channels; DenseNets take 1 only.
        norm: ``batch``, ``instance`` or ``group``.
        settings: further arguments of MONAI's class, such as ``conv1_t_size`` or ``dropout_prob``.
    """
    from monai.networks import nets  # here: the import takes seconds
    from monai.networks.nets.densenet import DenseNet
    from monai.networks.nets.resnet import ResNet

    network: nn.Module
    if name.startswith("resnet"):
        own = {"conv1_t_size": 7, "conv1_t_stride": 2, "widen_factor": width, **settings}
        _check(name, own, ResNet)
        network = getattr(nets, name)(spatial_dims=ndim, n_input_channels=channels, feed_forward=False, **own)
        features: int = vars(network)["in_planes"]
    else:
        if width != 1.0:
            raise InputError(f"monai/{name} has no width setting, and width is {width:g}; leave it at 1.")
        _check(name, settings, DenseNet)
        network = getattr(nets, name.replace("densenet", "DenseNet"))(
            spatial_dims=ndim, in_channels=channels, out_channels=1, **settings
        )
        classifier = network.get_submodule("class_layers")
        features = classifier.get_submodule("out").get_parameter("weight").shape[1]
        classifier.register_module("out", nn.Identity())
    if norm != "batch":
        _replace_norms(network, norm, ndim)
    return network, features


def _check(name: str, settings: Mapping[str, Any], network: type) -> None:
    """Raise for a setting that is ours to set or that the class does not have."""
    fixed = {"self", "block", "layers", "block_inplanes", "norm", "spatial_dims", "n_input_channels", "in_channels"}
    fixed |= {"out_channels", "num_classes", "feed_forward"}
    known = sorted(set(inspect.signature(network.__init__).parameters) - fixed)  # type: ignore[misc] # a class, not an instance
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise InputError(f"monai/{name} has no setting {unknown[0]}; its settings are {', '.join(known)}.")


def _replace_norms(network: nn.Module, norm: str, ndim: int) -> None:
    """Put ``norm`` in place of every batch normalisation."""
    for path, module in list(network.named_modules()):
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            parent, _, leaf = path.rpartition(".")
            network.get_submodule(parent).register_module(leaf, make_norm(norm, module.num_features, ndim))
