"""The help of each command, made from the schema's own words."""

import re
from typing import get_args

import pytest

from medgauge.cli.commands import COMMANDS
from medgauge.cli.main import main
from medgauge.cli.values import default_words, kind_words
from medgauge.recipes.entries import KindName
from medgauge.recipes.schema import Recipe
from medgauge.recipes.settings import Setting, meanings, settings


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def plain(text: str) -> str:
    return " ".join(text.split())


def groups(text: str) -> dict[str, str]:
    """The parts of a help by their titles."""
    parts = re.split(r"(?<=\n\n)(\S.*):\n", text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_groups(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(command, capsys)
    assert f"example: medgauge {command}" in text
    assert (COMMANDS[command].__doc__ or "?") in plain(text)
    found = groups(text)
    assert list(found)[0] == f"words and flags of {command}"
    assert list(found)[-1] == "help"
    assert all(body.strip() for body in found.values())


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_at_most_100_columns_wide(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    lines = help_of(command, capsys).splitlines()
    assert max(map(len, lines)) <= 100


def said(setting: Setting) -> str:
    ends = f" ({setting.range})" if setting.range else ""
    return plain(f"{setting.meaning.rstrip('.')}{ends} [{default_words(setting.default)}]")


@pytest.mark.parametrize("command", ["fit", "check"])
def test_every_setting_is_told_with_type_default_and_its_docstring(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = help_of(command, capsys)
    found, sections, told = groups(text), meanings(Recipe), list(settings(Recipe))
    assert len(told) > 60
    for setting in told:
        section, _, name = setting.place.partition(".")
        (title,) = [one for one in found if one.partition(":")[0] == section]
        assert sections[section].rstrip(".") in title or not name
        short = section == "data" or setting.place in ("seed", "prediction.aggregate")
        flag = f"--{name.replace('_', '-')}" if short and name else f"--{setting.place}"
        assert setting.meaning, setting.place
        (line,) = re.findall(rf"^  {re.escape(flag)}(?=[ .\n]).*$", found[title], flags=re.MULTILINE)
        assert said(setting) in plain(found[title]), setting.place
        switch = setting.kind is bool and short
        free = setting.place in ("objective", "model.encoder.settings")
        assert switch or free or f"{flag} {kind_words(setting.kind)}" in line


def test_choices_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of("fit", capsys)
    assert "--label-scaling zscore|min_max|log2|none\n" in text
    assert f"--kind NAME={'|'.join(get_args(KindName))},…" in text
    assert "--training.steps INTEGER|auto" in text
    assert "--objective.NAME VALUE" in text


@pytest.mark.parametrize("command", ["compare", "demo"])
def test_other_commands_with_settings_point_to_fit(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(command, capsys)
    assert "medgauge fit --help tells them all" in plain(text)
    assert "--training.batch_size" not in text
    assert ("--label TEXT,…" in text) == (command == "compare")


@pytest.mark.parametrize("command", ["evaluate", "predict", "report", "list"])
def test_commands_without_settings_show_only_theirs(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert set(groups(help_of(command, capsys))) == {f"words and flags of {command}", "help"}


@pytest.mark.parametrize("command", ["fit", "check"])
def test_ranges_are_told(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = plain(help_of(command, capsys))
    for words in (
        "of the prediction intervals (in (0, 1)) [0.9]",
        "of lds, in bins; odd (in [1, 1001]) [5]",
        "pixels or voxels an axis, rows first; auto from the images (2 or 3, each >= 1) [auto]",
    ):
        assert words in text
