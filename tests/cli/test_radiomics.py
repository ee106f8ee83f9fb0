"""The command radiomics: what it needs, what it says at its end, and its status."""

from pathlib import Path

import pandas
import pytest

from medgauge.cli.main import main
from medgauge.cli.radiomics import radiomics
from tests.data.radiomics.small import need_library
from tests.runs.test_radiomics import make_cases

need_library()


def command(table: Path, *more: str) -> list[str]:
    place = table.parent
    words = [
        "--table",
        str(table),
        "--id",
        "case",
        "--image",
        "ct",
        "--mask",
        "tumour",
        "--out",
        str(place / "f.parquet"),
    ]
    return ["radiomics", *words, "--cache", str(place / "cache"), *more]


def test_failures_are_told_and_are_the_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = make_cases(tmp_path, count=3)
    assert main(command(table)) == 1
    said = capsys.readouterr()
    assert said.out == f"107 features of 2 cases written to {tmp_path / 'f.parquet'}\n"
    lines = said.err.splitlines()
    assert lines[0].startswith("case c2: ")
    assert "the mask is one voxel" in lines[0]
    assert lines[1] == "1 case without features, which the file does not have"
    frame = pandas.read_csv(table)
    frame[:2].to_csv(table, index=False)
    flags = ["--bin-width", "10", "--spacing", "2.5,1,1", "--mask-label", "1", "--image.nan", "0"]
    assert main(command(table, *flags)) == 0
    assert "original_glcm_Contrast_bin10_2.5x1x1mm" in pandas.read_parquet(tmp_path / "f.parquet")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--mask-label", "0.5"], "--mask-label must be a whole number >= 1, got 0.5"),
        (["--bin-width", "wide"], "--bin-width must be a number, got wide"),
        (["--spacing", "1,x"], "--spacing must be a number, got x"),
        (["--bin-width", "-3"], "the width of a grey level must be > 0, got -3 (--bin-width 25)"),
        (["--workers", "0"], "--workers must be >= 1, got 0"),
    ],
)
def test_settings_that_are_none_are_refused(
    flags: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(tmp_path / "cases.csv", *flags)) == 1
    assert words in capsys.readouterr().err


def test_what_is_lacking_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["radiomics", "--table", "cases.csv", "--image", "ct"]) == 1
    assert "still needed: the mask column (--mask tumour); the file to write" in capsys.readouterr().err
    assert radiomics.__doc__
