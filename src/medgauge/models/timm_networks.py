"""timm's 2-D networks as encoders (extra ``timm``)."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from math import isfinite
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from torch import Tensor, nn

from medgauge.core.errors import InputError
from medgauge.core.words import nearest_names
from medgauge.models.hub import answering
from medgauge.models.pretrained import COLOURS, LastFeatures, StageFeatures
from medgauge.models.weights import first_line, read_weights

LAST, STAGES = "last", "stages"
LEAST = 96
"""Pixels of the longer side that smaller images are enlarged to where the stages are read."""
OWN = ("features", "mean", "deviation", "least")
"""Settings that are not timm's."""
_USUAL = {"mean": (0.485, 0.456, 0.406), "deviation": (0.229, 0.224, 0.225)}  # of ImageNet's colours


class TimmStages(nn.Module):
    """The map at the end of each stage of a network that timm made with ``features_only``.

    Of transformers whose blocks are all alike, timm gives those of the last three.

    - Shape: (n, 3, h, w) -> maps (n, c, h', w').

    Args:
        network: as timm made it.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.widths: list[int] = list(vars(network)["feature_info"].channels())
        self.channels_last = "NHWC" in str(vars(network).get("output_fmt"))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the maps."""
        maps: Sequence[Tensor] = self.network(image)
        return [one.movedim(-1, 1) if self.channels_last else one for one in maps]


class TimmEncoder(NamedTuple):
    """A network, its number of features, and the settings that make it again, with nothing left to timm's registry."""

    network: nn.Module
    features: int
    settings: dict[str, Any]


def build_timm(name: str, *, channels: int, pretrained: bool | str = False, settings: Mapping[str, Any]) -> TimmEncoder:
    """A timm network without its classifier, of images standardised as in its pretraining, whether it has those weights or not.

    - Raises: InputError without the extra, for an unknown name or setting, for weights that cannot be had.

    Args:
        name: timm's name, with or without a tag of its weights (``convnext_tiny.fb_in1k``).
        channels: of the image; greys become three equal colours, other first layers are adapted as timm does.
        pretrained: False, ``hub`` (timm's usual source), or a file (.safetensors, or .pth read as weights only).
        settings: ``features``: last (what the network ends in) or stages (mean and standard deviation of the channels at the
            end of every stage, of images and volumes; what it ends in where timm knows no stages of it); ``mean`` and
            ``deviation`` of the pretraining's three colours, by default those that timm knows; ``least`` (96): pixels of the
            longer side that smaller images are enlarged to, with stages; and further arguments of the network, such as
            ``drop_path_rate`` or ``img_size``.
    """
    timm = _timm()
    known = timm.list_models()
    if name.split(".")[0] not in known:
        near = nearest_names(name, known)
        hint = f"did you mean {' or '.join('timm/' + one for one in near)}?" if near else "see timm.list_models()."
        raise InputError(f"timm has no network named {name}; {hint}")
    own = {key: value for key, value in settings.items() if key in OWN}
    theirs = {key: value for key, value in settings.items() if key not in OWN}
    decided = _decided(timm, name, own)
    mean, deviation = decided["mean"], decided["deviation"]
    wide = COLOURS if channels == 1 or decided["features"] == STAGES else channels
    make = partial(timm.create_model, name, num_classes=0, in_chans=wide, **theirs)
    stages = _stages(make) if decided["features"] == STAGES else None
    if stages is not None:
        made = StageFeatures(
            stages, channels=channels, widths=stages.widths, mean=mean, deviation=deviation, least=decided["least"]
        )
        if pretrained:
            whole = _whole(make, name, {"channels": channels, **theirs})
            _load(whole, name, wide, pretrained)
            stages.network.load_state_dict(_same_weights(whole.state_dict(), stages.network))
        return TimmEncoder(made, made.features, {**theirs, **decided})
    network = _whole(make, name, {"channels": channels, **theirs})
    if pretrained:
        _load(network, name, wide, pretrained)
    features: Any = getattr(network, "head_hidden_size", None) or network.num_features
    last = LastFeatures(network, channels=channels, mean=mean, deviation=deviation)
    return TimmEncoder(last, int(features), {**theirs, **decided, "features": LAST})


def _decided(timm: ModuleType, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Our settings, where they are not given those of the network's pretraining."""
    config: Any = timm.models.get_pretrained_cfg(name, allow_unregistered=True)
    found = {"features": given.get("features", LAST), "least": given.get("least", LEAST)}
    if found["features"] not in (LAST, STAGES):
        raise InputError(f"features of timm/{name} must be {LAST} or {STAGES}, got {found['features']!r}")
    if type(found["least"]) is not int or found["least"] < 0:
        raise InputError(f"least of timm/{name} must be a whole number >= 0, got {found['least']!r}")
    for key, theirs in (("mean", "mean"), ("deviation", "std")):
        value = given.get(key, list(getattr(config, theirs, None) or _USUAL[key]))
        numbers = isinstance(value, list | tuple) and all(type(one) in (int, float) and isfinite(one) for one in value)
        if not numbers or len(value) not in (1, COLOURS) or (key == "deviation" and min(value) <= 0):
            raise InputError(f"{key} of timm/{name} must be three numbers, one a colour, got {value!r}")
        found[key] = [float(one) for one in (value if len(value) == COLOURS else value * COLOURS)]
    return found


def _whole(make: Callable[..., nn.Module], name: str, told: Mapping[str, Any]) -> nn.Module:
    """The network up to its classifier."""
    try:
        return make()
    except (TypeError, RuntimeError, AssertionError) as error:
        shown = ", ".join(f"{key}: {value}" for key, value in told.items())
        raise InputError(
            f"timm cannot build {name} with {shown} ({first_line(error)}); change these settings."
        ) from error


def _stages(make: Callable[..., nn.Module]) -> TimmStages | None:
    """The network up to the end of its last stage; None where timm cannot take it apart."""
    try:
        return TimmStages(make(features_only=True))
    except (TypeError, RuntimeError, AssertionError, AttributeError, KeyError):
        return None


def _same_weights(whole: Mapping[str, Tensor], part: nn.Module) -> dict[str, Tensor]:
    """The weights of the part: timm names them as in the whole, but for a word before them and a point that became a dash."""
    by_name = {key.replace(".", "_"): value for key, value in whole.items()}
    return {
        key: by_name[key.removeprefix("model.").removeprefix("body.").replace(".", "_")] for key in part.state_dict()
    }


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
        config["state_dict"] = _in_colour(read_weights(Path(source)), network)
    elif not any(config.get(key) for key in ("hf_hub_id", "url", "file")):
        raise InputError(f"timm offers no pretrained weights for {name}; give a file of weights or pretrained: false.")
    filter_fn = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    missing: list[str] = []
    hook = network.register_load_state_dict_post_hook(  # type: ignore[no-untyped-call]  # torch leaves it untyped
        lambda _, keys: missing.extend(keys.missing_keys)
    )
    silent: str | None = None
    try:
        with (
            _quiet("huggingface_hub"),
            _quiet("timm"),
            answering(config) if source == "hub" else nullcontext() as silent,
        ):
            load_pretrained(network, config, num_classes=0, in_chans=channels, filter_fn=filter_fn)
    except Exception as error:  # the hub's clients raise errors of many unrelated classes
        raise InputError(_failure(name, source, silent, error, config)) from error
    finally:
        hook.remove()
    parameters = dict(network.named_parameters())
    absent = [key for key in missing if key in parameters]
    if absent:
        raise InputError(
            f"{source} is not a file of weights for {name}: {len(absent)} of its {len(parameters)} parameters are "
            f"missing (the first: {absent[0]}); give the weights of this network."
        )


def _in_colour(weights: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """A first layer that was trained on greys reads three equal colours, a third of its weights each."""
    wanted = network.state_dict()
    return {
        key: (value / COLOURS).repeat_interleave(COLOURS, 1)
        if key in wanted
        and value.ndim == wanted[key].ndim == 4
        and (value.shape[1], wanted[key].shape[1]) == (1, COLOURS)
        else value
        for key, value in weights.items()
    }


def _failure(name: str, source: str, silent: str | None, error: Exception, config: Mapping[str, Any]) -> str:
    """The sentence for weights that cannot be loaded."""
    if source == "hub":
        reason = silent or (str(error) if isinstance(error, InputError) else first_line(error))
        place = config.get("hf_hub_id") or config.get("url")
        return (
            f"the pretrained weights of {name} could not be fetched from the hub ({reason}); go online, give a file of weights "
            f"(that of {place}) by model.encoder.pretrained, or take lite0, whose weights are installed: represent.source lite0."
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
