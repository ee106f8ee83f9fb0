"""The command curve: what is shown of the values, and what it refuses."""

from pathlib import Path

import pytest

from medgauge.cli.curve import show_curve
from medgauge.cli.main import main
from tests.report.test_curve import FALLING, FLAT, VALUE, plain


def test_a_table_a_target_a_sentence_and_the_minutes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_curve(VALUE | {"targets": {"hc_mm": FALLING, "[red]flat": FLAT}}, tmp_path)
    shown = plain(capsys.readouterr().out)
    for piece in (
        "hc_mm: 100 cases of 50 groups, error of the training median", "3.00 mm", "[red]flat: 100 cases",
        "1.00 mm", "0.75 to 1.25 mm", "extrapolated",
        "With twice as many labelled groups (100)", "cannot be told", "a tuned network may gain more; 1.5 minutes",
        str(tmp_path / "curve.html"),
    ):  # fmt: skip
        assert piece in shown


def test_wrong_flags_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["curve", "--draw", "3"]) == 2
    assert "did you mean --draws?" in capsys.readouterr().err
    assert main(["curve", "--table", str(tmp_path / "no.csv"), "--image", "p", "--label", "a", "--no-groups"]) == 1
    assert "no.csv" in capsys.readouterr().err
