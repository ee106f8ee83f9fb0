import pytest

from medgauge.core.errors import InputError
from medgauge.recipes.read import build_recipe, override, parse_value, recipe_values


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
        ({"objective": {"a": {"term": {"class_path": "RMLos"}}}}, ["did you mean RMLoss?"]),
        ({"objective": {"a": {"term": {"class_path": "no.such.Loss"}}}}, ["no.such"]),
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
