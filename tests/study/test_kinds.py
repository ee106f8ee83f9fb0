"""What is said of the kinds of label columns, and what is refused."""

from pathlib import Path
from typing import Any

import pandas
import pytest

from medgauge.core.errors import InputError
from medgauge.fitting.check import check
from tests.fitting.small_study import COLUMNS, SMALL, make_table


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = make_table(tmp_path_factory.mktemp("kinds"))
    frame = pandas.read_csv(path)
    stage = (frame["age"] // 20).astype(int)
    words = stage.map({1: "mild", 2: "mild", 3: "severe", 4: "severe"})
    frame = frame.assign(stage=stage, word=words, half=stage + 0.5 * (frame.index % 9 == 0), size=1.5, one="PA")
    frame.to_csv(path, index=False)
    return path


def told(table: Path, label: list[str], recipe: str | None = None, **data: Any) -> list[str]:
    columns = {**COLUMNS, "table": str(table), "label": label, **data}
    return check(recipe, **columns, changes=SMALL)


def test_each_column_is_read_as_what_was_said_and_a_number_otherwise(table: Path) -> None:
    assert "read as: age a number, stage a grade" in told(table, ["stage", "age"], kind={"stage": "grade"})
    assert "read as: stage a number" in told(table, ["stage"])
    lines = told(table, ["word", "age"], kind={"word": "class"})
    assert "read as: age a number, word a class" in lines
    assert "label word has 2 classes: mild, severe" in lines


@pytest.mark.parametrize(
    ("label", "data", "words"),
    [
        (
            ["word"],
            {"kind": {"word": "number"}},
            r"label word: holds words \('(mild|severe)', '(mild|severe)'\); write numbers there \(of a finding 1 and 0\)",
        ),
        (["word"], {"kind": {"word": "grade"}}, "label word: holds words"),
        (
            ["half"],
            {"kind": {"half": "class"}},
            r"label half: holds numbers that are not whole.*\(--kind half=number\)",
        ),
        (
            ["age", "one"],
            {"kind": {"one": "class"}},
            "label one: is 'PA' in every labelled case, and a class needs two or more; leave the column out",
        ),
        (
            ["word"],
            {"kind": {"word": "class"}, "classes": {"word": ["mild"]}},
            r"data\.classes\.word must be two or more",
        ),
        (
            ["stage"],
            {"classes": {"stage": ["1", "2"]}},
            r"data\.classes names 'stage', which is a number; say --kind stage=class",
        ),
        (["half"], {"kind": {"half": "grade"}}, "and a grade is a whole number; correct it, or read half as a number"),
        (["stage"], {"kind": {"stag": "grade"}}, r"data\.kind names 'stag'.*did you mean stage"),
        (
            ["stage"],
            {"kind": {"stage": "grad"}},
            r"data\.kind\.stage must be one of number, grade.*, got grad \(did you mean grade",
        ),
        (
            ["stage"],
            {"kind": {"stage": "grade"}, "label_times": "size", "covariates": ["size"]},
            r"data\.label_times is for numbers, and stage is a grade; leave it out",
        ),
        (
            ["stage"],
            {"kind": {"stage": "grade"}, "label_scaling": "log2"},
            r"data\.label_scaling is for numbers, and stage is a grade; leave it out",
        ),
    ],
)
def test_what_is_no_such_kind_is_one_sentence(table: Path, label: list[str], data: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        told(table, label, **data)


def test_a_threshold_is_for_findings(table: Path) -> None:
    columns = {**COLUMNS, "table": str(table), "label": ["stage"], "kind": {"stage": "grade"}}
    with pytest.raises(InputError, match=r"prediction\.threshold is for findings, and stage is a grade; leave it out"):
        check("grade", **columns, changes={**SMALL, "prediction.threshold": "youden"})


def test_a_recipe_for_grades_does_not_make_a_grade_of_a_number(table: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"objective\.grade needs logits, .* an ordinal one does \(--kind stage=grade, or model\.head ordinal and thresholds\)$",
    ):
        told(table, ["stage"], "grade")
    assert "nothing is wrong" in told(table, ["stage"], "grade", kind={"stage": "grade"})


def test_nothing_wrong_is_not_said_of_what_is_noted(table: Path) -> None:
    assert told(table, ["age"])[-1] == "nothing is wrong"
    frame = pandas.read_csv(table)
    frame["days"] = frame["age"] * 365
    frame.to_csv(table.with_name("days.csv"), index=False)
    noted = told(table.with_name("days.csv"), ["age"], covariates=["days"])
    assert noted[-1] == "nothing is wrong that keeps it from being fitted; 1 note is above"
    assert any("days" in line for line in noted[:-1])
