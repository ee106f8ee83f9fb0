"""Nearness to prototypes beside the training cases: the head's own geometry, ranks by a slow loop, joined and written."""

from dataclasses import replace

import pytest
import torch

from medgauge.core.batch import Cases
from medgauge.inference.prototypes import PrototypePredictor
from medgauge.inference.similarity import farther_shares
from medgauge.models.prototypes import PrototypeHead, Similarity

NAN = float("nan")


def cases(head: PrototypeHead, count: int, seed: int, prefix: str) -> Cases:
    draw = torch.Generator().manual_seed(seed)
    embedding = torch.randn(count, 4, generator=draw)
    label = (torch.rand(count, 2, generator=draw) < 0.4).double()
    label[::5, 1] = NAN
    with torch.no_grad():
        prediction, logits = head(embedding)
    groups = [f"{prefix}{row // 2}" for row in range(count)]
    return Cases(embedding, label, [f"{prefix}{row}" for row in range(count)], groups, prediction, logits=logits)


def made(similarity: Similarity) -> tuple[PrototypeHead, Cases, Cases, PrototypePredictor]:
    torch.manual_seed(0)
    head = PrototypeHead(4, 2, 3, similarity=similarity, semantics=torch.eye(2, 3))
    with torch.no_grad():
        head.offset += torch.tensor([0.5, -1.0])
        head.log_scale += 0.3
    gallery, new = cases(head, 30, 1, "t"), cases(head, 6, 2, "n")
    new = replace(new, group=[gallery.group[0], *new.group[1:]])
    return head, gallery, new, PrototypePredictor().fit(gallery)


@pytest.mark.parametrize("measure", ["cosine", "distance"])
def test_nearness_is_that_of_unit_vectors_and_ranks_are_those_of_a_slow_loop(measure: Similarity) -> None:
    head, gallery, new, fitted = made(measure)
    assert fitted.similarity(new) is None  # without the head its logits say nothing of cosines
    fitted.take_head(head)
    found = fitted.similarity(new)
    assert found is not None
    assert found.measure == measure
    with torch.no_grad():
        prototypes = head.prototypes()

    def near(one: torch.Tensor, target: int) -> float:
        unit, other = one / one.norm(), prototypes[target] / prototypes[target].norm()
        return float(unit @ other if measure == "cosine" else (unit - other).norm())

    better = (lambda one, other: one > other) if measure == "cosine" else (lambda one, other: one < other)
    for row in range(6):
        for target in range(2):
            own = near(new.embedding[row], target)
            assert float(found.own[row, target]) == pytest.approx(own, abs=1e-5)
            for state, shares in ((1, found.than_present), (0, found.than_absent)):
                others = [
                    near(gallery.embedding[one], target)
                    for one in range(30)
                    if gallery.label[one, target] == state and gallery.group[one] != new.group[row]
                ]
                farther = sum(better(own, other) for other in others) / len(others)
                assert float(shares[row, target]) == pytest.approx(farther)


def test_equal_nearness_counts_half_and_no_case_gives_no_share() -> None:
    _, gallery, new, _ = made("cosine")
    gallery = replace(gallery, label=torch.tensor([[1.0, 0.0]] * 30))
    flat = torch.zeros(30, 2, dtype=torch.float64)
    assert farther_shares(flat[:6], new, flat, gallery, 1)[:, 0].tolist() == [0.5] * 6
    assert farther_shares(flat[:6], new, flat, gallery, 1)[:, 1].isnan().all()
    alone = replace(gallery, group=[new.group[0]] * 30)
    assert farther_shares(flat[:1], new.take(torch.tensor([0])), flat, alone, 1).isnan().all()
