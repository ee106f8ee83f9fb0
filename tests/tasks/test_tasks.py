"""All tasks of a run, in the order of its columns."""

import torch
from torch import Tensor

from medgauge.models.heads import LinearHead
from medgauge.models.joint import JointCoding, JointHead
from medgauge.tasks import KINDS, Tasks
from medgauge.tasks.grades import Grades
from medgauge.tasks.numbers import Numbers
from medgauge.tasks.settings import HeadSettings

NAN = float("nan")
LABEL = torch.tensor([[10.0, 1.0, 0.0], [20.0, 3.0, 4.0], [60.0, NAN, 4.0], [30.0, 2.0, 9.0]]).double()


def unfitted(*, head: str = "auto") -> Tasks:
    settings = HeadSettings(head)  # type: ignore[arg-type]
    return Tasks((Numbers.make(["hc", "ac"], settings, "none"), Grades.make(["dr"], settings, "zscore")))


def fitted(divisor: Tensor | None = None) -> Tasks:
    return unfitted().fit(LABEL, divisor)


def test_each_task_has_its_places() -> None:
    tasks = fitted()
    assert tasks.targets == ["hc", "ac", "dr"]
    assert {name: tuple(part) for name, part in tasks.places.items()} == {
        "number": (0, 2, 0, False),
        "grade": (2, 3, 2, False),
    }
    assert (len(tasks), [task.name for task in tasks]) == (2, ["number", "grade"])
    number, grade = tasks.parts
    assert number.to_dict()["median"] == [25.0, 2.0]
    assert grade.to_dict()["median"] == [4.0]


def test_a_number_is_divided_and_a_grade_beside_it_is_not() -> None:
    divisor = torch.tensor([2.0, 4.0, 3.0, 10.0]).double()
    coded = fitted(divisor).coding.encode(LABEL, divisor)
    assert coded[:, 0].tolist() == [5.0, 5.0, 20.0, 3.0]
    assert coded[:, 2].tolist() == [0.0, 1.0, 1.0, 2.0]  # ranks of 0, 4 and 9


def test_one_task_alone_is_not_wrapped() -> None:
    one = Tasks((Numbers.make(["hc"], HeadSettings(), "none"),)).fit(LABEL[:, :1], None)
    assert one.coding is one.parts[0].coding
    assert isinstance(one.head(4), LinearHead)
    assert isinstance(one.new_coding(), type(one.coding))
    both = fitted()
    assert isinstance(both.coding, JointCoding)
    assert isinstance(both.head(4), JointHead)
    assert unfitted(head="none").fit(LABEL, None).head(4) is None


def test_problems_are_those_of_every_column_before_anything_is_fitted() -> None:
    label = torch.tensor([[1.0, 2.0, 0.5], [1.0, NAN, 1.0], [1.0, 5.0, 2.0]]).double()
    said = [str(problem) for problem in unfitted().problems(label, ["a", "b", "c"])]
    assert said[0].startswith("label hc: is 1 in all 3 labelled cases")
    assert any("label dr is 0.5" in one for one in said)
    assert not any("ac" in one for one in said)


def test_strata_of_other_labels_leave_the_coding_alone() -> None:
    more = torch.cat([LABEL, torch.tensor([[15.0, 2.0, 7.0]]).double()])
    whole = fitted().stratified(more)
    assert whole.parts[1].to_dict()["strata"]["levels"] == [[0.0, 4.0, 7.0, 9.0]]  # type: ignore[index]
    assert whole.parts[1].coding.encode(torch.tensor([[9.0]])).item() == 2.0
    part, chance = fitted().parts[1], torch.tensor([[[0.2, 0.3, 0.5]]])
    moved = whole.parts[1].aligned(chance, part)
    assert moved is not None
    torch.testing.assert_close(moved, torch.tensor([[[0.2, 0.3, 0.0, 0.5]]]))


def test_what_was_fitted_comes_back() -> None:
    tasks, coding = fitted(), unfitted().new_coding()
    coding.load_state_dict(tasks.coding.state_dict())
    again = unfitted().restored({task.name: task.to_dict() for task in tasks}, coding)
    assert [task.to_dict() for task in again] == [task.to_dict() for task in tasks]
    torch.testing.assert_close(again.coding.encode(LABEL), tasks.coding.encode(LABEL), equal_nan=True)
    for one, other, columns in zip(again, tasks, (slice(0, 2), slice(2, 3)), strict=True):
        assert one.strata.of(LABEL[:, columns]).tolist() == other.strata.of(LABEL[:, columns]).tolist()
    assert again.places == tasks.places


def test_regressions_of_every_kind_keep_columns_that_are_weighted_against_one_another() -> None:
    assert len(KINDS) > 2
    for kind in KINDS.values():
        made = kind.make(["a"], HeadSettings("none", kernel=True, logistic=True, weighted=True), "zscore")
        own = Tasks((made,)).fit(torch.tensor([[0.0], [1.0], [0.0], [1.0]], dtype=torch.float64), None).parts[0]
        found = [getattr(one, "inner", one) for one in own.predictors().values()]
        assert found
        assert all(getattr(one, "weighted", False) for one in found)
