import sys
from pathlib import Path
from typing import Any

import pytest

from medgauge.core.errors import InputError
from medgauge.recipes.read import build_recipe, load_values, override, recipe_names, recipe_values
from medgauge.recipes.stored import stored_recipe


def test_what_a_run_writes_down_comes_back_the_same() -> None:
    names = recipe_names()
    assert len(names) > 5
    for name in names:
        recipe = build_recipe(load_values(name))
        again = stored_recipe({"made": {"seed": 0}, **recipe_values(recipe)})
        assert again == recipe
        assert repr(again) == repr(recipe)


def test_absent_settings_have_their_defaults() -> None:
    assert stored_recipe({"seed": 3}) == build_recipe({"seed": 3})


def test_nothing_that_it_names_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "strangers_terms.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(str(tmp_path))
    mine = {"class_path": "strangers_terms.Mine", "init_args": {"size": 1}}
    objective = {"mine": {"factor": 1.0, "term": mine}, "no": {"nonsense": 1}}
    recipe = stored_recipe({"objective": objective, "model": {"encoder": {"settings": {"x": mine}}}})
    assert recipe.objective == objective
    assert "strangers_terms" not in sys.modules


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("objective", ["a"], "objective must be a group of settings by name"),
        ("objective", "a.yaml", "objective must be a group of settings by name"),
        ("seed", True, "seed must be "),
        ("seed", 10**30, "seed must be "),
        ("seed", "1", "seed must be "),
        ("sed", 1, "sed is not a setting"),
        ("data", "a.yaml", "data must be a group of settings"),
        ("data.label", "age", r"data\.label(\[0\])? must be a"),
        ("data.label", [1], r"data\.label(\[0\])? must be a"),
        ("data.shares", {"train": "all"}, r"data\.shares\.train must be a number"),
        ("data.folds", 10**9, r"data\.folds must be in \[0, 1000\], got 1000000000"),
        ("data.fraction", 0.0, r"data\.fraction must be in"),
        ("image.channels", True, r"image\.channels must be"),
        ("image.size", [10**5, 10**5], r"image\.size must be at most 268435456 pixels in all"),
        ("image.size", [0, 4], r"image\.size\[0\] must be >= 1, got 0"),
        ("image.size", [4], r"image\.size must be a list of 2 or 3, each a whole number >= 1, got \[4\]"),
        ("image.spacing", [1e-9, 1.0], r"image\.spacing\[0\] must be in \[0\.001, 1000\], got 1e-09"),
        ("image.spacing", [float("nan")], r"image\.spacing\[0\] must be in .*, got nan"),
        ("augmentation.flip", ["up"], r"augmentation\.flip\[0\] must be one of"),
    ],
)
def test_a_wrong_setting_is_told_in_a_sentence(place: str, value: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        stored_recipe(override(recipe_values(build_recipe({})), {place: value}))


def test_a_recipe_that_is_no_mapping_is_refused() -> None:
    for values in (None, [], "x", 3):
        with pytest.raises(InputError, match="must be a group of settings"):
            stored_recipe(values)
