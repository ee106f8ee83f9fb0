"""Flags are made from a schema; here one of the tests' own, so that no table of flags.py can know it."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from medgauge.cli import commands
from medgauge.cli.flags import Parser, UsageError
from medgauge.cli.others import ELSEWHERE, FLAGS
from medgauge.core.errors import InputError
from medgauge.recipes.read import build_recipe, override, recipe_values
from medgauge.recipes.schema import Recipe
from medgauge.recipes.settings import settings as settings_of


@dataclass
class Columns:
    """Columns.

    Args:
        colour: of the paint; a share of 100 %.
        layers: thickness of each, in mm.
        by_name: shades by their names.
        hurried: without drying.
        patient: waits for paint; it is on.
        depth: a whole number.
    """

    colour: Literal["red", "blue"] | None = None
    layers: list[float] = field(default_factory=lambda: [0.5, 1.0])
    by_name: dict[str, Literal["light", "dark"]] = field(default_factory=dict)
    hurried: bool = False
    patient: bool = True
    depth: int = 3


@dataclass
class Brush:
    """A brush.

    Args:
        width: in mm.
        options: anything else.
    """

    width: float | Literal["auto"] = "auto"
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Wall:
    """A wall.

    Args:
        data: what is on it.
        brush: what it is painted with.
        height: in metres.
    """

    data: Columns = field(default_factory=Columns)
    brush: Brush = field(default_factory=Brush)
    height: float = 2.5


def parser(*, short: bool = True, listed: bool = True) -> Parser:
    made = Parser("paint", "Paint a wall.", "", "medgauge paint")
    made.add_settings(Wall, short=short, listed=listed)
    return made


def changes(*words: str) -> dict[str, Any]:
    return parser().read(words)[1]


def test_a_new_field_is_in_the_help_with_its_words() -> None:
    made = parser()
    text = " ".join(made.format_help().split())
    assert "data: what is on it, also as --data.NAME:" in text
    assert "--colour red|blue of the paint; a share of 100 % [null]" in text
    assert "--layers NUMBER,… thickness of each, in mm [0.5,1.0]" in text
    assert "--by-name NAME=light|dark,… shades by their names [empty]" in text
    assert "--hurried without drying [false]" in text
    assert "--patient true|false waits for paint; it is on [true]" in text
    assert "brush: what it is painted with:" in text
    assert "--brush.width NUMBER|auto in mm [auto]" in text
    assert "--brush.options.NAME VALUE anything else [empty]" in text
    assert "--height NUMBER in metres [2.5]" in text
    assert "--data.colour" not in text


def test_flags_that_are_not_listed_are_taken() -> None:
    made = parser(short=False, listed=False)
    assert "--brush" not in made.format_help()
    assert made.read(["--brush.width=2", "--data.colour", "red"])[1] == {"brush.width": 2, "data.colour": "red"}


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ([], {}),
        (["--colour", "red"], {"data.colour": "red"}),
        (["--data.colour=null"], {"data.colour": None}),
        (["--layers", "1,2e-1"], {"data.layers": [1, 0.2]}),
        (["--layers=[1, 2]", "--layers", "3"], {"data.layers": [1, 2, 3]}),
        (["--by-name", "a=light,b=dark"], {"data.by_name": {"a": "light", "b": "dark"}}),
        (["--by-name", "a=light", "--data.by_name", "{b: dark}"], {"data.by_name": {"a": "light", "b": "dark"}}),
        (["--by_name=a=light"], {"data.by_name": {"a": "light"}}),
        (["--data.by-name.a", "light"], {"data.by_name.a": "light"}),
        (["--hurried"], {"data.hurried": True}),
        (["--data.hurried=false"], {"data.hurried": False}),
        (["--patient", "false"], {"data.patient": False}),
        (["--depth", "-1"], {"data.depth": -1}),
        (["--height", "-1e3"], {"height": -1000.0}),
        (["--height=2", "--height=2.0"], {"height": 2}),
        (["--brush.width", "auto"], {"brush.width": "auto"}),
        (["--brush.options.deep.er", "[1, a]"], {"brush.options.deep.er": [1, "a"]}),
    ],
)
def test_values_are_read_by_their_types(words: list[str], given: dict[str, Any]) -> None:
    assert changes(*words) == given


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--height=1", "--height=2"], "--height is given twice, with 1 and with 2; give it once"),
        (["--colour", "red", "--data.colour=blue"], "--colour is given twice, with 'red' and with 'blue'"),
        (["--data.hurried=false", "--hurried"], "--hurried is given twice, with False and with True"),
        (["--by-name", "a=light", "--by-name", "a=dark"], "--by-name a is given twice, with 'light' and with 'dark'"),
        (["--by-name", "a=light,a=dark"], "--by-name a is given twice, with 'light' and with 'dark'"),
        (["--by-name", "a=light", "--data.by_name.a", "dark"], "--data.by_name.a is given twice, with 'light'"),
    ],
)
def test_two_values_of_one_setting_are_refused(words: list[str], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        changes(*words)


@pytest.mark.parametrize("words", [["--out", "a", "--out=b"], ["--coats=1", "--coats=2"], ["--out=a", "--out=a"]])
def test_two_values_of_a_flag_that_is_no_setting_are_refused(words: list[str]) -> None:
    made = Parser("paint", "Paint.", "", "medgauge paint")
    made.flag("--out", "a folder")
    made.count("--coats", "how often", 1)
    made.several("--pot", "again and again", "NAME")
    if words[0] == words[-1]:
        parsed, _ = made.read([*words, "--pot", "x", "--pot", "y"])
        assert (parsed.out, parsed.pot) == ("a", ["x", "y"])
    else:
        with pytest.raises(InputError, match=r"is given twice, with '(a|1)' and with '(b|2)'; give it once"):
            made.read(words)


def test_words_may_stand_among_flags() -> None:
    made = Parser("paint", "Paint.", "", "medgauge paint")
    made.word("first", "a word")
    made.word("more", "words", "*")
    made.count("--out", "a flag", 1)
    parsed, _ = made.read(["a", "--out", "2", "b", "c"])
    assert (parsed.first, parsed.more, parsed.out) == ("a", ["b", "c"], 2)


def test_a_flag_is_not_known_by_its_beginning() -> None:
    with pytest.raises(UsageError, match="paint has no flag --colou; did you mean --colour"):
        changes("--colou", "red")


def test_names_without_values_are_refused() -> None:
    with pytest.raises(InputError, match=r"--by-name takes NAME=light\|dark,…, got 'a'"):
        changes("--by-name", "a")


def test_a_file_of_the_flags_names_no_setting_that_has_a_type() -> None:
    text = Path(commands.__file__).with_name("flags.py").read_text(encoding="utf-8")
    names = [f'"{name}"' for name in Recipe().data.__dict__]
    assert len(names) > 20
    assert [name for name in names if name in text] == []


@pytest.mark.parametrize(
    "words", [["--kind", "dr_grade=grade"], ["--data.kind", "dr_grade=grade"], ["--data.kind={dr_grade: grade}"]]
)
def test_kinds_of_labels_survive_a_round_trip(words: list[str]) -> None:
    made = Parser("fit", "", "", "")
    made.add_settings(Recipe, short=True, listed=True)
    _, given = made.read(["--label", "dr_grade,age", *words])
    assert given == {"data.label": ["dr_grade", "age"], "data.kind": {"dr_grade": "grade"}}
    recipe = build_recipe(override({}, given))
    assert recipe.data.kind == {"dr_grade": "grade"}
    assert build_recipe(recipe_values(recipe)) == recipe


def test_columns_named_like_numbers_stay_text() -> None:
    made = Parser("fit", "", "", "")
    made.add_settings(Recipe, short=True, listed=True)
    _, given = made.read(["--image", "1", "--label", "2,3", "--group=1e3", "--missing", "-9"])
    assert given == {"data.image": "1", "data.label": ["2", "3"], "data.group": "1e3", "data.missing": -9}


def test_flags_of_commands_are_those_of_their_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command in commands.COMMANDS:
        with pytest.raises(SystemExit):
            commands.COMMANDS[command](["--help"])
        own = capsys.readouterr().out.partition(f"words and flags of {command}:")[2].partition("\n\n")[0]
        assert tuple(re.findall(r"^ +(--[a-z.-]+)", own, flags=re.MULTILINE)) == FLAGS.get(command, ())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "--budget", "quick"], "it is a flag of medgauge fit and medgauge plan; see medgauge check --help"),
        (["report", "runs/a", "--draws", "3"], "it is a flag of medgauge curve; see medgauge report --help"),
        (
            ["predict", "runs/a", "--budgets", "3"],
            "--budget is a flag of medgauge fit and medgauge plan; see medgauge predict",
        ),
        (
            ["report", "runs/a", "--seed", "3"],
            "report has no flag --seed; it is a flag of medgauge fit; see medgauge report",
        ),
        (["predict", "runs/a", "--image.size", "8,8"], "it is a flag of medgauge fit; see medgauge predict --help"),
        (["evaluate", "runs/a", "--label", "age"], "it is a flag of medgauge fit; see medgauge evaluate --help"),
        (["evaluate", "runs/a", "--data.label", "age"], "it is a flag of medgauge fit"),
        (["evaluate", "runs/a", "--objective.error.factor=2"], "it is a flag of medgauge fit"),
        (["predict", "runs/a", "--steps", "3"], "--training.steps is a flag of medgauge fit"),
        (["predict", "runs/a", "--imag.size", "8"], "--image.size is a flag of medgauge fit"),
        (["predict", "runs/a", "--covariates", "a=1"], "did you mean --covariate?"),
        (["report", "runs/a", "--seeds", "3"], "it is a flag of medgauge compare"),
    ],
)
def test_a_flag_of_another_command_is_told_whose_it_is(words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        commands.COMMANDS[words[0]](words[1:])


@pytest.mark.parametrize(
    ("command", "flag", "said"),
    [
        ("fit", "--lr", "did you mean --optimiser.learning_rate?"),
        ("fit", "--optimizer.lr", "did you mean --optimiser.learning_rate?"),
        ("fit", "--optimizer.name", "did you mean --optimiser.name?"),
        ("check", "--batch-size", "did you mean --training.batch_size?"),
        ("predict", "--epochs", "--training.steps is a flag of medgauge fit; see medgauge predict --help"),
    ],
)
def test_what_other_tools_call_a_setting_is_known(command: str, flag: str, said: str) -> None:
    with pytest.raises(UsageError) as told:
        commands.COMMANDS[command](["x", flag, "1"])
    assert str(told.value).endswith(f"has no flag {flag}; {said}")


def test_names_of_elsewhere_are_settings_that_there_are() -> None:
    places = {setting.place for setting in settings_of(Recipe)}
    assert set(ELSEWHERE.values()) <= places
