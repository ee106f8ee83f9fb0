"""The command pretrain: what it needs, and what it says at its end."""

from pathlib import Path

import pytest

from medgauge.cli.main import main
from medgauge.cli.pretrain import pretrain
from tests.fitting.small_pretraining import make_table


def test_the_encoder_and_the_way_on_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, out = make_table(tmp_path), tmp_path / "ssl"
    flags = [
        "--table",
        str(table),
        "--array",
        "images.npz#images",
        "--index",
        "index",
        "--id",
        "case",
        "--out",
        str(out),
    ]
    more = ["--cache", str(tmp_path / "cache"), "--training.steps", "2", "--model.encoder.width", "0.25"]
    assert pretrain(["siamese", *flags, *more]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"encoder of 24 cases (inductive) written to {out}; spread " in said
    assert f"fit labels on it: medgauge fit --represent.name run --represent.source {out} --table …" in said


def test_what_is_lacking_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pretrain", "siamese"]) == 1
    assert "still needed: a table (--table cases.csv) and its image column" in capsys.readouterr().err
    assert main(["pretrain", "l1", "--table", "cases.csv"]) == 1
    assert "pretraining.method none" in capsys.readouterr().err
    assert main(["pretrain"]) == 2
