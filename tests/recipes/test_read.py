import re
from pathlib import Path

import pytest

from medgauge.core.errors import InputError
from medgauge.recipes.read import build_recipe, load_values, override, parse_value, recipe_values


def test_an_empty_recipe_has_all_defaults() -> None:
    recipe = build_recipe({})
    assert set(recipe.objective) == {"isometry", "error"}
    assert recipe.training.steps == "auto"


def test_values_survive_a_round_trip() -> None:
    recipe = build_recipe(
        {"seed": 3, "data": {"label": ["a", "b"]}, "image": {"size": [32, 48]}, "optimiser": {"learning_rate": "1e-4"}}
    )
    assert recipe.optimiser.learning_rate == 1e-4
    assert build_recipe(recipe_values(recipe)) == recipe


def test_changes_go_to_their_dotted_place() -> None:
    assert override({"a": {"b": 1}}, {"a.b": 2, "a.c.d": 3}) == {"a": {"b": 2, "c": {"d": 3}}}
    with pytest.raises(InputError, match="not a group"):
        override({"a": 1}, {"a.b": 2})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("3", 3),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ("text", "text"),
        ("null", None),
        (".inf", float("inf")),
        ("nan", "nan"),
        ("-3", -3),
        ("?", "?"),
        ("- a", "- a"),
        ("!", "!"),
        ("|", "|"),
    ],
)
def test_values_are_read_as_yaml(text: str, value: object) -> None:
    assert parse_value(text) == value


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sede": 1}, ["sede", "did you mean seed?"]),
        ({"model": {"encoder": {"nam": "x"}}}, ["model.encoder.nam", "did you mean name?"]),
        ({"seed": "x", "training": {"steps": "many"}}, ["2 mistakes", "seed", "training.steps"]),
        ({"model": 3}, ["model must be a group"]),
        ({"training": {"steps": 0}}, ["training.steps must be >= 1, got 0"]),
        ({"objective": {}}, ["no term"]),
        ({"weights": {"sigma": 0.001}}, ["weights.sigma must be in [0.01, 1000], got 0.001"]),
        (
            {"model": {"head": "none"}, "prediction": {"predictor": "head"}},
            ["prediction.predictor head and model.head none exclude each other"],
        ),
        (
            {"represent": {"name": "frozen"}, "prediction": {"average": "flips"}},
            ["represent.name frozen once; set prediction.average to none"],
        ),
        ({"prediction": {"interval": "cross"}}, ["prediction.interval cross needs the values of several folds"]),
        (
            {"data": {"folds": 5}, "prediction": {"interval": "cross", "correction": "linear"}},
            ["set prediction.correction to none"],
        ),
        ({"objective": {"a": {"term": {"class_path": "RMLos"}}}}, ["did you mean RMLoss?"]),
        ({"data": {"fold": 0}}, ["data.fold is one of data.folds, which needs a number of them, got 0"]),
        ({"data": {"fold": 3, "folds": 3}}, ["data.fold must be below data.folds (3), got 3"]),
        (
            {"data": {"covariate_words": {"sex": ["M", "F"]}}},
            ["names 'sex', which is not in data.covariates (there are none)"],
        ),
        ({"objective": {"a": {"term": {"class_path": "no.such.Loss"}}}}, ["no.such"]),
        ({"objective": {"a": {"term": {"class_path": "torch.nn.L1Los"}}}}, ["did you mean L1Loss?"]),
        ({"objective": {"a": {"term": {"class_path": "RMLoss", "init_args": {"sigm": 1}}}}}, ["did you mean sigma?"]),
        (
            {"objective": {"a": {"term": {"class_path": "RMLoss", "init_args": {"sigma": -1}}}}},
            ["sigma must be > 0, got -1"],
        ),
        (
            {"objective": {"a": {"factor": -1, "term": {"class_path": "RMLoss"}}}},
            ["objective.a.factor must be >= 0 and finite, got -1.0"],
        ),
        ({"objective": {"a": {"term": {"class_path": "torch.nn.L1Loss"}}}}, ["asks for input", "a step does not have"]),
    ],
)
def test_mistakes_are_told_with_the_nearest_name(values: dict[str, object], words: list[str]) -> None:
    with pytest.raises(InputError) as error:
        build_recipe(values)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("optimiser.learning_rate", 1e30, "in (0, 1000]"),
        ("optimiser.weight_decay", 1e9, "in [0, 1000]"),
        ("optimiser.warmup", 10**10, "in [0, 1000000000]"),
        ("optimiser.clip", 1e10, "in [0, 1000000000.0]"),
        ("training.steps", 10**10, "in [0, 1000000000]"),
        ("training.batch_size", 10**9, "in [1, 1000000]"),
        ("training.patience", 10**9, "in [0, 100000]"),
        ("training.seconds", 1e20, "in [0, 100000000.0]"),
        ("training.checkpoint_seconds", 1e20, "in [0, 100000000.0]"),
        ("image.size", [1, 1], "at least 16 pixels in all"),
        ("image.size", [1, 3, 5], "at least 16 pixels in all"),
    ],
)
def test_numbers_that_no_training_can_mean_are_refused(place: str, value: object, words: str) -> None:
    with pytest.raises(InputError, match=f"{re.escape(place)} must be {re.escape(words)}, got "):
        build_recipe(override(load_values("l1"), {place: value}))


@pytest.mark.parametrize("size", [[4, 4], [1, 2, 8]])
def test_sixteen_pixels_are_an_image(size: list[int]) -> None:
    assert build_recipe(override(load_values("l1"), {"image.size": size})).image.size == size


ROLES = {
    "label": ("covariates", "label_times", "subgroups", "group", "id", "split", "image", "index"),
    "covariates": ("group", "id", "split", "image", "index"),
    "label_times": ("group", "id", "split", "index"),
    "group": ("split",),
}
"""For each thing that a column can be, those that it cannot be too."""


@pytest.mark.parametrize(("one", "other"), [(one, other) for one, others in ROLES.items() for other in others])
def test_a_column_is_no_two_things(one: str, other: str) -> None:
    lists = ("label", "covariates", "subgroups")
    roles = {"label": ["age"], "group": "patient", one: ["x"] if one in lists else "x"}
    roles[other] = ["x "] if other in lists else "x "  # blanks at the ends of a name do not count
    with pytest.raises(InputError, match=f"column 'x' is given as data.{one} and as data.{other}; "):
        build_recipe(override(load_values("l1"), {f"data.{role}": name for role, name in roles.items()}))


@pytest.mark.parametrize(
    "roles",
    [
        {"covariates": ["sex"], "subgroups": ["sex"]},
        {"covariates": ["size"], "label_times": "size"},
        {"group": "path", "image": "path"},
        {"group": "id", "id": "id"},
        {"id": "path", "image": "path"},
    ],
)
def test_a_column_may_be_these_two_things(roles: dict[str, object]) -> None:
    changes = {"data.label": ["age"], "data.group": "patient", **{f"data.{role}": name for role, name in roles.items()}}
    assert build_recipe(override(load_values("l1"), changes)).data.label == ["age"]


def test_a_function_of_other_code_gets_no_hint() -> None:
    with pytest.raises(InputError, match="os.system is not a loss$"):
        build_recipe({"objective": {"a": {"term": {"class_path": "os.system"}}}})


def test_a_folder_is_no_recipe_and_that_of_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder and no recipe$"):
        load_values(tmp_path)
    (tmp_path / "recipe.yaml").write_text("seed: 1\n")
    with pytest.raises(InputError, match="is a run folder and no recipe; its recipe is "):
        load_values(tmp_path)
