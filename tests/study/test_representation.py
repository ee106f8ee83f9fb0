"""What a recipe's representation becomes."""

from dataclasses import replace
from typing import Any

import pytest
from torch import nn

from medgauge.core.errors import InputError
from medgauge.models import Encoder
from medgauge.recipes.read import build_recipe, load_values, override
from medgauge.recipes.schema import Recipe
from medgauge.study.representation import decide_representation, size_without_effect, stage_notes


def recipe(base: str = "l1", **changes: Any) -> Recipe:
    return build_recipe(override(load_values(base), {name.replace("__", "."): one for name, one in changes.items()}))


def test_scratch_stays_as_it_is() -> None:
    given = recipe()
    assert decide_representation(given) is given


@pytest.mark.parametrize(
    ("given", "encoder", "pretrained"),
    [
        ({}, "lite0", "package"),
        ({"represent__source": "timm/resnet18"}, "timm/resnet18", "hub"),
        ({"model__encoder__name": "timm/resnet18", "model__encoder__pretrained": "w.pth"}, "timm/resnet18", "w.pth"),
    ],
)
def test_encoder_and_weights(given: dict[str, Any], encoder: str, pretrained: str) -> None:
    for name in ("frozen", "tuned"):
        found = decide_representation(recipe(represent__name=name, **given))
        assert (found.model.encoder.name, found.model.encoder.pretrained) == (encoder, pretrained)
        assert found.represent.source == encoder


def test_frozen_features_are_of_images_as_they_are() -> None:
    given = recipe("default", represent__name="frozen")
    decided = decide_representation(given).augmentation
    assert (decided.flip, decided.rotation, decided.shift, decided.intensity) == ([], 0.0, 0.0, 0.0)
    assert decide_representation(recipe("default", represent__name="tuned")).augmentation == given.augmentation


def test_frozen_features_of_timms_networks_are_of_every_stage_unless_said_otherwise() -> None:
    given = {"represent__name": "frozen", "represent__source": "timm/resnet18"}
    assert decide_representation(recipe(**given)).model.encoder.settings == {"features": "stages"}
    own = {"features": "last", "least": 64}
    assert decide_representation(recipe(**given, model__encoder__settings=own)).model.encoder.settings == own
    for other in ({"represent__name": "frozen"}, given | {"represent__name": "tuned"}):
        assert decide_representation(recipe(**other)).model.encoder.settings == {}


def test_stages_that_cannot_be_had_are_told() -> None:
    decided = decide_representation(recipe(represent__name="frozen", represent__source="timm/resnet18"))
    network, about = nn.Identity(), {"name": "timm/resnet18", "settings": {"features": "stages"}}
    encoder = Encoder(network, features=1, ndim=2, channels=1, description=about)
    assert stage_notes(decided, encoder) == []
    encoder.description["settings"] = {"features": "last"}
    assert stage_notes(decided, encoder) == [
        "the stages of timm/resnet18 cannot be read one by one, so features are those of its last layer alone"
    ]
    asked = replace(decided.model.encoder, settings={"features": "last"})
    assert stage_notes(replace(decided, model=replace(decided.model, encoder=asked)), encoder) == []


@pytest.mark.parametrize(
    ("given", "ndim", "told"),
    [
        ({}, 2, []),
        ({"represent__size": 320}, 2, []),
        ({"represent__size": 320, "image__size": [320, 200]}, 2, []),
        (
            {"represent__size": 320, "image__size": [64, 400]},
            2,
            ["image.size [64, 400] is given, so represent.size 320 has no effect"],
        ),
        (
            {"represent__size": 320},
            3,
            ["represent.size 320 is of 2-D images and has no effect on volumes; image.size has"],
        ),
    ],
)
def test_a_size_that_decides_nothing_is_told(given: dict[str, Any], ndim: int, told: list[str]) -> None:
    assert size_without_effect(recipe(represent__name="frozen", **given), ndim) == told


@pytest.mark.parametrize("size", [95, 1025, 100.5, "large"])
def test_sizes_out_of_range_are_refused(size: Any) -> None:
    with pytest.raises(InputError, match=r"represent\.size"):
        recipe(represent__name="frozen", represent__size=size)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"represent__size": 200}, "represent.size 200 has no effect with represent.name scratch"),
        ({"represent__source": "lite0"}, "has no effect with represent.name scratch"),
        ({"represent__name": "frozen", "model__encoder__name": "small"}, "model.encoder.name small has none"),
        (
            {"represent__name": "tuned", "represent__source": "lite0", "model__encoder__name": "timm/resnet18"},
            "two encoders",
        ),
        ({"model__neck": "standardised", "model__head": "none"}, "needs represent.name frozen"),
        (
            {"represent__name": "frozen", "model__neck": "standardised", "model__head": "none"},
            "learns nothing; give objective: {}",
        ),
        ({"training__steps": 0}, "training.steps must be >= 1"),
        ({"represent__name": "frozen", "model__encoder__pretrained": "none"}, "pretrained none gives random ones"),
        ({"represent__name": "tuned", "model__encoder__pretrained": "none"}, "pretrained none gives random ones"),
    ],
)
def test_what_cannot_be_together(given: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        recipe(**given)
