from pathlib import Path

import pytest

from medgauge.cli.main import main
from medgauge.cli.prototypes import prototypes
from medgauge.semantics.tables import read_vectors


def test_prototypes_are_written_and_how_alike_they_are_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "v.csv").write_text("name,x,y\nA,5,1\nB_c,5,2\nD,6,0\n")
    out = tmp_path / "p.safetensors"
    assert main(["prototypes", "--labels", "A,b c,D", "--source", str(tmp_path / "v.csv"), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert said.err == "the label b c is read as B_c of v.csv\n"
    assert (
        said.out.splitlines()[0]
        == "3 labels, 2 numbers each; mean cosine of two labels 0.96 before and -0.40 after they were centred"
    )
    assert said.out.splitlines()[1:-1] == [
        "  A and b c: 0.32 (0.98 before)",
        "  A and D: -0.55 (0.98 before)",
        "  b c and D: -0.96 (0.93 before)",
        "cosines before they were centred (below the diagonal) and after (above)",
        "             1     2     3",
        "   1 A       –  0.32 -0.55",
        "   2 b c  0.98     – -0.96",
        "   3 D    0.98  0.93     –",
    ]
    assert said.out.splitlines()[-1] == f"written to {out}"
    assert read_vectors(out).names == ("A", "b c", "D")


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        ([], 2, "give the names of the labels with --labels"),
        (["--label", "a"], 2, "--label names columns of a table"),
        (["--labels", "a,b", "--source", "one_hot", "--seed", "x"], 1, "--seed must be a number, got x"),
        (["--labels", "a,b", "--source", "one_hott"], 1, "did you mean one_hot?"),
    ],
)
def test_wrong_words_are_one_sentence(
    words: list[str], status: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prototypes", *words]) == status
    assert sentence in capsys.readouterr().err


def test_controls_say_how_alike_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prototypes(["--labels", "a,b", "--source", "one_hot", "--out", str(tmp_path / "o.safetensors")]) == 0
    assert capsys.readouterr().out.startswith("2 labels, 2 numbers each; mean cosine of two labels 0.00\n")
