"""Findings hold the contract of kinds, and what is theirs alone."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.errors import InputError
from medgauge.core.problem import of_finished
from medgauge.tasks.findings import Findings
from medgauge.tasks.naming import Naming
from medgauge.tasks.settings import HeadSettings
from tests.contracts import TaskContract

NAN = float("nan")


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


class TestFindings(TaskContract):
    def make(self) -> Findings:
        return Findings.make(["effusion"], HeadSettings(kernel=True, logistic=True), "zscore")

    def labels(self) -> Tensor:
        return column(*[0.0] * 45 + [1.0] * 20 + [NAN] * 2)

    def noisy(self, label: Tensor, noise: float, seed: int) -> Tensor:
        """Chances whose logits miss those of a nearly sure answer."""
        draw = torch.Generator().manual_seed(seed)
        logits = 8 * (label.nan_to_num(0.0) - 0.5)
        return (logits + 8 * noise * torch.randn(label.shape, generator=draw, dtype=torch.float64)).sigmoid()

    def bad(self) -> list[tuple[Tensor, str]]:
        return [
            (column(0.0, 2.0, 1.0), "label effusion is 2, and a finding is 1 (present), 0 (absent) or empty"),
            (column(0.0, -1.0, 1.0), "label effusion is -1, and a finding is"),
            (column(0.0, 0.0, NAN), "label effusion: is 0 in all 2 labelled cases"),
            (column(1.0, 1.0, NAN), "label effusion: is 1 in all 2 labelled cases"),
            (column(NAN, NAN), "label effusion: is missing in all 2 cases; correct it, or leave the column out"),
            (column(0.0, float("inf"), 1.0), "label effusion is infinite"),
        ]


def several(label: list[list[float]], **settings: bool) -> Findings:
    names = [f"f{place}" for place in range(len(label[0]))]
    made = Findings.make(names, HeadSettings(**settings), "zscore")  # type: ignore[arg-type]
    return made.fit(torch.tensor(label, dtype=torch.float64), None)


def test_a_sure_right_value_costs_nothing_and_a_sure_wrong_one_log_1000() -> None:
    task = several([[0.0], [1.0]])
    error = task.error(column(1.0, 0.0, 0.5, 1.5, -0.5, 0.3), column(1.0, 1.0, 1.0, 1.0, 0.0, NAN))
    assert error[:5].flatten().tolist() == pytest.approx([0, math.log(1000), math.log(2), 0, 0])
    assert error[5].isnan()


def test_the_score_is_the_log_loss_over_that_of_the_training_rates() -> None:
    task = several([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    label = torch.tensor([[1.0, NAN], [0.0, 0.0], [0.0, 1.0]]).double()
    value = torch.tensor([[0.5, 0.5], [0.5, 0.2], [0.1, 0.9]]).double()
    own = -(math.log(0.5) + math.log(0.5) + math.log(0.9)) / 3 - (math.log(0.8) + math.log(0.9)) / 2
    rates = -(math.log(0.25) + 2 * math.log(0.75)) / 3 - math.log(0.5)
    assert task.score(value, label) == pytest.approx(own / rates)
    assert task.score(task.strata.rates.expand_as(label), label) == pytest.approx(1)
    assert math.isnan(task.score(value, torch.full_like(label, NAN)))


def test_a_column_that_is_a_copy_of_another_is_told() -> None:
    label = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [NAN, 1.0, NAN]]).double()
    found = Findings.make(["a", "b", "c"], HeadSettings(), "none").problems(label, ["1", "2", "3"])
    assert [str(one) for one in found] == ["label c: is the same as a in all 3 cases; leave one of them out"]


def test_a_column_that_is_the_opposite_of_another_is_told() -> None:
    label = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [NAN, NAN, 1.0]]).double()
    found = Findings.make(["a", "b", "c"], HeadSettings(), "none").problems(label, ["1", "2", "3"])
    assert [str(one) for one in found] == [
        "label b: is the opposite (1 - label) of a in all 3 cases; leave one of them out"
    ]


def test_many_broken_labels_are_one_sentence() -> None:
    found = Findings.make(["a"], HeadSettings(), "none").problems(column(0, 1, 2, 2, 2, 2), list("abcdef"))
    assert {one.together for one in found} == {
        "label a is 2, and a finding is 1 (present), 0 (absent) or empty; correct it, or read a as a number "
        "(--kind a=number); so it is in 4 cases c, d, e, f"
    }


def test_minus_one_may_be_said_to_mean_missing() -> None:
    (found,) = Findings.make(["a"], HeadSettings(), "none").problems(column(0, 1, -1), list("abc"))
    assert found.what == (
        "label a is -1, and a finding is 1 (present), 0 (absent) or empty; correct it, say that it means missing (--missing -1), "
        "or read a as a number (--kind a=number)"
    )
    assert "--" not in of_finished([found])[0].what


def test_a_finding_that_training_cases_do_not_tell_apart_is_told_and_one_without_a_label_refused() -> None:
    made = several([[0.0, 1.0, 1.0], [0.0, NAN, 0.0]])
    assert made.notes(column(0.0, 0.0), None) == [
        "f0 is absent in all training cases, so nothing is learned of it",
        "f1 is present in all training cases, so nothing is learned of it",
    ]
    with pytest.raises(InputError, match="the finding f0 is missing in all of the 2 training cases"):
        several([[NAN], [NAN]])


def test_other_heads_are_refused_and_without_one_the_neighbours_read() -> None:
    with pytest.raises(InputError, match="model.head linear does not read findings, and f0 is one"):
        Findings.make(["f0"], HeadSettings("linear"), "none").head(3)
    bare = Findings.make(["f0"], HeadSettings("none"), "none")
    assert bare.head(3) is None
    assert bare.predictors() == {}
    assert bare.logits == 0


def test_a_group_has_what_half_of_its_labelled_cases_have() -> None:
    assert several([[0.0], [1.0]]).of_group(column(0.5, 0.4, NAN))[:2].flatten().tolist() == [1, 0]


def test_missing_labels_have_no_weight_in_any_predictor() -> None:
    draw = torch.Generator().manual_seed(0)
    embedding = torch.randn(60, 3, generator=draw)
    label = (embedding[:, :2] + 0.5 * torch.randn(60, 2, generator=draw) > 0).double()
    missing = label.clone()
    missing[::3, 1] = NAN
    task = several(missing.tolist(), kernel=True, logistic=True)
    names = [str(row) for row in range(60)]
    whole, asked = (
        Cases(embedding, missing, names, names),
        Cases(embedding[:5], missing[:5], list("abcde"), list("abcde")),
    )
    kept = torch.tensor([row for row in range(60) if row % 3])
    alone = several(missing[kept][:, 1:].tolist(), kernel=True, logistic=True)
    part = Cases(embedding[kept], missing[kept][:, 1:], [names[row] for row in kept], [names[row] for row in kept])
    for name in ("neighbours", "kernel"):
        pair = []
        for one, gallery in ((task, whole), (alone, part)):
            made = {"neighbours": one.surroundings(), **one.predictors()}[name]
            tuned = {"neighbours": {"radius": 2.0}, "kernel": {"constant": 1.0}}[name]
            pair.append(made.restore(gallery, tuned).read(asked).value[:, -1])
        assert pair[0].isfinite().all()
        if name == "neighbours":
            torch.testing.assert_close(pair[0], pair[1])


def test_candidates_are_weighed_by_the_log_loss() -> None:
    task, label = several([[0.0], [1.0]]), torch.tensor([1.0, 0.0, 1.0]).double()
    value = torch.tensor([[0.9, 0.2, 0.8], [0.4, 0.5, 0.4]]).double()
    assert task.weigh(value, label).tolist() == pytest.approx([1, 0], abs=1e-6)


def test_several_findings_have_figures_together_and_one_has_none() -> None:
    label = torch.tensor([[0.0, 1.0], [1.0, 0.0]] * 20).double()
    found = several(label.tolist()).together(label * 0.5 + 0.2, label, label, [str(row) for row in range(40)], seed=0)
    assert found["findings"]["columns"] == ["f0", "f1"]
    assert several([[0.0], [1.0]]).together(label[:, :1], label[:, :1], label[:, :1], ["a"] * 40, seed=0) == {}


class TestFindingsByPrototypes(TestFindings):
    def make(self) -> Findings:
        settings = HeadSettings("prototypes", naming=Naming(source="one_hot", hidden=8), kernel=True)
        made = Findings.make(["effusion"], settings, "zscore")
        return replace(
            made, vectors=settings.naming.vectors(made.columns, self.labels())
        )  # a stored model brings its own
