"""What a prediction rests on: the cases of the largest weights, of one query and of all at once."""

import torch

from medgauge.core.evidence import Evidence


def drawn(counts: list[int], targets: int, *, whole: bool = False) -> Evidence:
    """Weights of every sign, with ties, for queries of so many cases."""
    draw = torch.Generator().manual_seed(3)
    total = sum(counts)
    weights = torch.randint(-4, 5, (total, targets), generator=draw).double() / 8
    return Evidence(
        offsets=torch.tensor([0, *counts]).cumsum(0),
        rows=torch.randint(0, 50, (total,), generator=draw),
        distances=torch.rand(total, generator=draw, dtype=torch.float64),
        weights=weights,
        whole=torch.full((len(counts), targets), 9.0, dtype=torch.float64) if whole else None,
    )


def test_the_leading_cases_of_all_queries_are_those_of_each() -> None:
    for whole in (False, True):
        evidence = drawn([7, 0, 2, 12], 2, whole=whole)
        leading = evidence.leading(5)
        assert leading.found.tolist() == [5, 0, 2, 5]
        for query, count in enumerate(leading.found.tolist()):
            part = slice(int(evidence.offsets[query]), int(evidence.offsets[query + 1]))
            cases = list(
                zip(
                    evidence.weights[part].tolist(),
                    evidence.rows[part].tolist(),
                    evidence.distances[part].tolist(),
                    strict=True,
                )
            )
            cases.sort(key=lambda case: -sum(map(abs, case[0])))  # stable: ties keep their order
            assert leading.weights[query, :count].tolist() == [case[0] for case in cases[:5]]
            assert leading.rows[query, :count].tolist() == [case[1] for case in cases[:5]]
            assert leading.distances[query, :count].tolist() == [case[2] for case in cases[:5]]
            for target in range(2):
                everything = 9.0 if whole else sum(abs(case[0][target]) for case in cases)
                share = sum(abs(case[0][target]) for case in cases[:5]) / (everything or 1.0)
                assert abs(float(leading.share[query, target]) - share) < 1e-12


def test_sums_of_weights_are_those_of_all_cases() -> None:
    evidence = drawn([3, 0, 2], 2)
    own = [evidence.of(query).weights.abs().sum(0) for query in range(3)]
    torch.testing.assert_close(evidence.sums_of_weights(), torch.stack(own))
    assert (drawn([3, 0, 2], 2, whole=True).sums_of_weights() == 9.0).all()


def test_no_case_behind_any_value_leads_nowhere() -> None:
    leading = drawn([0, 0], 1).leading(5)
    assert leading.found.tolist() == [0, 0]
    assert leading.rows.shape == (2, 0)
    assert leading.weights.shape == (2, 0, 1)
    assert leading.share.tolist() == [[0.0], [0.0]]
    assert drawn([], 1).leading(5).found.tolist() == []


def test_cases_without_a_weight_lead_nothing_and_are_among_the_nearest() -> None:
    evidence = Evidence(
        offsets=torch.tensor([0, 3, 4]),
        rows=torch.tensor([4, 5, 6, 7]),
        distances=torch.tensor([1.0, 2.0, torch.inf, 1.0]).double(),
        weights=torch.tensor([[0.0], [1.0], [0.0], [0.0]]).double(),
    )
    leading = evidence.leading(2)
    assert leading.found.tolist() == [1, 0]
    assert leading.rows.tolist() == [[5], [0]]
    everything = torch.ones(4, dtype=torch.bool)
    assert evidence.nearest(everything, 3) == [[0, 1], [3]]
    assert evidence.nearest(everything, 1) == [[0], [3]]
    assert evidence.nearest(evidence.rows > 4, 1) == [[1], [3]]
