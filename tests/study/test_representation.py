"""What a recipe's representation becomes."""

from typing import Any

import pytest

from medgauge.core.errors import InputError
from medgauge.recipes.read import build_recipe, load_values, override
from medgauge.recipes.schema import Recipe
from medgauge.study.representation import decide_representation, frozen_notes


def recipe(base: str = "l1", **changes: Any) -> Recipe:
    return build_recipe(override(load_values(base), {name.replace("__", "."): one for name, one in changes.items()}))


def test_scratch_stays_as_it_is() -> None:
    given = recipe()
    assert decide_representation(given) is given
    assert frozen_notes(given) == []


@pytest.mark.parametrize(
    ("given", "encoder", "pretrained"),
    [
        ({}, "lite0", "package"),
        ({"represent__source": "timm/resnet18"}, "timm/resnet18", "hub"),
        ({"model__encoder__name": "timm/resnet18", "model__encoder__pretrained": "w.pth"}, "timm/resnet18", "w.pth"),
        ({"model__encoder__pretrained": "none"}, "lite0", "none"),
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
    assert frozen_notes(given) == [
        "features are frozen, so images are not changed at random (augmentation: flip, rotation, shift, intensity left out)"
    ]
    assert decide_representation(recipe("default", represent__name="tuned")).augmentation == given.augmentation


@pytest.mark.parametrize(
    ("given", "told"),
    [
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
    ],
)
def test_what_cannot_be_together(given: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        recipe(**given)


def test_steps_have_no_effect_where_nothing_is_learned() -> None:
    with pytest.raises(InputError, match=r"training\.steps has no effect"):
        recipe("frozen", training__steps=20)
