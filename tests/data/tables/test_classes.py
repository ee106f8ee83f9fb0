"""Labels that are classes: names, places, and what is wrong in them."""

from pathlib import Path

import numpy as np
import pytest

from medgauge.core.problem import Problem
from medgauge.data.tables.classes import class_notes, lone_classes
from medgauge.data.tables.table import Table, read_table

NAN = float("nan")


def read(
    folder: Path, cells: list[str], classes: dict[str, list[str]] | None = None, missing: float | None = None
) -> tuple[Table, list[Problem]]:
    lines = ["path,view,age,patient", *(f"{row}.png,{cell},{row},p{row % 7}" for row, cell in enumerate(cells))]
    path = folder / "cases.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    asked = {"view": []} if classes is None else classes
    return read_table(path, image="path", label=["age", "view"], group="patient", classes=asked, missing=missing)


def test_words_become_places_in_alphabetical_order(tmp_path: Path) -> None:
    table, problems = read(tmp_path, ["PA", "AP", "", " ll", "NA", "PA"])
    assert problems == []
    assert table.classes == {"view": ["AP", "ll", "PA"]}
    np.testing.assert_array_equal(table.label[:, 1], [2, 0, NAN, 1, NAN, 2])
    np.testing.assert_array_equal(table.label[:, 0], range(6))
    assert any("cells of the label view" in note for note in table.notes)


def test_whole_numbers_stand_in_their_order_however_they_are_written(tmp_path: Path) -> None:
    table, problems = read(tmp_path, ["10", "2.0", "-1", "02", "10"], missing=-1)
    assert problems == []
    assert table.classes == {"view": ["2", "10"]}
    np.testing.assert_array_equal(table.label[:, 1], [1, 0, NAN, 0, 1])


def test_long_whole_numbers_stay_apart(tmp_path: Path) -> None:
    table, _ = read(tmp_path, ["10000000000000001", "10000000000000002", "10000000000000001"])
    assert table.classes["view"] == ["10000000000000001", "10000000000000002"]


def test_given_classes_keep_their_order_and_another_word_is_one_sentence(tmp_path: Path) -> None:
    table, problems = read(tmp_path, ["PA", "AP", "pa", "LL", "LL"], {"view": ["PA", "AP"]})
    np.testing.assert_array_equal(table.label[:, 1], [0, 1, NAN, NAN, NAN])
    assert [problem.row for problem in problems] == [2, 3, 4]
    assert {problem.together for problem in problems} == {
        "label view: it holds 'LL' in 2 cases, 'pa' in 1 case, the first on line 4 (did you mean PA?); the classes are PA, AP: "
        "write one of these, or empty such cells"
    }


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["PA", "pa", "AP"], "label view: has classes that differ in spelling alone ('PA' = 'pa'); write each in one way"),
        (["0.5", "1", "2"], "label view: holds numbers that are not whole (the first on line 2: '0.5'), and a class is a word"),
        ([f"w{row}x" for row in range(51)], "label view: holds 51 different words or numbers in 51 cases ('w0x', 'w10x', 'w11x', …)"),
    ],
)  # fmt: skip
def test_columns_that_hold_no_classes_are_one_sentence(tmp_path: Path, cells: list[str], words: str) -> None:
    _, problems = read(tmp_path, cells)
    assert len(problems) == 1
    assert words in str(problems[0])


def test_a_column_that_is_not_there_has_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("path\n0.png\n", encoding="utf-8")
    known = {"view": ["AP", "PA"]}
    table, problems = read_table(path, image="path", label=["view"], group=None, classes=known, need_label=False)
    assert problems == []
    assert table.classes == known
    assert np.isnan(table.label).all()


def test_a_class_of_one_group_is_refused() -> None:
    label = np.array([[0.0], [0.0], [1.0], [1.0], [2.0], [NAN]])
    found = lone_classes(["view"], {"view": ["AP", "LL", "PA"]}, label, ["a", "b", "c", "c", "a", "b"])
    assert [str(one) for one in found] == [
        "label view: needs each class in 2 groups or more, to learn and to judge it, and has 'LL' in 1 group, 'PA' in 1 group; "
        "empty these cells, or write another class there"
    ]
    assert lone_classes(["view"], {"view": ["AP"]}, label[:1], ["a"]) == []  # told elsewhere


def test_a_class_whose_name_says_that_it_is_not_known_is_told() -> None:
    assert class_notes({"view": ["AP", "PA", "Unknown"]}) == [
        "label view has 3 classes: AP, PA, Unknown; 'Unknown' counts as one of them: where it means not known, empty the cells"
    ]
