"""What the description of a model may say: names from a closed list, and a range for every number.

A description is data that may come from a stranger, so it is read before anything is built from it.
"""

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, NamedTuple, get_args

from medgauge.core.errors import InputError
from medgauge.functional.distribution import MOST_BINS
from medgauge.functional.ordinal import Kind
from medgauge.models.encoders import LITE, check_encoder_name
from medgauge.models.prototypes import SIMILARITIES
from medgauge.models.residual import NORMS, POOLS
from medgauge.models.table_columns import TABLE

MOST_CHANNELS, MOST_TARGETS, MOST_COVARIATES, MOST_WIDTH = 4096, 10_000, 10_000, 65_536
TIMM_NAME = re.compile(r"timm/[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?")  # no source before it, no path
NECKS = ("covariate", "standardised", "feature_smoothing")
WORD = re.compile(r"[A-Za-z0-9_]{0,40}")
ACTIVATIONS = ("relu", "relu6", "leakyrelu", "prelu", "elu", "selu", "celu", "gelu", "swish", "mish", "tanh", "sigmoid")


class Rule(NamedTuple):
    """What a value must be, in words, and whether one is."""

    words: str
    holds: Callable[[Any], bool]


Rules = Mapping[str, Rule]


def whole(low: int, high: int) -> Rule:
    """A whole number in a range."""
    return Rule(f"a whole number from {low} to {high}", lambda value: type(value) is int and low <= value <= high)


def real(low: float, high: float) -> Rule:
    """A number in a range."""
    return Rule(
        f"a number from {low:g} to {high:g}",
        lambda value: type(value) in (int, float) and low <= value <= high and isfinite(value),
    )


def one_of(*names: Any) -> Rule:
    """One of some texts or numbers."""
    return Rule(
        f"one of {', '.join(map(str, names))}",
        lambda value: any(type(value) is type(name) and value == name for name in names),
    )


def list_of(rule: Rule, most: int, least: int = 1) -> Rule:
    """A list in which a rule holds for each."""
    return Rule(
        f"a list of {least} to {most}, each {rule.words}",
        lambda value: (
            isinstance(value, list | tuple) and least <= len(value) <= most and all(rule.holds(one) for one in value)
        ),
    )


def either(*rules: Rule) -> Rule:
    """What holds for any of the rules."""
    return Rule(" or ".join(rule.words for rule in rules), lambda value: any(rule.holds(value) for rule in rules))


FLAG = Rule("true or false", lambda value: isinstance(value, bool))
TEXT = Rule("a text", lambda value: isinstance(value, str) and len(value) <= 200)
GROUP = Rule("a group of settings", lambda value: isinstance(value, Mapping))
NUMBERS = Rule(
    "a group of numbers",
    lambda value: (
        isinstance(value, Mapping)
        and all(isinstance(key, str) and (FLAG.holds(one) or real(-1e4, 1e4).holds(one)) for key, one in value.items())
    ),
)
NAMED = Rule(f"one of {', '.join(ACTIVATIONS)}", lambda value: isinstance(value, str) and value.lower() in ACTIVATIONS)
ACTIVATION = Rule(
    f"{NAMED.words}, or a list of that and its numbers",
    lambda value: (
        NAMED.holds(value)
        or (isinstance(value, list | tuple) and len(value) == 2 and NAMED.holds(value[0]) and NUMBERS.holds(value[1]))
    ),
)
PLAIN = Rule(
    "a number from -1e+06 to 1e+06, true, false, null, or a word",
    lambda value: (
        value is None
        or FLAG.holds(value)
        or real(-1e6, 1e6).holds(value)
        or (isinstance(value, str) and WORD.fullmatch(value) is not None)
    ),
)
PLAINS = either(PLAIN, list_of(either(PLAIN, list_of(PLAIN, 64, 0)), 64, 0))

MODEL: Rules = {
    "ndim": one_of(0, 2, 3),
    "channels": whole(1, MOST_WIDTH),
    "covariates": whole(0, MOST_COVARIATES),
    "targets": whole(0, MOST_TARGETS),
    "encoder": GROUP,
    "neck": GROUP,
    "head": Rule("a group of settings or null", lambda value: value is None or GROUP.holds(value)),
}
ENCODER: Rules = {
    "name": TEXT,
    "width": real(0.001, 64),
    "norm": one_of("default", *NORMS),
    "settings": GROUP,
}
SMALL: Rules = {"blocks": whole(1, 64), "pool": one_of(*POOLS), "stem_stride": one_of(1, 2, 4)}
RESNET: Rules = {
    "act": ACTIVATION,
    "bias_downsample": FLAG,
    "conv1_t_size": either(whole(1, 31), list_of(whole(1, 31), 3)),
    "conv1_t_stride": either(whole(1, 16), list_of(whole(1, 16), 3)),
    "no_max_pool": FLAG,
    "shortcut_type": one_of("A", "B"),
    "widen_factor": real(0.01, 64),
}
TABLE_SETTINGS: Rules = {"columns": list_of(list_of(TEXT, MOST_WIDTH), 64), "scaled": FLAG}
BOTTLENECK: Rules = {"features": whole(1, MOST_WIDTH)}
LITE_SETTINGS: Rules = {"least": whole(0, 4096)}
DENSENET: Rules = {
    "act": ACTIVATION,
    "block_config": list_of(whole(1, 256), 8),
    "bn_size": whole(1, 64),
    "dropout_prob": real(0, 0.999),
    "growth_rate": whole(1, 1024),
    "init_features": whole(1, 4096),
}
TIMM_SETTINGS = (
    "act_layer", "attn_drop_rate", "base_width", "block_size", "cardinality", "channels", "class_token", "depth",
    "depths", "dims", "drop_block_rate", "drop_path_rate", "drop_rate", "dynamic_img_pad", "dynamic_img_size",
    "embed_dim", "embed_dims", "global_pool", "head_dropout", "head_hidden_size", "img_size", "init_values",
    "kernel_size", "kernel_sizes", "layers", "ls_init_value", "mlp_ratio", "mlp_ratios", "norm_eps", "norm_layer",
    "num_heads", "output_stride", "patch_drop_rate", "patch_size", "pos_drop_rate", "proj_drop_rate", "qk_norm",
    "qkv_bias", "reg_tokens", "stem_type", "stem_width", "strict_img_size", "widths", "window_size",
)  # fmt: skip
TIMM: Rules = {
    **dict.fromkeys(TIMM_SETTINGS, PLAINS),
    "features": one_of("last", "stages"),
    "mean": list_of(real(-1e4, 1e4), 3, 3),
    "deviation": list_of(real(1e-6, 1e4), 3, 3),
    "least": whole(0, 4096),
}
COVARIATE: Rules = {
    "name": TEXT,
    "embedding": whole(1, MOST_WIDTH),
    "covariate_width": whole(1, MOST_WIDTH),
    "hidden": whole(0, MOST_WIDTH),
    "scale": real(-1e6, 1e6),
    "learn_scale": FLAG,
    "dropout": real(0, 0.999),
}
SMOOTHING: Rules = {
    "name": TEXT,
    "inner": GROUP,
    "low": real(-1e9, 1e9),
    "high": real(-1e9, 1e9),
    "bin_width": real(1e-9, 1e9),
    "kernel_size": whole(1, 20_001),
    "sigma": real(1e-9, 1e9),
    "momentum": real(0, 1),
    "start_epoch": whole(1, 10**9),
}
STANDARDISED: Rules = {"name": TEXT, "blocks": list_of(whole(1, MOST_WIDTH), 64)}
LINEAR: Rules = {"name": TEXT}
FINDING: Rules = {"name": TEXT}
JOINT: Rules = {"name": TEXT, "heads": list_of(GROUP, 8, 2)}
DISTRIBUTION: Rules = {
    "name": TEXT,
    "low": real(-1e12, 1e12),
    "high": real(-1e12, 1e12),
    "bins": whole(2, MOST_BINS),
}
PROTOTYPES: Rules = {
    "name": TEXT,
    "dimension": whole(1, MOST_WIDTH),
    "hidden": whole(0, MOST_WIDTH),
    "similarity": one_of(*SIMILARITIES),
}
SOFTMAX: Rules = {"name": TEXT, "classes": list_of(whole(2, 1000), 1000)}
ORDINAL: Rules = {"name": TEXT, "thresholds": list_of(real(-1e12, 1e12), 1000), "kind": one_of(*get_args(Kind))}


ONE_HEAD: Mapping[str, tuple[Rules, set[str]]] = {
    "linear": (LINEAR, {"name"}),
    "ordinal": (ORDINAL, {"name", "thresholds"}),
    "softmax": (SOFTMAX, {"name", "classes"}),
    "distribution": (DISTRIBUTION, set(DISTRIBUTION)),
    "prototypes": (PROTOTYPES, set(PROTOTYPES)),
    "findings": (FINDING, {"name"}),
}
"""Of each head of one kind of label the rules, and what must be there."""


def check_description(description: Any) -> None:
    """Raise unless a model of medgauge's own parts, of a bounded size, is described.

    - Raises: InputError for another name than those of medgauge's encoders, necks and heads, for a setting that they do
      not have, and for a value of another type or out of range.
    """
    if not isinstance(description, Mapping):
        raise InputError(f"the model's description must be a group of settings, got {_shown(description)}")
    _check("", description, MODEL, set(MODEL))
    encoder, neck, head = (description[part] for part in ("encoder", "neck", "head"))
    _check("encoder.", encoder, ENCODER, set(ENCODER))
    name = encoder["name"]
    of_table = name == TABLE
    _check("encoder.settings.", encoder["settings"], _encoder_rules(name), set(TABLE_SETTINGS) if of_table else set())
    if of_table != (description["ndim"] == 0) or (description["channels"] > MOST_CHANNELS and not of_table):
        raise InputError(
            f"an encoder {_shown(name)} does not read {description['channels']} channels of {description['ndim']} dimensions"
        )
    if _part("neck", neck, NECKS) == "feature_smoothing":
        _check("neck.", neck, SMOOTHING, {"name", "inner"})
        neck = neck["inner"]
        _part("neck.inner", neck, ("covariate",))
    if neck["name"] == "standardised":
        _check("neck.", neck, STANDARDISED, {"name"})
    else:
        _check("neck.", neck, COVARIATE, {"name", "embedding"})
    if head is not None:
        _check_head("head", head, (*ONE_HEAD, "joint"))


def _check_head(where: str, head: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """A head, or several of different kinds side by side."""
    name = _part(where, head, known)
    if name == "joint":
        _check(f"{where}.", head, JOINT, set(JOINT))
        for place, one in enumerate(head["heads"]):
            inner = {key: value for key, value in one.items() if key != "targets"}
            _check(
                f"{where}.heads.{place}.", {"targets": one.get("targets")}, {"targets": MODEL["targets"]}, {"targets"}
            )
            _check_head(f"{where}.heads.{place}", inner, tuple(ONE_HEAD))
        return
    _check(f"{where}.", head, *ONE_HEAD[name])


def check_storable(description: Mapping[str, Any]) -> None:
    """Raise, before a model is built and trained, for what :func:`check_description` would refuse once it is stored.

    Pretrained weights are left out: they are loaded before training, and stored with the model's.
    """
    encoder = {key: value for key, value in description["encoder"].items() if key != "pretrained"}
    try:
        check_description({**description, "encoder": encoder})
    except InputError as error:
        raise InputError(f"no run folder can hold this model: {error}") from error


def _encoder_rules(name: str) -> Rules:
    """The settings of an encoder of that name."""
    if name.startswith("timm/"):
        if not TIMM_NAME.fullmatch(name):
            raise InputError(f"encoder.name must be timm/ and the name of a network of timm, got {_shown(name)}")
        return TIMM
    if name == TABLE:
        return TABLE_SETTINGS
    check_encoder_name(name)
    own = {LITE: LITE_SETTINGS, "small": SMALL, "bottleneck": BOTTLENECK}
    return own[name] if name in own else RESNET if name.startswith("monai/resnet") else DENSENET


def _part(where: str, values: Mapping[str, Any], known: tuple[str, ...]) -> str:
    """The name of a part."""
    name = values.get("name")
    if name not in known:
        raise InputError(f"{where}.name must be {' or '.join(known)}, got {_shown(name)}")
    return str(name)


def _check(where: str, values: Mapping[str, Any], rules: Rules, needed: set[str]) -> None:
    missing = sorted(needed - set(values))
    if missing:
        raise InputError(f"the model's description has no {where}{missing[0]}")
    for key, value in values.items():
        if key not in rules:
            raise InputError(f"{where}{key} is not a setting of a stored model; known: {', '.join(sorted(rules))}")
        if not rules[key].holds(value):
            raise InputError(f"{where}{key} must be {rules[key].words}, got {_shown(value)}")


def _shown(value: Any) -> str:
    """A value in a message, cut short."""
    text = value if isinstance(value, str) else f"{type(value).__name__}" if isinstance(value, Mapping) else value
    if isinstance(text, list | tuple):
        text = [one if type(one) in (int, float, str, bool) else type(one).__name__ for one in text[:5]]
    shown = f"a number of {text.bit_length()} bits" if type(text) is int and abs(text) > 10**30 else repr(text)
    return shown if len(shown) <= 60 else f"{shown[:60]} …"
