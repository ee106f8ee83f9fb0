from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import pytest

from medgauge.recipes.data_settings import DataSettings
from medgauge.recipes.image_settings import AugmentationSettings, ImageSettings
from medgauge.recipes.prediction_settings import PredictionSettings
from medgauge.recipes.schema import Recipe
from medgauge.recipes.settings import meanings, settings
from medgauge.training.settings import OptimiserSettings


def test_every_field_of_the_schema_is_found_once_with_a_meaning() -> None:
    def count(kind: Any) -> int:
        return sum(count(field.type) if is_dataclass(field.type) else 1 for field in fields(kind))

    found = {setting.place: setting for setting in settings(Recipe)}
    assert len(found) == count(Recipe) > 60
    assert all(setting.meaning for setting in found.values())
    assert found["optimiser.warmup"].default == OptimiserSettings().warmup
    assert found["model.encoder.width"].kind is float
    assert found["seed"].default == 0


def test_meanings_go_over_several_lines_and_end_with_the_docstring() -> None:
    @dataclass
    class One:
        """One.

        Args:
            first: begins here
                and goes on.
            second: alone.
        """

        first: int = 0
        second: int = 0

    assert meanings(One) == {"first": "begins here and goes on.", "second": "alone."}
    assert meanings(type("Bare", (), {})) == {}


def test_kinds_are_of_label_columns() -> None:
    assert DataSettings(label=["age", "dr"], kind={"dr": "grade"}).kind == {"dr": "grade"}
    assert DataSettings(kind={"dr": "grade"}).label == []
    with pytest.raises(ValueError, match=r"data.kind names 'd', which is not in data.label \(did you mean dr\?\)"):
        DataSettings(label=["age", "dr"], kind={"d": "grade"})


def test_parts_of_the_schema_are_the_recipes() -> None:
    recipe = Recipe()
    assert (recipe.image, recipe.augmentation) == (ImageSettings(), AugmentationSettings())
    with pytest.raises(ValueError, match=r"prediction.level must be in \(0, 1\), got 1.5"):
        PredictionSettings(level=1.5)
