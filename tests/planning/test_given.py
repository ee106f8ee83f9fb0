"""What was given and cannot be is refused; what is wrong without it leaves a candidate out."""

from dataclasses import replace
from typing import Any

import pytest

from medgauge.core.errors import InputError
from medgauge.planning.candidates import SCRATCH, Candidate
from medgauge.planning.given import check_machine, refuse_given, refuse_training
from medgauge.recipes.schema import Recipe

GIVEN: dict[str, Any] = {"data.table": "a.csv", "data.image": "path", "data.label": ["age"], "training.steps": 7}
TRAINED = Candidate(SCRATCH, {"represent.name": "scratch"}, 0.0, "")


def few_steps(recipe: Recipe) -> None:
    if recipe.training.steps == 7:
        raise InputError("seven steps are too few")


def never(recipe: Recipe) -> None:
    raise InputError(f"never, also not with {recipe.training.steps} steps")


def test_only_what_was_given_is_refused() -> None:
    refuse_given(TRAINED, GIVEN)
    refuse_given(TRAINED, GIVEN, never)
    with pytest.raises(InputError, match="seven steps are too few"):
        refuse_given(TRAINED, GIVEN, few_steps)


def test_several_devices_are_refused_where_the_machine_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    recipe = TRAINED.recipe(GIVEN)
    check_machine(recipe)
    wanted = replace(recipe, training=replace(recipe.training, accelerator="cpu", devices=2))
    with pytest.raises(InputError, match="training.devices is 2, and several devices train one recipe; give one"):
        check_machine(wanted)


@pytest.mark.parametrize(("given", "words"), [
    ({"represent.source": "timm/resnet18"}, r"represent\.source names a network, and the budget quick reads features of the one"),
    ({"represent.name": "frozen", "model.encoder.name": "lite0"}, r"name a network.*medgauge fit frozen --represent\.source"),
    ({"training.steps": 2}, "training.steps says how to train, and the budget quick trains nothing"),
    ({"represent.source": "lite0", "training.steps": 2}, r"represent\.source, training\.steps say how to train"),
])  # fmt: skip
def test_settings_beside_a_budget_that_trains_nothing_are_refused_by_what_they_say(
    given: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        refuse_training("quick", given)
    refuse_training("quick", {"data.label": ["age"], "seed": 3})
