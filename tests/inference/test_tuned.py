"""The predictors of a task, and the one of record."""

import pytest
import torch

from medgauge.core.batch import Cases
from medgauge.inference.tuned import Tuned
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
        tuned.task, tuned.gallery, record="neighbours", validation=tuned.validation, far_distance=tuned.far_distance,
        tuned={name: one.tuned for name, one in tuned.predictors.items()},
    )  # fmt: skip
    torch.testing.assert_close(again.read(cases)[0].value, tuned.read(cases)[0].value)
    assert torch.isnan(torch.tensor(again.score))


def test_evidence_is_the_neighbours_whoever_is_of_record() -> None:
    tuned, cases = fitted("head"), drawn(5, 5)
    reading, values, evidence = tuned.read(cases)
    torch.testing.assert_close(reading.value, cases.prediction)
    for place in range(5):
        own = evidence.of(place)
        mean = float((own.weights[:, 0] * tuned.gallery.label[own.rows, 0]).sum())
        assert float(values["neighbours"][place]) == pytest.approx(mean)


def test_neighbours_never_share_the_group_of_a_case() -> None:
    tuned = fitted("neighbours")
    own = tuned.gallery.take(torch.arange(6))
    _, _, evidence = tuned.read(Cases(own.embedding, own.label, own.id, own.group, own.prediction))
    for place in range(6):
        assert own.group[place] not in {tuned.gallery.group[row] for row in evidence.of(place).rows.tolist()}
