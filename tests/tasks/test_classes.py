"""Classes hold the contract of kinds, and what is theirs alone."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.errors import InputError
from medgauge.fitting.stamp import make_recipe
from medgauge.functional.classes import one_hot
from medgauge.recipes.build import build_objective, build_tasks
from medgauge.tasks.classes import Classes
from medgauge.tasks.settings import HeadSettings
from tests.contracts import TaskContract

NAN = float("nan")
VIEWS = ("AP", "LL", "PA")


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def made(logistic: bool = True, name: str = "auto") -> Classes:
    settings = HeadSettings(name, logistic=logistic, classes={"view": VIEWS})  # type: ignore[arg-type]  # of some tests
    return Classes.make(["view"], settings, "zscore")


class TestClasses(TaskContract):
    def make(self) -> Classes:
        return made()

    def labels(self) -> Tensor:
        return column(*[0.0] * 30 + [2.0] * 20 + [1.0] * 15 + [NAN] * 2)

    def bad(self) -> list[tuple[Tensor, str]]:
        return [
            (column(0.0, 3.0, 1.0), "label view is 3, which is no place of a class"),
            (column(0.0, 0.5, 1.0), "label view is 0.5, which is no place of a class"),
            (
                column(2.0, 2.0, NAN),
                "label view: is PA in all 2 labelled cases, so nothing can be learned from it; correct it, or leave the column out",
            ),
            (column(NAN, NAN), "label view: is missing in all 2 cases; correct it, or leave the column out"),
        ]

    def exact(self, label: Tensor) -> Tensor:
        return one_hot(label, len(VIEWS))

    def noisy(self, label: Tensor, noise: float, seed: int) -> Tensor:
        draw = torch.Generator().manual_seed(seed)
        sure = one_hot(label, len(VIEWS)).nan_to_num(1 / 3)
        return (sure / noise + torch.randn(sure.shape, generator=draw, dtype=torch.float64)).softmax(-1)


def fitted(*labels: float) -> Classes:
    return made().fit(column(*labels), None)


def test_the_head_has_a_logit_a_class_and_its_softmax_is_the_value() -> None:
    task = fitted(0, 1, 2)
    head = task.head(3)
    assert head is not None
    prediction, logits = head(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)))
    assert logits.shape == (4, 1, 3)
    assert torch.equal(prediction, logits.argmax(-1).float())
    given = torch.tensor([[[0.0, 0.0, 50.0]], [[1.0, 1.0, 1.0]]])
    cases = Cases(torch.zeros(2, 3), column(0, 1), ["a", "b"], ["a", "b"], logits=given)
    reading = task.predictors()["head"].read(cases)
    torch.testing.assert_close(reading.value[:, 0], torch.tensor([[0, 0, 1], [1 / 3] * 3]).double())


def test_a_column_with_fewer_classes_gets_no_chance_beyond_its_own() -> None:
    settings = HeadSettings(logistic=True, classes={"view": VIEWS, "sex": ("F", "M")})
    label = torch.tensor([[0, 0], [1, 1], [2, 0], [2, 1], [0, NAN], [1, 1]]).double()
    task = Classes.make(["view", "sex"], settings, "zscore").fit(label, None)
    head = task.head(2)
    assert head is not None
    embedding = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        prediction, logits = head(embedding)
    names = [str(row) for row in range(6)]
    cases = Cases(embedding, label, names, names, prediction=prediction, logits=logits)
    assert prediction[:, 1].max() <= 1
    for name, one in {"neighbours": task.surroundings(), **task.predictors()}.items():
        chance = one.fit(cases, cases, task.error).read(cases).value
        assert chance.shape == (6, 2, 3), name
        assert float(chance[:, 1, 2].max()) < 1e-12, name
        torch.testing.assert_close(chance.sum(-1), torch.ones(6, 2).double())
        assert one.validation.shape == (2,)


@pytest.mark.parametrize("name", ["linear", "ordinal", "distribution"])
def test_a_head_that_reads_an_order_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"model.head {name} reads an order, and view is a class; write auto"):
        made(name=name).fit(column(0, 1, 2), None).head(3)


def test_without_a_head_the_neighbours_vote() -> None:
    task = made(logistic=False, name="none").fit(column(0, 1, 2), None)
    assert task.head(3) is None
    assert task.predictors() == {}
    assert task.logits == 0


def test_a_class_without_a_training_case_is_told() -> None:
    assert fitted(0, 2, 2, NAN).notes(column(0, 2, 2, NAN), None) == [
        "view: no training case is LL, so that no case is said to be"
    ]
    assert fitted(0, 1, 2).notes(column(0, 1, 2), None) == []


def test_the_score_is_the_log_loss_over_that_of_the_training_shares() -> None:
    task = fitted(0, 0, 0, 2)
    label, chance = column(0, 2), torch.tensor([[[0.5, 0.0, 0.5]], [[1.0, 0.0, 0.0]]]).double()
    own, blind = (0.6931471806 + 6.9077552790) / 2, (0.2876820725 + 1.3862943611) / 2
    assert task.score(chance, label) == pytest.approx(own / blind, rel=1e-9)


def test_names_of_another_recipe_are_refused() -> None:
    task = fitted(0, 1, 2)
    saved = task.to_dict() | {"classes": [["AP", "PA", "LL"]]}
    with pytest.raises(ValueError, match="classes and coding must be those of the recipe"):
        made().restored(saved, task.coding)


def test_the_objective_of_a_class_takes_no_term_that_needs_an_order() -> None:
    recipe = make_recipe("class", {"label": ["view"], "kind": {"view": "class"}, "classes": {"view": list(VIEWS)}})
    tasks = build_tasks(recipe).fit(column(0, 1, 2), None)
    assert build_objective(recipe, tasks).needs == {"logits", "label"}
    for wrong in ("PointwiseLoss", "RMLoss"):
        objective = {"error": {"factor": 1.0, "term": {"class_path": wrong, "init_args": {}}}}
        with pytest.raises(
            InputError, match=f"objective.error \\({wrong}\\) takes labels for numbers, and view is a class"
        ):
            build_objective(replace(recipe, objective=objective), tasks)


def test_a_term_that_reads_another_kind_is_told_with_the_recipe_of_this_one() -> None:
    label = {"label": ["view"], "kind": {"view": "class"}, "classes": {"view": list(VIEWS)}}
    for recipe in ("finding", "weighted_bce", "focal", "asymmetric", "ldam"):
        made_of = make_recipe(recipe, label)
        with pytest.raises(
            InputError, match="reads findings, which are 0 or 1, and view is a class; take the recipe class"
        ):
            build_objective(made_of, build_tasks(made_of))
    for kind, of_kind in (("finding", "finding"), ("number", "default")):
        made_of = make_recipe("class", {"label": ["age"], "kind": {"age": kind}})
        words = rf"reads classes, and age is a {kind}; read it as a class \(--kind age=class\), or take the recipe {of_kind}"
        with pytest.raises(InputError, match=words):
            build_objective(made_of, build_tasks(made_of))


def test_candidates_are_weighed_by_the_log_loss_of_their_mixture() -> None:
    draw = torch.Generator().manual_seed(0)
    label = torch.randint(0, 3, (200,), generator=draw).double()
    good = torch.nn.functional.one_hot(label.long(), 3) * 1.5 + torch.randn(200, 3, generator=draw)
    value = torch.stack([good.softmax(-1), torch.randn(200, 3, generator=draw).softmax(-1)]).double()
    weights = fitted(0, 1, 2).weigh(value, label)
    tried = torch.linspace(0, 1, 101).double()
    own = value[:, torch.arange(200), label.long()]
    losses = [-(share * own[0] + (1 - share) * own[1]).log().mean() for share in tried]
    assert abs(float(tried[int(torch.stack(losses).argmin())]) - float(weights[0])) < 0.011
    assert float(weights.sum()) == pytest.approx(1)
