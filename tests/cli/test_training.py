"""The commands that train: their help names budgets, and settings that contradict them are refused."""

import pytest

from medgauge.cli import training
from medgauge.cli.commands import COMMANDS
from medgauge.cli.main import main


def test_they_are_the_commands() -> None:
    assert [COMMANDS[name] for name in ("fit", "plan", "check", "demo")] == [
        training.fit, training.plan, training.check, training.demo,
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["fit", "plan"])
def test_their_help_tells_the_budgets(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "--budget" in said
    assert "standard (30 minutes), best (four hours)" in said


def test_a_plan_takes_no_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "l1"]) == 2
    assert "plan has no place for 'l1'" in capsys.readouterr().err
