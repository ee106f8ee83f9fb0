from pathlib import Path

import numpy as np
import pytest

from medgauge.core.errors import InputError
from medgauge.data.problems import Problem, label_problems, name_cases, problem_rows, raise_problems, too_few
from medgauge.data.readers import ImageSource
from medgauge.data.table import Table


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


def test_rows_for_the_problem_file() -> None:
    assert problem_rows([Problem("017", "bad", "file", 0), Problem("", "no id", "table", 1)]) == [
        ("017", "bad"),
        ("", "no id"),
    ]
    assert str(Problem("", "has no id", "table", 1)) == "a case without id: has no id"


def test_names_of_cases() -> None:
    assert name_cases(["a"]) == "case a"
    assert name_cases(["a", "b"]) == "cases a, b"
    assert name_cases(list("abcdefg")) == "cases a, b, c, d, e and 2 more"


def test_good_labels_have_no_problem() -> None:
    assert label_problems(make([[1.0, np.nan], [2.0, 0.0], [np.nan, 1.0]]), log_scaling=True) == []


def test_constant_absent_and_infinite_labels() -> None:
    nan, inf = np.nan, np.inf
    problems = label_problems(make([[3, nan, 1], [3, nan, inf], [nan, nan, 1]]))
    assert [str(problem) for problem in problems] == [
        "label t0: is 3 in all 2 labelled cases, so nothing can be learned from it",
        "label t1: is missing in all 3 cases",
        "case c1: label t2 is infinite",
        "label t2: is 1 in all 2 labelled cases, so nothing can be learned from it",
    ]
    assert {problem.kind for problem in problems} == {"label"}
    assert problems[2].row == 1


def test_negative_labels_matter_under_log_scaling_only() -> None:
    table = make([1.0, -2.0, -0.5, np.nan])
    assert label_problems(table) == []
    (problem,) = label_problems(table, log_scaling=True)
    assert str(problem) == (
        "label t0: is negative in 2 cases (cases c1, c2), which log2(1 + label) scaling does not allow; "
        "choose another scaling"
    )


def test_too_few_says_the_numbers_needed() -> None:
    table = make(np.arange(12.0), ["g"] * 10 + ["h", "i"])
    split = ["train"] * 10 + ["val"] * 2
    assert [str(problem) for problem in too_few(table, split)] == [
        "split train: has 10 labelled cases of 1 groups, needs 8 cases of 2 groups at least"
    ]
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
    assert problem.where == "split calibration"
