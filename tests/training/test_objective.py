"""The objective: fields by name, mistakes said when built, parts and total, and several processes."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from medgauge.core.batch import Part
from medgauge.losses import PointwiseLoss, RMLoss
from medgauge.training.objective import Objective
from tests.contracts import TermContract, make_step
from tests.processes import in_each_process


class Spread(nn.Module):
    """A term with parameters of its own, an optional field, a scalar and shared rows."""

    def __init__(self) -> None:
        super().__init__()
        self.width = nn.Parameter(torch.tensor(1.5))

    def forward(
        self,
        embedding: Tensor,
        prototypes: Tensor,
        label: Tensor,
        row: Tensor,
        progress: Tensor,
        weight: Tensor | None = None,
    ) -> Tensor:
        if label.ndim != 2 or embedding.ndim != 2 or (weight is not None and weight.ndim != 1):
            raise ValueError("dimensions differ")
        if not len(embedding) == len(label) == len(row) or (weight is not None and len(weight) != len(row)):
            raise ValueError("rows differ")
        share = torch.ones_like(embedding[:, 0]) if weight is None else weight
        wide = torch.promote_types(embedding.dtype, torch.float32)
        apart = (embedding.to(wide)[:, None] - prototypes.to(wide)).square().sum(-1).clamp(min=1e-12).sqrt()
        error = torch.where(label.isnan(), 0.0, apart - label).to(wide) / self.width
        return progress.to(wide) * (share.to(wide)[:, None] * error).logsumexp((0, 1)) + self.width.log()


class TestTermWithParameters(TermContract):
    def make(self) -> nn.Module:
        return Spread()


class Fixed(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, label: Tensor) -> Tensor:
        return self.value + 0 * label.nan_to_num().sum()


def test_returns_every_part_and_the_total() -> None:
    objective = Objective({"first": (Fixed(2.0), 0.5), "second": (Fixed(3.0), 2)})
    values = objective(make_step(4))
    assert {name: value.item() for name, value in values.items()} == {"first": 2.0, "second": 3.0, "total": 7.0}


def test_total_carries_the_factors_into_the_gradient() -> None:
    step = make_step(6)
    prediction = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    objective = Objective({"a": (PointwiseLoss("mse"), 3.0), "b": (PointwiseLoss("l1"), 0.25)})
    objective(replace(step, prediction=prediction))["total"].backward()
    parts = 3 * PointwiseLoss("mse")(prediction, step.label, step.weight)
    parts = parts + 0.25 * PointwiseLoss("l1")(prediction, step.label, step.weight)
    (expected,) = torch.autograd.grad(parts, prediction)
    torch.testing.assert_close(prediction.grad, expected, rtol=1e-12, atol=0)


def test_needs_what_its_terms_name() -> None:
    objective = Objective({"isometry": (RMLoss(), 1.0), "l1": (PointwiseLoss(), 1.0)})
    assert objective.needs == {"embedding", "label", "prediction", "weight"}
    assert Objective({"isometry": (RMLoss(), 1.0)}).needs == {"embedding", "label"}


def test_an_optional_field_that_is_absent_is_left_out() -> None:
    step = make_step(6)
    values = Objective({"l1": (PointwiseLoss(), 1.0)})(replace(step, weight=None))
    assert step.prediction is not None
    torch.testing.assert_close(values["l1"], PointwiseLoss()(step.prediction, step.label))


class Patient(nn.Module):
    def forward(self, label: Tensor, progress: float = 0.75) -> Tensor:
        return 0 * label.nan_to_num().sum() + progress


def test_an_absent_field_keeps_the_terms_own_default() -> None:
    objective = Objective({"a": (Patient(), 1.0)})
    assert objective(make_step(3))["a"] == 0.25
    assert objective(replace(make_step(3), progress=None))["a"] == 0.75


def test_state_of_terms_is_saved() -> None:
    objective = Objective({"isometry": (RMLoss(), 1.0)})
    objective(make_step(6))
    assert set(objective.state_dict()) == {"terms.isometry.threshold", "terms.isometry.initialised"}


class Misspelt(nn.Module):
    def forward(self, embeding: Tensor, label: Tensor) -> Tensor:
        return embeding.sum()


class Greedy(nn.Module):
    def forward(self, label: Tensor, **others: Tensor) -> Tensor:
        return label.sum()


class Rowwise(nn.Module):
    def forward(self, label: Tensor) -> Tensor:
        return label.sum(1)


@pytest.mark.parametrize(
    ("name", "term", "factor", "message"),
    [
        (
            "near",
            Misspelt(),
            1.0,
            r"^term near \(Misspelt\) asks for embeding, which is no field .*; nearest: embedding$",
        ),
        ("all", Greedy(), 1.0, r"^term all \(Greedy\) must name its fields, but its forward takes \*\*others"),
        ("total", RMLoss(), 1.0, "^name of a term must be a word .*, got total$"),
        ("a.b", RMLoss(), 1.0, "^name of a term must be a word .*, got a.b$"),
        ("values", RMLoss(), 1.0, "^name of a term must be a word .*, got values$"),
        ("a", RMLoss(), float("nan"), "^factor of term a must be finite, got nan$"),
    ],
)
def test_mistakes_are_said_when_built(name: str, term: nn.Module, factor: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Objective({name: (term, factor)})


def test_refuses_no_terms() -> None:
    with pytest.raises(ValueError, match="^terms must name at least one term, got none$"):
        Objective({})


def test_a_field_that_is_required_and_absent_is_named() -> None:
    with pytest.raises(ValueError, match=r"^term isometry \(RMLoss\) needs embedding, but the step has none$"):
        Objective({"isometry": (RMLoss(), 1.0)})(replace(make_step(4), embedding=None))


def test_a_term_must_return_a_scalar() -> None:
    with pytest.raises(ValueError, match=r"^term a \(Rowwise\) must return a scalar, got shape \(4,\)$"):
        Objective({"a": (Rowwise(), 1.0)})(make_step(4))


class Sizes(nn.Module):
    """Tells how many rows it saw of each field."""

    def forward(
        self, label: Tensor, row: Tensor, prototypes: Tensor, progress: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        seen = 0 if weight is None else len(weight)
        return torch.tensor(1000.0 * len(label) + 100 * seen + 10 * int(row.sum()) + len(prototypes)) + progress


def seen_by(rank: int) -> dict[str, Tensor]:
    step = replace(make_step(3 if rank else 2), row=torch.ones(3 if rank else 2, dtype=torch.int64), features=None)
    objective = Objective({"a": (Sizes(), 1.0)})
    return {"weighted": objective(step)["a"], "plain": objective(replace(step, weight=None))["a"]}


@pytest.mark.slow
def test_rows_are_gathered_and_shared_fields_are_not() -> None:
    for found in in_each_process(seen_by):
        assert {name: value.item() for name, value in found.items()} == {"weighted": 5552.25, "plain": 5052.25}


class Told(nn.Module):
    """A term that keeps the training labels that it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[list[float]] = []

    def fit_labels(self, label: Tensor) -> None:
        self.told = label.tolist()

    def forward(self, label: Tensor) -> Tensor:
        return label.sum()


def test_terms_that_ask_are_told_the_training_labels_of_their_task() -> None:
    whole, part = Told(), Told()
    objective = Objective({"whole": (whole, 1), "part": (part, 1), "fixed": (Fixed(1.0), 1)}, {"part": Part(1, 2)})
    objective.fit_labels(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert whole.told == [[1.0, 2.0], [3.0, 4.0]]
    assert part.told == [[2.0], [4.0]]
