import csv
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from medgauge.core.errors import InputError
from medgauge.core.problem import Problem
from medgauge.data.tables.findings import Joined, labels_in
from medgauge.data.tables.table import Table, read_table

CELLS = ["Effusion|Mass", "No Finding", "", "Mass", " Hernia | Mass ", "no_finding"]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(cells: Sequence[str] = CELLS) -> Path:
        path = tmp_path / "cases.csv"
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows(
                [
                    ["path", "age", "findings", "Mass"],
                    *([f"{row}.png", str(row), cell, "7"] for row, cell in enumerate(cells)),
                ]
            )
        return path

    return write


def read(
    path: Path, names: Sequence[str], separator: str = "|", label: Sequence[str] = ()
) -> tuple[Table, list[Problem]]:
    joined = Joined("findings", separator, names)
    return read_table(path, image="path", label=label or ["age", *names], group=None, joined=joined)


def test_names_become_columns_of_one_and_zero_and_an_empty_cell_is_missing(write: Write) -> None:
    table, problems = read(write(), ["Mass", "Effusion"])
    assert problems == []
    assert table.target == ["age", "Mass", "Effusion"]
    expected = [[0, 1, 1], [1, 0, 0], [2, np.nan, np.nan], [3, 1, 0], [4, 1, 0], [5, 0, 0]]
    np.testing.assert_array_equal(table.label, expected)


def test_how_the_column_was_read_is_one_line(write: Write) -> None:
    table, _ = read(write(), ["Effusion", "Mass"])
    assert list(table.notes) == [
        "findings is split at '|' into 2 findings: Mass (3), Effusion (1); 2 cases have none of them; 1 empty cell is missing labels; "
        "not asked for: Hernia (1)",
        "read from findings, and not from the column of the same name: Mass",
    ]
    table, _ = read(write(), ["Effusion"])
    assert "; 4 cases have none of them; " in table.notes[0]  # two of them have another one


def test_all_names_that_occur_are_labels_by_frequency(write: Write) -> None:
    path = write([*CELLS, "Atelectasis"])
    assert labels_in(str(path), "findings", "|", []) == ["Mass", "Atelectasis", "Effusion", "Hernia"]
    assert labels_in(str(path), "findings", "|", ["age", "Hernia"]) == ["Hernia"]


def test_a_real_column_of_names_says_what_its_columns_say(shared: Path) -> None:
    path = shared / "data/nih_cxr1000/labels.csv"
    names = labels_in(str(path), "finding_labels", "|", [])
    assert (len(names), names[0]) == (14, "Effusion")
    columns = {"image": "path", "group": "patient_id", "label": names}
    split, problems = read_table(path, **columns, joined=Joined("finding_labels", "|", names))
    assert problems == []
    assert f"not from the columns of the same name: {', '.join(names)}" in split.notes[-1]
    np.testing.assert_array_equal(split.label, read_table(path, **columns)[0].label)


def test_a_column_of_the_same_name_is_not_read_and_differs_in_some_cases(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text("path,findings,Mass\n0.png,Mass,1\n1.png,Mass,0.0\n2.png,No Finding,1\n3.png,No Finding,\n")
    table, _ = read(path, ["Mass"], label=["Mass"])
    assert table.label[:, 0].tolist() == [1, 1, 0, 0]
    assert table.notes[-1].endswith("of the same name: Mass (differs in 2 cases)")


@pytest.mark.parametrize(
    ("rare", "said"),
    [
        ("Masss", "'Masss' (1) is spelled much like 'Mass' (40)"),
        ("No fnding", "much like 'No Finding' (20)"),
        ("Hernia", ""),
    ],
)
def test_a_rare_name_that_may_be_a_frequent_one_is_told(write: Write, rare: str, said: str) -> None:
    cells = [*["Mass"] * 40, *["No Finding"] * 20, rare]
    notes = [note for note in read(write(cells), ["Mass"])[0].notes if "spelled much like" in note]
    assert len(notes) == bool(said)
    assert said in "".join(notes)


@pytest.mark.parametrize(
    ("cells", "asked", "said"),
    [
        (
            [*CELLS, "effusion"],
            [],
            "has findings that differ in spelling alone ('Effusion' = 'effusion'); write them alike",
        ),
        (CELLS, ["mass"], "has no finding 'mass' (did you mean 'Mass'?)"),
        (["Pleural_Thickening", "Mass"], ["Pleural thickening"], "(did you mean 'Pleural_Thickening'?)"),
        (["Mass;Hernia", "Mass"], [], "has '|' in no cell, and ';' in 1 ('Mass;Hernia'); give --separator ';'"),
        (
            ["0", "1.0", "", "1"],
            [],
            "holds numbers (0, 1, 1.0) and no names of findings; give a column of 0 and 1 with --label",
        ),
        (["", "No Finding"], [], "has no name of a finding in any cell"),
        ([f"name {row:03}x" for row in range(300)], [], "has 300 different names ('name 000x' the most frequent)"),
    ],
)
def test_names_that_cannot_be_labels_are_refused(write: Write, cells: list[str], asked: list[str], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        labels_in(str(write(cells)), "findings", "|", asked)
    assert str(caught.value).startswith("column 'findings' of cases.csv")


def test_cells_that_contradict_themselves_or_may_mean_two_things_are_problems(write: Write) -> None:
    _, problems = read(write(["Mass|No Finding", "None", "Mass", "mass"]), ["Mass"])
    assert [str(problem) for problem in problems] == [
        "case 0.png: findings on line 2 has 'No Finding' beside 'Mass'; drop one of them",
        "case 1.png: findings on line 3 is 'None', which may mean no finding or not known; write No Finding, or leave it empty",
        "column findings: has 'mass' (1 case) beside the label 'Mass'; write them alike",
    ]


@pytest.mark.parametrize("names", [["Effusion", "Mass"], ["Mass", "Effusion", "Mass; Effusion"]])
def test_names_that_another_sign_joins_are_a_problem_and_not_absent(write: Write, names: list[str]) -> None:
    _, problems = read(write(["Effusion|Mass", "Mass; Effusion", "No Finding", "Mass; Effusion"]), names)
    assert [str(problem) for problem in problems] == [
        "column findings: has ';' between names in 2 cells ('Mass; Effusion'), and is split at '|'; write one sign in all cells, "
        "or give --separator"
    ]


def test_a_word_that_may_say_that_nothing_is_found_is_told_where_it_is_always_alone(write: Write) -> None:
    said = "'Normal' stands in cells by itself alone; if it says that nothing is found, write No Finding"
    assert said in read(write(["Normal", "Mass", "Normal"]), ["Normal", "Mass"])[0].notes[0]
    assert said not in read(write(["Normal", "Mass|Normal"]), ["Normal", "Mass"])[0].notes[0]


def test_a_sign_within_a_name_joins_nothing(write: Write) -> None:
    assert read(write(["Effusion, left|Mass", "Effusion", "T1/T2", "Mass"]), ["Effusion, left", "Mass"])[1] == []


def test_a_column_of_a_finding_in_another_spelling_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text("path,Pleural_Thickening,Mass\na.png,1,0\n")
    said = "no column 'pleural thickening' for the label (did you mean 'Pleural_Thickening'?)"
    with pytest.raises(InputError, match=re.escape(said)):
        read_table(path, image="path", label=["pleural thickening"], group=None)


def test_a_table_without_the_column_has_no_such_labels_where_none_are_needed(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("path\na.png\nb.png\n")
    joined = Joined("findings", "|", ["Mass"])
    table, problems = read_table(path, image="path", label=["Mass"], group=None, joined=joined, need_label=False)
    assert (problems, np.isnan(table.label).all()) == ([], True)
    with pytest.raises(InputError, match="no column 'findings' for the names of findings"):
        read_table(path, image="path", label=["Mass"], group=None, joined=joined)
