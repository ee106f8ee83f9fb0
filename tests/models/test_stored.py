import json
import resource
import sys
from typing import Any

import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.models import CovariateNeck, FeatureSmoothing, LinearHead, Model, build_encoder, build_model
from medgauge.models import stored as stored_models
from medgauge.models.description import check_description, check_storable
from medgauge.models.heads import DistributionHead
from medgauge.models.joint import JointHead
from medgauge.models.ordinal import OrdinalHead
from medgauge.models.stored import Budget, build_stored

PLAIN: dict[str, Any] = {
    "ndim": 2,
    "channels": 1,
    "covariates": 1,
    "targets": 2,
    "encoder": {"name": "small", "width": 0.25, "norm": "batch", "settings": {}},
    "neck": {"name": "covariate", "embedding": 4, "covariate_width": 3},
    "head": {"name": "linear"},
}


def shapes_of(model: Model) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def with_value(place: str, value: Any) -> dict[str, Any]:
    """The plain description with another value at a dotted place."""
    description: dict[str, Any] = json.loads(json.dumps(PLAIN))
    here, (*path, last) = description, place.split(".")
    for key in path:
        here = here[key]
    here[last] = value
    return description


def comes_back(model: Model) -> None:
    described = json.loads(json.dumps(model.describe()))
    again = build_stored(described, shapes_of(model))
    again.load_state_dict(model.state_dict())
    assert again.describe() == model.describe()


@pytest.mark.parametrize("ndim", [2, 3])
def test_every_neck_and_head_comes_back(ndim: int) -> None:
    encoder = build_encoder("small", ndim=ndim, channels=1, width=0.25, settings={"blocks": 2, "pool": "average_max"})
    neck = CovariateNeck(encoder.features, 2, 5, hidden=7, dropout=0.1)
    comes_back(Model(encoder, neck, None))
    comes_back(Model(encoder, neck, OrdinalHead(5, 1, [0.5, 1.5], "corn")))
    comes_back(Model(encoder, neck, DistributionHead(5, 2, -3, 5, 16)))
    comes_back(Model(encoder, neck, JointHead([DistributionHead(5, 2), OrdinalHead(5, 1, [0.5, 1.5], "corn")])))
    comes_back(Model(encoder, FeatureSmoothing(neck, encoder.features), LinearHead(5, 3)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        (
            "monai/resnet10",
            {"act": ["leakyrelu", {"negative_slope": 0.1}], "conv1_t_size": [3, 3], "widen_factor": 0.5},
        ),
        ("monai/densenet121", {"dropout_prob": 0.1, "init_features": 16, "growth_rate": 8, "act": "relu"}),
    ],
)
def test_monai_encoders_come_back(name: str, settings: dict[str, Any]) -> None:
    encoder = build_encoder(name, ndim=2, channels=1, settings=settings)
    comes_back(Model(encoder, CovariateNeck(encoder.features, 0, 4), LinearHead(4, 1)))


@pytest.mark.slow
@pytest.mark.usefixtures("timm_ready")
def test_timm_encoders_come_back_with_their_settings() -> None:
    for name, settings in (
        ("timm/resnet10t", {"drop_rate": 0.1}),
        ("timm/vit_tiny_patch16_224", {"img_size": [32, 48]}),
    ):
        encoder = build_encoder(name, ndim=2, channels=1, settings=settings)
        comes_back(Model(encoder, CovariateNeck(encoder.features, 0, 4), LinearHead(4, 1)))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("ndim", 7),
        ("ndim", 2.0),
        ("channels", 10**9),
        ("channels", True),
        ("covariates", -1),
        ("covariates", 10**9),
        ("targets", 10**9),
        ("targets", "2"),
        ("encoder", "small"),
        ("encoder", ["small"]),
        ("encoder.name", None),
        ("encoder.name", "hf-hub:me/mine"),
        ("encoder.name", "timm/hf-hub:me/mine"),
        ("encoder.name", "timm/hf_hub:me/mine"),
        ("encoder.name", "timm/local-dir:/tmp/mine"),
        ("encoder.name", "timm//tmp/resnet18.pth"),
        ("encoder.name", "timm/resnet18.a1_in1k/../x"),
        ("encoder.name", "timm/resnet18\n"),
        ("encoder.name", "timm/"),
        ("encoder.name", "/tmp/mine.pth"),
        ("encoder.name", "mine.Encoder"),
        ("encoder.name", "monai/UNet"),
        ("encoder.name", "../small"),
        ("encoder.class_path", "mine.Encoder"),
        ("encoder.pretrained", "hub"),
        ("encoder.width", 1e9),
        ("encoder.width", float("nan")),
        ("encoder.width", 10**400),
        ("encoder.width", "1"),
        ("encoder.norm", "layer"),
        ("encoder.settings", {"blocks": 10**6}),
        ("encoder.settings", {"blocks": [10**6]}),
        ("encoder.settings", {"widths": [10**6]}),
        ("encoder.settings", {"pretrained_cfg": {"file": "x.pth"}}),
        ("encoder.settings", {"checkpoint_path": "x.pth"}),
        ("neck", None),
        ("neck.name", "mine"),
        ("neck.embedding", 10**9),
        ("neck.embedding", 4.0),
        ("neck.covariate_width", 10**9),
        ("neck.hidden", 10**9),
        ("neck.scale", float("inf")),
        ("neck.scale", 0),
        ("neck.depth", 3),
        ("neck", {"name": "feature_smoothing", "inner": {"name": "feature_smoothing", "inner": {}}}),
        ("neck", {"name": "feature_smoothing", "inner": PLAIN["neck"], "bin_width": 1e-8}),
        ("neck", {"name": "feature_smoothing", "inner": PLAIN["neck"], "kernel_size": 10**9}),
        ("head", {"name": "mine"}),
        ("head", []),
        ("head", {"name": "ordinal", "thresholds": [float(one) for one in range(10**5)]}),
        ("head", {"name": "ordinal", "thresholds": [2.0, 1.0]}),
        ("head", {"name": "ordinal", "thresholds": [1.0], "kind": "mine"}),
        ("head", {"name": "distribution"}),
        ("head", {"name": "distribution", "low": -4, "high": 4, "bins": 10**9}),
        ("head", {"name": "distribution", "low": -4, "high": 4, "bins": 1}),
        ("head", {"name": "distribution", "low": -4, "high": 4, "bins": 40.0}),
        ("head", {"name": "distribution", "low": 4, "high": -4, "bins": 40}),
        ("head", {"name": "distribution", "low": -4, "high": float("nan"), "bins": 40}),
        ("head", {"name": "distribution", "low": -4, "high": 1e300, "bins": 40}),
        ("head", {"name": "distribution", "low": -4, "high": 4, "bins": 40, "width": 1}),
    ],
)
def test_what_a_strangers_description_may_not_say(place: str, value: Any) -> None:
    with pytest.raises(InputError) as caught:
        build_stored(with_value(place, value), shapes_of(build_model(PLAIN)))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("key", list(PLAIN))
def test_a_description_without_a_part_is_refused(key: str) -> None:
    with pytest.raises(InputError, match=f"has no {key}"):
        check_description({name: value for name, value in PLAIN.items() if name != key})
    with pytest.raises(InputError):
        check_description([PLAIN])


@pytest.mark.parametrize(
    "settings",
    [
        {"pretrained": True},
        {"pretrained_cfg": "x"},
        {"pretrained_cfg_overlay": {"file": "x.pth"}},
        {"checkpoint_path": "x.pth"},
        {"cache_dir": "x"},
        {"features_only": True},
        {"act_layer": "../x"},
        {"act_layer": {"class_path": "mine.Act"}},
        {"img_size": 10**9},
        {"depths": [[[1]]]},
    ],
)
def test_timms_settings_are_from_a_closed_list_and_plain(settings: dict[str, Any]) -> None:
    encoder = {"name": "timm/resnet18.a1_in1k", "width": 1.0, "norm": "default"}
    check_description(with_value("encoder", {**encoder, "settings": {"img_size": [32, 48], "act_layer": "gelu"}}))
    with pytest.raises(InputError, match=r"encoder\.settings\."):
        check_description(with_value("encoder", {**encoder, "settings": settings}))


def test_monais_activation_is_a_name_with_plain_numbers() -> None:
    encoder = {"name": "monai/resnet10", "width": 1.0, "norm": "batch"}
    check_description(with_value("encoder", {**encoder, "settings": {"act": ["PReLU", {"num_parameters": 1}]}}))
    for act in (
        "mine",
        ["prelu", {"num_parameters": 10**9}],
        ["prelu", {"init": {"a": 1}}],
        ["prelu"],
        [["prelu"], {}],
    ):
        with pytest.raises(InputError, match=r"encoder\.settings\.act must be"):
            check_description(with_value("encoder", {**encoder, "settings": {"act": act}}))


def test_a_name_or_size_out_of_range_is_refused_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_models, "build_model", None)  # calling it would be a TypeError
    for place, value in (("encoder.width", 1e9), ("neck.embedding", 10**9), ("encoder.name", "timm/hf-hub:a/b")):
        with pytest.raises(InputError, match=place):
            build_stored(with_value(place, value), {})


def test_a_model_larger_than_its_weights_takes_no_memory() -> None:
    shapes = shapes_of(build_model(PLAIN))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="larger model than the weights"):
        build_stored(with_value("neck.embedding", 20_000), shapes)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    grown *= 1 if sys.platform == "darwin" else 1024  # to bytes
    assert grown < 4e8  # the layer alone would be 1.6e9


def test_many_small_layers_are_counted_too() -> None:
    with pytest.raises(InputError, match="larger model than the weights"), Budget(1000):
        torch.nn.Sequential(*(torch.nn.Linear(10, 11) for _ in range(10)))
    with Budget(1000):
        assert torch.nn.Linear(10, 11).weight.device.type == "cpu"


@pytest.mark.parametrize(
    ("place", "value", "name"),
    [
        ("neck.embedding", 5, "head.linear.weight"),
        ("targets", 3, "head.linear.bias"),
        ("head", None, "head.linear.bias"),
    ],
)
def test_weights_of_another_model_are_named(place: str, value: Any, name: str) -> None:
    with pytest.raises(InputError, match=f"do not fit: {name}"):
        build_stored(with_value(place, value), shapes_of(build_model(PLAIN)))


def test_what_could_not_be_loaded_is_refused_before_it_is_trained() -> None:
    check_storable(with_value("encoder.pretrained", "hub"))
    with pytest.raises(InputError, match=r"no run folder can hold this model: encoder\.settings\.widths"):
        check_storable(with_value("encoder.settings", {"widths": [8]}))


def test_the_sizes_of_a_distribution_head_are_read_before_anything_is_built() -> None:
    bins = {"name": "distribution", "low": -4.0, "high": 4.0, "bins": 1000}
    check_description(with_value("head", bins))
    with pytest.raises(InputError, match=r"head\.bins must be a whole number from 2 to 1000, got 1001"):
        check_description(with_value("head", {**bins, "bins": 1001}))
    with pytest.raises(InputError, match=r"the model's description has no head\.low"):
        check_description(with_value("head", {name: value for name, value in bins.items() if name != "low"}))
