from pathlib import Path

import numpy as np
import pytest

from medgauge.core.errors import InputError
from medgauge.core.problem import Problem, name_cases
from medgauge.data.images.image import ImageSource
from medgauge.data.tables.problems import (
    image_problems,
    lacking_states,
    lone_notes,
    lone_states,
    raise_problems,
    too_few,
)
from medgauge.data.tables.table import Table


def make(label: object, group: list[str] | None = None) -> Table:
    values = np.asarray(label, dtype=np.float64)
    values = values[:, None] if values.ndim == 1 else values
    ids = [f"c{row}" for row in range(len(values))]
    return Table(
        id=ids,
        group=group or list(ids),
        image=[ImageSource(Path(case), None, None) for case in ids],
        label=values,
        covariates=np.empty((len(ids), 0)),
        target=[f"t{column}" for column in range(values.shape[1])],
        covariate=[],
        split=None,
        line=list(range(2, len(ids) + 2)),
        path=Path("cases.csv"),
        digest="",
    )


def test_nothing_is_raised_for_no_problem() -> None:
    raise_problems([], "cases.csv")


def test_one_problem_is_one_sentence() -> None:
    with pytest.raises(InputError) as caught:
        raise_problems([Problem("017", "its image a.png is missing", "file", 3)], Path("folder/cases.csv"))
    assert str(caught.value) == "cases.csv: case 017: its image a.png is missing."


def test_many_problems_are_listed_up_to_the_limit() -> None:
    problems = [Problem("label hc_mm", "is constant", "label"), *[Problem(f"c{i}", "bad", "file", i) for i in range(6)]]
    with pytest.raises(InputError) as caught:
        raise_problems(problems, "cases.csv", limit=2)
    assert str(caught.value) == "7 problems in cases.csv:\n  label hc_mm: is constant\n  case c0: bad\n  and 5 more"
    with pytest.raises(InputError) as caught:
        raise_problems(problems, "cases.csv")
    assert str(caught.value).splitlines()[-1] == "  case c5: bad"


def test_a_problem_is_a_line() -> None:
    assert str(Problem("", "has no id", "table", 1)) == "a case without id: has no id"


def test_names_of_cases() -> None:
    assert name_cases(["a"]) == "case a"
    assert name_cases(["a", "b"]) == "cases a, b"
    assert name_cases(list("abcdefg")) == "cases a, b, c, d, e and 2 more"


def test_too_few_says_the_numbers_needed() -> None:
    table = make(np.arange(12.0), ["g"] * 10 + ["h", "i"])
    split = ["train"] * 10 + ["val"] * 2
    assert [str(problem) for problem in too_few(table, split)] == [
        "split train: has 10 labelled cases of 1 group, needs 8 cases of 2 groups at least; give it more cases, or use "
        "folds (--folds 5)"
    ]
    assert [str(problem) for problem in too_few(table, split, folds=True)] == [
        "split train: has 10 labelled cases of 1 group, needs 8 cases of 2 groups at least; give it more cases"
    ]
    (problem,) = too_few(make(np.arange(12.0)), ["train"] * 11 + ["val"])
    assert problem.what.startswith("has 1 labelled case of 1 group, needs 2 cases at least; give it more cases")
    split = ["train"] * 7 + ["test"] * 5
    named = [problem.where for problem in too_few(make(np.arange(12.0)), split)]
    assert named == ["split train", "split val"]
    assert too_few(make(np.arange(12.0)), ["train"] * 10 + ["val"] * 2) == []


def test_too_few_counts_labelled_cases_a_split_and_a_target() -> None:
    label = np.arange(24.0).reshape(12, 2)
    label[:10, 1] = np.nan
    split = ["train"] * 10 + ["val"] * 2
    assert [str(problem) for problem in too_few(make(label), split)] == [
        "label t1: is missing in the whole split train"
    ]
    label[:3] = np.nan
    assert [problem.where for problem in too_few(make(label), split)] == ["split train"]


def test_too_few_takes_other_numbers() -> None:
    table, split = make(np.arange(4.0)), ["train", "train", "val", "test"]
    assert too_few(table, split, cases={"train": 2}, groups={"train": 2}) == []
    (problem,) = too_few(table, split, cases={}, groups={"calibration": 1})
    assert str(problem).startswith("split calibration: has 0 labelled cases of 0 groups, needs 1 group at least")


def test_a_finding_that_is_the_same_in_all_training_cases_is_told() -> None:
    table = make([[1, 0], [0, 0], [np.nan, 0], [1, 1], [0, 1]])
    split = ["train", "train", "train", "val", "test"]
    assert lacking_states(table, split, [0]) == lacking_states(table, split, []) == []
    (problem,) = lacking_states(table, split, [0, 1])
    assert str(problem) == (
        "label t1: is 0 in all 3 labelled training cases, so nothing can be learned of it; leave the column out, or split the cases "
        "in another way (another seed, fewer folds)"
    )
    assert lacking_states(make([0, 0, 0, 0]), ["train", "train", "val", "test"], [0]) == []  # told of the whole column


def test_a_finding_of_one_group_alone_cannot_be_in_folds() -> None:
    table = make([[1, 1], [1, 0], [0, 1], [0, 0], [np.nan, 1]], ["a", "a", "b", "c", "c"])
    (problem,) = lone_states(table, ["fold-0"] * 5, [0, 1])
    assert str(problem) == (
        "label t0: is 1 in cases of one group alone (a), and the fold that leaves it out has none to learn from; leave the column "
        "out, or use no folds (--folds 0)"
    )
    assert lone_states(table, ["test", "test", "fold-0", "fold-1", "fold-1"], [0]) == []
    assert lone_notes(table, ["fold-0"] * 5, [0, 1]) == [
        "label t0 is 1 in cases of one group alone (a): the fold that leaves it out learns nothing of it, and means over findings "
        "leave it out"
    ]


def test_the_same_fault_of_many_images_is_one_line() -> None:
    images = [ImageSource(Path(f"a{row}.nii")) for row in range(7)]
    ids = [f"c{row}" for row in range(7)]
    found = [(row, f"a{row}.nii has {row + 3} pixels that are not a number (NaN)") for row in (1, 2, 4, 6)]
    found += [(5, "a5.nii is empty"), (0, "a0.nii is 16 x 16, not one image"), (3, "a3.nii is empty")]
    problems = image_problems(found, ids, images)
    assert [(problem.row, problem.where, problem.what, problem.kind) for problem in problems] == [
        (row, f"c{row}", what, "file") for row, what in found
    ]
    with pytest.raises(InputError) as caught:
        raise_problems(problems, "t.csv")
    assert str(caught.value).splitlines() == [
        "4 problems in t.csv:",
        "  the same is wrong with 4 images (cases c1, c2, c4, c6); the first: a1.nii has 4 pixels that are not a number (NaN)",
        "  case c5: a5.nii is empty",
        "  case c0: a0.nii is 16 x 16, not one image",
        "  case c3: a3.nii is empty",
    ]
    with pytest.raises(InputError, match="case c1: a1.nii has 4 pixels"):
        raise_problems(image_problems(found[:3], ids, images))
