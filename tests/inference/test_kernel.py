"""Kernel weights of the cases nearby, beside a slow loop."""

import math

import numpy as np
import pytest
import torch

from medgauge.inference.index import ExactIndex
from medgauge.inference.kernel import evidence_mean, kernel, kernel_evidence

NAN = float("nan")


def test_the_kernel_is_a_gaussian_cut_at_three_deviations() -> None:
    found = kernel(torch.tensor([0.0, 1.0, 2.0, 3.0]).double(), 3.0)
    np.testing.assert_allclose(found, [1, math.exp(-0.5), math.exp(-2), math.exp(-4.5)], rtol=1e-12)


def test_evidence_equals_a_slow_loop() -> None:
    random, radius = np.random.default_rng(0), 0.8
    gallery, query = random.normal(size=(30, 2)).astype(np.float32), random.normal(size=(9, 2)).astype(np.float32)
    query[0] += 50  # nothing within the radius
    label = random.normal(size=(30, 2))
    label[random.random((30, 2)) < 0.3] = NAN
    coded = torch.tensor(label)
    found = kernel_evidence(ExactIndex(torch.tensor(gallery)), coded, torch.tensor(query), radius)
    value = evidence_mean(found, coded).numpy()
    for place, point in enumerate(query.astype(np.float64)):
        distance = np.sqrt(((gallery.astype(np.float64) - point) ** 2).sum(1))
        own = found.of(place)
        assert own.distances.tolist() == sorted(own.distances.tolist())
        for target in range(2):
            known = ~np.isnan(label[:, target])
            near = known & (distance <= radius)
            weight = np.where(near, np.exp(-((distance * 3 / radius) ** 2) / 2), 0)
            if not near.any():
                weight[np.flatnonzero(known)[distance[known].argmin()]] = 1
            weight = weight / weight.sum()
            assert value[place, target] == pytest.approx(np.nansum(weight * label[:, target]), abs=1e-5)
            given = np.zeros(30)
            given[own.rows.numpy()] = own.weights[:, target].numpy()
            np.testing.assert_allclose(given, weight, atol=1e-5)  # distances are taken in float32
    assert len(found.of(0).rows) <= 2


def test_an_own_group_never_counts() -> None:
    index = ExactIndex(torch.tensor([[0.0], [1.0], [5.0]]))
    coded = torch.tensor([[1.0], [2.0], [9.0]]).double()
    exclude = torch.tensor([0, 1, 1]), torch.tensor([1, 0])
    found = kernel_evidence(index, coded, torch.tensor([[0.9], [0.1]]), 2.0, exclude)
    assert evidence_mean(found, coded).flatten().tolist() == pytest.approx([1.0, 2.0])


def test_where_nobody_may_be_a_neighbour_the_value_is_missing() -> None:
    index, coded = ExactIndex(torch.tensor([[0.0], [1.0]])), torch.tensor([[1.0], [2.0]]).double()
    found = kernel_evidence(index, coded, torch.tensor([[0.5]]), 2.0, (torch.tensor([3, 3]), torch.tensor([3])))
    assert found.offsets.tolist() == [0, 0]
    assert evidence_mean(found, coded).isnan().all()
