from typing import Any

from medgauge.recipes.schema import EncoderSettings, Recipe
from medgauge.recipes.sections import read_section


def read(values: Any) -> list[str]:
    found: list[str] = []
    assert (read_section(Recipe, values, found) is None) == bool(found)
    return found


def test_all_that_is_wrong_is_told_in_its_order() -> None:
    assert read({"seed": -1, "sede": 1, "image": {"window": [5, 5]}, "weights": {"kernel_size": 4}, "model": 3}) == [
        "seed must be >= 0, got -1",
        "sede is not a setting (did you mean seed?)",
        "image.window must rise, got [5.0, 5.0]",
        "weights.kernel_size must be odd, got 4",
        "model must be a group of settings, got 3",
    ]


def test_sections_inside_are_read_by_their_own_declarations() -> None:
    assert read({"model": {"encoder": {"width": 0, 3: 1}}}) == [
        "model.encoder.width must be in [0.001, 64], got 0.0",
        "model.encoder.3 is not a setting (known: name, norm, pretrained, settings, width)",
    ]
    found: list[str] = []
    made = read_section(EncoderSettings, {"width": 2}, found, "model.encoder")
    assert (made, found) == (EncoderSettings(width=2.0), [])


def test_what_is_no_group_is_refused() -> None:
    assert read([1]) == ["a recipe must be a group of settings, got [1]"]
