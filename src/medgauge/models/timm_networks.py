"""timm's 2-D networks as encoders (extra ``timm``)."""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from medgauge.core.errors import InputError
from medgauge.core.words import nearest_names
from medgauge.models.weights import first_line, read_weights


def build_timm(
    name: str, *, channels: int, pretrained: bool | str = False, settings: Mapping[str, Any]
) -> tuple[nn.Module, int]:
    """A timm network without its classifier, and its number of features.

    - Raises: InputError without the extra, for an unknown name or setting, for weights that cannot be had.

    Args:
        name: timm's name, with or without a tag of its weights (``convnext_tiny.fb_in1k``).
        channels: of the image; pretrained first layers are adapted to it as timm does.
        pretrained: False, ``hub`` (timm's usual source), or a file (.safetensors, or .pth read as weights only).
        settings: further arguments of the network, such as ``drop_path_rate`` or ``img_size``.
    """
    timm = _timm()
    known = timm.list_models()
    if name.split(".")[0] not in known:
        near = nearest_names(name, known)
        hint = f"did you mean {' or '.join('timm/' + one for one in near)}?" if near else "see timm.list_models()."
        raise InputError(f"timm has no network named {name}; {hint}")
    try:
        network: nn.Module = timm.create_model(name, num_classes=0, in_chans=channels, **settings)
    except (TypeError, RuntimeError, AssertionError) as error:
        shown = ", ".join(f"{key}: {value}" for key, value in {"channels": channels, **settings}.items())
        raise InputError(
            f"timm cannot build {name} with {shown} ({first_line(error)}); change these settings."
        ) from error
    if pretrained:
        _load(network, name, channels, pretrained)
    features: Any = getattr(network, "head_hidden_size", None) or network.num_features
    return network, int(features)


def _timm() -> ModuleType:
    """The timm package, or one clear sentence."""
    try:
        import timm
    except ImportError as error:
        raise InputError(
            f"encoders named timm/... need the timm extra ({first_line(error)}); "
            "install it with: pip install 'medgauge[timm]'"
        ) from error
    except RuntimeError as error:  # torchvision's compiled part was built for another torch
        raise InputError(
            f"timm cannot be imported ({first_line(error)}): torch and torchvision do not fit each other; "
            "install builds that do, with: pip install --upgrade torch torchvision timm"
        ) from error
    module: ModuleType = timm
    return module


def _load(network: nn.Module, name: str, channels: int, pretrained: bool | str) -> None:
    """Load weights from the hub or a file; every parameter must come from there."""
    from timm.models import load_pretrained

    source = "hub" if pretrained is True else str(pretrained)
    config: dict[str, Any] = dict(vars(network)["pretrained_cfg"])
    if source != "hub":
        config["state_dict"] = read_weights(Path(source))
    elif not any(config.get(key) for key in ("hf_hub_id", "url", "file")):
        raise InputError(f"timm offers no pretrained weights for {name}; give a file of weights or pretrained: false.")
    filter_fn = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    missing: list[str] = []
    hook = network.register_load_state_dict_post_hook(  # type: ignore[no-untyped-call]  # torch leaves it untyped
        lambda _, keys: missing.extend(keys.missing_keys)
    )
    try:
        with _quiet("huggingface_hub"), _quiet("timm"):
            load_pretrained(network, config, num_classes=0, in_chans=channels, filter_fn=filter_fn)
    except Exception as error:  # the hub's clients raise errors of many unrelated classes
        raise InputError(_failure(name, source, error)) from error
    finally:
        hook.remove()
    parameters = dict(network.named_parameters())
    absent = [key for key in missing if key in parameters]
    if absent:
        raise InputError(
            f"{source} is not a file of weights for {name}: {len(absent)} of its {len(parameters)} parameters are "
            f"missing (the first: {absent[0]}); give the weights of this network."
        )


def _failure(name: str, source: str, error: Exception) -> str:
    """The sentence for weights that cannot be loaded."""
    if source == "hub":
        return (
            f"the pretrained weights of {name} could not be fetched from the hub ({first_line(error)}); "
            "go online, or give a file of weights in place of hub."
        )
    return f"the weights in {source} do not fit {name} ({first_line(error)}); give the weights of this network."


@contextmanager
def _quiet(logger: str) -> Iterator[None]:
    """Keep a library's running commentary off the terminal; the error that follows says what matters."""
    log = logging.getLogger(logger)
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
