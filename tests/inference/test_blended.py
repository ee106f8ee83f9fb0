"""The readers of several candidates as one, beside sums by hand."""

from dataclasses import replace

import pytest
import torch

from medgauge.inference.blended import BLEND, BlendedReader, blend_readings
from medgauge.inference.pooled import PooledReader
from medgauge.inference.reader import Reader
from medgauge.inference.tuned import Tuned
from medgauge.tasks.grades import Grades
from medgauge.tasks.numbers import Numbers
from medgauge.tasks.settings import HeadSettings
from tests.inference.small import SETTINGS, drawn, number_reader

NAN = float("nan")
WEIGHTS = torch.tensor([[0.3], [0.7]])


def reader_of(record: str, seed: int) -> Reader:
    """Of a number whose predictors are head, neighbours and kernel regression."""
    gallery = drawn(40, 10 * seed, prefix=record[0])
    task = Numbers.make(["age"], HeadSettings(kernel=True), "none").fit(gallery.label, None)
    tuned = Tuned.fit(task, gallery, drawn(20, 10 * seed + 1, prefix="v"), record=record)
    return Reader.fit(tuned, None, SETTINGS, seed=0)


def blended(*records: str, seed: int = 0) -> BlendedReader:
    readers = [reader_of(record, seed + place) for place, record in enumerate(records)]
    return BlendedReader(list(records), readers, WEIGHTS, readers[0].task)


def test_a_value_is_the_weighted_sum_of_the_candidates_values() -> None:
    reader, cases = blended("head", "kernel"), drawn(6, 5)
    found, parts = reader.read([cases, cases]), [own.read([cases]) for own in reader.readers]
    for row in range(6):
        one, other = (float(part.value[row, 0]) for part in parts)
        assert float(found.value[row, 0]) == pytest.approx(0.3 * one + 0.7 * other)
        assert float(found.by_predictor["head"][row, 0]) == one
        assert float(found.by_predictor["kernel"][row, 0]) == other
        one, other = (float(part.nearest[row]) for part in parts)
        assert float(found.nearest[row]) == pytest.approx(0.3 * one + 0.7 * other)
    assert (reader.record, reader.predictors, reader.size) == (BLEND, ["head", "kernel"], 80)


def test_evidence_is_the_mixture_and_makes_the_value_where_the_candidates_rest_on_theirs() -> None:
    reader, cases = blended("neighbours", "kernel"), drawn(6, 5)
    found, parts = reader.read([cases, cases]), [own.read([cases]) for own in reader.readers]
    assert reader.gallery.id[39:41] == ["n39", "k0"]
    for row in range(6):
        told = found.evidence.of(row)
        assert told.distances.tolist() == sorted(told.distances.tolist())
        given = dict(zip(told.rows.tolist(), told.weights[:, 0].tolist(), strict=True))
        by_hand = {}
        for part, start, share in zip(parts, (0, 40), (0.3, 0.7), strict=True):
            own = part.evidence.of(row)
            for case, weight in zip(own.rows.tolist(), own.weights[:, 0].tolist(), strict=True):
                by_hand[case + start] = share * weight
        assert given == pytest.approx(by_hand)
        assert sum(given.values()) == pytest.approx(1)
        value = sum(weight * float(reader.gallery.label[case, 0]) for case, weight in given.items())
        assert value == pytest.approx(float(found.value[row, 0]))
        assert value == pytest.approx(float(found.supported[row, 0]))


def test_a_case_that_several_candidates_rest_on_is_named_once() -> None:
    readers, cases = [reader_of("kernel", 0), reader_of("neighbours", 0)], drawn(3, 5)
    readers[1] = replace(readers[1], tuned=replace(readers[1].tuned, gallery=readers[0].gallery))
    found = BlendedReader(["a", "b"], readers, WEIGHTS, readers[0].task).read([cases, cases]).evidence
    parts = [reader.read([cases]).evidence for reader in readers]
    for row in range(3):
        told, by_hand = found.of(row), dict.fromkeys(range(40), 0.0)
        near = dict.fromkeys(range(40), float("inf"))
        for part, share in zip(parts, (0.3, 0.7), strict=True):
            own = part.of(row)
            for case, weight, distance in zip(
                own.rows.tolist(), own.weights[:, 0].tolist(), own.distances.tolist(), strict=True
            ):
                by_hand[case] += share * weight
                near[case] = min(near[case], distance)
        assert dict(zip(told.rows.tolist(), told.weights[:, 0].tolist(), strict=True)) == pytest.approx(by_hand)
        assert dict(zip(told.rows.tolist(), told.distances.tolist(), strict=True)) == pytest.approx(near)


def test_the_share_of_the_cases_shown_counts_those_that_are_not_named() -> None:
    reader, cases = blended("kernel", "neighbours"), drawn(2, 5)
    parts = [own.read([cases]) for own in reader.readers]
    cut = replace(parts[0], evidence=parts[0].evidence._replace(whole=torch.full((2, 1), 4.0).double()))
    whole = reader.blend([cut, parts[1]]).evidence.whole
    assert whole is not None
    sizes = [float(parts[1].evidence.of(row).weights.abs().sum()) for row in range(2)]
    assert whole.flatten().tolist() == pytest.approx([0.3 * 4 + 0.7 * size for size in sizes])


def test_a_candidate_without_a_value_leaves_its_weight_to_the_others() -> None:
    reader, cases = blended("kernel", "neighbours"), drawn(2, 5)
    parts = [own.read([cases]) for own in reader.readers]
    none = parts[1].observed.value.clone()
    none[0] = NAN
    lost = replace(parts[1], observed=replace(parts[1].observed, value=none))
    found = reader.blend([parts[0], lost])
    assert float(found.value[0, 0]) == pytest.approx(float(parts[0].value[0, 0]))
    assert float(found.value[1, 0]) == pytest.approx(0.3 * float(parts[0].value[1, 0]) + 0.7 * float(none[1, 0]))
    alone = replace(reader, weights=torch.tensor([[0.0], [1.0]])).blend([parts[0], lost])
    assert bool(alone.value[0, 0].isnan())  # nobody that counts says anything
    assert {int(row) >= 40 for row in alone.evidence.rows} == {True}


def test_far_is_what_more_than_half_of_the_weight_says() -> None:
    reader, cases = blended("head", "kernel"), drawn(4, 5)
    parts = [own.read([cases]) for own in reader.readers]
    flags = ([True, True, False, False], [True, False, True, False])
    parts = [replace(part, far=torch.tensor(flag)) for part, flag in zip(parts, flags, strict=True)]
    assert reader.blend(parts).far.tolist() == [True, False, True, False]
    half = replace(reader, weights=torch.tensor([[0.5], [0.5]])).blend(parts)
    assert half.far.tolist() == [True, False, False, False]


def test_a_distance_that_is_not_there_counts_for_nothing_without_weight() -> None:
    reader, cases = blended("head", "kernel"), drawn(1, 5)
    parts = [own.read([cases]) for own in reader.readers]
    far = replace(parts[0], nearest=torch.tensor([float("inf")]).double())
    found = replace(reader, weights=torch.tensor([[0.0], [1.0]])).blend([far, parts[1]])
    assert found.nearest.tolist() == parts[1].nearest.tolist()


def test_chances_of_candidates_that_know_different_levels() -> None:
    def task(*labels: float) -> Grades:
        return Grades.make(["dr"], HeadSettings(), "zscore").fit(torch.tensor(labels).double()[:, None], None)

    own = number_reader()
    readers = [replace(own, tuned=replace(own.tuned, task=part)) for part in (task(0, 1, 2), task(0, 2))]
    reader = BlendedReader(["a", "b"], readers, WEIGHTS, task(0, 1, 2))
    found = own.read([drawn(1, 5)])
    chances = ([[[0.2, 0.3, 0.5]]], [[[0.25, 0.75]]])
    parts = [replace(found, observed=replace(found.observed, probability=torch.tensor(one))) for one in chances]
    told = reader.blend(parts).observed.probability
    assert told is not None
    assert told.flatten().tolist() == pytest.approx([0.06 + 0.175, 0.09, 0.15 + 0.525])


def test_each_target_has_weights_of_its_own() -> None:
    found = number_reader().read([drawn(3, 5)])
    ones = torch.ones(3, 2).double()
    evidence = found.evidence._replace(weights=found.evidence.weights.expand(-1, 2))
    parts = [
        replace(
            found, observed=replace(found.observed, value=ones * value, scale=ones), supported=ones, evidence=evidence
        )
        for value in (10.0, 20.0)
    ]
    told = blend_readings(parts, torch.tensor([[0.9, 0.2], [0.1, 0.8]]), ["a", "b"], [0, 40], torch.arange(80))
    assert told.value.flatten().tolist() == pytest.approx([11.0, 18.0] * 3)
    assert told.observed.scale is not None
    assert told.observed.scale.flatten().tolist() == pytest.approx([1.0] * 6)


def test_labels_are_rescaled_for_candidates_that_divide_them_alone() -> None:
    plain = number_reader(prefix="a")
    divisor = torch.linspace(1, 4, 40).double()
    gallery = replace(plain.gallery, divisor=divisor)
    task = Numbers.make(["age"], HeadSettings(), "zscore").fit(gallery.label, divisor)
    divided = Reader(replace(plain.tuned, task=task, gallery=gallery), plain.calibrated)
    reader = BlendedReader(["a", "b"], [plain, divided], WEIGHTS, task)
    told = reader.rescaled(torch.tensor([3, 40, 79]), torch.full((3,), 8.0).double()).flatten().tolist()
    label = plain.gallery.label[:, 0]
    assert told == pytest.approx([float(label[3]), float(label[0]) * 8, float(label[39]) * 8 / 4])
    assert reader.gallery.divisor is None


def test_folds_of_blends_are_averaged_like_folds_of_fits() -> None:
    folds = [blended("head", "kernel"), blended("head", "kernel", seed=2)]
    cases = drawn(5, 7)
    pooled = PooledReader(folds, folds[0].task, folds[0].calibrated)
    found = pooled.read([cases] * 4)
    each = [fold.read([cases, cases]).value for fold in folds]
    torch.testing.assert_close(found.value, (each[0] + each[1]) / 2)
    assert found.fits is not None
    torch.testing.assert_close(found.fits[1], each[1])
    assert (pooled.starts, len(pooled.gallery)) == ([0, 80], 160)
    assert pooled.origins(1) == [["", BLEND]]
    label = pooled.gallery.label
    assert pooled.rescaled(torch.tensor([0, 159]), torch.full((2,), 2.0)).tolist() == label[[0, 159]].tolist()
    for row in range(5):
        told = found.evidence.of(row)
        assert float(told.weights.sum()) == pytest.approx(1)
