"""The command embed: what it needs, and what it says at its end."""

from pathlib import Path

import pytest

from medgauge.cli.embed import embed
from medgauge.cli.main import main
from tests.fitting.small_study import make_table


def test_the_file_and_its_columns_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = make_table(tmp_path, groups=2)
    flags = [
        "--table",
        str(table),
        "--image",
        "path",
        "--out",
        str(tmp_path / "f.parquet"),
        "--cache",
        str(tmp_path / "cache"),
    ]
    assert embed(["lite0", *flags]) == 0
    assert "1024 features (lite0_" in (said := capsys.readouterr().out)
    assert said.endswith(f" written to {tmp_path / 'f.parquet'}\n")


def test_what_is_lacking_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["embed", "lite0", "--table", "cases.csv"]) == 1
    assert "still needed: the file to write (--out features.parquet)" in capsys.readouterr().err
    assert main(["embed"]) == 2
