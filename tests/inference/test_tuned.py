"""The predictors of a task, and the one of record."""

from collections.abc import Callable

import pytest
import torch

from medgauge.core.batch import Cases
from medgauge.inference.neighbours import NeighbourPredictor
from medgauge.inference.tuned import Tuned
from medgauge.tasks.findings import Findings
from medgauge.tasks.numbers import Numbers
from medgauge.tasks.settings import HeadSettings
from tests.inference.small import drawn, number_task


def fitted(record: str, miss: float = 2.0) -> Tuned:
    gallery = drawn(40, 0, prefix="t")
    return Tuned.fit(number_task(gallery.label), gallery, drawn(20, 1, prefix="v", miss=miss), record=record)


def test_auto_is_the_predictor_with_the_smallest_validation_error() -> None:
    for miss, best in ((0.01, "head"), (30.0, "neighbours")):
        tuned = fitted("auto", miss)
        validation = drawn(20, 1, prefix="v", miss=miss)
        _, values, _ = tuned.read(validation)
        errors = {name: float((value - validation.label).abs().mean()) for name, value in values.items()}
        assert tuned.record == best == min(errors, key=lambda name: errors[name])
        assert dict(tuned.validation) == pytest.approx(errors)
        blind = float((validation.label - tuned.gallery.label.median()).abs().mean())
        half = tuned.gallery.label.flatten().sort().values[19:21].mean()
        blind = float((validation.label - half).abs().mean())
        assert tuned.score == pytest.approx(errors[best] / blind)


def test_a_named_predictor_is_of_record_though_another_is_better() -> None:
    assert fitted("head", miss=30.0).record == "head"
    assert fitted("head", miss=30.0).score > fitted("neighbours", miss=30.0).score


def test_the_flag_is_at_the_farthest_validation_case() -> None:
    tuned, validation = fitted("head"), drawn(20, 1, prefix="v")
    gaps = (validation.embedding[:, 0, None] - tuned.gallery.embedding[:, 0]).abs().min(1).values
    assert tuned.far_distance == pytest.approx(float(gaps.max()), rel=1e-5)
    torch.testing.assert_close(tuned.nearest(validation).double(), gaps.double(), rtol=1e-4, atol=1e-5)


def test_restored_it_reads_the_same() -> None:
    tuned, cases = fitted("neighbours"), drawn(7, 5)
    again = Tuned.restore(
        tuned.task, tuned.gallery, record="neighbours", records={}, validation=tuned.validation, far_distance=tuned.far_distance,
        tuned={name: one.tuned for name, one in tuned.predictors.items()}, learned=tuned.learned(),
    )  # fmt: skip
    torch.testing.assert_close(again.read(cases)[0].value, tuned.read(cases)[0].value)
    assert torch.isnan(torch.tensor(again.score))


def test_few_cases_are_fitted_and_read_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    for name in ("fit", "read", "nearest_distance"):
        own = getattr(NeighbourPredictor, name)

        def told(*words: object, own: Callable[..., object] = own, **named: object) -> object:
            seen.append(torch.get_num_threads())
            return own(*words, **named)

        monkeypatch.setattr(NeighbourPredictor, name, told)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        tuned = fitted("neighbours")
        tuned.read(drawn(5, 5))
        tuned.nearest(drawn(5, 5))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert seen == [1, 1, 1, 1]


def test_evidence_of_a_head_is_the_neighbours() -> None:
    tuned, cases = fitted("head"), drawn(5, 5)
    reading, values, shown = tuned.read(cases)
    torch.testing.assert_close(reading.value, cases.prediction)
    torch.testing.assert_close(shown.value, values["neighbours"])
    assert shown.evidence is not None
    for place in range(5):
        own = shown.evidence.of(place)
        mean = float((own.weights[:, 0] * tuned.gallery.label[own.rows, 0]).sum())
        assert float(values["neighbours"][place]) == pytest.approx(mean)


def test_neighbours_never_share_the_group_of_a_case() -> None:
    tuned = fitted("neighbours")
    own = tuned.gallery.take(torch.arange(6))
    _, _, shown = tuned.read(Cases(own.embedding, own.label, own.id, own.group, own.prediction))
    assert shown.evidence is not None
    for place in range(6):
        assert own.group[place] not in {tuned.gallery.group[row] for row in shown.evidence.of(place).rows.tolist()}


def test_evidence_of_kernel_regression_is_its_own_and_makes_its_value() -> None:
    gallery, cases = drawn(40, 0, prefix="t"), drawn(5, 5)
    task = Numbers.make(["age"], HeadSettings(kernel=True), "zscore").fit(gallery.label, None)
    tuned = Tuned.fit(task, gallery, drawn(20, 1, prefix="v"), record="kernel")
    reading, _, shown = tuned.read(cases)
    assert shown.evidence is not None
    assert bool((shown.evidence.weights < 0).any())
    for place in range(5):
        value = total = 0.0
        own = shown.evidence.of(place)
        for row, weight in zip(own.rows.tolist(), own.weights[:, 0].tolist(), strict=True):
            value, total = value + weight * float(gallery.label[row, 0]), total + weight
        assert total == pytest.approx(1, abs=1e-9)
        assert float(reading.value[place, 0]) == pytest.approx(value, abs=1e-8)


def test_regression_of_findings_is_the_predictor_of_the_smallest_log_loss() -> None:
    draw = torch.Generator().manual_seed(0)
    embedding, names = torch.randn(80, 3, generator=draw), [str(row) for row in range(80)]
    label = (embedding[:, :2] + torch.randn(80, 2, generator=draw) > 0.5).double()
    gallery = Cases(embedding, label, names, names)
    task = Findings.make(["a", "b"], HeadSettings("none", kernel=True, logistic=True), "none").fit(label, None)
    tuned = Tuned.fit(task, gallery, gallery, record="regression")
    assert set(tuned.validation) == {"neighbours", "kernel", "logistic"}
    assert tuned.record == min(tuned.validation, key=lambda name: tuned.validation[name])
