"""The readers of several fits as one."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from medgauge.calibration.intervals import Intervals
from medgauge.core.task import Observed
from medgauge.inference.joining import join_readings
from medgauge.inference.pooled import BY_FOLD, PooledReader
from medgauge.inference.reader import Reader
from medgauge.tasks.grades import Grades
from medgauge.tasks.settings import HeadSettings
from tests.inference.small import SETTINGS, drawn, number_reader


def two(record: str = "head") -> PooledReader:
    readers = [number_reader(0, prefix="a"), number_reader(1, record=record, prefix="b")]
    return PooledReader(readers, readers[0].task, readers[0].calibrated)


def test_the_galleries_stand_one_after_the_other() -> None:
    reader = two()
    assert reader.starts == [0, 40]
    assert reader.gallery_fold == [0] * 40 + [1] * 40
    assert [reader.gallery.id[row] for row in (0, 39, 40, 79)] == ["a0", "a39", "b0", "b39"]
    torch.testing.assert_close(reader.gallery.label[40:], reader.readers[1].gallery.label)
    assert reader.gallery.divisor is None


def test_of_different_records_it_is_by_fold() -> None:
    assert two().record == "head"
    assert two("neighbours").record == BY_FOLD
    assert two("neighbours").origins(2) == [["", BY_FOLD]] * 2


def test_values_are_the_mean_of_the_fits() -> None:
    reader, cases = two("neighbours"), drawn(6, 5)
    parts = [own.read([cases]).value for own in reader.readers]
    found = reader.read([cases, cases])
    torch.testing.assert_close(found.value, (parts[0] + parts[1]) / 2)
    assert found.spread is not None
    torch.testing.assert_close(found.spread, (parts[0] - parts[1]).abs() / math.sqrt(2))


def test_an_out_of_fold_interval_has_no_part_of_its_own_residual() -> None:
    label = torch.arange(40.0).double()[:, None]
    miss = torch.cat([torch.full((20, 1), 1.0), torch.full((20, 1), 5.0)]).double()
    observed = Observed(label + miss, label, [f"g{row}" for row in range(40)])
    places = [torch.arange(20), torch.arange(20, 40)]
    reader = two().leaving_out(observed, places, SETTINGS, seed=0)
    stated = reader.certainty.apply(observed)
    half = ((stated["upper"] - stated["lower"]) / 2).flatten()
    torch.testing.assert_close(half, torch.cat([torch.full((20,), 5.0), torch.full((20,), 1.0)]).double())
    assert bool(stated["covered"][:20].all())
    assert not bool(stated["covered"][20:].any())
    whole = reader.calibrated.cases.apply(observed)
    assert float((whole["upper"] - whole["lower"])[0] / 2) == 5.0
    assert [reader.origins(40)[row] for row in (0, 19, 20)] == [[0, "head"], [0, "head"], [1, "head"]]


def test_groups_are_judged_by_the_other_folds_too() -> None:
    label, group = torch.arange(40.0).double()[:, None], [f"g{row // 2}" for row in range(40)]
    miss = torch.cat([torch.full((20, 1), 1.0), torch.full((20, 1), 5.0)]).double()
    reader = two().leaving_out(
        Observed(label + miss, label, group), [torch.arange(20), torch.arange(20, 40)], SETTINGS, seed=0
    )
    code = torch.arange(40) // 2
    means = Observed((label + miss).reshape(20, 2).mean(1)[:, None], label.reshape(20, 2).mean(1)[:, None], group[::2])
    stated = reader.grouped(code).apply(means)
    half = ((stated["upper"] - stated["lower"]) / 2).flatten()
    assert half.tolist() == pytest.approx([5.0] * 10 + [1.0] * 10)
    assert [one[0] for one in reader.origins(20, code)] == [0] * 10 + [1] * 10


def test_chances_of_a_fold_that_lacks_a_level_are_put_in_place() -> None:
    def task(*labels: float) -> Grades:
        return Grades.make(["dr"], HeadSettings(), "zscore").fit(torch.tensor(labels).double()[:, None], None)

    whole, part = task(0, 1, 2), task(0, 2)
    own = number_reader()
    reader = PooledReader([replace(own, tuned=replace(own.tuned, task=part))], whole, own.calibrated)
    found = own.read([drawn(1, 5)])
    found = replace(found, observed=replace(found.observed, probability=torch.tensor([[[0.25, 0.75]]])))
    (moved,) = reader.aligned([found])
    assert moved.observed.probability is not None
    assert moved.observed.probability.tolist() == [[[0.25, 0.0, 0.75]]]


def test_expected_errors_are_averaged_over_the_fits_and_kept_with_their_cases_out_of_fold() -> None:
    settings = SimpleNamespace(**{**vars(SETTINGS), "scores": "scaled"})
    readers = [
        Reader.fit(number_reader(seed, prefix=name).tuned, drawn(30, 2), settings, seed=0)
        for seed, name in enumerate("ab")
    ]
    cases = drawn(6, 5)
    whole = PooledReader(readers, readers[0].task, readers[0].calibrated)
    found = whole.read([cases, cases]).observed.scale
    one, other = (own.read([cases]).observed.scale for own in readers)
    assert one is not None
    assert other is not None
    assert found is not None
    torch.testing.assert_close(found, (one + other) / 2)
    label, scale = torch.zeros(40, 1).double(), torch.arange(1.0, 41.0).double()[:, None]
    observed = Observed(label + 2 * scale, label, [f"g{row}" for row in range(40)], scale=scale)
    places = [torch.arange(20), torch.arange(20, 40)]
    stated = whole.leaving_out(observed, places, settings, seed=0).certainty.apply(observed)
    torch.testing.assert_close(stated["upper"] - observed.value, 2 * scale)


def test_new_cases_have_cross_fitted_intervals_and_out_of_fold_ones_those_of_the_other_folds() -> None:
    label = torch.arange(40.0).double()[:, None]
    miss = torch.cat([torch.full((20, 1), 1.0), torch.full((20, 1), 5.0)]).double()
    observed = Observed(label + miss, label, [f"g{row // 2}" for row in range(40)])
    places = [torch.arange(20), torch.arange(20, 40)]
    asked = [SimpleNamespace(**{**vars(SETTINGS), "interval": name}) for name in ("label_conditional", "cross")]
    plain, reader = (two().leaving_out(observed, places, settings, seed=0) for settings in asked)
    before, stated = plain.certainty.apply(observed), reader.certainty.apply(observed)
    assert "crossed" not in stated
    assert all(torch.equal(stated[name], before[name]) for name in before)
    fitted, cases = reader.calibrated.cases, drawn(6, 5)
    assert isinstance(fitted, Intervals)
    assert fitted.crossed is not None
    scores = [{score for of_region in fitted.crossed.scores[0] for score in of_region[fold]} for fold in range(2)]
    assert scores == [{1.0}, {5.0}]
    judged = replace(reader, left_out=None)
    found = judged.read([cases, cases])
    values = torch.stack([own.read([cases]).observed.value for own in reader.readers])
    lower, upper = fitted.crossed.interval(values, values.mean(0))
    assert torch.equal(found.stated["lower"], lower)
    assert torch.equal(found.stated["upper"], upper)
    assert found.stated["crossed"].all()
    assert (lower <= found.value).all()
    assert (found.value <= upper).all()
    assert torch.equal(found.stated["covered"], (lower <= cases.label) & (cases.label <= upper))
    assert torch.equal(found.stated["in_set"], fitted.crossed.contains(values, cases.label))
    # fits that say 0 and 20: what lies between the two is in the hull, and in no set
    tried = torch.arange(41.0).double()[:, None]
    far = torch.stack([torch.zeros_like(tried), torch.full_like(tried, 20.0)])
    apart = fitted.apply(Observed(torch.full_like(tried, 10.0), tried, list(map(str, range(41))), fits=far))
    assert torch.equal(apart["in_set"], fitted.crossed.contains(far, tried))
    assert not torch.equal(apart["in_set"], fitted.record.contains(torch.full_like(tried, 10.0), tried))
    assert (apart["covered"] & ~apart["in_set"]).any()
    # groups: each fit's values are averaged too
    code, names = torch.arange(6) // 2, ["a", "b", "c"]
    groups = reader.calibrated.groups
    assert isinstance(groups, Intervals)
    assert groups.crossed is not None
    assert [len(of) for of in groups.crossed.scores[0][0]] != [0, 0]
    means = join_readings(judged.task, [found], [code], names, groups)
    low, high = groups.crossed.interval(values.reshape(2, 3, 2, 1).mean(2), found.value.reshape(3, 2).mean(1)[:, None])
    torch.testing.assert_close(means.stated["lower"], low)
    torch.testing.assert_close(means.stated["upper"], high)


def test_a_training_case_of_several_folds_is_named_once_with_all_its_weights() -> None:
    readers = [number_reader(0, prefix="a"), number_reader(0, prefix="a"), number_reader(1, prefix="b")]
    reader, cases = PooledReader(readers, readers[0].task, readers[0].calibrated), drawn(6, 5)
    assert reader.first_places.tolist() == [*range(40), *range(40), *range(80, 120)]
    found = reader.read([cases, cases, cases]).evidence
    parts = [own.read([cases]).evidence for own in readers]
    for query in range(6):
        by_hand: dict[int, float] = {}
        for start, part in zip((0, 0, 80), parts, strict=True):  # the first two are the same cases
            own = part.of(query)
            for row, weight in zip(own.rows.tolist(), own.weights[:, 0].tolist(), strict=True):
                by_hand[start + row] = by_hand.get(start + row, 0.0) + weight / 3
        listed = found.of(query)
        assert dict(zip(listed.rows.tolist(), listed.weights[:, 0].tolist(), strict=True)) == pytest.approx(by_hand)
        assert sum(by_hand.values()) == pytest.approx(1)


def test_out_of_fold_readings_know_by_which_fit_they_were_read() -> None:
    reader, cases = two(), drawn(6, 5)
    places = [torch.tensor([0, 2, 4]), torch.tensor([1, 3, 5])]
    parts = [own.read([cases.take(place)]) for own, place in zip(reader.readers, places, strict=True)]
    pooled = reader.pool(parts, places, cases.group)
    assert pooled.observed.fold is not None
    assert pooled.observed.fold.tolist() == [0, 1, 0, 1, 0, 1]
    code = torch.tensor([0, 1, 0, 1, 0, 1])
    groups = join_readings(reader.task, [pooled], [code], ["a", "b"], reader.certainty)
    assert groups.observed.fold is not None
    assert groups.observed.fold.tolist() == [0, 1]
    assert reader.read([cases, cases]).observed.fold is None
