from pathlib import Path

import pytest

from medgauge.study.unnamed import unnamed_split_notes
from tests.study.small import recipe_of

WORDS = ["train", "Train", "test", ""]
NOTE = "the column Split (test, train) is not used: splits are drawn anew; to follow it, give --split Split"


def notes(folder: Path, name: str, words: list[str], **data: object) -> list[str]:
    lines = [f"path,patient,age,{name}", *(f"{row}.png,p{row},{row}.5,{word}" for row, word in enumerate(words))]
    (folder / "cases.csv").write_text("\n".join(lines), encoding="utf-8")
    return unnamed_split_notes(recipe_of(data={"table": str(folder / "cases.csv"), **data}))


def test_a_column_of_splits_that_nobody_named_is_told(tmp_path: Path) -> None:
    assert notes(tmp_path, "Split", WORDS) == [NOTE]
    (told,) = notes(tmp_path, "set", ["training", "validation"])
    assert told.startswith("the column set (training, validation) is not used")


@pytest.mark.parametrize(
    "data", [{"split": "Split"}, {"resplit": True}, {"holdout": "Split=test"}, {"subgroups": ["Split"]}]
)
def test_a_column_that_is_spoken_of_is_not_told(tmp_path: Path, data: dict[str, object]) -> None:
    assert notes(tmp_path, "Split", WORDS, **data) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [("site", WORDS), ("fold", ["0", "1", "2"]), ("set", ["train", "train"]), ("set", ["train", "test", "lung"])],
)
def test_other_columns_are_not_told(tmp_path: Path, name: str, words: list[str]) -> None:
    assert notes(tmp_path, name, words) == []


def test_a_table_that_cannot_be_read_is_told_by_others(tmp_path: Path) -> None:
    assert unnamed_split_notes(recipe_of(data={"table": str(tmp_path / "none.csv")})) == []
