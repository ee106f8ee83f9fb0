"""Readings put together, counted by hand."""

from dataclasses import replace

import pytest
import torch

from medgauge.core.batch import Cases
from medgauge.core.evidence import Evidence
from medgauge.inference.joining import join_cases, join_evidence, join_readings
from tests.inference.small import drawn, number_reader

NAN = float("nan")


def evidence(*cases: list[tuple[int, float, float]]) -> Evidence:
    """Of each case (row, distance, weight) of its neighbours."""
    flat = [one for case in cases for one in case]
    offsets = torch.tensor([0, *torch.tensor([len(case) for case in cases]).cumsum(0).tolist()])
    rows, distances, weights = zip(*flat, strict=True)
    return Evidence(
        offsets, torch.tensor(rows), torch.tensor(distances).double(), torch.tensor(weights).double()[:, None]
    )


def test_a_neighbour_of_several_cases_is_named_once() -> None:
    one = evidence([(4, 0.5, 0.75), (2, 0.7, 0.25)], [(2, 0.1, 1.0)], [(0, 3.0, 1.0)])
    found = join_evidence([(one, torch.tensor([1, 1, 0]))], 2)
    assert found.offsets.tolist() == [0, 1, 3]
    assert found.of(0).rows.tolist() == [0]
    assert found.of(1).rows.tolist() == [2, 4]
    assert found.of(1).distances.tolist() == pytest.approx([0.1, 0.5])
    assert found.of(1).weights.flatten().tolist() == pytest.approx([1.25 / 2, 0.75 / 2])


def test_weights_of_several_rows_are_averaged_with_their_signs() -> None:
    one = evidence([(4, 0.5, 1.5), (2, 0.7, -0.5)], [(2, 0.1, 0.75), (4, 0.2, 0.25)])
    found = join_evidence([(one, torch.tensor([0, 0]))], 1)
    assert found.of(0).rows.tolist() == [2, 4]
    assert found.of(0).weights.flatten().tolist() == pytest.approx([0.125, 0.875])
    assert found.whole is None
    part = one._replace(whole=torch.tensor([[5.0], [2.0]]).double())
    joined = join_evidence([(part, torch.tensor([1, 1])), (one, torch.tensor([1, 0]))], 2)
    assert joined.whole is not None
    assert joined.whole.flatten().tolist() == pytest.approx([1.0, (5 + 2 + 2) / 3])  # 0.75 + 0.25; 1.5 + 0.5
    assert joined.of(1).share.item() == pytest.approx((3.25 + 0.25) / 9)  # rows 4 and 2


def test_a_thing_without_evidence_keeps_none() -> None:
    found = join_evidence([(evidence([(1, 0.5, 1.0)]), torch.tensor([1]))], 3)
    assert found.offsets.tolist() == [0, 0, 1, 1]


def test_the_values_of_several_fits_are_averaged_and_kept() -> None:
    readers, cases = [number_reader(0), number_reader(1)], drawn(4, 5)
    other = replace(cases, prediction=None if cases.prediction is None else cases.prediction + 4)
    parts = [reader.read([own]) for reader, own in zip(readers, (cases, other), strict=True)]
    where = torch.arange(4)
    found = join_readings(
        readers[0].task, parts, [where, where], cases.group, readers[0].certainty, starts=[0, 40], several=True
    )
    assert cases.prediction is not None
    torch.testing.assert_close(found.value, cases.prediction + 2)
    assert found.fits is not None
    torch.testing.assert_close(found.fits[1] - found.fits[0], torch.full((4, 1), 4.0).double())
    torch.testing.assert_close(found.nearest, (parts[0].nearest + parts[1].nearest).double() / 2)
    for place in range(4):
        own, weight = found.evidence.of(place), 0.0
        for row, share in zip(own.rows.tolist(), own.weights[:, 0].tolist(), strict=True):
            there = parts[row >= 40].evidence.of(place)
            known = dict(zip(there.rows.tolist(), there.weights[:, 0].tolist(), strict=True))
            assert share == pytest.approx(known[row - 40 * (row >= 40)] / 2)
            weight += share
        assert weight == pytest.approx(1)


def test_far_is_what_most_rows_say() -> None:
    reader, cases = number_reader(), drawn(5, 5)
    found = replace(reader.read([cases]), far=torch.tensor([True, True, False, True, False]))
    joined = join_readings(reader.task, [found], [torch.tensor([0, 0, 0, 1, 1])], ["a", "b"], reader.certainty)
    assert joined.far.tolist() == [True, False]  # two of three; one of two is not most
    assert joined.fits is None


def test_the_fits_of_groups_are_means_of_each_fit() -> None:
    reader = number_reader()
    found = replace(reader.read([drawn(3, 5)]), fits=torch.tensor([[[1.0], [3.0], [7.0]], [[2.0], [NAN], [9.0]]]))
    joined = join_readings(reader.task, [found], [torch.tensor([0, 0, 1])], ["a", "b"], reader.certainty)
    assert joined.fits is not None
    assert joined.fits[:, :, 0].tolist() == [[2.0, 7.0], [2.0, 9.0]]


def test_groups_as_cases_have_mean_labels_and_divisors() -> None:
    cases = Cases(
        torch.zeros(3, 2), torch.tensor([[1.0], [4.0], [9.0]]), ["x", "y", "z"], ["b", "b", "a"],
        divisor=torch.tensor([2.0, 4.0, 5.0]),
    )  # fmt: skip
    found = join_cases(number_reader().task, cases, torch.tensor([0, 0, 1]), ["b", "a"])
    assert found.label.flatten().tolist() == [2.5, 9.0]
    assert found.divisor is not None
    assert found.divisor.tolist() == [3.0, 5.0]
    assert found.id == found.group == ["b", "a"]
