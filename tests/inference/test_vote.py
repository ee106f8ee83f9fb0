"""The neighbours' vote: beside a slow loop, scikit-learn's classifier of neighbours, and exact cases."""

import math
from dataclasses import replace

import numpy as np
import pytest
import sklearn.neighbors
import torch
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.evidence import Evidence, Reading
from medgauge.core.task import Surroundings
from medgauge.inference import NeighbourPredictor, NeighbourVote, vote

NAN = math.nan
LEVELS = [(0.0, 1.0, 3.0), (-1.0, 2.0)]


def gallery(rows: int = 60) -> Cases:
    random = np.random.default_rng(0)
    label = np.stack([random.choice(levels, rows) for levels in LEVELS], axis=1)
    label[::7, 0], label[3::5, 1] = NAN, NAN
    embedding = torch.tensor(random.normal(size=(rows, 3))).float()
    names = [str(row) for row in range(rows)]
    return Cases(embedding, torch.tensor(label), names, names)


def read(cases: Cases, query: Tensor, radius: float) -> Reading:
    return NeighbourPredictor(radius=radius).fit(cases).predict(query)


def test_equals_a_slow_loop() -> None:
    cases, query = gallery(), torch.randn(20, 3, generator=torch.Generator().manual_seed(1))
    evidence = read(cases, query, 1.5).evidence
    assert evidence is not None
    found = vote(evidence, cases.label, LEVELS)
    assert found.shape == (20, 2, 3)
    assert found.dtype == torch.float64
    for place in range(20):
        support = evidence.of(place)
        for target, levels in enumerate(LEVELS):
            for at in range(3):
                share = 0.0
                for row, weight in zip(support.rows.tolist(), support.weights[:, target].tolist(), strict=True):
                    share += weight * (at < len(levels) and float(cases.label[row, target]) == levels[at])
                assert found[place, target, at].item() == pytest.approx(share, abs=1e-12)
    torch.testing.assert_close(found.sum(-1), torch.ones(20, 2, dtype=torch.float64), rtol=0, atol=1e-12)


def test_equals_scikit_learns_neighbours() -> None:
    cases, query = gallery(), torch.randn(20, 3, generator=torch.Generator().manual_seed(2))
    known = torch.nonzero(~cases.label.isnan().any(1)).flatten()
    cases, radius = cases.take(known), 2.5

    def weights(distances: np.ndarray) -> np.ndarray:
        return np.array([np.exp(-4.5 * (np.asarray(one) / radius) ** 2) for one in distances], dtype=object)

    outside = sklearn.neighbors.RadiusNeighborsClassifier(radius, weights=weights)
    outside.fit(cases.embedding.double().numpy(), cases.label[:, 0].numpy())
    evidence = read(cases, query, radius).evidence
    assert evidence is not None
    expected = outside.predict_proba(query.double().numpy())
    np.testing.assert_allclose(
        vote(evidence, cases.label, LEVELS)[:, 0].numpy(), expected, atol=1e-6
    )  # float32 distances


def test_the_mean_of_the_levels_is_the_value() -> None:
    cases, query = gallery(), torch.randn(20, 3, generator=torch.Generator().manual_seed(1))
    reading = read(cases, query, 1.0)
    assert reading.evidence is not None
    found = vote(reading.evidence, cases.label, LEVELS)
    for target, levels in enumerate(LEVELS):
        mean = (found[:, target, : len(levels)] * torch.tensor(levels, dtype=torch.float64)).sum(-1)
        torch.testing.assert_close(mean, reading.value[:, target], rtol=1e-12, atol=1e-12)


def evidence(offsets: list[int], rows: list[int], weights: list[list[float]]) -> Evidence:
    given = torch.tensor(weights, dtype=torch.float64).reshape(len(rows), -1)
    return Evidence(torch.tensor(offsets), torch.tensor(rows, dtype=torch.int64), torch.zeros(len(rows)), given)


def test_exact_cases() -> None:
    label = torch.tensor([[0.0, NAN], [3.0, -1.0], [0.0, 2.0], [5.0, 7.0]])
    found = vote(evidence([0, 3, 3, 4], [1, 0, 2, 2], [[0.5, 0.25], [0.25, 0], [0.25, 0.75], [0, 1]]), label, LEVELS)
    assert found[0].tolist() == [[0.5, 0, 0.5], [0.25, 0.75, 0]]
    assert found[1, 0].isnan().all()
    assert found[1, 1].isnan().tolist() == [True, True, False]
    assert found[2, 0].isnan().all()  # all weights are 0: no neighbour has the label
    assert found[2, 1].tolist() == [0, 1, 0]


def test_a_label_that_is_no_level_is_refused_where_it_counts() -> None:
    label = torch.tensor([[0.0], [2.0], [NAN]])
    assert vote(evidence([0, 2], [0, 1], [[1.0], [0.0]]), label, LEVELS[:1])[0, 0].tolist() == [1, 0, 0]
    with pytest.raises(ValueError, match="got 2 in row 1"):
        vote(evidence([0, 2], [0, 1], [[0.5], [0.5]]), label, LEVELS[:1])
    with pytest.raises(ValueError, match="levels must be given for each target"):
        vote(evidence([0, 1], [0], [[1.0]]), label, LEVELS)


def test_the_predictor_adds_the_vote_to_what_neighbours_read() -> None:
    cases, new = gallery(), gallery().take(torch.tensor([4, 5]))
    cases = replace(cases, group=["own" if row == 4 else str(row) for row in range(60)])
    new = replace(new, group=["own", "other"])
    neighbours = NeighbourPredictor(radius=1.0)
    made: Surroundings = NeighbourVote(NeighbourPredictor(), LEVELS)
    made = made.fit(cases, cases, None)
    assert made.tuned["radius"] > 0
    assert made.validation.shape == (2,)
    again = NeighbourVote(NeighbourPredictor(), LEVELS).restore(cases, {"radius": 1.0})
    assert again.tuned == {"radius": 1.0}
    reading, plain = again.read(new), neighbours.fit(cases).read(new)
    assert plain.evidence is not None
    assert torch.equal(reading.value, plain.value)
    assert reading.probability is not None
    assert torch.equal(reading.probability, vote(plain.evidence, cases.label, LEVELS))
    near = again.nearest_distance(new.embedding, group=new.group)
    assert torch.equal(near, neighbours.nearest_distance(new.embedding, group=new.group))
    assert near[0] > 0 == near[1]


class Silent(NeighbourPredictor):
    def read(self, cases: Cases) -> Reading:
        return super().read(cases)._replace(evidence=None)


def test_neighbours_without_evidence_are_refused() -> None:
    cases = gallery()
    with pytest.raises(ValueError, match="must give evidence"):
        NeighbourVote(Silent(radius=1.0), LEVELS).fit(cases).read(cases)
