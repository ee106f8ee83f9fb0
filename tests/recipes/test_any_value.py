"""Any value at any setting, through a recipe, a flag and Python: it builds, or is refused with one sentence."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, get_args, get_origin

import pytest
import yaml
from hypothesis import given, settings, strategies
from hypothesis.strategies import SearchStrategy

import medgauge.losses
from medgauge.cli.commands import COMMANDS
from medgauge.cli.flags import Parser, UsageError
from medgauge.core.errors import InputError
from medgauge.fitting.parts import build_parts
from medgauge.fitting.stamp import make_recipe
from medgauge.recipes import build
from medgauge.recipes.read import build_recipe, check_changes, override, recipe_values
from medgauge.recipes.schema import Recipe
from medgauge.recipes.settings import Setting
from medgauge.recipes.settings import settings as settings_of
from medgauge.study.decide import decide_training
from tests.cli.small import TYPED
from tests.fitting.test_train import small_study

SETTINGS = list(settings_of(Recipe))
BUILT = ("augmentation", "weights", "sampler", "model", "objective", "optimiser", "training", "prediction", "seed")
"""Sections of which a model, an objective and a batch are made."""
BOUNDED = settings(max_examples=120, deadline=None, derandomize=True, database=None)

PLAIN = strategies.one_of(
    strategies.none(),
    strategies.booleans(),
    strategies.integers(-3, 40),
    strategies.sampled_from([0, 1, -1, 2**31, 2**63 - 1, 2**63, 10**30, -(2**70)]),
    strategies.floats(),
    strategies.sampled_from([0.0, -0.0, 1e-300, 1e-30, 1e30, 1e300, -1e300, 0.5, float("nan"), float("inf")]),
    strategies.text(max_size=6),
    strategies.sampled_from(["", "auto", "none", "null", "nan", "1e-3", "1e999", "\0", "\x1b[2J", "a,b", "a=1", "{", "[1", "é", "x" * 300]),
)  # fmt: skip
ANY = strategies.recursive(
    PLAIN,
    lambda inner: strategies.one_of(
        strategies.lists(inner, max_size=3),
        strategies.dictionaries(strategies.one_of(strategies.text(max_size=3), strategies.integers(0, 3)), inner, max_size=3),
    ),
    max_leaves=4,
)  # fmt: skip
TERM = strategies.fixed_dictionaries(
    {"class_path": strategies.one_of(strategies.sampled_from(medgauge.losses.__all__), PLAIN)},
    optional={
        "init_args": strategies.dictionaries(
            strategies.sampled_from(["kind", "sigma", "alpha", "momentum", "mining", "margin", "temperature", "beta", "thresholds", "x"]),
            ANY,
            max_size=2,
        )
    },
)  # fmt: skip
ENTRY = strategies.fixed_dictionaries({"term": TERM}, optional={"factor": PLAIN, "task": PLAIN})


def of_kind(kind: Any) -> SearchStrategy[Any]:
    """Values that look like those of a type, whatever their ranges."""
    home, inside = get_origin(kind), get_args(kind)
    if kind in (int, float):
        return strategies.one_of(
            strategies.integers(-2, 50), strategies.floats(0, 1), strategies.sampled_from([1e-9, 1e9, 3])
        )
    if home is list:
        return strategies.lists(of_kind(inside[0]), max_size=4)
    if home is dict:
        return strategies.dictionaries(
            strategies.sampled_from(["train", "val", "blocks", "pool", "stem_stride"]), ANY, max_size=3
        )
    if home is not None and str(home).endswith("Literal"):
        return strategies.sampled_from(inside)
    if inside:
        return strategies.one_of([of_kind(one) for one in inside])
    return {bool: strategies.booleans(), str: strategies.text(max_size=4)}.get(kind, strategies.none())


def values_of(setting: Setting) -> SearchStrategy[Any]:
    if setting.place == "objective":
        names = strategies.sampled_from(["error", "total", "mine", "a b", ""])
        return strategies.one_of(ANY, strategies.dictionaries(names, strategies.one_of(ENTRY, ENTRY, ANY), max_size=2))
    return strategies.one_of(ANY, of_kind(setting.kind), of_kind(setting.kind))


PAIRS = strategies.sampled_from(SETTINGS).flatmap(
    lambda setting: strategies.tuples(strategies.just(setting), values_of(setting))
)


@cache
def study() -> Any:
    return small_study()


def accepted(make: Callable[[], Any], place: str) -> Any:
    """What was made, or None where it was refused with a sentence that names the place."""
    try:
        return make()
    except (InputError, UsageError) as error:
        told = str(error)
    assert place.rpartition(".")[2] in told or place.rpartition(".")[2].replace("_", "-") in told, told
    assert told.strip() == told
    assert len(told) < 2000
    assert "\n" not in told
    assert not TYPED.search(told), told
    assert not re.search(r"[\x00-\x1f]", told)
    return None


@BOUNDED
@given(PAIRS)
def test_through_a_recipe_and_python(pair: tuple[Setting, Any]) -> None:
    setting, value = pair
    made = accepted(lambda: make_recipe(None, None, {setting.place: value}), setting.place)
    if made is None:
        return
    for one in (made, build_recipe(yaml.safe_load(yaml.safe_dump(recipe_values(made))))):  # as recipe.yaml has it
        assert recipe_values(one) == recipe_values(made)


@BOUNDED
@given(PAIRS)
def test_through_a_flag(pair: tuple[Setting, Any]) -> None:
    setting, value = pair
    text = (
        value
        if isinstance(value, str)
        else yaml.safe_dump(value, default_flow_style=True).removesuffix("\n...\n").strip()
    )
    parser = Parser("check", COMMANDS["check"].__doc__, "", "")
    parser.word("recipe", "a recipe", "?")
    parser.add_settings(Recipe, short=True, listed=True)

    def make() -> Mapping[str, Any]:
        _, changes = parser.read([f"--{setting.place}={text}"])
        check_changes(None, changes)
        return recipe_values(make_recipe(None, None, changes))

    accepted(make, setting.place)


@settings(BOUNDED, max_examples=150)
@given(PAIRS.filter(lambda pair: pair[0].place.partition(".")[0] in BUILT))
def test_what_is_accepted_builds_or_is_refused_before_training(pair: tuple[Setting, Any]) -> None:
    setting, value = pair
    made = accepted(lambda: make_recipe(None, None, {setting.place: value}), setting.place)
    if made is None:
        return
    whole = study()
    kept = {name: section for name, section in recipe_values(made).items() if name in BUILT}
    small = {"training.batch_size": 4, "training.steps": 3, "model.encoder.width": 0.25, "model.embedding": 4}
    asked = override(kept, {place: one for place, one in small.items() if place != setting.place})
    recipe = build_recipe(recipe_values(whole.recipe) | asked)
    tried = replace(whole, recipe=decide_training(recipe, 2, whole.table.label[:8]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "MOST_WEIGHTS", 2**22)
        accepted(lambda: build_parts(tried), "")


def test_every_setting_and_both_answers_are_met() -> None:
    assert len(SETTINGS) > 60
    assert {setting.place.partition(".")[0] for setting in SETTINGS} >= set(BUILT)
    assert accepted(lambda: make_recipe(None, None, {"seed": 3}), "seed").seed == 3
    assert accepted(lambda: make_recipe(None, None, {"seed": -3}), "seed") is None
