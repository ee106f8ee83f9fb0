"""Evidence of several predictors as one, beside loops."""

import pytest
import torch

from medgauge.core.batch import Cases
from medgauge.core.evidence import Evidence, Reading
from medgauge.inference.mixture import by_column, mixed_reading, mixture
from medgauge.inference.tuned import Tuned
from medgauge.tasks.findings import Findings
from medgauge.tasks.settings import HeadSettings


def cases_of(count: int, seed: int) -> Cases:
    draw = torch.Generator().manual_seed(seed)
    embedding = torch.randn(count, 3, generator=draw) * torch.tensor([1.0, 20.0, 0.1])
    label = (torch.randn(count, 3, generator=draw) + embedding[:, :1] > 0.3).double()
    names = [f"{seed}-{row}" for row in range(count)]
    return Cases(embedding, label, names, names)


def tuned_with(records: dict[str, str]) -> Tuned:
    gallery = cases_of(60, 0)
    task = Findings.make(["a", "b", "c"], HeadSettings("none", kernel=True, logistic=True), "none")
    fitted = Tuned.fit(task.fit(gallery.label, None), gallery, cases_of(40, 1), record="kernel")
    return Tuned.restore(
        fitted.task, gallery, record="kernel", records=records, validation=fitted.validation, far_distance=9.0,
        tuned={name: one.tuned for name, one in fitted.predictors.items()}, learned=fitted.learned(),
    )  # fmt: skip


def test_each_column_has_the_value_and_the_evidence_of_its_own_predictor() -> None:
    tuned, cases = tuned_with({"b": "logistic", "c": "neighbours"}), cases_of(9, 2)
    record, values, shown = tuned.read(cases)
    assert tuned.records == ("kernel", "logistic", "neighbours")
    for place, name in enumerate(tuned.records):
        torch.testing.assert_close(record.value[:, place], values[name][:, place], rtol=0, atol=1e-12)
    torch.testing.assert_close(tuned.of_record(cases).value, record.value, rtol=0, atol=1e-12)
    own = [
        tuned.predictors[name].read(cases) for name in ("kernel", "neighbours", "neighbours")
    ]  # logistic: the neighbours
    assert shown.evidence is not None
    for row in range(9):
        told = shown.evidence.of(row)
        assert told.distances.tolist() == sorted(told.distances.tolist())
        for place, reading in enumerate(own):
            assert reading.evidence is not None
            part = reading.evidence.of(row)
            wanted = dict.fromkeys(told.rows.tolist(), 0.0) | dict(
                zip(part.rows.tolist(), part.weights[:, place].tolist(), strict=True)
            )
            assert dict(zip(told.rows.tolist(), told.weights[:, place].tolist(), strict=True)) == pytest.approx(wanted)
            assert float(told.whole[place]) == pytest.approx(float(part.whole[place]))
            assert float(shown.value[row, place]) == pytest.approx(float(reading.value[row, place]))


def test_distances_are_those_in_the_embedding() -> None:
    tuned, cases = tuned_with({"c": "neighbours"}), cases_of(5, 3)
    _, _, shown = tuned.read(cases)
    assert shown.evidence is not None
    for row in range(5):
        told = shown.evidence.of(row)
        apart = (tuned.gallery.embedding[told.rows] - cases.embedding[row]).double().norm(dim=1)
        torch.testing.assert_close(told.distances, apart, rtol=1e-5, atol=1e-5)
    own = tuned.gallery.take(torch.arange(4))
    _, _, shown = tuned.read(Cases(own.embedding, own.label, ["n"] * 4, own.group))
    assert shown.evidence is not None
    for row in range(4):
        told = shown.evidence.of(row)
        same = told.rows == row
        assert not bool(same.any()) or bool(told.distances[same].isinf().all())
        assert not bool(told.weights[same].any())


def test_evidence_all_from_one_predictor_is_left_as_it_is() -> None:
    tuned, cases = tuned_with({"b": "logistic", "a": "neighbours", "c": "logistic"}), cases_of(5, 3)
    alone = tuned.predictors["neighbours"].read(cases).evidence
    shown = tuned.read(cases)[2].evidence
    assert alone is not None
    assert shown is not None
    assert all(torch.equal(one, other) for one, other in zip(shown[:4], alone[:4], strict=True))


def test_a_record_or_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="record must be one of neighbours, kernel, logistic, got head"):
        tuned_with({"b": "head"})
    with pytest.raises(ValueError, match="records must be of a, b, c, got d"):
        tuned_with({"d": "kernel"})


def test_a_reading_without_evidence_cannot_be_mixed() -> None:
    cases = cases_of(2, 0)
    nothing = Reading(torch.zeros(2, 3).double(), None)
    with pytest.raises(ValueError, match="readings must have evidence and no probabilities of levels, got head"):
        mixed_reading({"head": nothing}, ["head"] * 3, cases, cases)


def test_the_sum_of_weights_is_kept_where_not_all_are_named() -> None:
    def part(rows: list[int], whole: float | None) -> Evidence:
        held = torch.tensor([0, len(rows)])
        weights = torch.full((len(rows), 1), 0.25, dtype=torch.float64)
        told = None if whole is None else torch.tensor([[whole]], dtype=torch.float64)
        return Evidence(held, torch.tensor(rows), torch.arange(float(len(rows))).double(), weights, told)

    share = torch.tensor([[0.5]], dtype=torch.float64)
    made = mixture([(part([0, 2], None), 0, share), (part([1, 2], 3.0), 0, share)], torch.arange(3))
    assert made.rows.tolist() == [0, 1, 2]
    assert made.weights.flatten().tolist() == [0.125, 0.125, 0.25]
    assert made.sums_of_weights().item() == 0.5 * 0.5 + 0.5 * 3.0


def test_values_are_taken_column_by_column() -> None:
    one, other = Reading(torch.tensor([[1.0, 2.0]]), None), Reading(torch.tensor([[3.0, 4.0]]), None)
    assert by_column({"x": one, "y": other}, ["y", "x"]).tolist() == [[3.0, 2.0]]
