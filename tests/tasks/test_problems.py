"""What makes a label column unlearnable, in words."""

import pytest
import torch

from medgauge.core.problem import Problem, of_finished
from medgauge.tasks.findings import Findings
from medgauge.tasks.grades import Grades
from medgauge.tasks.numbers import Numbers
from medgauge.tasks.problems import class_copy_problems, column_problems, finding_problems, level_problems
from medgauge.tasks.settings import HeadSettings

NAN, INF = float("nan"), float("inf")


def problems(label: list[list[float]], scaling: str = "zscore") -> list[Problem]:
    columns = [f"t{column}" for column in range(len(label[0]))]
    task = Numbers.make(columns, HeadSettings(), scaling)  # type: ignore[arg-type]
    return task.problems(torch.tensor(label, dtype=torch.float64), [f"c{row}" for row in range(len(label))])


def test_good_labels_have_no_problem() -> None:
    assert problems([[1.0, NAN], [2.0, 0.0], [NAN, 1.0]], "log2") == []


def test_constant_absent_and_infinite_labels() -> None:
    found = problems([[3, NAN, 1], [3, NAN, INF], [NAN, NAN, 1]])
    assert [str(problem) for problem in found] == [
        "label t0: is 3 in all 2 labelled cases, so nothing can be learned from it; correct it, or leave the column out",
        "label t1: is missing in all 3 cases; correct it, or leave the column out",
        "case c1: label t2 is infinite",
        "label t2: is 1 in all 2 labelled cases, so nothing can be learned from it; correct it, or leave the column out",
    ]
    assert {problem.kind for problem in found} == {"label"}
    assert found[2].row == 1


@pytest.mark.parametrize("kind", [Numbers, Findings])
def test_one_or_empty_is_told_to_write_0(kind: type[Numbers] | type[Findings]) -> None:
    label = torch.tensor([[1.0], [NAN], [NAN]], dtype=torch.float64)
    (problem,) = kind.make(["Effusion"], HeadSettings(), "zscore").problems(label, ["a", "b", "c"])
    assert str(problem).endswith(", or write 0 where it is absent (2 cells are empty)")


@pytest.mark.parametrize(("code", "offered"), [(9.0, True), (99.0, True), (-1.0, True), (2.0, False), (0.5, False)])
def test_a_code_among_0_and_1_may_mean_missing(code: float, offered: bool) -> None:
    (problem,) = finding_problems("Effusion", torch.tensor([0.0, 1.0, code]), ["a", "b", "c"])
    assert (f"(--missing {code:g})" in str(problem)) == offered


def test_findings_that_no_case_has_are_told_as_such_and_not_as_copies() -> None:
    label = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    found = Findings.make(["a", "b", "c", "d"], HeadSettings(), "zscore").problems(label, ["x", "y"])
    assert [str(problem) for problem in found] == [
        "label a: is 0 in all 2 labelled cases, so nothing can be learned from it; correct it, or leave the column out",
        "label b: is 0 in all 2 labelled cases, so nothing can be learned from it; correct it, or leave the column out",
        "label d: is the same as c in all 2 cases; leave one of them out",
    ]


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ([0, 1, 2, NAN], True),
        ([2, 0, 1, NAN], True),
        ([0, 1, 1, NAN], False),
        ([0, 1, 2, 2], False),
        ([NAN, 1, 2, 0], True),
    ],
)
def test_classes_that_another_column_tells_are_a_copy_by_whatever_names(other: list[float], same: bool) -> None:
    label = torch.tensor([[0, 1, 2, NAN], other], dtype=torch.float64).T
    told = [str(problem) for problem in class_copy_problems(["view", "other"], label)]
    assert told == ["label other: says the same as view in all 4 cases; leave one of them out"] * same


@pytest.mark.parametrize(("kind", "same"), [(Numbers, True), (Grades, True), (Numbers, False), (Grades, False)])
def test_numbers_and_grades_that_are_equal_are_told(kind: type[Numbers] | type[Grades], same: bool) -> None:
    label = torch.tensor([[2.0, 2.0, 4.0], [1.0, 1.0, 3.0], [NAN, NAN if same else 1.0, 3.0]], dtype=torch.float64)
    found = kind.make(["size", "length", "other"], HeadSettings(), "zscore").problems(label, ["a", "b", "c"])
    told = ["label length: is the same as size in all 3 cases; leave one of them out"]
    assert [str(problem) for problem in found] == told * same


def test_labels_beyond_what_can_be_reckoned_with() -> None:
    assert problems([[1e30, 0.0], [-1e30, 1e-30]]) == []
    found = problems([[1e300, 0.0], [-2e30, 1e-300]])
    assert [str(problem) for problem in found] == [
        "case c0: label t0 is 1e+300, beyond 1e+30; correct it, or give the labels in another unit",
        "case c1: label t0 is -2e+30, beyond 1e+30; correct it, or give the labels in another unit",
        "label t1: differs by 1e-300 at most; give the labels in another unit",
    ]
    assert [problem.row for problem in found] == [0, 1, None]


def test_negative_labels_matter_under_log_scaling_only() -> None:
    label = [[1.0], [-2.0], [-0.5], [NAN]]
    assert problems(label) == []
    (problem,) = problems(label, "log2")
    assert str(problem) == (
        "label t0: is negative in 2 cases (cases c1, c2), which log2(1 + label) scaling does not allow; "
        "choose another scaling"
    )


@pytest.mark.parametrize("label", [[1.0, 2.0], [1.0, 2.0, NAN]])
def test_a_column_that_can_be_learned(label: list[float]) -> None:
    assert column_problems("age", torch.tensor(label), ["a", "b", "c"]) == []


def test_a_number_of_one_is_said_as_one() -> None:
    (problem,) = problems([[1.0], [-2.0], [3.0]], "log2")
    assert "is negative in 1 case (case c1)" in str(problem)
    assert str(problems([[NAN]])[0]) == "label t0: is missing in the only case; correct it, or leave the column out"
    assert str(problems([[1.0], [NAN]])[0]).startswith("label t0: is 1 in the only labelled case, so")


def test_many_grades_that_are_no_whole_numbers_are_one_sentence() -> None:
    few, many = (level_problems("dr", torch.arange(n) + 0.5, [f"c{i}" for i in range(n)]) for n in (3, 4))
    assert {one.together for one in few} == {""}
    assert {one.together for one in many} == {
        "label dr is 0.5, and a grade is a whole number; correct it, or read dr as a number (--kind dr=number); so it is "
        "in 4 cases c0, c1, c2, c3"
    }
    assert "--kind" not in str(of_finished(few)[0]) + of_finished(many)[0].together
