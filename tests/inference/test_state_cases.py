"""The nearest cases of each state beside a slow loop, for the neighbours and the kernel, with groups left out."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from medgauge.core.batch import Cases
from medgauge.inference import kernel_ridge
from medgauge.inference.kernel_ridge import KernelPredictor
from medgauge.inference.neighbours import NeighbourPredictor
from medgauge.inference.state_cases import nearest_of_states
from medgauge.models.findings import FindingCoding

NAN = float("nan")


def cases(count: int, seed: int, prefix: str) -> Cases:
    """One finding in half of the cases and one in five of 40, some labels missing, two cases a group."""
    draw = np.random.default_rng(seed)
    label = np.stack([draw.random(count) < 0.5, draw.random(count) < 0.12], 1).astype(float)
    label[draw.random(label.shape) < 0.1] = NAN
    return Cases(
        embedding=torch.from_numpy(draw.normal(size=(count, 3))).float(),
        label=torch.from_numpy(label),
        id=[f"{prefix}{row}" for row in range(count)],
        group=[f"{prefix}{row // 2}" for row in range(count)],
    )


def neighbours(named: int) -> NeighbourPredictor:
    return NeighbourPredictor(FindingCoding(), radius=0.4, named=named)


def kernel(named: int) -> KernelPredictor:
    return KernelPredictor(FindingCoding(), constant=0.1, named=named)


@pytest.mark.parametrize("made", [neighbours, kernel])
@pytest.mark.parametrize("all_named", [True, False])
def test_the_nearest_of_each_state_are_named_with_the_weights_of_the_value(
    made: Callable[[int], NeighbourPredictor | KernelPredictor], all_named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not all_named:
        monkeypatch.setattr(kernel_ridge, "MOST_NAMED", 10)
        monkeypatch.setattr(kernel_ridge, "NAMED", 16)
    gallery, new = cases(40, 0, "t"), cases(6, 1, "n")
    new = replace(new, group=[*gallery.group[:4:2], *new.group[2:]])
    reading, plain = made(3).fit(gallery).read(new), made(0).fit(gallery).read(new)
    assert torch.equal(reading.value, plain.value)
    evidence, other = reading.evidence, plain.evidence
    assert evidence is not None
    assert other is not None
    space = gallery.embedding.double()
    if isinstance(made(0), KernelPredictor):
        space = (space - space.mean(0)) / space.std(0, correction=0)
    shown = new.embedding.double()
    if isinstance(made(0), KernelPredictor):
        own = gallery.embedding.double()
        shown = (shown - own.mean(0)) / own.std(0, correction=0)
    for query in range(6):
        support, before = evidence.of(query), other.of(query)
        known = dict(zip(before.rows.tolist(), before.weights.tolist(), strict=True))
        for row, weights in zip(support.rows.tolist(), support.weights.tolist(), strict=True):
            if row in known or made is neighbours:
                assert weights == known.get(row, [0.0, 0.0])
        for target in range(2):
            for state in (0, 1):
                far = [
                    (float((shown[query] - space[row]).norm()), row)
                    for row in range(40)
                    if gallery.label[row, target] == state and gallery.group[row] != new.group[query]
                ]
                wanted = gallery.label[evidence.rows, target] == state
                found = evidence.rows[evidence.nearest(wanted, 3)[query]]
                assert found.tolist() == [row for _, row in sorted(far)[:3]]


def test_states_that_are_seldom_among_the_nearest_are_found_too() -> None:
    draw = torch.Generator().manual_seed(0)
    distance = torch.rand(5, 400, generator=draw, dtype=torch.float64).mul(20).round()  # with many ties
    distance[1, :300] = torch.inf
    label = (torch.rand(400, 3, generator=draw) < torch.tensor([0.5, 0.02, 0.0])).double()
    label[::9, 0] = NAN
    expected = torch.zeros(5, 400, dtype=torch.bool)
    for query in range(5):
        for target in range(3):
            for state in (0, 1):
                own = sorted(
                    d for d, kept in zip(distance[query].tolist(), label[:, target] == state, strict=True) if kept
                )
                limit = own[min(3, len(own)) - 1] if own else -1.0
                expected[query] |= (label[:, target] == state) & (distance[query] <= limit) & distance[query].isfinite()
    assert torch.equal(nearest_of_states(distance, label, 3), expected)


def test_cases_as_near_as_the_last_one_are_named_too_and_excluded_ones_never() -> None:
    distance = torch.tensor([[2.0, 1.0, 1.0, torch.inf]], dtype=torch.float64)
    label = torch.tensor([[1.0], [1.0], [1.0], [0.0]])
    assert nearest_of_states(distance, label, 1).tolist() == [[False, True, True, False]]
    assert nearest_of_states(distance, label[:, :0], 1).any().item() is False
